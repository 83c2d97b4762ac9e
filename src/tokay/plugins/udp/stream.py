"""A stream over UDP: one write is one datagram, one read at most one.

Source: docs/protocol/network.md, sections 6.5, 6.6 and 8.
"""

import asyncio
from typing import cast

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import Stream, StreamType, Taker
from tokay.plugins.network import Interface
from tokay.plugins.udp.inbox import DatagramInbox, Peer

LARGEST = 65507
"""Bytes of a datagram: 65535 without the headers of IPv4 and UDP."""
LIMITED_BROADCAST = "255.255.255.255"


class UdpStream(Stream, asyncio.DatagramProtocol):
    """Datagrams from anybody; what is written goes to ``peer``, once there is one."""

    bridgeable = datagrams = True

    __slots__ = (
        "_connected", "_ears", "_inbox", "_kernel", "_taker", "_transport", "interface", "peer",
        "port", "type",
    )  # fmt: skip

    def __init__(
        self, kernel: Kernel, interface: Interface, type: StreamType, peer: Peer | None = None
    ) -> None:
        super().__init__()
        self.type = type
        self.interface = interface
        self.peer = peer
        self.port = 0
        """The local port."""
        self._kernel = kernel
        self._transport: asyncio.DatagramTransport | None = None
        self._connected = False
        self._ears: list[asyncio.DatagramTransport] = []
        self._inbox = DatagramInbox()
        self._taker: Taker | None = None

    async def bind(self, port: int) -> None:
        """Open the endpoint, on any port if it is 0. Raises OSError.

        Who names a port hears what is broadcast to it, too.
        """
        transport, _ = await self.interface.open_udp(
            lambda: self, port=port, remote=self.peer, any_source=True
        )
        self._transport = transport
        self._connected = transport.get_extra_info("peername") is not None
        self.port = transport.get_extra_info("sockname")[1]
        if port and not self._connected:
            try:
                self._ears = await self.interface.open_broadcast(lambda: _Ear(self), self.port)
            except OSError as error:  # somebody keeps broadcasts for itself
                self._kernel.log.line(f"No broadcasts: {error.strerror or error}")

    @property
    def dropped(self) -> int:
        """Datagrams that came while there was no room for them."""
        return self._inbox.dropped

    @property
    def sender(self) -> Peer | None:
        """Where the datagram comes from that is read next."""
        return self._inbox.first_sender

    async def fill_from(self, sender: Peer, timeout: float) -> bool:
        """Make the first datagram of a sender the next to be read; wait for one if none is there.

        Return False when none came within ``timeout`` seconds.
        """
        if self._inbox.bring_forward(sender):
            return True
        try:
            async with asyncio.timeout(timeout):
                while not self._inbox.bring_forward(sender):
                    await self.change()
        except TimeoutError:
            return False
        return True

    # What a stream does.

    @property
    def available(self) -> int:
        return self._inbox.first

    @property
    def ended(self) -> bool:
        return False

    @property
    def edge(self) -> bool:
        return self._inbox.first > 0

    def take(self, limit: int) -> bytes:
        return self._inbox.take(limit)

    async def room(self, timeout: float) -> bool:
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        if flags:
            raise failed(f"{self.type} streams have neither pings nor fragments")
        if self.peer is None:
            raise failed("nobody was heard yet")
        self.send_to(data, self.peer)

    def send_to(self, data: bytes, peer: Peer) -> None:
        """Send one datagram. Raises CommandError."""
        if len(data) > LARGEST:
            raise failed(f"{len(data)} bytes are more than a datagram takes")
        if self._transport is None or self._transport.is_closing():
            raise failed("the stream is closed")
        host, port = peer
        if host.startswith("0."):
            raise failed(f"{host} leads nowhere")
        self._kernel.streams.sent += len(data)
        if host == self.interface.broadcast:
            host = LIMITED_BROADCAST  # the same, and more links know what to do with it
        self._transport.sendto(data, None if self._connected else (host, port))

    @property
    def choked(self) -> bool:
        return self.peer is None

    def divert(self, taker: Taker | None) -> None:
        self._taker = taker
        self._inbox.divert(taker)

    def go_on(self) -> None:
        self._inbox.go_on()

    def learn(self, peer: Peer) -> None:
        """Send to a peer from now on."""
        choked, self.peer = self.choked, peer
        if choked and self._taker is not None:
            self._taker.room()

    def close(self) -> None:
        for transport in (self._transport, *self._ears):
            if transport is not None:
                transport.close()
        if self._inbox.dropped:
            self._kernel.log.line(f"Datagrams dropped: {self._inbox.dropped}")

    # What the endpoint tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        if self.hears(addr):
            self._kernel.streams.received += len(data)
            self._inbox.sender = addr
            self._inbox.put(data)
            self._kernel.streams.arrived(self)

    def error_received(self, exc: Exception) -> None:
        """Nothing: a datagram that is lost is lost."""

    def hears(self, peer: Peer) -> bool:
        """Whether a datagram from a peer is taken."""
        return peer != (self.interface.address.address, self.port)  # its own broadcast


class _Ear(asyncio.DatagramProtocol):
    """Hears what is broadcast to the port of a stream."""

    def __init__(self, stream: UdpStream) -> None:
        self._stream = stream

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        self._stream.datagram_received(data, addr)
