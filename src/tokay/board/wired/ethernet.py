"""What the two ends of a wired network have in common: an interface, and sockets bound to it."""

import asyncio
import errno
import os
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Interface, NetmaskValueError
from typing import TypeVar

from tokay.board.bound_sockets import BoundSockets
from tokay.board.security import Security
from tokay.board.sockets import SocketListener, no_address

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class EthernetLink:
    """The part of a `Link` that depends on the interface alone."""

    __slots__ = ("_ifname", "_index", "_interface", "_loop", "_mac", "_open", "_sockets")

    def __init__(self, ifname: str, index: int, mac: str) -> None:
        self._ifname = ifname
        self._index = index
        self._mac = mac
        self._loop = asyncio.get_running_loop()
        self._interface: IPv4Interface | None = None
        self._sockets: BoundSockets | None = None
        self._open = True

    @property
    def mac(self) -> str:
        """This station's address: the interface's own."""
        return self._mac

    @property
    def channel(self) -> int:
        """A channel: a cable has one."""
        return 1

    @property
    def security(self) -> Security:
        """A cable has no passphrase."""
        return Security.OPEN

    @property
    def address(self) -> str | None:
        """The configured address."""
        return None if self._interface is None else str(self._interface.ip)

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
    ) -> tuple[asyncio.DatagramTransport, _P]:
        """Open an endpoint; see `Link.open_udp`."""
        return await self._bound().open_udp(protocol_factory, port=port, remote=remote)

    def _bound(self) -> BoundSockets:
        if self._sockets is None:
            raise no_address()
        return self._sockets


def interface_of(address: str, netmask: str) -> IPv4Interface:
    """Read an address and its netmask. Raises OSError."""
    try:
        return IPv4Interface((address, netmask))
    except (AddressValueError, NetmaskValueError):
        raise OSError(
            errno.EADDRNOTAVAIL, f"not an IPv4 address and netmask: {address} {netmask}"
        ) from None


def in_use_error(address: str) -> OSError:
    """Return the error of an address that someone else has."""
    return OSError(errno.EADDRINUSE, f"{address}: {os.strerror(errno.EADDRINUSE)}")
