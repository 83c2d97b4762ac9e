"""A stream over a TCP connection."""

import asyncio
from typing import cast

from tokay.board.closing import close_then_abort
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import Inbox, Stream, Taker
from tokay.plugins.network.interface import Interface

MAX_UNSENT = 64 * 1024
"""Bytes that may wait for a slow peer before a writer must wait too."""
LINGER = 10.0
"""Seconds that a closed stream goes on sending what it has."""

ANSWER_TIME = 1.0
"""Seconds of silence that a host in stream mode has to answer a peer that sends no more."""


class TcpStream(Stream, asyncio.Protocol):
    """Bytes both ways. A slow reader slows the peer, a slow peer the writer."""

    bridgeable = True

    __slots__ = (
        "_ended", "_half_closed", "_inbox", "_kernel", "_room", "_taker", "_transport", "_wrote_at",
        "interface", "type",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, interface: Interface, type: str, target: str) -> None:
        super().__init__(target)
        self.type = type
        self.interface = interface
        self._kernel = kernel
        self._transport: asyncio.Transport | None = None
        self._inbox = Inbox(self._pause, self._resume)
        self._room: asyncio.Event | None = None
        self._taker: Taker | None = None
        self._ended = False
        self._half_closed: asyncio.TimerHandle | None = None
        self._wrote_at = 0.0

    # What a stream does.

    @property
    def available(self) -> int:
        return self._inbox.size

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def edge(self) -> bool:
        return self._inbox.full

    def take(self, limit: int) -> bytes:
        return self._inbox.take(limit)

    async def room(self, timeout: float) -> bool:
        if self._room is None or self._ended:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        if flags:
            raise failed(f"{self.type} streams have neither pings nor fragments")
        if self._transport is None or self._transport.is_closing():
            raise failed("the other side has closed")
        self._kernel.streams.sent += len(data)
        if self._half_closed is not None:
            self._wrote_at = asyncio.get_running_loop().time()
        self._transport.write(data)

    @property
    def choked(self) -> bool:
        return self._room is not None

    def divert(self, taker: Taker | None) -> None:
        self._taker = taker
        self._inbox.divert(taker)

    def go_on(self) -> None:
        self._inbox.go_on()

    def close(self) -> None:
        self._end_half_closed()
        if self._transport is None or self._transport.is_closing():
            return
        close_then_abort(self._transport, LINGER)

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT)
        port = transport.get_extra_info("sockname")[1]
        self.info = f"{self.info} ({port})"

    def data_received(self, data: bytes) -> None:
        self._kernel.streams.received += len(data)
        self._inbox.put(data)
        self._kernel.streams.arrived(self)

    def eof_received(self) -> bool:
        if self._taker is not None and not self._ended:
            # In stream mode the host may be about to answer what has just come.
            self._wrote_at = asyncio.get_running_loop().time()
            self._watch_half_closed()
            return True
        self._end()
        if self._transport is not None:
            close_then_abort(self._transport, LINGER)  # the peer may never read the rest
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_half_closed()
        self._end()

    def finish_half_closed(self) -> bool:
        """End the stream now if its peer has shut its sending half; return whether it has."""
        if self._half_closed is None:
            return False
        self._end_half_closed()
        self._end()
        if self._transport is not None:
            close_then_abort(self._transport, LINGER)
        return True

    def _watch_half_closed(self) -> None:
        """End the stream once the host has been silent for `ANSWER_TIME`, or look again."""
        loop = asyncio.get_running_loop()
        due = self._wrote_at + ANSWER_TIME
        if self._half_closed is not None and due <= loop.time():
            self.finish_half_closed()
        else:
            self._half_closed = loop.call_at(due, self._watch_half_closed)

    def _end_half_closed(self) -> None:
        if self._half_closed is not None:
            self._half_closed.cancel()
            self._half_closed = None

    def pause_writing(self) -> None:
        self._room = asyncio.Event()

    def resume_writing(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None
            if self._taker is not None:
                self._taker.room()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self.resume_writing()
            self._kernel.streams.arrived(self)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
