"""ICMP echo."""

from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.icmp import echo_request, is_reply
from tokay.protocols.ipv4 import checksum


def reply(sequence: int, payload: bytes) -> bytes:
    return b"\0" + echo_request(7, sequence, payload)[1:]


def test_a_request_has_its_checksum() -> None:
    assert checksum(echo_request(1, 2, b"payload")) == 0


def test_a_reply_is_known_with_and_without_a_header() -> None:
    packet = reply(5, b"mine")
    assert is_reply(packet, 5, b"mine")
    assert is_reply(b"\x45" + bytes(19) + packet, 5, b"mine")
    assert not is_reply(packet, 6, b"mine")
    assert not is_reply(packet, 5, b"yours")
    assert not is_reply(echo_request(7, 5, b"mine"), 5, b"mine")


@given(st.binary(max_size=64))
def test_any_bytes(packet: bytes) -> None:
    is_reply(packet, 1, b"payload")
