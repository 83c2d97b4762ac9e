"""The link: the layer-2 attachment that a join gives, and the one door to sockets.

A link begins without an address. Until it has one it can only exchange DHCP messages; with
`configure` it gets its address, and from then on makes sockets that are bound to it. The
network interface above is the only user, and everything else asks the interface.

Errors are OSError with errno set and a text short enough for a device's log.
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
"""Takes a datagram, its sender, and whether it was sent to the group (or to everybody)."""


class MulticastGroup(Protocol):
    """A link's end of a multicast group and port. What is sent comes from the link's address."""

    @property
    def port(self) -> int:
        """The port really bound, as for listeners."""

    def send(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send a datagram to the group, to everybody or to one. Nothing tells if it arrived."""

    def close(self) -> None:
        """Leave the group. May be called again."""


class Link(Protocol):
    """An attachment to a network. Closed for good when the station leaves or loses it."""

    on_datagram: Callable[[bytes], None] | None
    """Called on a turn of the loop with each DHCP message for this station (UDP 67 -> 68)."""

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

    def send_datagram(self, datagram: bytes, destination: str = BROADCAST) -> None:
        """Send a DHCP message (UDP 68 -> 67), with or without an address of our own.

        `destination` is the server when a lease is renewed (RFC 2131 section 4.4.5). As with any
        datagram nothing tells whether it arrived; on a closed link it is dropped.
        """

    async def verify_free(self, address: str) -> None:
        """Ask the network whether someone has an address, as is due before taking it (RFC 5227).

        Raises OSError: EADDRINUSE if so. Takes half a second on a real link; a link that can
        tell at once leaves it to `configure`.
        """

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an IPv4 address; replaces the one before. `dns` is none, one or more, by commas.

        Raises OSError: EADDRINUSE if someone else has it (after DHCP: send a DHCPDECLINE, RFC
        2131 section 3.1.5), EADDRNOTAVAIL if it cannot be had on this network, ENETDOWN if the
        link is closed. The link keeps the address it had.
        """

    def deconfigure(self) -> None:
        """Give the address back. Close sockets first; nothing happens without an address."""

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], _P],
        host_ip: str,
        port: int,
        *,
        local_port: int = 0,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect from the link's own address. `host_ip` is a literal; `local_port` 0 is any.

        The caller sets the time limit. Raises OSError.
        """

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> TcpListener:
        """Listen on the link's own address; port 0 is any.

        A port under 1024 that needs privileges which this process lacks becomes port + 8000:
        compare `Listener.port` and say so in the log. Raises OSError.
        """

    async def open_udp(
        self,
        protocol_factory: Callable[[], _P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        others: bool = False,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open a UDP endpoint on the link's own address, connected if `remote` is given.

        With `others` it hears everybody though it will mostly send to `remote`: it is connected
        only where there is no other way there. `transport.get_extra_info` tells the `sockname` (low
        ports are as for `listen_tcp`) and, if it is connected, the `peername`. Raises OSError.
        """

    @property
    def medium(self) -> object:
        """What multicast is carried by: the same for links that hear one another here."""

    def on_link(self, address: str) -> bool:
        """Whether an IPv4 address is that of a neighbour, and not behind a router."""

    def open_group(self, group: str, port: int, heard: DatagramHandler) -> MulticastGroup:
        """Join a multicast group; ``heard`` gets what is sent to it and to our own address.

        An empty ``group`` is that of broadcasts. What a link sends itself, it hears too. Links of
        one medium that give the same ``heard`` share it: it gets what is sent to a group once.
        Low ports as for `listen_tcp`. Raises OSError.
        """

    async def hear_broadcasts(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str, port: int
    ) -> asyncio.DatagramTransport:
        """Hear what is broadcast to a port, beside whoever else does. Raises OSError.

        `address` is the network's broadcast address or `BROADCAST`: an endpoint of the link's own
        address hears neither. Where sockets are not tied to an interface, as on loopback, the
        broadcasts of the machine's other networks are among them.
        """

    def tls_memory(self) -> bool:
        """Whether a TLS handshake that begins now finds memory. Only a script says no."""

    def flush(self) -> None:
        """Forget what was learned of names."""

    async def ping(self, address: str) -> float:
        """Return the seconds until an address answers an echo request.

        The caller sets the time limit. Raises OSError.
        """

    async def resolve(self, name: str) -> list[str]:
        """Give a name's IPv4 addresses, at least one. A literal address is itself.

        The caller sets the time limit. Raises OSError (socket.gaierror if there is no such name).
        """

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
    """The other end of a network: what `Radio.start_ap` gives. `close` ends the access point.

    `on_datagram` hears the DHCP messages of stations (UDP 68 -> 67). `bssid` is the link's own
    `mac`.
    """

    on_station: Callable[[str, bool], None] | None
    """Called on a turn of the loop with the MAC of a station that joined (True) or left."""

    @property
    def network(self) -> IPv4Interface:
        """The address and network really taken by `configure`. Raises OSError before."""

    @property
    def stations(self) -> Sequence[ApStation]:
        """Who has joined, in the order in which they came."""

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an address, as `Link.configure`.

        A link that cannot have the address that is asked for takes another: `network` tells.
        """

    def in_use(self, address: IPv4Address) -> bool:
        """Whether someone is known to use an address of the network. Answers at once.

        Called for what the DHCP server is about to offer, which a link may then keep for it.
        """

    def send_datagram(
        self, datagram: bytes, destination: str = BROADCAST, mac: bytes = b""
    ) -> None:
        """Send a DHCP message (UDP 67 -> 68), to one station only if `mac` names it."""
