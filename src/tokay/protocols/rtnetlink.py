"""Routing netlink without I/O: the few messages that a link needs of the kernel (rtnetlink(7)).

A request is `encode_request(kind, flags, sequence, body)` around one of the bodies here; the answer
goes through `parse_messages`, and then `read_link` and its like. Everything is in the machine's own
byte order. Raises NetlinkError for bytes that contradict themselves, and nothing else.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple

AF_INET = 2

# What our addresses and routes are marked with, so that those of a run that was killed can be
# told from the machine's own (linux/rtnetlink.h leaves numbers from 5 on to programs). It is "T".
PROTOCOL = 0x54

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=8BI")
_ERROR = struct.Struct("=i")
_NUMBER = struct.Struct("=I")
_TYPE_MASK = 0x3FFF  # above are the bits NLA_F_NESTED and NLA_F_NET_BYTEORDER

_IFF_UP, _IFF_LOWER_UP, _IFF_LOOPBACK = 0x1, 0x10000, 0x8
_IFLA_ADDRESS, _IFLA_IFNAME = 1, 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_RT_PRIORITY, _IFA_PROTO = 1, 2, 4, 9, 11
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 4, 5, 6, 7
_RT_TABLE_MAIN, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, _RTNH_F_ONLINK = 254, 0, 1, 4


class NetlinkType(IntEnum):
    """The messages in use. Source: linux/netlink.h, linux/rtnetlink.h."""

    ERROR = 2
    DONE = 3
    NEWLINK = 16
    DELLINK = 17
    GETLINK = 18
    NEWADDR = 20
    DELADDR = 21
    GETADDR = 22
    NEWROUTE = 24
    DELROUTE = 25
    GETROUTE = 26


class NetlinkFlag(IntFlag):
    """How a request is to be taken. Source: linux/netlink.h."""

    REQUEST = 0x1
    ACK = 0x4
    DUMP = 0x300
    REPLACE = 0x100
    CREATE = 0x400


class NetlinkError(ValueError):
    """Bytes that are no netlink messages."""


class NetlinkMessage(NamedTuple):
    """One message. `kind` may be any number: the kernel knows more than we do."""

    kind: int
    sequence: int
    body: bytes


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


def encode_request(kind: NetlinkType, flags: NetlinkFlag, sequence: int, body: bytes) -> bytes:
    """Return a request."""
    return (
        _HEADER.pack(_HEADER.size + len(body), kind, NetlinkFlag.REQUEST | flags, sequence, 0)
        + body
    )


def link_body(index: int = 0, *, up: bool = False) -> bytes:
    """Return the body that names an interface, or means all; `up` switches it on by NEWLINK."""
    flags = _IFF_UP if up else 0
    return _LINK.pack(0, 0, index, flags, flags)


def address_body(index: int = 0, address: IPv4Interface | None = None, metric: int = 0) -> bytes:
    """Return the body for an address, or for all. The route to its subnet gets the metric."""
    if address is None:
        return _ADDRESS.pack(AF_INET, 0, 0, 0, 0)
    network = address.network
    body = _ADDRESS.pack(AF_INET, network.prefixlen, 0, _RT_SCOPE_UNIVERSE, index)
    body += _attribute(_IFA_LOCAL, address.ip.packed) + _attribute(_IFA_ADDRESS, address.ip.packed)
    if network.prefixlen < 31:
        body += _attribute(_IFA_BROADCAST, network.broadcast_address.packed)
    return body + _number(_IFA_RT_PRIORITY, metric) + _attribute(_IFA_PROTO, bytes((PROTOCOL,)))


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
    body += _attribute(_RTA_GATEWAY, gateway.packed) + _number(_RTA_OIF, index)
    if source is not None:
        body += _attribute(_RTA_PREFSRC, source.packed)
    return body + _number(_RTA_PRIORITY, metric)


# What is answered.


def parse_messages(data: bytes) -> Iterator[NetlinkMessage]:
    """Yield the messages of one datagram. Raises NetlinkError."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise NetlinkError("shorter than a netlink header")
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            raise NetlinkError("netlink message length")
        yield NetlinkMessage(kind, sequence, data[at + _HEADER.size : at + length])
        at += _aligned(length)


def error_number(body: bytes) -> int:
    """Return the errno of an ERROR or DONE message, 0 for an acknowledgement."""
    # DONE of an older kernel may be empty.
    return -_ERROR.unpack_from(body)[0] if len(body) >= _ERROR.size else 0


def read_link(body: bytes) -> LinkFacts:
    """Read a NEWLINK or DELLINK. Raises NetlinkError."""
    (_, _, index, flags, _), more = _read(_LINK, body)
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
    (family, prefix, _, _, index), more = _read(_ADDRESS, body)
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
    (family, prefix, _, _, table, _, _, kind, _), more = _read(_ROUTE, body)
    if (family, prefix, table, kind) != (AF_INET, 0, _RT_TABLE_MAIN, _RTN_UNICAST):
        return None
    if _RTA_OIF not in more or any(more.get(_RTA_DST, b"")):
        return None
    gateway, source = more.get(_RTA_GATEWAY), more.get(_RTA_PREFSRC)
    return RouteFacts(
        _read_number(more[_RTA_OIF]),
        None if gateway is None else _address(gateway),
        _read_number(more.get(_RTA_PRIORITY, bytes(4))),
        None if source is None else _address(source),
    )


def _read(head: struct.Struct, body: bytes) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """Return the fixed part of a body and its attributes."""
    if len(body) < head.size:
        raise NetlinkError("netlink body too short")
    found: dict[int, bytes] = {}
    at = head.size
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            raise NetlinkError("netlink attribute length")
        found[kind & _TYPE_MASK] = body[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return head.unpack_from(body), found


def _address(packed: bytes) -> IPv4Address:
    if len(packed) != 4:
        raise NetlinkError("not an IPv4 address")
    return IPv4Address(packed)


def _read_number(packed: bytes) -> int:
    if len(packed) != _NUMBER.size:
        raise NetlinkError("not a 32-bit number")
    number: int = _NUMBER.unpack(packed)[0]
    return number


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, _NUMBER.pack(value))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
