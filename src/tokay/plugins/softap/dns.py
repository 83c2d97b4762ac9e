"""The DNS server of the soft AP: leads its own names, and the portals' probes, to the device.

Nothing is forwarded; every other name is answered with NXDOMAIN. Sources:
docs/protocol/web-and-discovery.md, section 1.13; docs/protocol/network.md, section 4.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Any, cast

from tokay.plugins.network import Interface
from tokay.protocols.dns import DnsError, DnsResponder, name_from_text

PORT = 53
TTL = 10
"""Seconds. The phone leaves for networks where these names mean something else."""
PORTALS = (
    "captive.apple.com",
    "clients3.google.com",
    "connectivity-check.ubuntu.com",
    "detectportal.firefox.com",
    "networkcheck.kde.org",
    "nmcheck.gnome.org",
    "play.googleapis.com",
    "www.apple.com",
    "www.msftconnecttest.com",
    "www.msftncsi.com",
    "ipv6.msftconnecttest.com",
)
CONNECTIVITY_CHECK = "connectivitycheck"
"""What the names begin with that Android and those who build on it ask for."""

_Names = Mapping[str, IPv4Address] | Callable[[str], IPv4Address | None]


class DnsServer(asyncio.DatagramProtocol):
    """Answers on one interface while it is up."""

    def __init__(self, names: Iterable[str], address: IPv4Address, *, portal: bool) -> None:
        known = dict.fromkeys((*names, *(PORTALS if portal else ())), address)
        self._answer = DnsResponder(
            _with_checks(known, address) if portal else known, TTL, constant=True
        ).answer
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, interface: Interface) -> None:
        """Listen. Raises OSError."""
        await interface.open_udp(lambda: self, port=PORT)

    def close(self) -> None:
        """Answer no more."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = self._answer(data)
        transport = self._transport
        if answer is not None and transport is not None:
            transport.sendto(answer, addr)


def usable(names: Iterable[str]) -> tuple[str, ...]:
    """Return those that can be names: a setting may hold anything."""

    def fits(name: str) -> bool:
        try:
            return bool(name_from_text(name))
        except DnsError:
            return False

    return tuple(name for name in names if fits(name))


def _with_checks(known: Mapping[str, IPv4Address], address: IPv4Address) -> _Names:
    """Return a look-up that also knows every name that begins like a connectivity check."""

    def find(name: str) -> IPv4Address | None:
        name = name.rstrip(".")
        return address if name.startswith(CONNECTIVITY_CHECK) else known.get(name)

    return find
