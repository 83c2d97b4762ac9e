"""One client's connection: bytes in, requests out, answers back in the order of the requests.

    data_received -> parser -> on_... -> Request -> service.handle -> answer / stream / hand_over

The parser is llhttp, and strict: blanks before a colon, folded lines, bare line ends, doubtful
lengths and chunk sizes end in 400 and the end of the connection. What it leaves to us is how much
of everything there may be, and how long it may take. One request is worked on at a time; those
that a client sends ahead wait in the order in which they came, and reading stops meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, cast

import httptools

from tokay.board.closing import close_then_abort
from tokay.kernel.commands import DataBuffer
from tokay.plugins.http_server import api
from tokay.plugins.http_server.limits import (
    BODY_LIMIT,
    DAWDLE,
    HALF_LIMIT,
    HEAD_LIMIT,
    IDLE_LIMIT,
    LINGER,
    MAX_AHEAD,
    MAX_BODY,
    MAX_HEAD,
    MAX_HEADERS,
    MAX_HEADS,
    MAX_JOINED,
    MAX_KNOWN,
    MAX_TARGET,
    MAX_UNSENT,
    SEND_LIMIT,
    TURN_LIMIT,
)
from tokay.plugins.http_server.request import METHODS, Head, Method, Request, Taker
from tokay.plugins.http_server.response_head import (
    CHUNKED,
    CONTINUE,
    JSON,
    NO_BODY,
    NO_STORE,
    PLAIN,
    UNTIL_CLOSE,
    head,
    short,
    whole,
)

if TYPE_CHECKING:
    from tokay.plugins.http_server.service import Service

NEVER = float("inf")
_Refusal = tuple[int, str]
known_heads: dict[bytes, Head] = {}
"""What the parser made of bytes that were a whole request without a body."""


class Connection(asyncio.Protocol):
    """A connection of a client. ``deadline`` is watched by the service."""

    __slots__ = (
        "_body", "_headers", "_in_head", "_last", "_length", "_many", "_message", "_open",
        "_parser", "_paused", "_pieces", "_queue", "_read", "_running", "_served", "_service",
        "_target", "_task", "_upgrade", "_waits", "deadline", "extra", "on_lost", "request",
        "source", "transport",
    )  # fmt: skip

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._parser: Any = None
        self._open = True
        """Whether what comes is still read."""
        self._message = self._in_head = False
        """Whether a request has begun to come and is not complete."""
        self._served = False
        self._waits = False
        """Whether its turn has not come."""
        self._running = False
        self._paused = False
        self._queue: deque[Request | _Refusal] | None = None
        self._pieces: Iterator[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._upgrade: Request | None = None
        self._last: Head | None = None
        """The head of the last request that came with these bytes."""
        self._read = 0
        self.transport: asyncio.Transport | None = None
        self.request: Request | None = None
        self.source: DataBuffer | None = None
        """The command that is worked on."""
        self.extra = service.extra
        """Header lines of every answer."""
        self.on_lost: Callable[[], object] | None = None
        """Called when the client goes before its answer is there."""
        self.deadline = NEVER

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        self._service.came(self)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        if not self._message and (known := known_heads.get(data)) is not None:
            assert self.transport is not None  # noqa: S101 - bytes come over one
            request = Request(known, b"", self._service.interface, self.transport)
            if self.request is None and not self._queue:
                self.request = request
                self.deadline = NEVER
                self._service.handle(self, request)
            else:
                self._take(request)
            return
        fresh = not self._message
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        self._read, self._last = 0, None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._hand_over(data[upgrade.args[0] :])
            return
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError as error:
            self._refuse(400, str(error))
            return
        self._fed(data, fresh=fresh)

    def _fed(self, data: bytes, *, fresh: bool) -> None:
        if self._message:
            if self._in_head:
                self._length += len(data)
                if self._length > MAX_HEAD:
                    self._refuse(431)
        elif fresh and self._read == 1 and self._last is not None and len(data) <= MAX_KNOWN:
            self._remember(data, self._last)

    def eof_received(self) -> bool:
        # A client may say that it sends no more and still wait for its answer.
        self._open = False
        if self.request is None:
            return False
        if self._pieces is None:
            self.deadline = self._service.time() + HALF_LIMIT
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._open = False
        self._parser = self._pieces = self._queue = None
        self._service.gone(self)
        if self.on_lost is not None:
            self.on_lost()
            self.on_lost = None
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._pieces is not None:
            # Not at once: asyncio's transport loses count when it is closed from in here.
            asyncio.get_running_loop().call_soon(self._pump)

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self.request is None:
            self.deadline = self._service.time() + HEAD_LIMIT
        self._message = self._in_head = True
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] | None = None
        self._length = self._many = 0

    def on_url(self, piece: bytes) -> None:
        self._target = self._target + piece if self._target else piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer
        self._many += 1
        if self._many > MAX_HEADERS:
            return
        name = name.lower()
        headers = self._headers
        headers[name] = headers[name] + b", " + value if name in headers else value

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._length = 0
        if not self._open:
            return
        parser, headers = self._parser, self._headers
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._refuse(505)
        elif parser.get_method() not in METHODS:
            self._refuse(501)
        elif len(self._target) > MAX_TARGET:
            self._refuse(414)
        elif self._many > MAX_HEADERS or _size(headers) > MAX_HEAD:
            self._refuse(431)
        elif b"," in headers.get(b"host", b""):
            self._refuse(400, "Two hosts")
        elif b"content-length" in headers or b"transfer-encoding" in headers:
            self._expect_body(headers)

    def on_body(self, piece: bytes) -> None:
        if not self._open:
            return
        self._length += len(piece)
        if self._length > MAX_BODY:
            self._refuse(413)
        elif self._body is None:
            self._body = [piece]
        else:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        self._message = False
        self._read += 1
        if not self._open or self.transport is None:
            return
        body = b"".join(self._body) if self._body else b""
        self._last = head = self._head()
        request = Request(head, body, self._service.interface, self.transport)
        if self._parser.should_upgrade():
            self._upgrade = request
        else:
            self._take(request)

    def _head(self) -> Head:
        target = self._target
        if target[:1] != b"/":
            target = _origin_form(target)
        method = METHODS[self._parser.get_method()]
        newest = self._parser.get_http_version() == "1.1"
        return Head(method, target, self._headers, newest=newest)

    def _remember(self, data: bytes, head: Head) -> None:
        """Keep the head that stood alone in some bytes: a client that polls sends it again."""
        if b"content-length" in head.headers or b"transfer-encoding" in head.headers:
            return
        if len(known_heads) >= MAX_HEADS:
            known_heads.clear()
        known_heads[data] = head

    # Requests, one after the other.

    def _expect_body(self, headers: dict[bytes, bytes]) -> None:
        # The parser looks at the last coding alone, and would give `gzip, chunked` as it came.
        if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
            self._refuse(400, "Unknown transfer coding")
            return
        length = headers.get(b"content-length", b"0")
        if len(length) > 9 or int(length) > MAX_BODY:
            self._refuse(413)
            return
        if self.request is None:
            self.deadline = self._service.time() + BODY_LIMIT
        expected = headers.get(b"expect", b"").lower()
        if expected == b"100-continue":
            if (
                self.request is None
                and self._parser.get_http_version() == "1.1"
                and self.transport is not None
            ):
                self.transport.write(CONTINUE)
        elif expected:
            self._refuse(417)

    def _take(self, one: "Request | _Refusal") -> None:
        if self.request is None and not self._queue:
            self._start(one)
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(one)
        if len(self._queue) >= MAX_AHEAD:
            self._open = False
        if len(self._queue) == 1 and self.transport is not None:
            self.transport.pause_reading()

    def _start(self, one: "Request | _Refusal") -> None:
        if isinstance(one, tuple):
            self._answer_refused(*one)
            return
        self.request = one
        self.deadline = NEVER
        self._service.handle(self, one)

    def _done(self, keep: bool) -> None:
        """Go on behind an answer."""
        self.request = None
        self._served = True
        transport = self.transport
        if transport is None:
            return
        self.deadline = self._service.time() + IDLE_LIMIT
        if not keep:
            self._open = False
            self._queue = None
            transport.close()
        elif self._queue and not self._running:
            self._running = True
            while self._queue and self.request is None:
                self._start(self._queue.popleft())
            self._running = False
            if not self._queue and self.transport is not None:
                self.transport.resume_reading()

    def _refuse(self, status: int, text: str = "") -> None:
        """Answer what is no request; nothing behind it is read."""
        if self._open:
            self._open = False
            self._take((status, text))

    def _answer_refused(self, status: int, text: str) -> None:
        if self.transport is not None:
            self.transport.write(whole(status, text, self.extra))
            self._linger(self.transport)

    def _linger(self, transport: asyncio.Transport) -> None:
        if transport.can_write_eof():
            transport.write_eof()
            transport.resume_reading()
            self.deadline = self._service.time() + LINGER
        else:
            transport.close()

    def _hand_over(self, early: bytes) -> None:
        """Go on behind a head that asks for another protocol."""
        request, self._upgrade = self._upgrade, None
        if request is None or not self._open:
            return
        # The parser has stopped, so no request can follow this one on the connection.
        self._open = False
        request.keep_alive = False
        length = self._headers.get(b"content-length", b"0")
        if request.body or int(length) or b"transfer-encoding" in self._headers:
            self._take((400, "Upgrade with a body"))
            return
        request.early = early
        self._take(request)

    # What the service does with a request.

    def answer(self, status: int, body: bytes, type: bytes = PLAIN, extra: bytes = b"") -> None:
        """Send a whole answer."""
        request, transport = self.request, self.transport
        if request is None or transport is None:
            return
        keep = self._keeps(request)
        top = head(status, len(body), type, self.extra + extra, keep=keep)
        if request.method is Method.HEAD:
            transport.write(top)
        elif len(body) < MAX_JOINED:
            transport.write(top + body)
        else:
            transport.write(top)
            transport.write(body)
        self._done(keep)

    def answer_json(self, body: bytes) -> None:
        """Send the answer of a command: nearly all answers are such."""
        request, transport = self.request, self.transport
        if request is None or transport is None:
            return
        if self.extra is not self._service.extra:
            self.answer(200, body, JSON, NO_STORE)
            return
        keep = request.keep_alive and self._keeps(request)
        tops = self._service.json_tops
        transport.write((tops[1] if keep else tops[0]) % (len(body), body))
        self._done(keep)

    def fail(self, status: int, text: str = "", extra: bytes = b"") -> None:
        """Answer with a status and a short text."""
        self.answer(status, short(status, text), PLAIN, extra)

    def answer_bare(self, status: int, type: bytes = b"", extra: bytes = b"") -> None:
        """Send an answer that never has a body, such as 304."""
        request, transport = self.request, self.transport
        if request is None or transport is None:
            return
        keep = self._keeps(request)
        transport.write(head(status, NO_BODY, type, self.extra + extra, keep=keep))
        self._done(keep)

    def stream(
        self,
        status: int,
        pieces: Iterator[bytes],
        type: bytes,
        *,
        length: int = CHUNKED,
        extra: bytes = b"",
    ) -> None:
        """Send an answer piece by piece, no faster than the client takes it."""
        request, transport = self.request, self.transport
        if request is None or transport is None:
            return
        if length == CHUNKED:
            if request.head.newest:
                pieces = _chunks(pieces)
            else:
                length, request.keep_alive = UNTIL_CLOSE, False
        keep = self._keeps(request)
        transport.set_write_buffer_limits(high=MAX_UNSENT)
        transport.write(head(status, length, type, self.extra + extra, keep=keep))
        self._pieces = iter(()) if request.method is Method.HEAD else pieces
        self._pump()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what answers the request later; it is cancelled when the client goes."""
        task = asyncio.get_running_loop().create_task(work)
        self._task = task
        task.add_done_callback(self._ran)

    def send_raw(self, data: bytes) -> None:
        """Send an answer byte by byte as it stands, and close."""
        if self.transport is not None:
            self.transport.write(data)
            self._done(keep=False)

    def cut(self) -> None:
        """Close at once, without an answer."""
        self._open = False
        self._queue = None
        if self.transport is not None:
            self.transport.abort()

    def give(self, taker: Taker, request: Request) -> None:
        """Hand the connection over to another protocol."""
        transport = self.transport
        if transport is None:
            return
        self.transport = self.request = None
        self._service.gone(self)
        taker(request, transport, request.early)

    def _keeps(self, request: Request | None) -> bool:
        if request is None or not request.keep_alive:
            return False
        return self._open or bool(self._queue)

    def _ran(self, task: "asyncio.Task[None]") -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._service.failed(self, error)

    def _pump(self) -> None:
        transport = self.transport
        if transport is None or self._pieces is None:
            return
        self.deadline = self._service.time() + SEND_LIMIT
        try:
            while self._pieces is not None and not self._paused:
                piece = next(self._pieces, None)
                if piece is None:
                    self._pieces = None
                    self._done(self._keeps(self.request))
                elif piece:
                    transport.write(piece)
        except OSError as error:
            self._service.kernel.log.line(f"HTTP answer cut off: {error}")
            self.cut()
        except Exception as error:  # noqa: BLE001 - the head is out: all that is left is to stop
            self._service.failed(self, error)

    # What the service does with the connection.

    @property
    def sending(self) -> bool:
        """Whether the head of an answer is out, and not its end."""
        return self._pieces is not None

    @property
    def spare(self) -> bool:
        """Whether it was served and only waits for another request."""
        return self.idle and self._served

    def dawdles(self, now: float) -> bool:
        """Whether it keeps others waiting, and has not said what it wants."""
        if self.request is not None or not self._open or self._waits or self._in_body:
            return False
        return self.deadline - now < HEAD_LIMIT - DAWDLE

    @property
    def _in_body(self) -> bool:
        return self._message and not self._in_head

    @property
    def idle(self) -> bool:
        """Whether it only waits for another request."""
        return self.request is None and not self._message and self._open

    def wait(self) -> None:
        """Read nothing for now."""
        self._waits = True
        if self.transport is not None:
            self.transport.pause_reading()
        self.deadline = self._service.time() + TURN_LIMIT

    def begin(self) -> None:
        """Read on."""
        self._waits = False
        self.deadline = self._service.time() + HEAD_LIMIT
        if self.transport is not None:
            self.transport.resume_reading()

    def turn_away(self) -> None:
        """Say that too many clients are here."""
        self._refuse(503)

    def expire(self) -> None:
        """Called when the deadline has passed."""
        transport = self.transport
        if transport is None:
            return
        if self._pieces is not None or transport.is_closing():
            transport.abort()
        elif self._waits:
            self._waits = False
            self._refuse(503)
        elif not self._open or self.idle:
            transport.close()
            self.deadline = self._service.time() + LINGER
        else:
            self._refuse(408)

    def shut(self) -> None:
        """Close, after what was written."""
        self._open = False
        self._queue = None
        if self._task is not None:
            self._task.cancel()
        transport = self.transport
        if transport is None:
            return
        if self.source is not None:
            api.interrupted(self._service, self, self.source)
        if self._pieces is not None:
            self._pieces = None
            transport.abort()
            return
        close_then_abort(transport, LINGER)


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _size(headers: dict[bytes, bytes]) -> int:
    return sum(map(len, headers)) + sum(map(len, headers.values()))


def _origin_form(target: bytes) -> bytes:
    """Cut an absolute form to its path (RFC 9112, section 3.2.2)."""
    for scheme in (b"http://", b"https://"):
        if target[: len(scheme)].lower() == scheme:
            slash = target.find(b"/", len(scheme))
            return target[slash:] if slash >= 0 else b"/"
    return target
