"""LLMNR: what is answered, and all that is not. dnspython reads the answers."""

from ipaddress import IPv4Address

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols import llmnr

OURS = {b"anole": IPv4Address("10.0.0.5")}


def query(name: str, type: str = "A", **changes: int) -> bytes:
    message = dns.message.make_query(name, type, id=77, flags=changes.get("flags", 0))
    return message.to_wire()


@pytest.mark.parametrize("name", ["anole.", "ANOLE.", "Anole", "anole.local", "ANOLE.LOCAL."])
def test_our_name(name: str) -> None:
    answer = llmnr.answer(query(name), OURS.get)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert message.id == 77
    assert message.flags == 0x8000  # nothing but QR
    (rrset,) = message.answer
    assert (rrset.ttl, [str(one) for one in rrset]) == (30, ["10.0.0.5"])
    assert str(message.question[0].name).rstrip(".") == name.rstrip(".")
    assert len(answer) <= len(query(name)) + 16


@pytest.mark.parametrize("type", ["AAAA", "PTR", "TXT"])
def test_there_is_nothing_else(type: str) -> None:
    answer = llmnr.answer(query("anole", type), OURS.get)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert message.rcode() == 0
    assert not message.answer


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        query("gecko"),
        query("anole.lan"),
        query("my.anole.local"),
        query("local"),
        query("."),
        query("anole", flags=0x8000),
        query("anole", flags=0x0400),
        query("anole", flags=0x2800),
        query("anole")[:-1],
        query("anole") + bytes(600),
        query("anole")[:5] + b"\2" + query("anole")[6:] + query("anole")[12:],
    ],
    ids=[
        "nothing", "another name", "two labels", "three labels",
        "no label", "the root", "a response", "conflict",
        "an update", "cut off", "too long", "two questions",
    ],
)  # fmt: skip
def test_silence(datagram: bytes) -> None:
    assert llmnr.answer(datagram, OURS.get) is None


@given(st.binary(max_size=600))
def test_any_bytes_will_do(data: bytes) -> None:
    llmnr.answer(data, OURS.get)
    llmnr.answer(query("anole")[:12] + data, OURS.get)
