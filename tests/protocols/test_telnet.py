"""The telnet layer: what bytes mean, what is answered, and what a hostile peer cannot do."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokay.protocols.telnet import (
    ARE_YOU_THERE,
    BINARY,
    BREAK,
    COM_PORT,
    ECHO,
    LINEMODE,
    MAX_SUBNEGOTIATION,
    SUPPRESS_GO_AHEAD,
    WINDOW_SIZE,
    Event,
    OptionEnd,
    Subnegotiation,
    Telnet,
    TelnetCommand,
    TelnetOption,
    escape,
)

WILL, WONT, DO, DONT = b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xfe"
SB, SE = b"\xff\xfa", b"\xff\xf0"


def byte(option: int) -> bytes:
    return bytes((option,))


def told(telnet: Telnet, data: bytes) -> tuple[list[Event], bytes]:
    return telnet.receive(data), telnet.data_to_send()


def merged(events: list[Event]) -> list[Event]:
    """Bytes that stand beside each other as one."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and whole and isinstance(whole[-1], bytes):
            whole[-1] += event
        else:
            whole.append(event)
    return whole


# The channel.


def test_bytes_pass_as_they_are() -> None:
    telnet = Telnet()
    assert told(telnet, b"ver\r\n\0") == ([b"ver\r\n\0"], b"")
    assert told(telnet, b"") == ([], b"")


def test_iac_is_doubled_both_ways() -> None:
    every = bytes(range(256)) + b"\xff\xff"
    assert escape(every).count(b"\xff") == 6
    assert merged(Telnet().receive(escape(every))) == [every]
    assert escape(b"plain") == b"plain"


def test_a_command_between_bytes() -> None:
    assert told(Telnet(), b"a\xff\xf3b\xff\xf6\xff\xffc") == (
        [b"a", TelnetCommand(BREAK), b"b", TelnetCommand(ARE_YOU_THERE), b"\xffc"],
        b"",
    )


# Options.


def test_what_is_not_known_is_refused() -> None:
    telnet = Telnet()
    assert told(telnet, WILL + byte(LINEMODE)) == ([], DONT + byte(LINEMODE))
    assert told(telnet, DO + byte(LINEMODE)) == ([], WONT + byte(LINEMODE))
    assert told(telnet, WONT + byte(LINEMODE) + DONT + byte(LINEMODE)) == ([], b"")


def test_what_is_allowed_is_agreed_to_once() -> None:
    telnet = Telnet(ours=(ECHO,), theirs=(BINARY,))
    on = TelnetOption(OptionEnd.THEIRS, BINARY, on=True)
    assert told(telnet, WILL + byte(BINARY)) == ([on], DO + byte(BINARY))
    assert told(telnet, WILL + byte(BINARY)) == ([], b"")
    assert telnet.is_on(OptionEnd.THEIRS, BINARY)
    assert not telnet.is_on(OptionEnd.OURS, BINARY)
    assert told(telnet, DO + byte(ECHO)) == (
        [TelnetOption(OptionEnd.OURS, ECHO, on=True)],
        WILL + byte(ECHO),
    )
    off = TelnetOption(OptionEnd.OURS, ECHO, on=False)
    assert told(telnet, DONT + byte(ECHO)) == ([off], WONT + byte(ECHO))
    assert told(telnet, DONT + byte(ECHO)) == ([], b"")
    assert not telnet.is_on(OptionEnd.OURS, ECHO)


def test_what_we_ask_for_is_not_answered_again() -> None:
    telnet = Telnet()
    telnet.offer(ECHO)
    telnet.offer(ECHO)
    telnet.ask(WINDOW_SIZE)
    assert telnet.data_to_send() == WILL + byte(ECHO) + DO + byte(WINDOW_SIZE)
    assert told(telnet, DO + byte(ECHO)) == ([TelnetOption(OptionEnd.OURS, ECHO, on=True)], b"")
    assert told(telnet, WONT + byte(WINDOW_SIZE)) == (
        [TelnetOption(OptionEnd.THEIRS, WINDOW_SIZE, on=False)],
        b"",
    )
    telnet.withdraw(ECHO)
    telnet.withdraw(ECHO)
    assert telnet.data_to_send() == WONT + byte(ECHO)
    assert told(telnet, DONT + byte(ECHO)) == ([], b"")


def test_two_ends_agree_and_fall_silent() -> None:
    server = Telnet(ours=(BINARY, ECHO), theirs=(BINARY, COM_PORT))
    client = Telnet(ours=(BINARY, COM_PORT), theirs=(BINARY, ECHO, SUPPRESS_GO_AHEAD))
    server.offer(ECHO)
    server.ask(BINARY)
    client.offer(COM_PORT)
    client.ask(BINARY)
    client.offer(WINDOW_SIZE)
    for _ in range(5):
        client.receive(server.data_to_send())
        server.receive(client.data_to_send())
    assert server.data_to_send() == client.data_to_send() == b""
    for end, other, option in (
        (OptionEnd.OURS, OptionEnd.THEIRS, ECHO),
        (OptionEnd.OURS, OptionEnd.THEIRS, BINARY),
        (OptionEnd.THEIRS, OptionEnd.OURS, BINARY),
        (OptionEnd.THEIRS, OptionEnd.OURS, COM_PORT),
    ):
        assert server.is_on(end, option)
        assert client.is_on(other, option)
    assert not client.is_on(OptionEnd.OURS, WINDOW_SIZE)


# Subnegotiations.


def test_a_subnegotiation() -> None:
    telnet = Telnet()
    sent = SB + byte(COM_PORT) + b"\x01\x00\xff\xff\x00" + SE
    assert told(telnet, b"a" + sent + b"b") == (
        [b"a", Subnegotiation(COM_PORT, b"\x01\x00\xff\x00"), b"b"],
        b"",
    )
    telnet.subnegotiate(COM_PORT, b"\x01\x00\xff\x00")
    assert telnet.data_to_send() == sent


@pytest.mark.parametrize("nothing", [SB + SE, SE, SB + b",\x01" + SB + SE])
def test_a_subnegotiation_of_nothing(nothing: bytes) -> None:
    assert told(Telnet(), nothing + b"on") == ([b"on"], b"")


def test_an_overlong_subnegotiation_is_dropped_whole() -> None:
    telnet = Telnet()
    fits = bytes(MAX_SUBNEGOTIATION - 1)
    assert told(telnet, SB + byte(COM_PORT) + fits + SE) == ([Subnegotiation(COM_PORT, fits)], b"")
    assert telnet.receive(SB + byte(COM_PORT)) == []
    for _ in range(1000):
        assert telnet.receive(bytes(1000)) == []
    assert telnet._sub is not None
    assert len(telnet._sub) <= MAX_SUBNEGOTIATION
    assert telnet.receive(SE + b"on") == [b"on"]


def test_a_command_ends_an_unfinished_subnegotiation() -> None:
    telnet = Telnet(theirs=(BINARY,))
    assert told(telnet, SB + b",half" + WILL + byte(BINARY) + b"on") == (
        [TelnetOption(OptionEnd.THEIRS, BINARY, on=True), b"on"],
        DO + byte(BINARY),
    )


# Any bytes.

PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([WILL, WONT, DO, DONT, SB, SE, b"\xff", b"\xff\xff", b",", b"\0", b"\xff\xf3"]),
)


@given(st.lists(PIECES).map(b"".join), st.lists(st.integers(1, 4)))
@example(b"\xff", [])
@example(SB + b",\xff" + b"\xff" + SE, [1, 1, 1])
def test_it_does_not_matter_how_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    def end() -> Telnet:
        return Telnet(ours=(ECHO, 44), theirs=(BINARY, 44))

    whole = end()
    expected = (merged(whole.receive(data)), whole.data_to_send())
    assert len(expected[1]) <= 3 * len(data)
    for sizes in ([1] * len(data), cuts):
        telnet, events, at = end(), list[Event](), 0
        for size in [*sizes, len(data)]:
            events += telnet.receive(data[at : at + size])
            at += size
        assert (merged(events), telnet.data_to_send()) == expected
