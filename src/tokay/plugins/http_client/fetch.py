"""Requests for other plugins: without a handle, without notices, over the same machinery.

Sources: docs/protocol/network.md, section 9; RFC 9110, section 7.8 for the switch to another
protocol.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError
from tokay.plugins.http_client.connect import connect, receive
from tokay.plugins.http_client.http_stream import HttpStream
from tokay.plugins.http_client.request import Request
from tokay.plugins.network import Interface
from tokay.plugins.tls import Credentials

PIECE = 64 * 1024
"""Bytes that are given at once."""
IDLE_LIMIT = 30.0
"""Seconds that a body may pause, in either direction."""
SWITCHING = 101


class Answer:
    """A response whose header has come and whose body comes as it is asked for."""

    __slots__ = ("_stream", "length", "status")

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self.status = stream.reader.status
        self.length = stream.reader.length
        """Bytes of the body, or None when only its end will tell."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields in the order in which they came."""
        return self._stream.reader.headers

    def header(self, name: str) -> str:
        """Return the first field of that name, in any case of letters, or nothing."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")

    async def pieces(self, *, idle: float = IDLE_LIMIT) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; a slow reader slows the server.

        Raises OSError when the body breaks off or pauses for ``idle`` seconds.
        """
        stream = self._stream
        while True:
            if not stream.filled(1):
                async with stream.interface.while_up():
                    await stream.fill(1, idle)
            if piece := stream.take(PIECE):
                yield piece
            elif not stream.ended:
                raise TimeoutError("the server stopped sending")
            elif stream.error is not None:
                raise stream.error
            else:
                return


class Fetched(NamedTuple):
    """A whole response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Upgraded(NamedTuple):
    """A connection on which the server has switched to another protocol.

    ``transport`` is paused: give it its protocol (``set_protocol``), feed that ``early``, which has
    come already, and resume reading.
    """

    headers: list[tuple[str, str]]
    transport: asyncio.Transport
    early: bytes


@asynccontextmanager
async def exchange(
    kernel: Kernel,
    interface: Interface,
    request: Request,
    files: Credentials | None,
    body: AsyncIterable[bytes] | None,
) -> AsyncIterator[Answer]:
    """Send a request and give its answer; the connection ends with the block. Raises OSError."""
    stream = HttpStream(kernel, interface, request, at_once=body is None and not request.length)
    try:
        await connect(kernel, stream, files)
        if body is not None:
            await _send(stream, body)
        await _receive(kernel, stream)
        yield Answer(stream)
    finally:
        stream.close()


async def upgrade(
    kernel: Kernel, interface: Interface, request: Request, files: Credentials | None
) -> Answer | Upgraded:
    """Ask a server to switch to another protocol; an ``Answer`` is that it does not.

    Its body is lost. Raises OSError.
    """
    stream = HttpStream(kernel, interface, request, at_once=True, upgrade=True)
    try:
        await connect(kernel, stream, files)
        await _receive(kernel, stream)
        if stream.reader.status != SWITCHING:
            return Answer(stream)
        return Upgraded(stream.reader.headers, stream.detach(), stream.reader.early)
    finally:
        stream.close()


async def _send(stream: HttpStream, body: AsyncIterable[bytes]) -> None:
    """Send the body of a request, no faster than the server takes it."""
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(body, AsyncIterator) and hasattr(body, "aclose"):
            stack.push_async_callback(body.aclose)
        async for piece in body:
            async with stream.interface.while_up():
                if not await stream.room(IDLE_LIMIT):
                    raise TimeoutError("the server stopped reading")
            if stream.reader.answered or stream.error is not None:
                return  # the server does not want the rest
            stream.write(piece)


async def _receive(kernel: Kernel, stream: HttpStream) -> None:
    try:
        stream.finish()
    except CommandError as error:
        raise OSError(error.reason) from error
    await receive(kernel, stream)
