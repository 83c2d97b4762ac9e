"""An interface: a link with an address. Every socket of a device is asked for here.

Errors are OSError, with a text short enough for the log.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import NamedTuple, TypeVar, cast

from tokay.board.link import BROADCAST, Link, TcpListener
from tokay.kernel.kernel import Kernel
from tokay.plugins.network.keepalive import keep_alive
from tokay.plugins.network.source_filter import SourceFilter
from tokay.plugins.network.traffic_monitor import Seen, TrafficMonitor
from tokay.plugins.network.variables import DNS_TIMEOUT

LOCAL_PATIENCE = 2.0
"""Seconds that neighbours have to answer for a `.local` name before DNS is asked."""
_NO_BROADCAST = 31
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
"""The prefix from which on a network has no broadcast address (RFC 3021)."""

P = TypeVar("P", bound=asyncio.BaseProtocol)
T = TypeVar("T", bound=asyncio.BaseTransport)


def _behind(transport: T, protocol: P) -> tuple[T, P]:
    """Return what stands behind a tap: the tap is the transport of its protocol."""
    if not isinstance(protocol, TrafficMonitor):
        return transport, protocol
    return cast("T", protocol), cast("P", protocol.get_protocol())


class InterfaceAddress(NamedTuple):
    """What an interface was given, as dotted quads."""

    address: str
    netmask: str
    gateway: str
    dns: str


class Interface:
    """One interface while it is up. ``ports``: each port that was asked for, and the one bound."""

    __slots__ = (
        "_kernel", "_waits", "address", "find_local", "link", "name", "ports", "seen", "up",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, name: str, link: Link, address: InterfaceAddress) -> None:
        self._kernel = kernel
        self.name = name
        self.link = link
        self.address = address
        self.ports: dict[int, int] = {}
        self.up = True
        self.find_local: Callable[[str], Awaitable[str]] | None = None
        """Asks the neighbours for the address of a `.local` name; does not end by itself."""
        self.seen: Seen | None = None
        """Who hears of each time that a connection opened from now on receives or sends."""
        self._waits: set[asyncio.Timeout] = set()

    def lower(self) -> None:
        """Mark the interface down; pending waits for the network fail."""
        self.up = False
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    def while_up(self, limit: float | None = None) -> "WhileUp":
        """End what waits inside when the interface goes down, or after ``limit`` seconds.

        Raises OSError: TimeoutError when it is the time.
        """
        return WhileUp(self, self._waits, limit)

    async def resolve(self, host: str) -> str:
        """Return an IPv4 address of a name, or the address that ``host`` is.

        Raises OSError, for an address of 0.0.0.0/8 too: blocking resolvers answer 0.0.0.0, and
        Linux leads that to the machine itself (RFC 1122 section 3.2.1.3 allows no destination).
        """
        address = await self._resolve(host)
        if IPv4Address(address) in _THIS_NETWORK:
            raise OSError(errno.EHOSTUNREACH, f"{host} leads nowhere ({address})")
        return address

    async def _resolve(self, host: str) -> str:
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(socket.AF_INET, host)
            return host
        limit = self._kernel.variables[DNS_TIMEOUT] / 1000
        try:
            async with asyncio.timeout(limit):
                local = host.rstrip(".").lower().endswith(".local")
                if local and self.find_local is not None:
                    with contextlib.suppress(TimeoutError, ValueError):
                        async with asyncio.timeout(min(limit / 2, LOCAL_PATIENCE)):
                            return await self.find_local(host)
                return (await self.link.resolve(host))[0]
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, f"{host} does not resolve in time") from None

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], P],
        host: str,
        port: int,
        *,
        local_port: int = 0,
        limit: float | None = None,
    ) -> tuple[asyncio.Transport, P]:
        """Connect to a name or address within ``limit`` seconds. Raises OSError."""
        async with self.while_up(limit):
            address = await self.resolve(host)
            transport, protocol = await self.link.connect_tcp(
                self._tapped(protocol_factory), address, port, local_port=local_port
            )
            transport, protocol = _behind(transport, protocol)
        if not self.up:
            transport.abort()
            raise self.down()
        keep_alive(self._kernel.variables, transport)
        return transport, protocol

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> TcpListener:
        """Listen. A low port that this process may not have is moved, and the log says where."""
        listener = await self.link.listen_tcp(self._tapped(protocol_factory), port)
        self._note_port(port, listener.port)
        return listener

    async def open_udp(
        self,
        protocol_factory: Callable[[], P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        any_source: bool = False,
    ) -> tuple[asyncio.DatagramTransport, P]:
        """Open a UDP endpoint, connected if ``remote`` is given. Low ports as for TCP.

        ``any_source``: it hears everybody, see ``Link.open_udp``.
        """
        transport, protocol = await self.link.open_udp(
            self._tapped(protocol_factory), port=port, remote=remote, any_source=any_source
        )
        transport, protocol = _behind(transport, protocol)
        if port:
            self._note_port(port, transport.get_extra_info("sockname")[1])
        return transport, protocol

    @property
    def broadcast(self) -> str:
        """The broadcast address of the network; empty where there is none, as on a /32."""
        network = self._network
        return str(network.broadcast_address) if network.prefixlen < _NO_BROADCAST else ""

    @property
    def _network(self) -> IPv4Network:
        return IPv4Network((self.address.address, self.address.netmask), strict=False)

    async def open_broadcast(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> list[asyncio.DatagramTransport]:
        """Receive what this network broadcasts to a port, which one's own endpoint does not.

        Raises OSError.
        """
        ears: list[asyncio.DatagramTransport] = []
        network = self._network

        def fenced() -> asyncio.BaseProtocol:
            return SourceFilter(protocol_factory(), network)

        try:
            for address in filter(None, (BROADCAST, self.broadcast)):
                ear = await self.link.open_broadcast(fenced, address, port)
                ears.append(ear)
        except OSError:
            for ear in ears:
                ear.close()
            raise
        return ears

    def _tapped(self, factory: Callable[[], P]) -> Callable[[], P]:
        if self.seen is None:
            return factory
        seen = self.seen
        return lambda: cast("P", TrafficMonitor(factory(), seen))

    def _note_port(self, asked: int, bound: int) -> None:
        if asked not in (0, bound):
            self._kernel.log.line(f"Port {asked} needs privileges: listening on {bound}")
        self.ports[asked or bound] = bound

    def down(self) -> OSError:
        """Return the error of whoever needs an interface that has gone."""
        return OSError(errno.ENETDOWN, f"{self.name} went down")


class WhileUp:
    """Waiting that ends with an interface; see ``Interface.while_up``."""

    __slots__ = ("_interface", "_timeout", "_waits")

    def __init__(
        self, interface: Interface, waits: set[asyncio.Timeout], limit: float | None
    ) -> None:
        self._interface, self._waits = interface, waits
        self._timeout = asyncio.timeout(limit if interface.up else 0)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._waits.add(self._timeout)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waits.discard(self._timeout)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            if not self._interface.up:
                raise self._interface.down() from None
            raise
