"""ICMP echo, as `ping` needs it (RFC 792). Bytes in, bytes out."""

import struct

from tokay.protocols.ipv4 import checksum

ECHO_REPLY, ECHO_REQUEST = 0, 8
_HEADER = struct.Struct("!BBHHH")
_IPV4_VERSION = 4


def echo_request(identifier: int, sequence: int, payload: bytes) -> bytes:
    """Return an echo request with its checksum."""
    head = _HEADER.pack(ECHO_REQUEST, 0, 0, identifier, sequence)
    return _HEADER.pack(ECHO_REQUEST, 0, checksum(head + payload), identifier, sequence) + payload


def is_reply(packet: bytes, sequence: int, payload: bytes) -> bool:
    """Return whether a packet is the reply to a request, with an IPv4 header in front or without.

    A raw socket gives the header, a datagram one does not; the identifier is the kernel's to choose
    on the latter, so the payload tells whose reply it is.
    """
    if packet and packet[0] >> 4 == _IPV4_VERSION:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < _HEADER.size:
        return False
    kind, code, _, _, number = _HEADER.unpack_from(packet)
    return (kind, code, number) == (ECHO_REPLY, 0, sequence) and packet[_HEADER.size :] == payload
