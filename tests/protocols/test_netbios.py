"""The NetBIOS name service: names, and what is answered."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols import netbios

STATION = netbios.NetbiosStation("anole", IPv4Address("10.0.0.5"), bytes.fromhex("4C55CC000001"))
NB, NBSTAT = 0x20, 0x21


def find(name: bytes) -> netbios.NetbiosStation | None:
    return STATION if name == b"anole" else None


def request(
    name: bytes, kind: int = NB, *, flags: int = 0x0110, cls: int = 1, questions: int = 1
) -> bytes:
    header = struct.pack("!6H", 77, flags, questions, 0, 0, 0)
    return header + name + struct.pack("!2H", kind, cls)


OURS = netbios.encode_name("anole")
ANYBODY = b"\x20" + b"CK" + b"A" * 30 + b"\0"


def test_names() -> None:
    # RFC 1001 section 14.1: "FRED            " is EGFCEFEECACACACACACACACACACACACA.
    fred = netbios.encode_name("fred", 0x20)
    assert fred == b"\x20EGFCEFEECACACACACACACACACACACACA\0"
    assert netbios.decode_name(fred) == (b"FRED" + b" " * 12, 34)
    with pytest.raises(ValueError, match="16 characters"):
        netbios.encode_name("a" * 16)


@pytest.mark.parametrize("suffix", [0x00, 0x20])
def test_our_name(suffix: int) -> None:
    name = netbios.encode_name("Anole", suffix)
    answer = netbios.answer(request(name), find)
    assert answer is not None
    assert answer[:12] == struct.pack("!6H", 77, 0x8500, 0, 1, 0, 0)
    assert answer[12:46] == name
    kind, cls, _, size = struct.unpack("!2HIH", answer[46:56])
    assert (kind, cls, size) == (NB, 1, 6)
    assert answer[56:] == b"\0\0" + STATION.address.packed


@pytest.mark.parametrize("name", [ANYBODY, OURS], ids=["anybody", "ours"])
def test_what_names_there_are(name: bytes) -> None:
    answer = netbios.answer(request(name, NBSTAT, flags=0), find, STATION)
    assert answer is not None
    assert answer[56] == 2
    assert answer[57:75] == b"ANOLE          \0\x04\0"
    assert answer[75:93] == b"ANOLE          \x20\x04\0"
    assert answer[93:99] == STATION.mac
    assert len(answer) == 139
    assert len(answer) < 3 * len(request(name, NBSTAT))
    assert netbios.answer(request(name, NBSTAT), find) is None, "to everybody"


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        request(netbios.encode_name("gecko")),
        request(netbios.encode_name("anole", 0x1D)),
        request(OURS, flags=0x8500),
        request(OURS, flags=0x2910),
        request(OURS, cls=2),
        request(OURS, kind=1),
        request(OURS, questions=2),
        request(OURS)[:-1],
        request(OURS[:-1] + b"\3abc\0"),
        request(b"\xc0\x0c"),
        request(b"\x20" + b"z" * 32 + b"\0"),
    ],
    ids=[
        "nothing", "another name", "a browser's name", "a response", "a registration",
        "another class", "another type", "two questions", "cut off", "a scope", "a pointer",
        "no letters",
    ],
)  # fmt: skip
def test_silence(datagram: bytes) -> None:
    assert netbios.answer(datagram, find, STATION) is None


@given(st.binary(max_size=300))
def test_any_bytes_will_do(data: bytes) -> None:
    for prefix in (b"", request(OURS)[:12], request(OURS)[:46]):
        netbios.answer(prefix + data, find, STATION)
