"""IPv4 and UDP, as much as a DHCP client needs before it has an address (RFC 791, RFC 768).

The kernel neither sends from nor delivers to an address that it does not have. So a client
builds and reads whole packets itself, until it has one.
"""

import struct
from ipaddress import IPv4Address
from typing import NamedTuple

__all__ = ["Datagram", "Ipv4Error", "build_udp", "checksum", "parse_udp"]

UDP = 17

_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_PSEUDO = struct.Struct("!4s4sBBH")
_TTL = 64
_MORE_FRAGMENTS_OR_OFFSET = 0x3FFF
_MAX_DATAGRAM = 0xFFFF


class Ipv4Error(ValueError):
    """Bytes that are no UDP datagram in one IPv4 packet."""


class Datagram(NamedTuple):
    """One UDP datagram and where it came from and goes to."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    port: int
    payload: bytes


def checksum(data: bytes) -> int:
    """Return the Internet checksum, 0 for data that carries its own and is whole (RFC 1071)."""
    # The one's complement sum of the words is their sum modulo 0xFFFF, and 2 ** 16 is 1 there.
    number = int.from_bytes(data + b"\0" * (len(data) % 2))
    return (0xFFFF - (number % 0xFFFF or 0xFFFF)) if number else 0xFFFF


def build_udp(datagram: Datagram) -> bytes:
    """Return the IPv4 packet. Raises ValueError for ports and sizes that do not fit."""
    source, destination = datagram.source.packed, datagram.destination.packed
    size = _UDP.size + len(datagram.payload)
    if _IP.size + size > _MAX_DATAGRAM or not (
        0 <= datagram.source_port <= 0xFFFF and 0 <= datagram.port <= 0xFFFF
    ):
        raise ValueError("too large for one IPv4 packet")
    pseudo = _PSEUDO.pack(source, destination, 0, UDP, size)
    udp = _UDP.pack(datagram.source_port, datagram.port, size, 0)
    # 0 would say that there is no checksum; 0xFFFF is the same sum (RFC 768).
    total = checksum(pseudo + udp + datagram.payload) or 0xFFFF
    udp = _UDP.pack(datagram.source_port, datagram.port, size, total)
    head = _IP.pack(0x45, 0, _IP.size + size, 0, 0, _TTL, UDP, 0, source, destination)
    head = head[:10] + checksum(head).to_bytes(2) + head[12:]
    return head + udp + datagram.payload


def parse_udp(packet: bytes, *, verify: bool = True) -> Datagram:
    """Read an IPv4 packet; bytes behind its end, an Ethernet frame's padding, do not matter.

    Without `verify` the UDP checksum is not looked at: the kernel hands on packets of its own
    machine before it is filled in. Raises Ipv4Error.
    """
    if len(packet) < _IP.size:
        raise Ipv4Error("shorter than an IPv4 header")
    first, _, total, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(packet)
    head = (first & 0x0F) * 4
    if first >> 4 != 4 or head < _IP.size or not head <= total <= len(packet):
        raise Ipv4Error("the IPv4 header contradicts itself")
    if checksum(packet[:head]):
        raise Ipv4Error("IPv4 header checksum")
    if protocol != UDP or fragment & _MORE_FRAGMENTS_OR_OFFSET:
        raise Ipv4Error("not a whole UDP datagram")
    if total - head < _UDP.size:
        raise Ipv4Error("shorter than a UDP header")
    source_port, port, size, given = _UDP.unpack_from(packet, head)
    if not _UDP.size <= size <= total - head:
        raise Ipv4Error("UDP length")
    udp = packet[head : head + size]
    if verify and given and checksum(_PSEUDO.pack(source, destination, 0, UDP, size) + udp):
        raise Ipv4Error("UDP checksum")
    return Datagram(
        IPv4Address(source), source_port, IPv4Address(destination), port, udp[_UDP.size :]
    )
