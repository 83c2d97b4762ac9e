"""What a beacon or a probe response says: rates, ciphers, keys (IEEE 802.11-2020, 9.4.2).

Information elements are one byte of number, one of length, and that many bytes. What does not
follow that is left out, as a station on the air does: a beacon may be cut off.
"""

import struct
from collections.abc import Iterator
from enum import Flag, IntEnum, auto, unique
from typing import NamedTuple, Self

_PRIVACY = 0x0010
_WPA_HEAD = bytes.fromhex("0050f201")
_RSN_OUI, _WPA_OUI = bytes.fromhex("000fac"), bytes.fromhex("0050f2")
_HT_40, _HT_SHORT_20, _HT_SHORT_40 = 0x0002, 0x0020, 0x0040
_MFP_REQUIRED = 0x0040
_RATE_UNIT = 0.5  # Mbit/s
_MAX_SUITES = 32


@unique
class Number(IntEnum):
    """Elements in use (table 9-92)."""

    SSID = 0
    RATES = 1
    HT_CAPABILITIES = 45
    RSN = 48
    MORE_RATES = 50
    HT_OPERATION = 61
    VENDOR = 221


class Cipher(Flag):
    """Pairwise ciphers (table 9-149); those that are not here are not used."""

    NONE = 0
    TKIP = auto()
    CCMP = auto()


class Akm(Flag):
    """Where keys come from (table 9-151)."""

    NONE = 0
    PSK = auto()
    SAE = auto()
    EAP = auto()
    """A server: 802.1X."""


_CIPHERS = {2: Cipher.TKIP, 4: Cipher.CCMP}
_AKMS = {
    1: Akm.EAP, 2: Akm.PSK, 3: Akm.EAP, 4: Akm.PSK, 5: Akm.EAP, 6: Akm.PSK, 8: Akm.SAE, 9: Akm.SAE,
    11: Akm.EAP, 12: Akm.EAP, 24: Akm.SAE, 25: Akm.SAE,
}  # fmt: skip


class Suites(NamedTuple):
    """What one element offers, RSN's or that of before the standard."""

    ciphers: Cipher
    akms: Akm
    protected: bool = False
    """Whether management frames must be protected."""


class Elements(NamedTuple):
    """A beacon in the terms of a station."""

    privacy: bool
    rsn: Suites | None
    wpa: Suites | None
    rate: float
    """The highest rate in Mbit/s, 0 if none is announced."""

    @classmethod
    def parse(cls, data: bytes, capabilities: int) -> Self:
        """Read the elements behind the fixed part, whose capabilities are given."""
        found: dict[int, bytes] = {}
        wpa = None
        for number, body in _split(data):
            if number == Number.VENDOR:
                if body.startswith(_WPA_HEAD) and wpa is None:
                    wpa = _suites(body[len(_WPA_HEAD) :], _WPA_OUI)
            else:
                found.setdefault(number, body)
        rsn = _suites(found[Number.RSN], _RSN_OUI) if Number.RSN in found else None
        return cls(bool(capabilities & _PRIVACY), rsn, wpa, _rate(found))


def channel_of(frequency: int) -> int | None:
    """Return the channel of a frequency in MHz in the 2.4 GHz band, None outside."""
    if frequency == 2484:
        return 14
    channel, rest = divmod(frequency - 2407, 5)
    return channel if rest == 0 and 1 <= channel <= 13 else None


def frequency_of(channel: int) -> int:
    """Return the frequency in MHz of a channel, 1 to 14."""
    return 2484 if channel == 14 else 2407 + 5 * channel


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        number, length = data[at], data[at + 1]
        at += 2
        if length > len(data) - at:
            return
        yield number, data[at : at + length]
        at += length


def _suites(body: bytes, oui: bytes) -> Suites:
    """Read version, group cipher, pairwise ciphers, AKMs and capabilities (9.4.2.24)."""
    at = 6  # version and group cipher
    ciphers, at = _list(body, at, oui)
    akms, at = _list(body, at, oui)
    capabilities = struct.unpack_from("<H", body, at)[0] if len(body) >= at + 2 else 0
    cipher, akm = Cipher.NONE, Akm.NONE
    for kind in ciphers:
        cipher |= _CIPHERS.get(kind, Cipher.NONE)
    for kind in akms:
        akm |= _AKMS.get(kind, Akm.NONE)
    return Suites(cipher, akm, bool(capabilities & _MFP_REQUIRED))


def _list(body: bytes, at: int, oui: bytes) -> tuple[list[int], int]:
    if len(body) < at + 2:
        return [], at
    (count,) = struct.unpack_from("<H", body, at)
    at += 2
    count = min(count, _MAX_SUITES, (len(body) - at) // 4)
    kinds = [
        body[place + 3] for place in range(at, at + 4 * count, 4) if body[place : place + 3] == oui
    ]
    return kinds, at + 4 * count


def _rate(found: dict[int, bytes]) -> float:
    listed = found.get(Number.RATES, b"") + found.get(Number.MORE_RATES, b"")
    legacy = max(((byte & 0x7F) * _RATE_UNIT for byte in listed), default=0.0)
    return max(legacy, _ht_rate(found))


def _ht_rate(found: dict[int, bytes]) -> float:
    """Return the rate of the highest MCS of 802.11n (19.5): 65 Mbit/s a stream at 20 MHz."""
    body = found.get(Number.HT_CAPABILITIES, b"")
    if len(body) < 26:
        return 0.0
    (capabilities,) = struct.unpack_from("<H", body)
    streams = sum(1 for byte in body[3:7] if byte)
    operation = found.get(Number.HT_OPERATION, b"")
    wide = bool(capabilities & _HT_40) and len(operation) >= 2 and bool(operation[1] & 0x3)
    short = capabilities & (_HT_SHORT_40 if wide else _HT_SHORT_20)
    if wide:
        return streams * (150.0 if short else 135.0)
    return round(streams * (65 / 0.9 if short else 65.0), 1)
