"""An interface: a link with an address. Every socket of a device is asked for here.

Errors are OSError, with a text short enough for the log.
"""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import NamedTuple, TypeVar

from tokay.board.link import Link, Listener
from tokay.kernel.kernel import Kernel
from tokay.plugins.network.variables import DNS_TIMEOUT

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Address(NamedTuple):
    """What an interface was given, as dotted quads."""

    address: str
    netmask: str
    gateway: str
    dns: str


class Interface:
    """One interface while it is up. ``ports``: each port that was asked for, and the one bound."""

    __slots__ = ("_kernel", "address", "link", "name", "ports")

    def __init__(self, kernel: Kernel, name: str, link: Link, address: Address) -> None:
        self._kernel = kernel
        self.name = name
        self.link = link
        self.address = address
        self.ports: dict[int, int] = {}

    async def resolve(self, host: str) -> str:
        """Return an IPv4 address of a name, or the address that ``host`` is. Raises OSError."""
        try:
            return str(IPv4Address(host))
        except ValueError:
            pass
        limit = self._kernel.variables[DNS_TIMEOUT] / 1000
        try:
            async with asyncio.timeout(limit):
                return (await self.link.resolve(host))[0]
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, f"{host} does not resolve in time") from None

    async def connect_tcp(
        self, protocol_factory: Callable[[], P], host: str, port: int, *, local_port: int = 0
    ) -> tuple[asyncio.Transport, P]:
        """Connect to a name or address. The caller sets the time limit. Raises OSError."""
        address = await self.resolve(host)
        return await self.link.connect_tcp(protocol_factory, address, port, local_port=local_port)

    async def listen_tcp(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], port: int
    ) -> Listener:
        """Listen. A low port that this process may not have is moved, and the log says where."""
        listener = await self.link.listen_tcp(protocol_factory, port)
        if port and listener.port != port:
            self._kernel.log.line(f"Port {port} needs privileges: listening on {listener.port}")
        self.ports[port or listener.port] = listener.port
        return listener
