"""One request and its response over a connection; the body of the response is a stream.

Life of an exchange::

    queued --first write--> sending --http_read_status--> sent --header fields--> answered
           --http_read_status-------------------------->

An immediate command goes all the way before it has a handle. A queued one has its handle from the
start, and keeps it until its status was told, whatever the server does meanwhile: a host in the
middle of its body must not find another stream under the number.

Source: docs/protocol/network.md, section 9.
"""

import asyncio

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import StreamType
from tokay.plugins.http_client.request import Request
from tokay.plugins.network import Interface, TcpStream


class HttpStream(TcpStream):
    """What is written is the body of the request, what is read that of the response.

    ``queued``: the request waits for ``finish``, and its header fields can still be added to.
    ``at_once``: it is finished as soon as there is a connection. ``upgrade``: the server is asked
    to switch to another protocol.
    """

    bridgeable = False

    __slots__ = (
        "_at_once",
        "_error",
        "_finished",
        "_upgrade",
        "_waiter",
        "_written",
        "log_broken",
        "queued",
        "reader",
        "request",
        "told",
    )  # fmt: skip

    def __init__(
        self,
        kernel: Kernel,
        interface: Interface,
        request: Request,
        *,
        at_once: bool = False,
        upgrade: bool = False,
    ) -> None:
        # The parser is imported when it is first needed: start-up time is measured.
        from tokay.plugins.http_client.response import ResponseReader  # noqa: PLC0415

        target = request.target
        kind = StreamType.HTTPS if target.secure else StreamType.HTTP
        super().__init__(kernel, interface, kind, f"{target.host}:{target.port}")
        self.request = request
        self.reader: ResponseReader = ResponseReader(
            self._inbox.put, bodiless=request.method == "HEAD", upgrade=upgrade
        )
        self.queued = True
        self.log_broken = False
        """Whether the log is told of a body that breaks off: nobody else asks for ``error``."""
        self._at_once = at_once
        self._finished = False
        self.told = False
        self._upgrade = upgrade
        self._written = 0
        self._error: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None

    # The request.

    def add_header(self, name: str, value: str) -> None:
        """Add a header field to a request that is queued. Raises CommandError."""
        if not self.queued:
            raise failed("the header fields are sent already")
        self.request.add(name, value)

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        request = self.request
        if self._finished or not request.has_body:
            raise failed("the request takes no further body")
        if request.length is None:
            piece = b"%x\r\n%b\r\n" % (len(data), data)
        elif self._written + len(data) > request.length:
            raise failed(f"a body of {request.length} bytes was announced")
        else:
            piece = data
        super().write(self._head() + piece, flags)
        self.queued = False
        self._written += len(data)

    def finish(self) -> None:
        """Send what the request lacks, once. Raises CommandError."""
        if self._finished:
            return
        request = self.request
        # A server may answer, and leave, before it has read all: its answer counts.
        if self.reader.answered and not self.queued and request.length is not None:
            return
        if request.length is not None and self._written < request.length:
            raise failed(f"{self._written} of {request.length} bytes of the body were written")
        last = b"0\r\n\r\n" if request.length is None and request.has_body else b""
        self._finished = True
        if (self.queued or last) and not self._ended and not self._left:
            super().write(self._head() + last)
        self.queued = False

    @property
    def _left(self) -> bool:
        """Whether the server has answered and gone, even if that is still to be told."""
        transport = self._transport
        return self.reader.answered and transport is not None and transport.is_closing()

    def _head(self) -> bytes:
        return self.request.encode() if self.queued else b""

    # The response.

    async def answer(self, limit: float) -> None:
        """Wait until the header fields of the response are there. Raises OSError."""
        if not self.reader.answered and self._error is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with self.interface.while_up(limit):
                    await self._waiter
            finally:
                self._waiter = None
        self.told = True
        if not self.reader.answered:
            assert self._error is not None  # noqa: S101 - what else ended the wait?
            raise self._error

    def tell_broken(self) -> None:
        """Log why the body is not whole, if it is not and if that is nobody else's business."""
        if self.log_broken and self._error is not None and self.reader.answered:
            text = self._error.strerror or str(self._error)
            self._kernel.log.line(text[:1].upper() + text[1:])

    @property
    def error(self) -> OSError | None:
        """Why the response is not all there, once it has ended."""
        return self._error

    @property
    def ended(self) -> bool:
        return self._ended and self.told

    # From the connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._at_once:  # the server is at work while the loop turns
            self.finish()

    def data_received(self, data: bytes) -> None:
        self._kernel.streams.received += len(data)
        reader = self.reader
        if self._ended:
            self._leave()  # what comes behind the body is nobody's
            return
        try:
            reader.feed(data)
        except OSError as error:
            self._fail(error)
            return
        if self._waiter is not None and reader.answered:
            _wake(self._waiter)
        if not reader.complete:
            self._kernel.streams.arrived(self)
        elif self._upgrade and reader.status == 101:
            self._pause()
        else:
            self._end()
            # The server closes when it has all: who closes first keeps the port for a minute.
            if not self._finished:
                self._leave()

    def eof_received(self) -> bool:
        self._lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(exc)

    def _lost(self, exc: Exception | None) -> None:
        try:
            if not self._ended:
                self.reader.end()
                if self._transport is not None and self._transport.get_extra_info("truncated"):
                    raise ConnectionError("the server closed without a close_notify")
        except OSError as error:
            self._fail(exc if isinstance(exc, OSError) else error)
        self._end()

    def _fail(self, error: OSError) -> None:
        if self._error is None:
            self._error = error
            if self.told:
                self.tell_broken()
        if self._waiter is not None:
            _wake(self._waiter)
        self._end()
        self._leave()

    def _leave(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    # To another protocol.

    def detach(self) -> asyncio.Transport:
        """Hand the connection over once the server has switched; it is paused."""
        assert self._transport is not None  # noqa: S101 - the server has answered on it
        transport, self._transport = self._transport, None
        return transport


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
