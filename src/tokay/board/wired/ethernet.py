"""What the two ends of a wired network have in common: an interface, and sockets bound to it."""

import asyncio
import errno
import os
from ipaddress import AddressValueError, IPv4Interface, NetmaskValueError
from typing import TypeVar

from tokay.board.net.bound_link import BoundLink
from tokay.board.security import Security

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class EthernetLink(BoundLink):
    """The part of a `Link` that depends on the interface alone."""

    __slots__ = ("_ifname", "_index", "_interface", "_loop", "_mac", "_open")

    def __init__(self, ifname: str, index: int, mac: str) -> None:
        super().__init__()
        self._ifname = ifname
        self._index = index
        self._mac = mac
        self._loop = asyncio.get_running_loop()
        self._interface: IPv4Interface | None = None
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
