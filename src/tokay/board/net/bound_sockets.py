"""The sockets of a link on a real interface: bound to its address, and to the interface itself.

Bound to the interface (SO_BINDTODEVICE) they are routed as if it were the only one, so that a
device on one interface of a machine neither sends nor receives through another.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TypeVar

from tokay.board.link import DatagramHandler
from tokay.board.net.multicast_groups import InterfaceGroup
from tokay.board.net.ping import ping
from tokay.board.net.sockets import (
    BACKLOG,
    SocketListener,
    bind_low,
    bind_shared,
    bind_to_connect,
    connect,
    new_socket,
    no_address,
)
from tokay.board.net.udp_endpoint import open_endpoint

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class BoundSockets:
    """Makes sockets on `address`; on the interface `ifname` alone if one is named.

    Without one it is the machine's address, and the machine's routes choose where a connection
    that asks for no local port comes from; ``groups_on`` is then the interface of multicast.
    ``network`` is where neighbours are.

    The methods are those of `Link`.
    """

    __slots__ = ("_groups_on", "_ifname", "_listeners", "_loop", "_network", "address")

    def __init__(
        self,
        address: str,
        ifname: str | None = None,
        *,
        network: IPv4Network | None = None,
        groups_on: str | None = None,
    ) -> None:
        self.address = address
        self._ifname = ifname
        self._network = network
        self._groups_on = groups_on or ifname
        self._loop = asyncio.get_running_loop()
        self._listeners: set[SocketListener] | None = set()

    def close(self) -> None:
        """Close every listener; no more sockets are made."""
        listeners, self._listeners = self._listeners or set(), None
        for listener in listeners:
            listener.close()

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], _P],
        host_ip: str,
        port: int,
        *,
        local_port: int = 0,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect; see `Link.connect_tcp`."""
        _literal(host_ip)
        with new_socket(socket.SOCK_STREAM, host_ip, port) as sock:
            self._tie(sock)
            if local_port or self._ifname is not None:
                bind_to_connect(sock, self.address, local_port)
            await connect(sock, (host_ip, port))
            return await self._loop.create_connection(protocol_factory, sock=sock)

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> SocketListener:
        """Listen; see `Link.listen_tcp`."""
        with new_socket(socket.SOCK_STREAM, self.address, port) as sock:
            self._tie(sock)
            bound = bind_low(sock, self.address, port)
            sock.listen(BACKLOG)
            server = await self._loop.create_server(protocol_factory, sock=sock, backlog=BACKLOG)
        listener = SocketListener(server, bound)
        if self._listeners is None:
            listener.close()  # the link went away meanwhile
            raise no_address()
        self._listeners.add(listener)
        return listener

    async def open_udp(
        self,
        protocol_factory: Callable[[], _P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        any_source: bool = False,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open an endpoint; see `Link.open_udp`."""
        if remote is not None:
            _literal(remote[0])
        with new_socket(socket.SOCK_DGRAM, *(remote or (self.address, port))) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._tie(sock)
            if port or remote is None or any_source or self._ifname is not None:
                bind_low(sock, self.address, port)
            if remote is not None and not any_source:
                sock.connect(remote)
            return open_endpoint(self._loop, sock, protocol_factory)

    async def open_broadcast(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str, port: int
    ) -> asyncio.DatagramTransport:
        """Receive broadcasts; see `Link.open_broadcast`."""
        with new_socket(socket.SOCK_DGRAM, address, port) as sock:
            self._tie(sock)
            bind_shared(sock, address, port)
            return open_endpoint(self._loop, sock, protocol_factory)[0]

    async def ping(self, address: str) -> float:
        """Ask for an echo; see `Link.ping`."""
        if self._listeners is None:
            raise no_address()
        _literal(address)
        return await ping(address, self.address, self._ifname)

    def on_link(self, address: str) -> bool:
        """Return whether an address is in the network; see `Link.on_link`."""
        return self._network is not None and IPv4Address(address) in self._network

    def open_group(self, group: str, port: int, handler: DatagramHandler) -> InterfaceGroup:
        """Join a group; see `Link.open_group`."""
        if self._listeners is None:
            raise no_address()
        ifname = self._groups_on
        if ifname is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        # The machine's own address is shared with whatever else runs there.
        group_only = self._ifname is None
        return InterfaceGroup(ifname, self.address, group, port, handler, group_only=group_only)

    def _tie(self, sock: socket.socket) -> None:
        if self._listeners is None:
            raise no_address()
        if self._ifname is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._ifname.encode())


def _literal(host_ip: str) -> None:
    """Keep names from the machine's resolver. Raises OSError."""
    try:
        IPv4Address(host_ip)
    except AddressValueError:
        raise OSError(errno.EINVAL, f"not an IPv4 address: {host_ip!r}") from None
