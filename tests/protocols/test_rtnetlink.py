import contextlib
from ipaddress import IPv4Address, IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.netlink import (
    DONE,
    NetlinkError,
    NetlinkFlag,
    encode_request,
    error_number,
    parse_messages,
)
from tokay.protocols.rtnetlink import (
    PROTOCOL,
    NetlinkType,
    address_body,
    default_route_body,
    link_body,
    read_address,
    read_default_route,
    read_link,
)

ADDRESS = IPv4Interface("10.9.0.50/24")
READERS = (read_link, read_address, read_default_route)


def test_what_is_asked_for_is_read_back() -> None:
    address = read_address(address_body(7, ADDRESS, 99))
    assert address == (7, ADDRESS, PROTOCOL)
    route = read_default_route(default_route_body(7, IPv4Address("10.9.0.1"), ADDRESS.ip, 99))
    assert route == (7, IPv4Address("10.9.0.1"), 99, ADDRESS.ip)
    link = read_link(link_body(7, up=True))
    assert (link.ifindex, link.up, link.carrier) == (7, True, False)


def test_messages_are_told_apart_by_their_lengths() -> None:
    first = encode_request(NetlinkType.NEWADDR, NetlinkFlag.ACK, 1, b"abc")
    second = encode_request(DONE, NetlinkFlag(0), 2, b"")
    assert [(it.kind, it.sequence, it.body) for it in parse_messages(first + b"\0" + second)] == [
        (NetlinkType.NEWADDR, 1, b"abc"),
        (DONE, 2, b""),
    ]


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        for answer in parse_messages(data):
            error_number(answer.body)
    except NetlinkError:
        pass
    for read in READERS:
        with contextlib.suppress(NetlinkError):
            read(data)


@given(st.data())
def test_a_damaged_body_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(
        [address_body(7, ADDRESS, 9), default_route_body(7, ADDRESS.ip, ADDRESS.ip, 9)]
    )))  # fmt: skip
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for read in READERS:
        with contextlib.suppress(NetlinkError):
            read(bytes(body))


def test_an_attribute_of_no_length_ends_the_reading() -> None:
    with pytest.raises(NetlinkError, match="attribute length"):
        read_link(link_body(7) + bytes(4))
