"""RFC 2217, the end that has the port: what a client asks, and what it is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.rfc2217 import (
    PRESENT,
    SIGNATURE,
    ComPort,
    ComPortSettings,
    Event,
    FlowSuspend,
    Parity,
    Purge,
)
from tokay.protocols.telnet import COM_PORT, Subnegotiation, Telnet, escape

WILL_COM_PORT = b"\xff\xfb\x2c"


def said(data: bytes) -> bytes:
    return b"\xff\xfa\x2c" + escape(data) + b"\xff\xf0"


def asked(port: ComPort, data: bytes) -> tuple[list[Event], list[bytes]]:
    """Let a client say something within the option; return the events and the answers."""
    events = port.receive(said(data))
    answers = [one.data for one in Telnet().receive(port.data_to_send())
               if isinstance(one, Subnegotiation) and one.option == COM_PORT]  # fmt: skip
    return events, answers


@pytest.fixture
def port() -> ComPort:
    port = ComPort()
    port.data_to_send()
    return port


def test_it_begins_like_a_terminal_server() -> None:
    assert ComPort().data_to_send() == (
        b"\xff\xfb\x03"  # WILL SUPPRESS-GO-AHEAD
        b"\xff\xfb\x01"  # WILL ECHO
        b"\xff\xfb\x00"  # WILL BINARY
        b"\xff\xfd\x00"  # DO BINARY
    )


def test_the_option_is_agreed_on_and_the_device_is_there(port: ComPort) -> None:
    assert port.receive(WILL_COM_PORT) == []
    assert port.data_to_send() == b"\xff\xfd\x2c" + said(bytes((107, PRESENT)))


def test_bytes_pass(port: ComPort) -> None:
    every = bytes(range(256))
    assert b"".join(one for one in port.receive(escape(every)) if isinstance(one, bytes)) == every
    assert port.data_to_send() == b""


@pytest.mark.parametrize(
    ("ask", "answer", "line"),
    [
        (b"\x01\x00\x00\x25\x80", b"\x65\x00\x00\x25\x80", ComPortSettings(baud=9600)),
        (b"\x01\x00\x00\xff\xff", b"\x65\x00\x00\xff\xff", ComPortSettings(baud=65535)),
        (b"\x01\x00\x00\x00\x00", b"\x65\x00\x01\xc2\x00", None),
        (b"\x02\x07", b"\x66\x07", ComPortSettings(data=7)),
        (b"\x02\x00", b"\x66\x08", None),
        (b"\x02\x09", b"\x66\x08", None),
        (b"\x03\x02", b"\x67\x02", ComPortSettings(parity=Parity.ODD)),
        (b"\x03\x05", b"\x67\x05", ComPortSettings(parity=Parity.SPACE)),
        (b"\x03\x06", b"\x67\x01", None),
        (b"\x04\x02", b"\x68\x02", ComPortSettings(stop=2)),
        (b"\x04\x03", b"\x68\x03", ComPortSettings(stop=3)),
        (b"\x04\x04", b"\x68\x01", None),
        (b"\x05\x00", b"\x69\x01", None),
        (b"\x05\x03", b"\x69\x03", ComPortSettings(flow=3)),
        (b"\x05\x05", b"\x69\x05", ComPortSettings(breaking=True)),
        (b"\x05\x04", b"\x69\x06", None),
        (b"\x05\x07", b"\x69\x08", None),
        (b"\x05\x09", b"\x69\x09", ComPortSettings(dtr=False)),
        (b"\x05\x0a", b"\x69\x0b", None),
        (b"\x05\x0c", b"\x69\x0c", ComPortSettings(rts=False)),
        (b"\x05\x0d", b"\x69\x0e", None),
        (b"\x05\x10", b"\x69\x10", None),
        (b"\x05\x63", b"\x69\x01", None),
        (b"\x07", bytes((107, PRESENT)), None),
        (b"\x0a\x05", b"\x6e\x05", None),
        (b"\x0b\xff", b"\x6f\xff", None),
        (b"\x00", b"\x64" + SIGNATURE, None),
        # Half of what should be there.
        (b"\x01", b"\x65\x00\x01\xc2\x00", None),
        (b"\x01\x12", b"\x65\x00\x00\x00\x12", ComPortSettings(baud=18)),
        (b"\x05", b"\x69\x01", None),
    ],
)
def test_what_a_client_asks(
    port: ComPort, ask: bytes, answer: bytes, line: ComPortSettings | None
) -> None:
    assert asked(port, ask) == ([line] if line else [], [answer])
    assert port.line == (line or ComPortSettings())


def test_what_was_set_is_what_holds(port: ComPort) -> None:
    for ask in (b"\x01\x00\x00\x25\x80", b"\x02\x07", b"\x03\x03", b"\x04\x02", b"\x05\x0c"):
        asked(port, ask)
    assert port.line == ComPortSettings(baud=9600, data=7, parity=Parity.EVEN, stop=2, rts=False)
    assert asked(port, b"\x05\x0a") == ([], [b"\x69\x0c"])
    assert asked(port, b"\x01\0\0\0\0") == ([], [b"\x65\x00\x00\x25\x80"])
    assert asked(port, b"\x05\x0c") == ([], [b"\x69\x0c"])


@pytest.mark.parametrize("nothing", [b"\x00a client's name", b"\x6b\x10", b"\x55", b"\xff", b""])
def test_what_needs_no_answer(port: ComPort, nothing: bytes) -> None:
    assert asked(port, nothing) == ([], [])


def test_silence_and_purge(port: ComPort) -> None:
    assert asked(port, b"\x08") == ([FlowSuspend.YES], [])
    assert asked(port, b"\x09") == ([FlowSuspend.NO], [])
    assert asked(port, b"\x0c\x03") == ([Purge.BOTH], [b"\x70\x03"])
    assert asked(port, b"\x0c\x07") == ([], [b"\x70\x07"])


def test_the_modem_state_as_far_as_it_is_wanted(port: ComPort) -> None:
    asked(port, b"\x0b\x10")
    assert asked(port, b"\x07") == ([], [b"\x6b\x10"])


def test_a_break_of_telnet(port: ComPort) -> None:
    assert port.receive(b"a\xff\xf3b") == [
        b"a",
        ComPortSettings(breaking=True),
        ComPortSettings(),
        b"b",
    ]


def test_what_belongs_to_another_option(port: ComPort) -> None:
    assert port.receive(b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0") == []
    assert port.data_to_send() == b""


@given(st.lists(st.one_of(st.binary(max_size=9), st.binary(max_size=6).map(said))).map(b"".join))
def test_any_bytes(data: bytes) -> None:
    whole, single = ComPort(), ComPort()
    events = whole.receive(data)
    pieces = [event for byte in data for event in single.receive(bytes((byte,)))]
    assert _text(events) == _text(pieces)
    assert [one for one in events if not isinstance(one, bytes)] == [
        one for one in pieces if not isinstance(one, bytes)
    ]
    answer = whole.data_to_send()
    assert answer == single.data_to_send()
    # An answer is never much longer than what asked for it.
    assert len(answer) <= 12 + 13 * len(data)


def _text(events: list[Event]) -> bytes:
    return b"".join(one for one in events if isinstance(one, bytes))
