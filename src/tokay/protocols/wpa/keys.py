"""The keys: PMK from a passphrase, PTK from the PMK, and what they are for."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum, unique
from functools import lru_cache

__all__ = ["Ptk", "Suite", "WpaError", "derive_ptk", "is_passphrase", "is_psk", "pmk", "prf"]

_ROUNDS = 4096
_MAX_PMKS = 1024
_PSK = re.compile(r"[0-9A-Fa-f]{64}")
_PASSPHRASE = re.compile(r"[\x00-\xFF]{8,63}")
_LABEL = b"Pairwise key expansion"


class WpaError(ValueError):
    """A key or a frame that is none. The text never holds a key."""


def is_psk(text: str) -> bool:
    """Return whether a passkey is a ready PMK, in 64 hex digits."""
    return _PSK.fullmatch(text) is not None


def is_passphrase(text: str) -> bool:
    """Return whether a passkey is a passphrase: 8 to 63 bytes, one character a byte (latin-1).

    Annex J.4 has printable ASCII alone; the modules take any byte, and the derivation does too.
    """
    return _PASSPHRASE.fullmatch(text) is not None


def pmk(passkey: str, ssid: bytes) -> bytes:
    """Return the pairwise master key, 32 bytes, of a passphrase or of 64 hex digits.

    Equal ones are derived once a process: 4096 rounds are a millisecond, and a fleet joins one
    network. Raises WpaError.
    """
    if is_psk(passkey):
        return bytes.fromhex(passkey)
    if not is_passphrase(passkey):
        raise WpaError("a passkey is 8 to 63 bytes or 64 hex digits")
    return _derive_pmk(passkey, ssid)


@lru_cache(_MAX_PMKS)
def _derive_pmk(passphrase: str, ssid: bytes) -> bytes:
    """IEEE 802.11-2020 annex J.4.1."""
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode("latin-1"), ssid, _ROUNDS, 32)


def prf(key: bytes, label: bytes, data: bytes, length: int) -> bytes:
    """Return `length` pseudo-random bytes (IEEE 802.11-2020, 12.7.1.2)."""
    made = b""
    for count in range(-(-length // 20)):
        made += hmac.digest(key, b"%b\0%b%c" % (label, data, count), "sha1")
    return made[:length]


@dataclass(frozen=True, slots=True, repr=False)
class Ptk:
    """The pairwise transient key: for MICs, for encrypting keys, for data."""

    kck: bytes
    kek: bytes
    tk: bytes


def _element(rsn: bool, ccmp: bool) -> bytes:
    oui = bytes.fromhex("000fac" if rsn else "0050f2")
    cipher = oui + (b"\x04" if ccmp else b"\x02")
    body = b"\x01\x00" + cipher + (b"\x01\x00" + cipher) + (b"\x01\x00" + oui + b"\x02")
    if rsn:
        return b"\x30%c%b" % (len(body) + 2, body + b"\x00\x00")
    return b"\xdd%c%b" % (len(body) + 4, oui + b"\x01" + body)


@unique
class Suite(Enum):
    """What the keys are for: the kind of element and the cipher, in order of preference."""

    RSN_CCMP = (True, True)
    RSN_TKIP = (True, False)
    WPA_CCMP = (False, True)
    WPA_TKIP = (False, False)

    def __init__(self, rsn: bool, ccmp: bool) -> None:
        self.rsn = rsn
        """WPA2; else the WPA of before the standard."""
        self.key_length = 16 if ccmp else 32
        """Bytes of the temporal key."""
        self.version = 2 if ccmp else 1
        """Key descriptor version: 2 MICs by HMAC-SHA1-128, 1 by HMAC-MD5 (12.7.2)."""
        self.descriptor = 2 if rsn else 254
        self.element = _element(rsn, ccmp)
        """The element of beacon and association (9.4.2.24): this cipher, pre-shared key."""


def derive_ptk(
    master: bytes, suite: Suite, addresses: tuple[bytes, bytes], nonces: tuple[bytes, bytes]
) -> Ptk:
    """Return the PTK; the order within each pair does not matter (12.7.1.3)."""
    data = b"".join((*sorted(addresses), *sorted(nonces)))
    made = prf(master, _LABEL, data, 32 + suite.key_length)
    return Ptk(made[:16], made[16:32], made[32:])
