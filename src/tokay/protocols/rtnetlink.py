"""Routing netlink without I/O: the few messages that a link needs of the kernel (rtnetlink(7)).

A request is `netlink.encode_request` around one of the bodies here; what comes back goes through
`netlink.parse_messages`, and then `read_link` and its like. Raises NetlinkError as `netlink` does.
"""

import struct
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple

from tokay.protocols.netlink import NetlinkError, attribute, number, read, read_number

AF_INET = 2

# What our addresses and routes are marked with, so that those of a run that was killed can be
# told from the machine's own (linux/rtnetlink.h leaves numbers from 5 on to programs). It is "T".
PROTOCOL = 0x54

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=8BI")

_IFF_UP, _IFF_LOWER_UP, _IFF_LOOPBACK = 0x1, 0x10000, 0x8
_IFLA_ADDRESS, _IFLA_IFNAME = 1, 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_RT_PRIORITY, _IFA_PROTO = 1, 2, 4, 9, 11
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 4, 5, 6, 7
_RT_TABLE_MAIN, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, _RTNH_F_ONLINK = 254, 0, 1, 4


class NetlinkType(IntEnum):
    """The messages in use. Source: linux/netlink.h, linux/rtnetlink.h."""

    NEWLINK = 16
    DELLINK = 17
    GETLINK = 18
    NEWADDR = 20
    DELADDR = 21
    GETADDR = 22
    NEWROUTE = 24
    DELROUTE = 25
    GETROUTE = 26


class LinkFacts(NamedTuple):
    """A network interface."""

    ifindex: int
    name: str
    mac: bytes
    up: bool
    """Whether it is switched on."""
    carrier: bool
    """Whether it is on and something is at the other end of the cable."""
    loopback: bool


class AddressFacts(NamedTuple):
    """An IPv4 address of an interface. `protocol` says whose it is, 0 where the kernel does not."""

    ifindex: int
    address: IPv4Interface
    protocol: int


class RouteFacts(NamedTuple):
    """A default route. Without a gateway everything is said to be on the link."""

    ifindex: int
    gateway: IPv4Address | None
    metric: int
    source: IPv4Address | None


# What is asked.


def link_body(index: int = 0, *, up: bool | None = None) -> bytes:
    """Return the body that names an interface, or means all; `up` switches it by NEWLINK."""
    return _LINK.pack(0, 0, index, _IFF_UP if up else 0, 0 if up is None else _IFF_UP)


def address_body(index: int = 0, address: IPv4Interface | None = None, metric: int = 0) -> bytes:
    """Return the body for an address, or for all. The route to its subnet gets the metric."""
    if address is None:
        return _ADDRESS.pack(AF_INET, 0, 0, 0, 0)
    network = address.network
    body = _ADDRESS.pack(AF_INET, network.prefixlen, 0, _RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, address.ip.packed) + attribute(_IFA_ADDRESS, address.ip.packed)
    if network.prefixlen < 31:
        body += attribute(_IFA_BROADCAST, network.broadcast_address.packed)
    return body + number(_IFA_RT_PRIORITY, metric) + attribute(_IFA_PROTO, bytes((PROTOCOL,)))


def default_route_body(
    index: int = 0,
    gateway: IPv4Address | None = None,
    source: IPv4Address | None = None,
    metric: int = 0,
) -> bytes:
    """Return the body for the default route, or, without a gateway, for all routes."""
    if gateway is None:
        return _ROUTE.pack(AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    # A server may name a gateway outside the subnet, and it is on the link even so.
    body = _ROUTE.pack(
        AF_INET, 0, 0, 0, _RT_TABLE_MAIN, PROTOCOL, _RT_SCOPE_UNIVERSE, _RTN_UNICAST,
        _RTNH_F_ONLINK,
    )  # fmt: skip
    body += attribute(_RTA_GATEWAY, gateway.packed) + number(_RTA_OIF, index)
    if source is not None:
        body += attribute(_RTA_PREFSRC, source.packed)
    return body + number(_RTA_PRIORITY, metric)


# What is answered.


def read_link(body: bytes) -> LinkFacts:
    """Read a NEWLINK or DELLINK. Raises NetlinkError."""
    (_, _, index, flags, _), more = read(_LINK, body)
    name = more.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
    up = bool(flags & _IFF_UP)
    return LinkFacts(
        index,
        name,
        more.get(_IFLA_ADDRESS, b""),
        up,
        up and bool(flags & _IFF_LOWER_UP),
        bool(flags & _IFF_LOOPBACK),
    )


def read_address(body: bytes) -> AddressFacts | None:
    """Read a NEWADDR or DELADDR; None for one that is not IPv4. Raises NetlinkError."""
    (family, prefix, _, _, index), more = read(_ADDRESS, body)
    packed = more.get(_IFA_LOCAL) or more.get(_IFA_ADDRESS)
    if family != AF_INET or packed is None:
        return None
    address = _address(packed)
    if prefix > 32:
        raise NetlinkError("netlink prefix length")
    return AddressFacts(
        index,
        IPv4Interface((address, prefix)),
        int.from_bytes(more.get(_IFA_PROTO, b""), "little"),
    )


def read_default_route(body: bytes) -> RouteFacts | None:
    """Read a NEWROUTE; None if it is no default route of the main table. Raises NetlinkError."""
    (family, prefix, _, _, table, _, _, kind, _), more = read(_ROUTE, body)
    if (family, prefix, table, kind) != (AF_INET, 0, _RT_TABLE_MAIN, _RTN_UNICAST):
        return None
    if _RTA_OIF not in more or any(more.get(_RTA_DST, b"")):
        return None
    gateway, source = more.get(_RTA_GATEWAY), more.get(_RTA_PREFSRC)
    return RouteFacts(
        read_number(more[_RTA_OIF]),
        None if gateway is None else _address(gateway),
        read_number(more.get(_RTA_PRIORITY, bytes(4))),
        None if source is None else _address(source),
    )


def _address(packed: bytes) -> IPv4Address:
    if len(packed) != 4:
        raise NetlinkError("not an IPv4 address")
    return IPv4Address(packed)
