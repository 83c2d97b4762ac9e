"""Who a device of a fleet is: arithmetic from the fleet's seed and the device's index.

Nothing is drawn and nothing is kept, so a device is the same wherever it runs, and whenever. MAC
addresses count on by two from a start that the seed gives: 8,388,608 devices have one each, and the
address after each is that of its Ethernet port.
"""

import hashlib
import random

import msgspec

MAX_DEVICES = 1 << 23
"""Devices of one fleet: as many even addresses as three bytes have."""


class Identity(msgspec.Struct, frozen=True):
    """One device. ``serial`` has 16 hexadecimal digits."""

    index: int
    mac: str
    serial: str
    seed: str
    """What its random source is made from."""

    def random(self, purpose: str) -> random.Random:
        """Return the random source of the device for one purpose, at its start."""
        return random.Random(f"{self.seed} {purpose}")  # noqa: S311 - to be repeatable


def identity(seed: int, index: int, mac_prefix: str) -> Identity:
    """Return who device ``index`` is, 0 or more. ``mac_prefix``: three bytes with colons."""
    start = int.from_bytes(_digest(f"{seed} mac")[:3]) & 0xFFFFFE
    low = (start + 2 * index) & 0xFFFFFF
    mac = f"{mac_prefix}:{low >> 16:02X}:{low >> 8 & 0xFF:02X}:{low & 0xFF:02X}"
    serial = _digest(f"{seed} {index} serial")[:8].hex().upper()
    return Identity(index, mac, serial, f"{seed} {index}")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
