"""The NetBIOS name service: how Windows and Samba find a name by broadcast (RFC 1001, RFC 1002).

A name is fifteen characters, padded with blanks and in upper case, and a sixteenth that says what
it stands for. In a message each half octet is a letter from A to P, which makes a DNS label of 32
(RFC 1001 section 14.1). `answer` gives the response to a request, or None:

| asked | answered |
| --- | --- |
| the address (NB) of a name of ours, as a workstation (00) or a file server (20) | the address |
| the names (NBSTAT) of ours or of `*`, sent to us alone | both names and the MAC address |
| anything else: other names, registrations, releases, responses | silence |

`nbtscan` and `nmblookup -A` ask for the names of `*`. The longest answer is 139 octets, less than
three times the request.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from struct import Struct
from typing import NamedTuple

__all__ = ["MAX_NAME", "PORT", "TTL", "NetbiosStation", "answer", "decode_name", "encode_name"]

PORT = 137
TTL = 300_000
"""Seconds, as Windows says."""
MAX_NAME = 15
WORKSTATION, FILE_SERVER = 0x00, 0x20

_HEADER = Struct("!6H")
_QUESTION = Struct("!2H")
_RECORD = Struct("!2HIH")
_NB, _NBSTAT, _IN = 0x20, 0x21, 1
_RESPONSE, _OPCODE, _AUTHORITATIVE, _RECURSION = 0x8000, 0x7800, 0x0400, 0x0100
_LABEL = 32
_ANYBODY = b"*" + bytes(15)
_ACTIVE = 0x0400  # a unique name of a B node, in use (section 4.2.18)
_STATISTICS = bytes(40)  # what follows the MAC address: counters that nobody reads


class NetbiosStation(NamedTuple):
    """Who has a name, of 15 characters at most."""

    name: str
    address: IPv4Address
    mac: bytes


def encode_name(name: str, suffix: int = WORKSTATION) -> bytes:
    """Return a name as in a message, scope and all. Raises ValueError for a longer one."""
    octets = name.upper().encode("latin-1")
    if len(octets) > MAX_NAME:
        raise ValueError(f"a NetBIOS name of {len(octets)} characters")
    return _encode(octets.ljust(MAX_NAME) + bytes((suffix,)))


def decode_name(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """Return the sixteen octets of the name at a place, and the place after it.

    Raises ValueError: a scope (RFC 1001 section 14.1), a pointer, or no name at all.
    """
    label = data[at + 1 : at + 1 + _LABEL]
    if data[at : at + 1] != b"\x20" or data[at + 33 : at + 34] != b"\0":
        raise ValueError("no NetBIOS name without a scope")
    halves = [octet - 0x41 for octet in label]
    if not all(0 <= half < 16 for half in halves):
        raise ValueError("a letter after P")
    pairs = zip(halves[::2], halves[1::2], strict=True)
    return bytes(high << 4 | low for high, low in pairs), at + 34


def answer(
    datagram: bytes,
    find: Callable[[bytes], NetbiosStation | None],
    anybody: NetbiosStation | None = None,
) -> bytes | None:
    """Return the response to a request, or None for silence; any bytes will do.

    `find` gives the station of a name in lower case, or None for one that is not ours. `anybody` is
    the station that the request was sent to alone, if it was.
    """
    if len(datagram) < _HEADER.size:
        return None
    ident, flags, questions, *_ = _HEADER.unpack_from(datagram)
    if flags & (_RESPONSE | _OPCODE) or questions != 1:
        return None
    try:
        name, at = decode_name(datagram, _HEADER.size)
    except ValueError:
        return None
    if at + _QUESTION.size > len(datagram):
        return None
    kind, cls = _QUESTION.unpack_from(datagram, at)
    text, suffix = name[:MAX_NAME].rstrip(b" \0"), name[MAX_NAME]
    station = find(text.lower()) if suffix in (WORKSTATION, FILE_SERVER) else None
    if cls != _IN:
        return None
    if kind == _NB and station is not None:
        data = bytes(2) + station.address.packed  # flags: a unique name of a B node
        return _respond(ident, flags, name, _NB, TTL, data)
    if kind == _NBSTAT and anybody is not None and (name == _ANYBODY or station == anybody):
        return _respond(ident, flags, name, _NBSTAT, 0, _status(anybody))
    return None


def _status(station: NetbiosStation) -> bytes:
    """Return the names of a station and its MAC address (RFC 1002 section 4.2.18)."""
    name = station.name.upper().encode("latin-1").ljust(MAX_NAME)
    suffixes = (WORKSTATION, FILE_SERVER)
    rows = b"".join(name + bytes((suffix,)) + _ACTIVE.to_bytes(2) for suffix in suffixes)
    return bytes((len(suffixes),)) + rows + station.mac + _STATISTICS


def _respond(ident: int, flags: int, name: bytes, kind: int, ttl: int, data: bytes) -> bytes:
    flags = _RESPONSE | _AUTHORITATIVE | flags & _RECURSION
    header = _HEADER.pack(ident, flags, 0, 1, 0, 0)
    return header + _encode(name) + _RECORD.pack(kind, _IN, ttl, len(data)) + data


def _encode(name: bytes) -> bytes:
    letters = b"".join(bytes((0x41 + (octet >> 4), 0x41 + (octet & 15))) for octet in name)
    return bytes((_LABEL,)) + letters + b"\0"
