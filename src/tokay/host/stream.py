"""An open stream of the module, as a reader and writer."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from tokay.host.errors import CommandFailed, Timeout

if TYPE_CHECKING:
    from tokay.host.module import Module

CHUNK = 8192
"""Bytes asked for, or written, by one command; a link may allow fewer."""
FIRST_PAUSE, MAX_PAUSE = 0.005, 0.2
"""Seconds between two looks at a stream that has nothing; the pause doubles."""
CLOSED = "2"
"""What `stream_poll` says of a stream that its peer has closed."""


class Stream:
    """A handle. ``async with`` closes it at the end."""

    def __init__(self, module: "Module", handle: int) -> None:
        self.module = module
        self.handle = handle
        self._ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def read(self, size: int = CHUNK, *, timeout: float | None = None) -> bytes:
        """Return 1 to ``size`` bytes as soon as there are some, nothing at the end.

        Raises Timeout when none come in ``timeout`` seconds, by default the module's.
        """
        if self._ended:
            return b""
        limit = self.module.timeout if timeout is None else timeout
        size = min(size, self.module.max_data)
        deadline = self.module.time() + limit
        pause = FIRST_PAUSE
        closed = False
        while True:
            data = await self._read_now(size)
            if data:
                return data
            if data is None or closed:
                self._ended = True
                return b""
            # What came before the peer closed is read first.
            closed = await self._closed_by_peer()
            if not closed:
                if self.module.time() >= deadline:
                    raise Timeout(f"stream {self.handle}: nothing to read within {limit:g} s")
                await self.module.pause(pause)
                pause = min(2 * pause, MAX_PAUSE)

    async def read_all(self, *, timeout: float | None = None) -> bytes:
        """Return everything up to the end."""
        pieces = []
        while piece := await self.read(self.module.max_data, timeout=timeout):
            pieces.append(piece)
        return b"".join(pieces)

    async def read_exactly(self, size: int, *, timeout: float | None = None) -> bytes:
        """Return ``size`` bytes. Raises Timeout with those that came when the stream ends."""
        data = bytearray()
        while len(data) < size:
            piece = await self.read(size - len(data), timeout=timeout)
            if not piece:
                raise Timeout(f"stream {self.handle} ended after {len(data)} bytes", bytes(data))
            data += piece
        return bytes(data)

    async def write(self, data: bytes) -> None:
        """Send all of ``data``; on a datagram stream one command is one datagram."""
        size = min(CHUNK, self.module.max_data)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            await self.module.command(f"stream_write {self.handle} {len(piece)}", piece)

    async def poll(self) -> bool:
        """Return whether there is something to read, or the end."""
        return (await self.module.command(f"stream_poll {self.handle}")).text != "0"

    async def close(self) -> None:
        """Close the stream; one that has closed itself is no error."""
        try:
            await self.module.command(f"stream_close {self.handle}")
        except CommandFailed:
            if not self._ended and await self._is_open():
                raise
        self._ended = True

    async def _read_now(self, size: int) -> bytes | None:
        """Return what there is, None when the module has closed the stream."""
        try:
            return (await self.module.command(f"stream_read {self.handle} {size}")).data
        except CommandFailed:
            if await self._is_open():
                raise
            return None

    async def _closed_by_peer(self) -> bool:
        try:
            return (await self.module.command(f"stream_poll {self.handle}")).text == CLOSED
        except CommandFailed:
            return True

    async def _is_open(self) -> bool:
        return any(one.handle == self.handle for one in await self.module.streams())
