"""A serial port at a TCP address: raw bytes, one host at a time.

A host that shuts its sending half gets the answers to what it sent. One that vanished is noticed:
by keep-alive probes while nothing is under way, and when another host comes while what it was sent
has not been acknowledged for a while.
"""

import asyncio
import socket
import struct
from typing import Self, cast

from tokay.board.serial.port import SerialPort

KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
"""Seconds of silence, seconds between probes, probes: a host that vanished is noticed in 25 s."""
MAX_UNACKNOWLEDGED = 10_000
"""Milliseconds without an acknowledgement after which a host counts as gone for the next one."""
_TCP_INFO = struct.Struct("24xI28xI")
"""`tcpi_unacked` and `tcpi_last_ack_recv` of Linux (tcp.h, struct tcp_info)."""


class TcpPort(SerialPort):
    """Listens at an address. A second host is turned away; without one, output goes nowhere."""

    scheme = "tcp:"

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Server | None = None
        self._next: asyncio.Transport | None = None
        """A host that has come and does not begin yet."""
        self._settling: asyncio.Task[None] | None = None
        self._ended = False
        """Whether the host has shut its sending half."""
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
        if self._settling is not None:
            self._settling.cancel()
        for transport in (self._transport, self._next):
            if transport is not None:
                transport.close()

    def connected(self, transport: asyncio.Transport) -> bool:
        """Take a host in; return False if there is one already.

        It begins when what the last one sent is carried out: answers to that are not for it.
        """
        peer = transport.get_extra_info("peername") or ("",)
        if self._next is not None or (
            self._transport is not None and not _is_gone(self._transport)
        ):
            self._note(f"A second host was turned away: {peer[0]}")
            return False
        _keep_alive(transport)
        transport.pause_reading()
        self._next = transport
        if self._transport is not None:
            self._note("The host is gone without a word")
            self._transport.abort()
            self.disconnected(self._transport)
        elif self._settling is None:
            self._begin_next()
        return True

    def half_closed(self, transport: asyncio.Transport) -> bool:
        """Called when the host will send no more; return whether it is still to be answered."""
        if transport is not self._transport:
            return False
        self._ended = True
        self._settling = asyncio.get_running_loop().create_task(self._answer(transport))
        return True

    def disconnected(self, transport: asyncio.BaseTransport) -> None:
        """Called when the host has disconnected."""
        if self._next is transport:
            self._next = None
        if self._transport is transport:
            self._transport = None
            if self._settling is not None:
                self._settling.cancel()
            self.drained()
            self._settling = asyncio.get_running_loop().create_task(self._settle())

    async def _answer(self, transport: asyncio.Transport) -> None:
        if self.owner is not None:
            await self.owner.answered()
        transport.close()

    async def _settle(self) -> None:
        if self.owner is not None:
            await self.owner.settle()
        self._settling = None
        self._begin_next()

    def _begin_next(self) -> None:
        """Serve the host that waits, if there is one."""
        transport, self._next = self._next, None
        if transport is None or transport.is_closing():
            return
        self._transport = transport
        self._ended = False
        transport.set_write_buffer_limits(high=1, low=0)
        self._greet()
        if self.owner is not None:
            self.owner.host_changed()
        if self._receiver is not None and not self._paused:
            transport.resume_reading()

    def _greet(self) -> None:
        """Called when a host begins."""

    def _note(self, text: str) -> None:
        if self.owner is not None:
            self.owner.note(f"{self.description}: {text}")

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
        if self._transport is not None and not (self._paused or self._ended):
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not (self._transport.is_closing() or self._ended):
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

    def eof_received(self) -> bool:
        return self._taken and self._port.half_closed(cast("asyncio.Transport", self._transport))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._taken and self._transport is not None:
            self._port.disconnected(self._transport)


def _keep_alive(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _is_gone(transport: asyncio.Transport) -> bool:
    """Return whether what a host was sent has not been acknowledged for too long."""
    if transport.is_closing():
        return False
    info = transport.get_extra_info("socket").getsockopt(
        socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size
    )
    unacknowledged, since = _TCP_INFO.unpack(info)
    return bool(unacknowledged > 0 and since > MAX_UNACKNOWLEDGED)
