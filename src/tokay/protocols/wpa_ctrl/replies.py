"""Answers: lines of ``key=value``, and the list of access points in range."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tokay.protocols import ieee80211
from tokay.protocols.wpa_ctrl.error import WpaCtrlError
from tokay.protocols.wpa_ctrl.text import unescape

# wpa_ctrl.h, WPA_BSS_MASK_*: id, bssid, freq, capabilities, level, age, ie, flags, ssid, "====".
BSS_MASK = 0x1 | 0x2 | 0x4 | 0x10 | 0x80 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x20000
IE_MASK = 0x400

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_DELIMITERS = (b"====", b"####")  # behind the last of the list stands the second


class Bss(NamedTuple):
    """One access point in range."""

    id: int
    """Its number in the list of wpa_supplicant, which grows."""
    bssid: str
    """`aa:bb:cc:dd:ee:ff`."""
    frequency: int
    """MHz."""
    level: int
    """dBm."""
    age: int
    """Seconds since it was last heard."""
    ssid: bytes
    """Empty or all zeros for a hidden one."""
    elements: ieee80211.Elements


def read_fields(text: bytes) -> dict[str, bytes]:
    """Return the lines of ``key=value`` of an answer; other lines are left out."""
    return {
        key.decode("latin-1"): value
        for key, equals, value in (line.partition(b"=") for line in text.split(b"\n"))
        if equals
    }


def read_first_fields(text: bytes) -> tuple[str, dict[str, bytes]]:
    """Return an answer that begins with a line of its own, as ``STA-FIRST`` has."""
    first, _, rest = text.partition(b"\n")
    return first.decode("latin-1"), read_fields(rest)


def read_bss_list(text: bytes) -> Iterator[Bss]:
    """Return the access points of an answer to ``BSS RANGE=...``. Raises WpaCtrlError."""
    lines: list[bytes] = []
    for line in text.split(b"\n"):
        if line in _DELIMITERS:
            yield _read_bss(read_fields(b"\n".join(lines)))
            lines = []
        else:
            lines.append(line)


def _read_bss(fields: dict[str, bytes]) -> Bss:
    bssid = fields.get("bssid", b"").decode("latin-1")
    if not _MAC.fullmatch(bssid):
        raise WpaCtrlError("a BSS without an address")
    try:
        capabilities = int(fields.get("capabilities", b"0"), 16)
        elements = ieee80211.Elements.parse(
            bytes.fromhex(fields.get("ie", b"").decode("ascii")), capabilities
        )
        return Bss(
            id=int(fields["id"]),
            bssid=bssid,
            frequency=int(fields["freq"]),
            level=int(fields["level"]),
            age=int(fields.get("age", b"0")),
            ssid=unescape(fields.get("ssid", b"")),
            elements=elements,
        )
    except (KeyError, ValueError):
        raise WpaCtrlError(f"BSS {bssid} cannot be read") from None
