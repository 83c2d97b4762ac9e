"""A source filter for broadcasts: datagrams of other networks of this machine are dropped.

A broadcast is heard on every network that the machine is on, wherever the link cannot tie its
sockets to an interface: on loopback all simulated networks are one.
"""

import asyncio
from ipaddress import IPv4Address, IPv4Network
from typing import cast

PROGRAMS = IPv4Network("127.0.0.0/24")
"""Where programs of this machine are that are on no network of a device."""


class SourceFilter(asyncio.DatagramProtocol):
    """Pass datagrams from one network or from a program of this machine, drop all others."""

    def __init__(self, protocol: asyncio.BaseProtocol, network: IPv4Network) -> None:
        self._received = cast("asyncio.DatagramProtocol", protocol).datagram_received
        self._networks = (network, PROGRAMS)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        source = IPv4Address(addr[0])
        if any(source in network for network in self._networks):
            self._received(data, addr)
