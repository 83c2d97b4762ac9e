import contextlib
from ipaddress import IPv4Address

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.arp import REPLY, REQUEST, Arp, ArpError, announcement, contests, probe

OURS, THEIRS = bytes.fromhex("02544f4b4159"), bytes.fromhex("020000000001")
ADDRESS, OTHER = IPv4Address("10.9.0.50"), IPv4Address("10.9.0.1")
macs = st.binary(min_size=6, max_size=6)
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
packets = st.builds(Arp, st.integers(0, 65535), macs, addresses, macs, addresses)


@given(packets, st.binary(max_size=18))
def test_what_is_written_is_read_back(packet: Arp, padding: bytes) -> None:
    assert Arp.decode(packet.encode() + padding) == packet


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ArpError):
        Arp.decode(data)


def test_another_reader_agrees() -> None:
    packet = dpkt.arp.ARP(announcement(OURS, ADDRESS).encode())
    assert (packet.op, packet.sha, packet.spa, packet.tpa) == (
        dpkt.arp.ARP_OP_REQUEST, OURS, ADDRESS.packed, ADDRESS.packed,
    )  # fmt: skip


def test_a_probe_claims_nothing() -> None:
    packet = probe(OURS, ADDRESS)
    assert packet.sender == IPv4Address(0)
    assert (packet.operation, packet.target) == (REQUEST, ADDRESS)


@pytest.mark.parametrize(
    ("packet", "contested"),
    [
        (Arp(REPLY, THEIRS, ADDRESS, OURS, IPv4Address(0)), True),
        (announcement(THEIRS, ADDRESS), True),
        (probe(THEIRS, ADDRESS), True),  # two at once: neither may have it
        (probe(OURS, ADDRESS), False),  # our own, come back to us
        (Arp(REQUEST, THEIRS, OTHER, bytes(6), ADDRESS), False),  # somebody else asks as well
        (probe(THEIRS, OTHER), False),
    ],
)
def test_who_contests_an_address(packet: Arp, contested: bool) -> None:
    assert contests(packet, OURS, ADDRESS) is contested
