"""What an access point hands out when its button is pushed.

Source: Wi-Fi Simple Configuration 2.0, section 12: attributes with two bytes of type and length.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from tokay.protocols.wpa_ctrl.error import WpaCtrlError

_HEAD = struct.Struct(">HH")
_CREDENTIAL, _SSID, _KEY = 0x100E, 0x1045, 0x1027
_MAX_SSID, _MAX_KEY = 32, 64
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


class WpsCredential(NamedTuple):
    """A network, and the passphrase or the PSK in hex digits."""

    ssid: bytes
    key: str

    def __repr__(self) -> str:
        """Show everything but the key."""
        return f"WpsCredential(ssid={self.ssid!r})"


def read_credential(text: str) -> WpsCredential:
    """Read the hex digits of ``WPS-CRED-RECEIVED``. Raises WpaCtrlError."""
    if not _HEX.fullmatch(text):
        raise WpaCtrlError("a WPS credential that is not hex digits")
    outer = dict(_attributes(bytes.fromhex(text)))
    found = dict(_attributes(outer[_CREDENTIAL])) if _CREDENTIAL in outer else outer
    ssid, key = found.get(_SSID, b""), found.get(_KEY, b"").rstrip(b"\0")
    if not 1 <= len(ssid) <= _MAX_SSID or len(key) > _MAX_KEY or not key.isascii():
        raise WpaCtrlError("a WPS credential without a network")
    return WpsCredential(ssid, key.decode("ascii"))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise WpaCtrlError("a WPS attribute that is cut off")
        kind, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if length > len(data) - at:
            raise WpaCtrlError("a WPS attribute that is cut off")
        yield kind, data[at : at + length]
        at += length
