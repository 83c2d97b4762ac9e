"""The link of a simulated radio: real sockets on a loopback address of the device's own.

A client on this machine talks to the device at its address as it would to a module at its own,
and a peer sees the device come from there. What lies beyond 127.0.0.0/8 is reached as through
the network address translation of a home router, from the machine's own address: the kernel
refuses to send from a loopback address to anywhere else (EINVAL), and rightly.

An idle link holds no descriptor, no task and no timer.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, TypeVar

from tokay.board.air.access_point import LOOPBACK, AccessPoint, normalize_host
from tokay.board.air.multicast_medium import SimulatedGroup
from tokay.board.air.subnet import Subnet
from tokay.board.air.traffic_shaping import ShapedConnection
from tokay.board.link import BROADCAST, DatagramHandler
from tokay.board.net.ping import ping
from tokay.board.net.pre_accept import Factory, PreAcceptFactory
from tokay.board.net.shared_listeners import SharedListener, shared_listeners
from tokay.board.net.sockets import (
    bind_low,
    bind_shared,
    bind_to_connect,
    connect,
    new_socket,
    no_address,
)
from tokay.board.net.system_resolver import system_resolve
from tokay.board.net.udp_endpoint import open_endpoint
from tokay.board.security import Security

if TYPE_CHECKING:
    from tokay.board.net.dns_client import DnsClient

PUBLIC_NTP_POOL = "pool.ntp.org"
"""Time servers that people lend to the world, and the factory setting of every device.

A simulated fleet, or a test run, leaves them alone unless a network's `hosts` names them.
"""

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class LoopbackListener:
    """A listener on a link's address."""

    __slots__ = ("_link", "_listener", "asked", "port")

    def __init__(
        self, link: "LoopbackLink", listener: SharedListener, asked: tuple[str, int]
    ) -> None:
        self._link = link
        self._listener = listener
        self.asked = asked
        """The address and the port that were asked for."""
        self.port = listener.port

    def close(self) -> None:
        """Stop listening; accepted connections live on."""
        self._listener.close()
        self._link.remove_listener(self)


class LoopbackLink:
    """A `Link` on an access point of the airspace; made by `SimulatedRadio.join`."""

    __slots__ = (
        "__weakref__",
        "_access_point",
        "_address",
        "_dns_client",
        "_dns_servers",
        "_listeners",
        "_loop",
        "_mac",
        "_on_lost",
        "_open",
        "_security",
        "_subnet",
        "on_datagram",
    )

    def __init__(
        self,
        mac: str,
        access_point: AccessPoint,
        subnet: Subnet,
        lost: "Callable[[LoopbackLink, str], None]",
    ) -> None:
        self.on_datagram: Callable[[bytes], None] | None = None
        self._mac = mac
        self._access_point = access_point
        self._security = access_point.security
        self._subnet = subnet
        self._on_lost = lost
        self._loop = asyncio.get_running_loop()
        self._address: IPv4Address | None = None
        self._listeners: set[LoopbackListener] | None = None
        self._dns_servers: tuple[IPv4Address, ...] = ()
        self._dns_client: DnsClient | None = None
        self._open = True

    @property
    def mac(self) -> str:
        """This station's address."""
        return self._mac

    @property
    def bssid(self) -> str:
        """The access point's address."""
        return self._access_point.bssid

    @property
    def channel(self) -> int:
        """The channel, 1 to 14."""
        return self._access_point.channel

    @property
    def security(self) -> Security:
        """The access point's security at the time of the join."""
        return self._security

    @property
    def up(self) -> bool:
        """Whether the association still stands."""
        return self._open

    @property
    def rssi(self) -> int:
        """The access point's signal, dBm."""
        return self._access_point.rssi

    @property
    def address(self) -> str | None:
        """The configured address."""
        return None if self._address is None else str(self._address)

    def send_datagram(self, datagram: bytes, destination: str = BROADCAST) -> None:
        """Send a DHCP message to the network's server."""
        if not self._open:
            return
        # The server gets it now, so that a RELEASE counts even if the link closes next; the
        # answer comes on a later turn of the loop, as it would from a wire.
        for answer in self._subnet.handle_dhcp(datagram, destination, self._loop.time()):
            self._loop.call_soon(self._deliver, answer)

    async def verify_free(self, address: str) -> None:
        """Leave it to `configure`, which knows at once."""

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an address of the network; see `Link.configure`.

        Mask and gateway have no effect: the loopback device routes.
        """
        if not self._open:
            raise no_address()
        try:
            wanted = IPv4Address(address)
        except AddressValueError:
            raise OSError(errno.EADDRNOTAVAIL, f"not an IPv4 address: {address!r}") from None
        if wanted != self._address:
            self._subnet.acquire(wanted)
            self.deconfigure()
            self._address = wanted
        servers = (IPv4Address(server) for server in dns.split(",") if server)
        self.use_dns(tuple(server for server in servers if not server.is_unspecified))

    def use_dns(self, servers: tuple[IPv4Address, ...]) -> None:
        """Ask these DNS servers from now on."""
        self._dns_servers = servers
        if self._dns_client is not None:
            self._dns_client.use_servers(list(servers))

    def deconfigure(self) -> None:
        """Close the listeners and give the address back."""
        if self._address is not None:
            for listener in tuple(self._listeners or ()):
                listener.close()
            if self._dns_client is not None:
                self._dns_client.close()
                self._dns_client = None
            self._subnet.release(self._address)
            self._address = None

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], _P],
        host_ip: str,
        port: int,
        *,
        local_port: int = 0,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect; see `Link.connect_tcp`. Beyond loopback `local_port` is not kept, as by NAT."""
        host_ip, port = self._redirect(host_ip, port)
        source = self._source(host_ip)
        port = self._subnet.tcp_redirects.get((host_ip, port), port)
        with new_socket(socket.SOCK_STREAM, host_ip, port) as sock:
            if source is not None:
                bind_to_connect(sock, source, local_port)
            elif (uplink := self._uplink_address()) is not None:
                bind_to_connect(sock, uplink, 0)
            if self._access_point.shapes:
                await asyncio.sleep(2 * self._access_point.shape.latency)  # SYN and its answer
            await connect(sock, (host_ip, port))
            if not self._access_point.shapes:
                return await self._loop.create_connection(protocol_factory, sock=sock)
            protocol = protocol_factory()
            shaped = self._shaped(protocol)
            await self._loop.create_connection(lambda: shaped, sock=sock)
            return shaped, protocol

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> LoopbackListener:
        """Listen; see `Link.listen_tcp`."""
        source = self._own_address()

        def accepted() -> asyncio.BaseProtocol:
            protocol = protocol_factory()
            return self._shaped(protocol) if self._access_point.shapes else protocol

        def answer(first: bytes) -> bytes | None:
            assert isinstance(protocol_factory, PreAcceptFactory)  # noqa: S101 - asked for below
            return None if self._access_point.shapes else protocol_factory.answer(first)

        factory: Factory = accepted
        if isinstance(protocol_factory, PreAcceptFactory):
            factory = PreAcceptFactory(accepted, answer)
        shared = await shared_listeners().listen(self._subnet.locks, source, port, factory)
        listener = LoopbackListener(self, shared, (source, port))
        if self._address is None or str(self._address) != source:
            listener.close()  # the link went away meanwhile
            raise no_address()
        if self._listeners is None:
            self._listeners = set()
        self._listeners.add(listener)
        if port not in (0, listener.port):
            self._subnet.tcp_redirects[source, port] = listener.port
        return listener

    async def open_udp(
        self,
        protocol_factory: Callable[[], _P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        any_source: bool = False,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open an endpoint; see `Link.open_udp`. Beyond loopback `port` is not kept, as by NAT."""
        own = self._own_address()
        if remote is not None:
            source = self._source(remote[0])
            redirected = (remote[0], self._subnet.udp_redirects.get(remote, remote[1]))
            direct = source is not None and redirected == remote
            remote = None if any_source and direct else redirected
        else:
            source = own
        with new_socket(socket.SOCK_DGRAM, *(remote or (own, port))) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if source is not None:
                bound = bind_low(sock, source, port)
                if port not in (0, bound):
                    self._subnet.udp_redirects[source, port] = bound
            elif (uplink := self._uplink_address()) is not None:
                bind_to_connect(sock, uplink, 0)
            if remote is not None:
                sock.connect(remote)
            return open_endpoint(self._loop, sock, protocol_factory)

    @property
    def medium(self) -> object:
        """The network behind the access point."""
        return self._subnet

    def on_link(self, address: str) -> bool:
        """Return whether an address is one of this machine's: programs here are neighbours too."""
        return IPv4Address(address) in LOOPBACK

    def open_group(self, group: str, port: int, handler: DatagramHandler) -> SimulatedGroup:
        """Join a group of the network; see `Link.open_group`."""
        return self._subnet.multicast.join(self._own_address(), group, port, handler)

    async def open_broadcast(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str, port: int
    ) -> asyncio.DatagramTransport:
        """Receive broadcasts; see `Link.open_broadcast`."""
        self._own_address()
        with new_socket(socket.SOCK_DGRAM, address, port) as sock:
            bind_shared(sock, address, port)
            return open_endpoint(self._loop, sock, protocol_factory)[0]

    def has_tls_memory(self) -> bool:
        """Ask the access point; see `Link.has_tls_memory`."""
        return self._access_point.has_tls_memory()

    def flush_dns(self) -> None:
        """Empty the cache of resolved names; see `Link.flush_dns`."""
        if self._dns_client is not None:
            self._dns_client.flush()

    async def ping(self, address: str) -> float:
        """Ask for an echo; see `Link.ping`. On its own network only what is there answers.

        The machine itself would answer for every loopback address.
        """
        source = self._source(address)
        await asyncio.sleep(0)
        wanted = IPv4Address(address)
        if wanted not in self._subnet.network:
            return await ping(address, source)
        if not self._subnet.is_assigned(wanted):
            await asyncio.get_running_loop().create_future()  # nobody answers
        return 0.0

    async def resolve(self, name: str) -> list[str]:
        """Resolve; see `Link.resolve`. The network's `hosts` first, then the link's DNS servers.

        The network's own server is the machine's resolver; another one is really asked.
        """
        self._own_address()
        with contextlib.suppress(AddressValueError):
            return [str(IPv4Address(name))]
        key = normalize_host(name)
        for rule in self._access_point.dns_rules:
            if rule.matches(key):
                return await rule.resolve(name)
        if lie := self._subnet.forged_address(self.address):
            return [lie]
        if known := self._access_point.hosts.get(key):
            return [known]
        if self._access_point.portal is not None:
            return [str(self._subnet.gateway)]
        own = self._subnet.own_dns in self._dns_servers
        if (own and not self._access_point.uplink) or key.endswith(PUBLIC_NTP_POOL):
            raise socket.gaierror(socket.EAI_NONAME, f"{name}: no such name on this network")
        if own:
            return await system_resolve(name)
        if self._dns_client is None:
            from tokay.board.net.dns_client import DnsClient  # noqa: PLC0415 - start-up time

            self._dns_client = DnsClient(self.open_udp, self.connect_tcp)
            self._dns_client.use_servers(list(self._dns_servers))
        return await self._dns_client.resolve(name)

    def close(self) -> None:
        """End the link; see `Link.close`."""
        if self._open:
            self._open = False
            self._access_point.release(self)
            self.deconfigure()

    def disassociated(self, reason: str) -> None:
        """Close the link. Called by the access point when it ends the association."""
        self.close()
        self._loop.call_soon(self._on_lost, self, reason)

    def receive_dhcp(self, datagram: bytes) -> None:
        """Deliver a DHCP message from the network on the next turn of the loop."""
        self._loop.call_soon(self._deliver, datagram)

    def remove_listener(self, listener: LoopbackListener) -> None:
        """Remove a listener that has closed."""
        if self._listeners is not None:
            self._listeners.discard(listener)
        self._subnet.tcp_redirects.pop(listener.asked, None)

    def _deliver(self, datagram: bytes) -> None:
        if self._open and self.on_datagram is not None:
            self.on_datagram(datagram)

    def _shaped(self, protocol: asyncio.BaseProtocol) -> ShapedConnection:
        access_point = self._access_point
        seed = f"{access_point.seed} {self._mac} {access_point.count_connection(self._mac)}"
        return ShapedConnection(protocol, lambda: access_point.shape, seed)

    def _redirect(self, host_ip: str, port: int) -> tuple[str, int]:
        if self._access_point.portal is None:
            return host_ip, port
        self._own_address()
        try:
            return self._access_point.redirect(host_ip, port)
        except AddressValueError:
            raise OSError(errno.EINVAL, f"not an IPv4 address: {host_ip!r}") from None

    def _own_address(self) -> str:
        if self._address is None:
            raise no_address()
        return str(self._address)

    def _source(self, host_ip: str) -> str | None:
        """Return the address to connect from, None if the machine is to choose."""
        own = self._own_address()
        try:
            if host_ip == BROADCAST or _is_loopback(host_ip):
                return own
        except AddressValueError:
            raise OSError(errno.EINVAL, f"not an IPv4 address: {host_ip!r}") from None
        if not self._access_point.uplink:
            raise OSError(errno.ENETUNREACH, f"{host_ip}: {os.strerror(errno.ENETUNREACH)}")
        return None

    def _uplink_address(self) -> str | None:
        """Return the address of this machine by which this station leaves it, if there is a choice.

        A machine's address has 28,000 ports for connections to one port of a server.
        """
        addresses = self._access_point.uplink_addresses
        if not addresses:
            return None
        return addresses[int(self._mac.replace(":", "")[-6:], 16) // 2 % len(addresses)]


@lru_cache(maxsize=64)
def _is_loopback(host_ip: str) -> bool:
    return IPv4Address(host_ip) in LOOPBACK
