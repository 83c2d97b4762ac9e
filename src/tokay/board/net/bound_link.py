"""What every link on a real network does alike: its sockets are bound to the address it has."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from tokay.board.link import DatagramHandler
from tokay.board.net.bound_sockets import BoundSockets
from tokay.board.net.multicast_groups import InterfaceGroup
from tokay.board.net.sockets import SocketListener, no_address

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class BoundLink:
    """The socket-making part of a `Link`. There are sockets once there is an address."""

    __slots__ = ("_sockets",)

    def __init__(self) -> None:
        self._sockets: BoundSockets | None = None

    async def connect_tcp(
        self,
        protocol_factory: Callable[[], _P],
        host_ip: str,
        port: int,
        *,
        local_port: int = 0,
    ) -> tuple[asyncio.Transport, _P]:
        """Connect; see `Link.connect_tcp`."""
        return await self._bound().connect_tcp(
            protocol_factory, host_ip, port, local_port=local_port
        )

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> SocketListener:
        """Listen; see `Link.listen_tcp`."""
        return await self._bound().listen_tcp(protocol_factory, port)

    async def open_udp(
        self,
        protocol_factory: Callable[[], _P],
        *,
        port: int = 0,
        remote: tuple[str, int] | None = None,
        any_source: bool = False,
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open an endpoint; see `Link.open_udp`."""
        return await self._bound().open_udp(
            protocol_factory, port=port, remote=remote, any_source=any_source
        )

    async def open_broadcast(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str, port: int
    ) -> asyncio.DatagramTransport:
        """Receive broadcasts; see `Link.open_broadcast`."""
        return await self._bound().open_broadcast(protocol_factory, address, port)

    def has_tls_memory(self) -> bool:
        """Return True; see `Link.has_tls_memory`."""
        return True

    @property
    def medium(self) -> object:
        """The link itself: a real interface has one device."""
        return self

    def on_link(self, address: str) -> bool:
        """Return whether an address is in the interface's network; see `Link.on_link`."""
        return self._sockets is not None and self._sockets.on_link(address)

    def open_group(self, group: str, port: int, handler: DatagramHandler) -> InterfaceGroup:
        """Join a group; see `Link.open_group`."""
        return self._bound().open_group(group, port, handler)

    def flush_dns(self) -> None:
        """Do nothing: there is no cache here; see `Link.flush_dns`."""

    async def ping(self, address: str) -> float:
        """Ask for an echo; see `Link.ping`."""
        return await self._bound().ping(address)

    def _bound(self) -> BoundSockets:
        if self._sockets is None:
            raise no_address()
        return self._sockets
