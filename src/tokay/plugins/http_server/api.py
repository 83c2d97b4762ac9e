"""The REST API. Source: docs/protocol/web-and-discovery.md, sections 1.2 to 1.7.

A command that fails answers 200 all the same: hosts look at `code` and the text. Other statuses
are about the request itself. Flags say what is in base64: 1 the response, 2 the command, 4 the
data; only 0, 4 and 7 are known from the field, so which of the first two is which does not show.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING

import msgspec

from tokay.kernel.commands import DataBuffer
from tokay.kernel.log import Entry
from tokay.kernel.results import IN_PROGRESS, Response, Result
from tokay.kernel.streams import Stream, StreamType
from tokay.plugins.http_server.request import UNFIT, Method, Request
from tokay.plugins.http_server.response_head import JSON, NO_STORE

if TYPE_CHECKING:
    from tokay.plugins.http_server.connection import Connection
    from tokay.plugins.http_server.service import Service
    from tokay.plugins.network import Interface

NOT_INITIALIZED = "Feature not initialized"
"""What the API answers while `http.server.api_enabled` is off."""
RESPONSE, COMMAND, DATA = 1, 2, 4
ALL_FLAGS = RESPONSE | COMMAND | DATA
SOURCE = "http"
PIECE = 8 * 1024
"""Characters of a long response that are encoded at once."""


class Call(msgspec.Struct):
    """The body of `POST /command`. Members that are not here are let through."""

    command: str
    flags: int = 0
    data: str | None = None


class BadRequestError(Exception):
    """A request that is none of the API's: 400 and the reason."""


_NOTHING = DataBuffer(b"", SOURCE)
_decoder = msgspec.json.Decoder(Call, strict=False)


def get_command(service: "Service", connection: "Connection", request: Request) -> None:
    """`GET /command/<line>`: everything behind the prefix, decoded once and never split."""
    if request.method is not Method.GET:
        connection.fail(405, extra=b"Allow: GET\r\n")
    elif not service.config.api:
        connection.fail(500, NOT_INITIALIZED)
    else:
        head = request.head
        if head.words and at_once(service, connection, head.words):
            return
        assert head.line is not None  # noqa: S101 - the route is chosen by it
        _run(service, connection, head.line, b"", 0)


def at_once(service: "Service", connection: "Connection", words: list[str]) -> bool:
    """Run a command that waits for nothing, and answer; False where nothing was done."""
    done = partial(_answered, service, connection, 0)
    return service.kernel.engine.at_once(words, _NOTHING, done)


def post_command(service: "Service", connection: "Connection", request: Request) -> None:
    """`POST /command`: a line, its data, and how they are encoded."""
    if not service.config.api:
        connection.fail(500, NOT_INITIALIZED)
    elif request.method is not Method.POST:
        connection.fail(405, extra=b"Allow: POST\r\n")
    else:
        try:
            line, data, flags = parse(request.body)
        except BadRequestError as error:
            connection.fail(400, str(error))
            return
        _run(service, connection, line, data, flags)


def get_log(service: "Service", connection: "Connection", request: Request) -> None:
    """`GET /log`: what was logged since it was last asked for, as far as it is still there."""
    if not service.config.api:
        connection.fail(500, NOT_INITIALIZED)
    elif request.method is not Method.GET:
        connection.fail(405, extra=b"Allow: GET\r\n")
    else:
        texts = [quote(f"{entry.text}\r\n") for entry in _new(service)]
        connection.answer(200, f'{{"logs":[{",".join(texts)}]}}'.encode(), JSON, NO_STORE)


def post_stream(service: "Service", connection: "Connection", request: Request) -> None:
    """`POST /stream`: the body becomes a stream that the host reads."""
    if not service.config.api:
        connection.fail(500, NOT_INITIALIZED)
    elif request.method is Method.GET:
        connection.fail(426, extra=b"Upgrade: websocket\r\n")
    elif request.method is not Method.POST:
        connection.fail(405, extra=b"Allow: GET, POST\r\n")
    else:
        from tokay.kernel.results import CommandError  # noqa: PLC0415 - rare

        stream = PostedStream(request)
        try:
            service.kernel.streams.open(stream)
        except CommandError:
            connection.fail(503, "No streams available")
            return
        service.kernel.streams.arrived(stream)
        connection.answer(200, b"")


Route = Callable[["Service", "Connection", Request], None]
ROUTES: dict[str, Route] = {
    "/command": post_command,
    "/log": get_log,
    "/stream": post_stream,
}


def command_line(request: Request) -> bytes | None:
    """Return the command line of a request for one, None when it is none."""
    if request.head.line is not None:
        return request.head.line
    if request.path == "/command" and request.method is Method.POST:
        try:
            return parse(request.body)[0]
        except BadRequestError:
            return None
    return None


def parse(body: bytes) -> tuple[bytes, bytes, int]:
    """Return line, data and flags of a body. Raises BadRequestError."""
    try:
        call = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"Bad JSON: {error}") from None
    if not 0 <= call.flags <= ALL_FLAGS:
        raise BadRequestError("Bad flags")
    line = _bytes(call.command, call.flags & COMMAND, "command")
    data = _bytes(call.data or "", call.flags & DATA, "data")
    return line, data, call.flags


def _bytes(text: str, encoded: int, name: str) -> bytes:
    if not encoded:
        return text.encode("utf-8", "surrogatepass")
    try:
        return b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadRequestError(f"Bad base64 in {name}") from None


def _run(
    service: "Service", connection: "Connection", line: bytes, data: bytes, flags: int
) -> None:
    line = line.rstrip(b"\r\n")
    if UNFIT.search(line) is not None:
        connection.fail(400, "A command is one line")
        return
    source = DataBuffer(data, SOURCE)
    service.kernel.engine.submit(line, source, partial(_answered, service, connection, flags))
    if connection.request is not None:
        connection.on_lost = partial(service.kernel.engine.withdraw, source)
        connection.source = source


def _answered(service: "Service", connection: "Connection", flags: int, response: Response) -> None:
    connection.on_lost = connection.source = None
    number = service.plugin.count()
    data = response.data + b"\r\n" if response.data else b""
    start = f'{{"id":{number},"code":{response.code:d},"flags":{flags & RESPONSE},"response":'
    if flags & RESPONSE:
        text = b64encode(data).decode()
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if len(text) <= PIECE:
        connection.answer_json((start + quote(text) + "}").encode())
    else:
        connection.stream(200, _pieces(start, text), JSON, extra=NO_STORE)


def _pieces(start: str, text: str) -> Iterator[bytes]:
    yield f'{start}"'.encode()
    for position in range(0, len(text), PIECE):
        yield quote(text[position : position + PIECE])[1:-1].encode()
    yield b'"}'


def interrupted(service: "Service", connection: "Connection", source: DataBuffer) -> None:
    """Answer a command whose network goes down while it waits or runs.

    A command that takes the network down itself has begun: it goes on, and its client is told so
    while it can be told.
    """
    if service.kernel.engine.withdraw(source):
        connection.fail(500, "Network down")
    else:
        response = Response(Result.SUCCESS, IN_PROGRESS.encode())
        _answered(service, connection, 0, response)


def _new(service: "Service") -> list[Entry]:
    entries = service.kernel.log.entries
    last = service.plugin.last_log
    if entries:
        service.plugin.last_log = entries[-1]
    for position in range(len(entries) - 1, -1, -1):
        if entries[position] is last:
            return entries[position + 1 :]
    return entries


class PostedStream(Stream):
    """The body of a `POST /stream`, to be read."""

    __slots__ = ("_body", "_position", "interface")

    type = StreamType.WEBS

    def __init__(self, request: Request) -> None:
        local, peer = request.local, request.peer
        super().__init__(f"{local[0]}:{local[1]} {peer[0]}:{peer[1]}")
        self._body, self._position = request.body, 0
        self.interface: Interface = request.interface

    @property
    def available(self) -> int:
        return len(self._body) - self._position

    @property
    def ended(self) -> bool:
        return True

    def take(self, limit: int) -> bytes:
        data = self._body[self._position : self._position + limit]
        self._position += len(data)
        return data
