"""ARP for IPv4 over Ethernet: ask who has an address, and say that one is ours (RFC 826, 5227)."""

import struct
from ipaddress import IPv4Address
from typing import NamedTuple

__all__ = ["REPLY", "REQUEST", "Arp", "ArpError", "announcement", "contests", "probe"]

REQUEST, REPLY = 1, 2

_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_NOBODY = IPv4Address(0)


class ArpError(ValueError):
    """Bytes that are no ARP packet for IPv4 over Ethernet."""


class Arp(NamedTuple):
    """One packet. A hardware address is 6 bytes."""

    operation: int
    sender_mac: bytes
    sender: IPv4Address
    target_mac: bytes
    target: IPv4Address

    def encode(self) -> bytes:
        """Return the bytes behind the Ethernet header."""
        return _ARP.pack(
            _ETHERNET, _IPV4, 6, 4, self.operation,
            self.sender_mac, self.sender.packed, self.target_mac, self.target.packed,
        )  # fmt: skip

    @classmethod
    def decode(cls, packet: bytes) -> "Arp":
        """Read what stands behind the Ethernet header; padding does not matter. Raises ArpError."""
        if len(packet) < _ARP.size:
            raise ArpError("shorter than an ARP packet")
        hardware, protocol, size, length, operation, *addresses = _ARP.unpack_from(packet)
        if (hardware, protocol, size, length) != (_ETHERNET, _IPV4, 6, 4):
            raise ArpError("not IPv4 over Ethernet")
        sender_mac, sender, target_mac, target = addresses
        return cls(operation, sender_mac, IPv4Address(sender), target_mac, IPv4Address(target))


def probe(mac: bytes, address: IPv4Address) -> Arp:
    """Return the question whether anyone has an address, which claims nothing (RFC 5227, 1.1)."""
    return Arp(REQUEST, mac, _NOBODY, bytes(6), address)


def announcement(mac: bytes, address: IPv4Address) -> Arp:
    """Return the news that an address is ours, so that old caches are put right (RFC 5227, 2.3)."""
    return Arp(REQUEST, mac, address, bytes(6), address)


def contests(packet: Arp, mac: bytes, address: IPv4Address) -> bool:
    """Return whether a packet that came while we probed contests the address.

    Someone has it, or probes for it at the same time (RFC 5227, 2.1.1).
    """
    if packet.sender_mac == mac:
        return False
    probing = packet.operation == REQUEST and packet.sender == _NOBODY
    return packet.sender == address or (probing and packet.target == address)
