"""The link: the layer-2 attachment that a join gives, and the one door to sockets.

A link begins without an address. Until it has one it can only exchange DHCP messages; with
`configure` it gets its address, and from then on makes sockets that are bound to it.

| contract | what it is | who asks for it |
| --- | --- | --- |
| `LinkIdentity` | addresses, channel, security | whoever reports or logs the link |
| `DhcpLink` | DHCP datagrams, and the address that DHCP brings | the DHCP client |
| `LinkSockets` | TCP, UDP, multicast, names, echo | the network interface, and nobody beside it |
| `Link` | all three; what `Radio.join` returns | the join procedure |
| `ApLink` | a `Link` at the other end: what `Radio.start_ap` returns | the soft AP |

Errors are OSError with errno set and a text short enough for a device's log. Callbacks are called
from the event loop, never from inside a call to the link.
"""

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple, Protocol, TypeVar

from tokay.board.security import Security

BROADCAST = "255.255.255.255"

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class TcpListener(Protocol):
    """A listening TCP socket."""

    @property
    def port(self) -> int:
        """The port really bound: the one asked for, or that + 8000 (see `Link.listen_tcp`)."""

    def close(self) -> None:
        """Stop listening; accepted connections live on."""


DatagramHandler = Callable[[bytes, tuple[str, int], bool], None]
"""Called with a datagram, its sender, and whether it was sent to the group (or broadcast)."""


class MulticastGroup(Protocol):
    """A link's end of a multicast group and port. What is sent comes from the link's address."""

    @property
    def port(self) -> int:
        """The port really bound, as for listeners."""

    def send(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send a datagram to the group, to the broadcast address or to one station.

        Never raises for what the network does: a datagram that cannot be sent is lost.
        """

    def close(self) -> None:
        """Leave the group. May be called again."""


class LinkIdentity(Protocol):
    """What a link is attached to. Nothing here raises or changes while the link is up."""

    @property
    def mac(self) -> str:
        """This station's address, `AA:BB:CC:DD:EE:FF`."""

    @property
    def bssid(self) -> str:
        """The access point's address."""

    @property
    def channel(self) -> int:
        """The channel, 1 to 14."""

    @property
    def security(self) -> Security:
        """The security in use."""

    @property
    def address(self) -> str | None:
        """The configured IPv4 address, None before `configure` and after `deconfigure`."""


class DhcpLink(LinkIdentity, Protocol):
    """What a DHCP client needs of a link (RFC 2131)."""

    on_datagram: Callable[[bytes], None] | None
    """Set by the DHCP client. Called with each DHCP message for this station (UDP 67 -> 68)."""

    def send_datagram(self, datagram: bytes, destination: str = BROADCAST) -> None:
        """Send a DHCP message (UDP 68 -> 67), with or without an address of our own.

        `destination` is the server when a lease is renewed (RFC 2131 section 4.4.5). Never raises:
        a datagram that cannot be sent is lost, and so is every one on a closed link.
        """

    async def verify_free(self, address: str) -> None:
        """Probe whether another host has an address, as is due before taking it (RFC 5227).

        Called between the DHCPACK and `configure`. Raises OSError: EADDRINUSE if so. Takes half a
        second on a real link; a link that knows without asking leaves it to `configure`.
        """

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an IPv4 address; replaces the one before. `dns` is none, one or more, by commas.

        Raises OSError: EADDRINUSE if another host has it (after DHCP: send a DHCPDECLINE, RFC 2131
        section 3.1.5), EADDRNOTAVAIL if it cannot be had on this network, ENETDOWN if the link is
        closed. The link then keeps the address it had.
        """

    def deconfigure(self) -> None:
        """Release the address; without one this does nothing. Called after sockets are closed."""


class LinkSockets(Protocol):
    """Sockets on the link's own address, and what needs the network around it.

    The caller sets the time limit of everything that waits, by cancelling. Without an address every
    method that opens something raises OSError (ENETDOWN).
    """

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], _P],
        host_ip: str,
        port: int,
        *,
        local_port: int = 0,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect from the link's own address. Raises OSError.

        `host_ip` is a literal (EINVAL otherwise); `local_port` 0 is any.
        """

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> TcpListener:
        """Listen on the link's own address; port 0 is any. Raises OSError.

        A port under 1024 that needs privileges which this process lacks becomes port + 8000:
        compare `TcpListener.port` and say so in the log.
        """

    async def open_udp(
        self,
        protocol_factory: Callable[[], _P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        any_source: bool = False,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open a UDP endpoint on the link's own address, connected if `remote` is given.

        With `any_source` it receives from every sender though it will mostly send to `remote`: it
        is connected only where there is no other way there. `transport.get_extra_info` has the
        `sockname` (low ports are as for `listen_tcp`) and, if it is connected, the `peername`.
        Raises OSError.
        """

    @property
    def medium(self) -> object:
        """The multicast medium: one object for all links of this process that share it."""

    def on_link(self, address: str) -> bool:
        """Return whether an IPv4 address is that of a neighbour, and not behind a router."""

    def open_group(self, group: str, port: int, handler: DatagramHandler) -> MulticastGroup:
        """Join a multicast group; ``handler`` gets what is sent to it and to our own address.

        An empty ``group`` is that of broadcasts. What a link sends is looped back to it. Links of
        one medium that pass the same ``handler`` share it: it is called once for what is sent to a
        group. Low ports as for `listen_tcp`. Raises OSError.
        """

    async def open_broadcast(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str, port: int
    ) -> asyncio.DatagramTransport:
        """Receive what is broadcast to a port, beside other programs that do. Raises OSError.

        `address` is the network's broadcast address or `BROADCAST`: an endpoint of the link's own
        address receives neither. Where sockets are not tied to an interface, as on loopback, the
        broadcasts of the machine's other networks are among them.
        """

    def has_tls_memory(self) -> bool:
        """Return whether a TLS handshake that begins now finds memory.

        False only where a fault script says so; each call counts as one handshake.
        """

    def flush_dns(self) -> None:
        """Empty the cache of resolved names."""

    async def ping(self, address: str) -> float:
        """Return the seconds until an address answers an echo request. Raises OSError."""

    async def resolve(self, name: str) -> list[str]:
        """Return a name's IPv4 addresses, at least one. A literal address is itself.

        Raises OSError (socket.gaierror if there is no such name).
        """


class Link(DhcpLink, LinkSockets, Protocol):
    """An attachment to a network. Closed for good when the station leaves or loses it."""

    def close(self) -> None:
        """End the link: listeners close, the address is given back. May be called again.

        Connections and UDP endpoints belong to whoever opened them, who closes them first.
        """


class ApStation(NamedTuple):
    """A station that has joined an access point of ours."""

    mac: str
    """`AA:BB:CC:DD:EE:FF`."""
    rssi: int
    """Its signal here in dBm."""
    since: float
    """When it joined, on the loop's clock."""


class ApLink(Link, Protocol):
    """The other end of a network: what `Radio.start_ap` returns. `close` ends the access point.

    `on_datagram` is called with the DHCP messages of stations (UDP 68 -> 67). `bssid` is the link's
    own `mac`.
    """

    on_station: Callable[[str, bool], None] | None
    """Called with the MAC of a station that joined (True) or left (False)."""

    @property
    def network(self) -> IPv4Interface:
        """The address and network really taken by `configure`. Raises OSError before it."""

    @property
    def stations(self) -> Sequence[ApStation]:
        """The stations that have joined, first come first."""

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an address, as `Link.configure`.

        A link that cannot have the address that is asked for takes another: `network` tells.
        """

    def in_use(self, address: IPv4Address) -> bool:
        """Return whether another host is known to use an address of the network.

        Called by the DHCP server for each address that it is about to offer; must not wait. A link
        may reserve a free address for the offer.
        """

    def send_datagram(
        self, datagram: bytes, destination: str = BROADCAST, mac: bytes = b""
    ) -> None:
        """Send a DHCP message (UDP 67 -> 68), to one station only if `mac` names it."""
