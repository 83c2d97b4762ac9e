"""A serial port at a TCP address: raw bytes, one host at a time."""

import asyncio
from typing import Self, cast

from tokay.board.serial.port import SerialPort


class TcpPort(SerialPort):
    """Listens at an address. A second host is turned away; without one, output goes nowhere."""

    scheme = "tcp:"

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Server | None = None
        self._held = bytearray()

    @classmethod
    async def listen(cls, host: str, port: int) -> Self:
        """Open the port. Port 0 takes a free one. Raises OSError."""
        self = cls()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _PortConnection(self), host, port)
        address = self._server.sockets[0].getsockname()
        where = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.description = f"{self.scheme}{where}:{address[1]}"
        return self

    @property
    def backlog(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        self.detach()
        if self._server is not None:
            self._server.close()
        if self._transport is not None:
            self._transport.close()

    def connected(self, transport: asyncio.Transport) -> bool:
        """Accept a host; return False if there is one already."""
        if self._transport is not None:
            return False
        self._transport = transport
        transport.set_write_buffer_limits(high=1, low=0)
        if self._receiver is None or self._paused:
            transport.pause_reading()
        return True

    def disconnected(self, transport: asyncio.BaseTransport) -> None:
        """Called when the host has disconnected."""
        if self._transport is transport:
            self._transport = None
            self.drained()

    def received(self, data: bytes) -> None:
        """Called with bytes from the host."""
        if self._receiver is not None:
            self._receiver.feed(data)
        else:
            self._held += data

    def drained(self) -> None:
        """Called when all that was written has been sent."""
        if self._receiver is not None:
            self._receiver.drained()

    def _resume_reading(self) -> None:
        if self._held and self._receiver is not None:
            held = bytes(self._held)
            self._held.clear()
            self._receiver.feed(held)
        if self._transport is not None and not self._paused:
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()


class _PortConnection(asyncio.Protocol):
    """One connection to the port."""

    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._transport: asyncio.BaseTransport | None = None
        self._taken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.Transport", transport)
        self._taken = self._port.connected(self._transport)
        if not self._taken:
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._taken:
            self._port.received(data)

    def resume_writing(self) -> None:
        if self._taken:
            self._port.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._taken and self._transport is not None:
            self._port.disconnected(self._transport)
