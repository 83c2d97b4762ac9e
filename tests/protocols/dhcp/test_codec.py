import contextlib

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dhcp import DhcpError, DhcpMessage, DhcpOption, MessageType

MAC = bytes.fromhex("4c55cc001122")


def raw(options: bytes, sname: bytes = b"", file: bytes = b"", hlen: int = 6) -> bytes:
    """A reply as it looks on the wire, independent of the codec's own encoder."""
    return (
        bytes((2, 1, hlen, 0))
        + (0x12345678).to_bytes(4)
        + bytes(8)
        + bytes((10, 10, 10, 7))
        + bytes(8)
        + MAC.ljust(16, b"\0")
        + sname.ljust(64, b"\0")
        + file.ljust(128, b"\0")
        + b"\x63\x82\x53\x63"
        + options
    )


def test_an_offer_reads_as_it_was_written_by_hand() -> None:
    message = DhcpMessage.decode(
        raw(
            b"\x35\x01\x02" + b"\x36\x04\x0a\x0a\x0a\x01" + b"\x00\x00"
            b"\x33\x04\x00\x01\x51\x80" + b"\x3a\x04\x00\x00\xa8\xc0" + b"\x3b\x04\x00\x01\x27\x50"
            b"\x01\x04\xff\xff\xff\x00" + b"\x03\x04\x0a\x0a\x0a\x01"
            b"\x06\x08\x0a\x0a\x0a\x01\x08\x08\x08\x08" + b"\x0c\x05gecko" + b"\xff" + bytes(9)
        )
    )
    assert message.message_type is MessageType.OFFER
    assert (message.xid, message.chaddr, message.yiaddr) == (0x12345678, MAC, 0x0A0A0A07)
    assert message.server_id == 0x0A0A0A01
    assert (message.lease_time, message.t1, message.t2) == (86400, 43200, 75600)
    assert message.netmask == 0xFFFFFF00
    assert message.routers == (0x0A0A0A01,)
    assert message.dns == (0x0A0A0A01, 0x08080808)
    assert message.hostname == "gecko"


def test_another_implementation_reads_what_we_write() -> None:
    options = {53: b"\x03", 12: b"gecko", 50: bytes((10, 10, 10, 7)), 55: b"\x01\x03\x06"}
    data = DhcpMessage(1, 0xDEADBEEF, MAC, options, secs=3, broadcast=True).encode()
    theirs = dpkt.dhcp.DHCP(data)
    assert (theirs.op, theirs.xid, theirs.secs, theirs.flags) == (1, 0xDEADBEEF, 3, 0x8000)
    assert theirs.chaddr[:6] == MAC
    assert dict(theirs.opts) == options


def test_we_read_what_another_implementation_writes() -> None:
    theirs = dpkt.dhcp.DHCP(
        op=2,
        xid=7,
        yiaddr=0x0A0A0A07,
        chaddr=MAC,
        opts=((53, b"\x05"), (54, bytes((10, 10, 10, 1))), (56, b"welcome")),
    )
    message = DhcpMessage.decode(bytes(theirs))
    assert message.message_type is MessageType.ACK
    assert (message.xid, message.yiaddr, message.server_id) == (7, 0x0A0A0A07, 0x0A0A0A01)
    assert message.message == "welcome"


def test_short_messages_are_padded_for_relays() -> None:
    assert len(DhcpMessage(1, 0, MAC, {53: b"\x01"}).encode()) == 300


def test_an_option_in_pieces_is_one_option() -> None:
    assert DhcpMessage.decode(raw(b"\x0c\x03gec\x35\x01\x02\x0c\x02ko\xff")).hostname == "gecko"


def test_a_long_option_goes_out_in_pieces() -> None:
    value = bytes(range(256)) * 3
    data = DhcpMessage(1, 0, MAC, {43: value}).encode()
    assert [len(v) for code, v in dpkt.dhcp.DHCP(data).opts] == [255, 255, 255, 3]
    assert DhcpMessage.decode(data).options == {43: value}


def test_options_run_on_into_file_and_then_sname() -> None:
    message = DhcpMessage.decode(
        raw(b"\x34\x01\x03\x0c\x01a\xff", sname=b"\x0c\x01c\xff", file=b"\x0c\x01b\x35\x01\x02\xff")
    )
    assert message.options == {12: b"abc", 53: b"\x02"}


def test_header_names_are_no_options_unless_said_so() -> None:
    assert DhcpMessage.decode(raw(b"\x35\x01\x02\xff", file=b"\x0c\x01b")).options == {53: b"\x02"}


def test_overload_within_overload_is_not_followed() -> None:
    message = DhcpMessage.decode(
        raw(b"\x34\x01\x01\xff", file=b"\x34\x01\x02\x35\x01\x02\xff", sname=b"\x0c\x01x\xff")
    )
    assert message.options == {53: b"\x02"}


def test_a_missing_end_is_forgiven() -> None:
    assert DhcpMessage.decode(raw(b"\x35\x01\x02")).message_type is MessageType.OFFER


def test_values_of_the_wrong_size_read_as_absent() -> None:
    message = DhcpMessage.decode(raw(b"\x36\x03\x0a\x0a\x0a\x33\x00\x35\x02\x01\x01\x3d\x01x\xff"))
    assert message.server_id is None
    assert message.lease_time is None
    assert message.message_type is None
    assert message.client_id is None
    assert DhcpMessage.decode(raw(b"\x06\x06\x0a\x0a\x0a\x01\x08\x08\xff")).dns == (0x0A0A0A01,)


def test_texts_are_safe_to_print() -> None:
    assert DhcpMessage.decode(raw(b"\x38\x07\x1b[2Jab\x00\xff")).message == "?[2Jab"
    assert DhcpMessage.decode(raw(b"\x0c\x02\xff\xfe\xff")).hostname == "\ufffd\ufffd"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(239),
        bytes(300),  # no cookie
        raw(b"\x35"),
        raw(b"\x35\x02\x01"),
        raw(b"\xff", hlen=17),
        raw(b"\x34\x01\x01\xff", file=b"\x0c\xff"),
        raw(bytes(64_000)),
    ],
)
def test_what_is_no_message_is_an_error(data: bytes) -> None:
    with pytest.raises(DhcpError):
        DhcpMessage.decode(data)


@pytest.mark.parametrize(
    "message",
    [
        DhcpMessage(1, 1 << 32, MAC),
        DhcpMessage(1, 0, bytes(17)),
        DhcpMessage(1, 0, MAC, {0: b""}),
        DhcpMessage(1, 0, MAC, {255: b""}),
        DhcpMessage(1, 0, MAC, {52: b"\1"}),
        DhcpMessage(1, 0, MAC, {43: bytes(5000)}),
    ],
)
def test_what_does_not_fit_is_the_callers_mistake(message: DhcpMessage) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        message.encode()
    assert not isinstance(caught.value, DhcpError)


def touch_everything(data: bytes) -> None:
    with contextlib.suppress(DhcpError):
        message = DhcpMessage.decode(data)
        for name in dir(DhcpMessage):
            if not name.startswith("_"):
                getattr(message, name)


@given(st.binary(max_size=700))
def test_any_bytes_give_a_message_or_an_error(data: bytes) -> None:
    touch_everything(data)


@given(st.binary(max_size=300), st.binary(max_size=64), st.binary(max_size=128))
def test_any_options_give_a_message_or_an_error(options: bytes, sname: bytes, file: bytes) -> None:
    touch_everything(raw(options, sname, file))
    touch_everything(raw(b"\x34\x01\x03" + options, sname, file))


WORD = st.integers(0, 0xFFFFFFFF)
OPTIONS = st.dictionaries(
    st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=600), max_size=6
)
MESSAGES = st.builds(
    DhcpMessage,
    op=st.integers(0, 255),
    xid=WORD,
    chaddr=st.binary(max_size=16),
    options=OPTIONS,
    secs=st.integers(0, 0xFFFF),
    broadcast=st.booleans(),
    ciaddr=WORD,
    yiaddr=WORD,
    siaddr=WORD,
    giaddr=WORD,
    htype=st.integers(0, 255),
)


@given(MESSAGES)
def test_encode_then_decode_is_the_same_message(message: DhcpMessage) -> None:
    assert DhcpMessage.decode(message.encode()) == message


def test_option_codes_are_plain_numbers() -> None:
    assert DhcpMessage.decode(
        DhcpMessage(1, 0, MAC, {DhcpOption.HOSTNAME: b"x"}).encode()
    ).options == {12: b"x"}
