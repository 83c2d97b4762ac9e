"""Netlink without I/O: messages and their attributes (netlink(7)).

`rtnetlink` and `nl80211` have the bodies. Everything is in the machine's own byte order. Raises
NetlinkError for bytes that contradict themselves, and nothing else.
"""

import struct
from collections.abc import Iterator
from enum import IntFlag
from typing import NamedTuple

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
_NUMBER = struct.Struct("=I")
_TYPE_MASK = 0x3FFF  # above are the bits NLA_F_NESTED and NLA_F_NET_BYTEORDER
_NESTED = 0x8000

ERROR, DONE = 2, 3
"""Kinds of message in every family. Source: linux/netlink.h."""


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


def encode_request(kind: int, flags: NetlinkFlag, sequence: int, body: bytes) -> bytes:
    """Return a request."""
    return (
        _HEADER.pack(_HEADER.size + len(body), kind, NetlinkFlag.REQUEST | flags, sequence, 0)
        + body
    )


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


def attributes(body: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes from a place on. Raises NetlinkError."""
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            raise NetlinkError("netlink attribute length")
        yield kind & _TYPE_MASK, body[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)


def read(head: struct.Struct, body: bytes) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """Return the fixed part of a body and its attributes. Raises NetlinkError."""
    if len(body) < head.size:
        raise NetlinkError("netlink body too short")
    return head.unpack_from(body), dict(attributes(body, head.size))


def read_number(packed: bytes) -> int:
    """Return a number of 32 bits. Raises NetlinkError."""
    if len(packed) != _NUMBER.size:
        raise NetlinkError("not a 32-bit number")
    number: int = _NUMBER.unpack(packed)[0]
    return number


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def nested(kind: int, *inside: bytes) -> bytes:
    """Return an attribute that is made of attributes."""
    return attribute(kind | _NESTED, b"".join(inside))


def number(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits."""
    return attribute(kind, _NUMBER.pack(value))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
