import contextlib
from ipaddress import IPv4Address

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.ipv4 import Datagram, Ipv4Error, build_udp, checksum, parse_udp

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ports = st.integers(0, 65535)
datagrams = st.builds(Datagram, addresses, ports, addresses, ports, st.binary(max_size=600))
EXAMPLE = Datagram(IPv4Address("10.0.0.1"), 67, IPv4Address("255.255.255.255"), 68, b"offer")


def words(data: bytes) -> int:
    """Return the checksum as RFC 1071, section 4.1, computes it."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(max_size=80))
def test_the_checksum_is_that_of_the_rfc(data: bytes) -> None:
    assert checksum(data) == words(data)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\0" * 20, b"\xff" * 20, b"\xff\xff", b"\0\1\xff\xfe"]
)
def test_the_checksum_at_its_edges(data: bytes) -> None:
    assert checksum(data) == words(data)


@given(datagrams)
def test_what_is_built_is_read_back(datagram: Datagram) -> None:
    assert parse_udp(build_udp(datagram)) == datagram


@given(datagrams)
def test_another_reader_agrees(datagram: Datagram) -> None:
    packet = dpkt.ip.IP(build_udp(datagram))
    assert packet.data.sport == datagram.source_port
    assert packet.data.dport == datagram.port
    assert packet.data.data == datagram.payload
    built = bytes(packet)
    packet.sum = packet.data.sum = 0  # have dpkt compute both
    assert bytes(packet) == built


@given(datagrams, st.binary(max_size=46))
def test_padding_does_not_matter(datagram: Datagram, padding: bytes) -> None:
    assert parse_udp(build_udp(datagram) + padding) == datagram


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, verify: bool) -> None:
    with contextlib.suppress(Ipv4Error):
        parse_udp(data, verify=verify)


@given(datagrams, st.data())
def test_no_flipped_bit_gets_through(datagram: Datagram, data: st.DataObject) -> None:
    packet = bytearray(build_udp(datagram))
    bit = data.draw(st.integers(0, len(packet) * 8 - 1))
    packet[bit // 8] ^= 1 << bit % 8
    try:
        assert parse_udp(bytes(packet)) != datagram
    except Ipv4Error:
        return
    # Only the bits that say that there is no checksum could, and one flip makes none of them.
    pytest.fail("a damaged packet was taken")


def test_a_checksum_left_to_the_card_is_not_looked_at() -> None:
    packet = bytearray(build_udp(EXAMPLE))
    packet[26] ^= 1
    with pytest.raises(Ipv4Error, match="UDP checksum"):
        parse_udp(bytes(packet))
    assert parse_udp(bytes(packet), verify=False) == EXAMPLE


def test_a_sender_may_leave_the_checksum_out() -> None:
    packet = bytearray(build_udp(EXAMPLE))
    packet[26:28] = b"\0\0"
    assert parse_udp(bytes(packet)) == EXAMPLE


def test_options_in_the_header_are_skipped() -> None:
    packet = build_udp(EXAMPLE)
    head = bytearray(packet[:20] + b"\1\1\1\0")
    head[0] = 0x46
    head[2:4] = (len(packet) + 4).to_bytes(2)
    head[10:12] = b"\0\0"
    head[10:12] = checksum(bytes(head)).to_bytes(2)
    assert parse_udp(bytes(head) + packet[20:]) == EXAMPLE


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (0, 0x65, "contradicts"),
        (0, 0x44, "contradicts"),
        (2, 0xFF, "contradicts"),
        (6, 0x20, "whole"),
        (7, 1, "whole"),
        (9, 6, "whole"),
        (24, 0xFF, "UDP length"),
    ],
)
def test_what_is_no_whole_datagram_is_refused(at: int, value: int, why: str) -> None:
    packet = bytearray(build_udp(EXAMPLE))
    packet[at] = value
    packet[10:12] = b"\0\0"
    packet[10:12] = checksum(bytes(packet[:20])).to_bytes(2)
    with pytest.raises(Ipv4Error, match=why):
        parse_udp(bytes(packet))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        build_udp(EXAMPLE._replace(payload=bytes(65508)))
    with pytest.raises(ValueError, match="too large"):
        build_udp(EXAMPLE._replace(port=65536))
    assert len(build_udp(EXAMPLE._replace(payload=bytes(65507)))) == 65535
