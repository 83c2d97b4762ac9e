"""Frames in: every case whole, byte by byte and cut anywhere; and what the table does not say."""

import os
import random
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.websocket_cases import (
    BINARY,
    CASES,
    CLOSE,
    MUCH,
    PING,
    TEXT,
    Case,
    Frame,
    cont,
    fragments,
    text,
)

from tokay.protocols.websocket import FrameReceiver, WebSocketError, parse_close

Outcome = tuple[bytes, list[bytes], int | None]


def hear(receiver: FrameReceiver, chunks: Iterable[bytes]) -> Outcome:
    """Return the bytes of messages, the payloads of pings, and the close code or error."""
    data = bytearray()
    pings: list[bytes] = []
    try:
        for chunk in chunks:
            whole = receiver.read_single(chunk)
            pieces = receiver.receive(chunk) if whole is None else [(BINARY, whole, True)]
            for opcode, payload, _end in pieces:
                if opcode == CLOSE:
                    return bytes(data), pings, parse_close(payload)[0]
                if opcode == PING:
                    pings.append(payload)
                elif opcode in (TEXT, BINARY):
                    data += payload
    except WebSocketError as error:
        return bytes(data), pings, error.code
    return bytes(data), pings, None


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def check(case: Case, outcome: Outcome) -> None:
    data, pings, code = outcome
    if case.data is not None:
        assert data == case.data
        assert pings == case.pongs
    assert code in case.close


@pytest.mark.parametrize("masked", [True, False], ids=["server", "client"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, masked: bool) -> None:
    wire = case.encode(masked)
    check(case, hear(FrameReceiver(masked=masked), [wire]))
    if len(wire) < 10000:
        check(case, hear(FrameReceiver(masked=masked), bytewise(wire)))
    check(case, hear(FrameReceiver(masked=masked), cut(wire)))


def cut(wire: bytes) -> list[bytes]:
    dice, pieces = random.Random(1), []
    while wire:
        size = dice.choice((1, 2, 3, 7, 13, 100, 1400))
        pieces.append(wire[:size])
        wire = wire[size:]
    return pieces


@pytest.mark.parametrize("masked", [True, False], ids=["server", "client"])
@pytest.mark.parametrize("case", MUCH, ids=lambda case: case.name)
def test_much(case: Case, masked: bool) -> None:
    wire = case.encode(masked)
    check(case, hear(FrameReceiver(masked=masked), [wire]))
    pieces = [wire[at : at + 65536] for at in range(0, len(wire), 65536)]
    check(case, hear(FrameReceiver(masked=masked), pieces))


def test_much_in_odd_pieces() -> None:
    """Unmasks at every offset of the mask."""
    for size in (383, 384, 385, 1000, 65535, 65536, 65537, 200001):
        payload = os.urandom(size)
        wire = Frame(BINARY, payload).encode(masked=True) + Frame(CLOSE).encode(masked=True)
        for chunks in ([wire], cut(wire), [wire[:501], wire[501:]]):
            assert hear(FrameReceiver(masked=True), chunks) == (payload, [], 1005)


# What the sections leave out.


@pytest.mark.parametrize("masked", [True, False], ids=["server", "client"])
def test_the_wrong_mask(masked: bool) -> None:
    for frame in (Frame(BINARY, b"x"), Frame(BINARY), Frame(PING), Frame(CLOSE), cont(b"")):
        wire = frame.encode(not masked)
        for chunks in ([wire], bytewise(wire)):
            assert hear(FrameReceiver(masked=masked), chunks) == (b"", [], 1002)


@pytest.mark.parametrize(
    "length",
    [
        b"\x7e\x00\x00", b"\x7e\x00\x7d", b"\x7f" + bytes(8), b"\x7f" + (65535).to_bytes(8, "big"),
        b"\x7f\x80" + bytes(7), b"\x7f" + b"\xff" * 8,
    ],
)  # fmt: skip
def test_a_length_in_the_wrong_form(length: bytes) -> None:
    wire = bytes((0x82, length[0] | 0x80)) + length[1:] + bytes(4)
    for chunks in ([wire], bytewise(wire)):
        assert hear(FrameReceiver(masked=True), chunks) == (b"", [], 1002)


def test_a_frame_of_any_length_is_begun() -> None:
    """What has come is given, and what a header promises takes no memory."""
    receiver = FrameReceiver(masked=False)
    assert list(receiver.receive(b"\x82\x7f\x7f" + b"\xff" * 7)) == []
    for _ in range(100):
        assert list(receiver.receive(bytes(1000))) == [(BINARY, bytes(1000), False)]


def test_a_bound_on_messages() -> None:
    exact = [text(b"x" * 1000)]
    parted = fragments(TEXT, b"x" * 1000, 300)
    for frames in (exact, parted):
        wire = b"".join(frame.encode(True) for frame in frames)
        assert hear(FrameReceiver(masked=True, max_size=1000), [wire]) == (b"x" * 1000, [], None)
        assert hear(FrameReceiver(masked=True, max_size=999), [wire])[2] == 1009
        # One message after the other: each has the bound to itself.
        assert hear(FrameReceiver(masked=True, max_size=1000), [wire] * 3) == (
            b"x" * 3000,
            [],
            None,
        )
    # Known by its header: none of it is waited for.
    assert hear(FrameReceiver(masked=False, max_size=10), [b"\x82\x0b"])[2] == 1009
    assert (
        hear(FrameReceiver(masked=True, max_size=5), [Frame(BINARY, b"123456").encode(True)])[2]
        == 1009
    )


def test_text_in_pieces_of_a_frame() -> None:
    """A wrong byte is found when it comes, not at the end of its frame."""
    receiver = FrameReceiver(masked=False)
    assert hear(receiver, [b"\x81\x7e\x01\x00good", b"\xff"]) == (b"good", [], 1007)


def test_ends_of_messages_are_told() -> None:
    wire = b"".join(
        frame.encode(True)
        for frame in (
            text(b"a", False),
            Frame(PING, b"p"),
            cont(b"b"),
            text(b""),
            Frame(BINARY, b"c"),
        )
    )
    assert list(FrameReceiver(masked=True).receive(wire)) == [
        (TEXT, b"a", False),
        (PING, b"p", True),
        (TEXT, b"b", True),
        (TEXT, b"", True),
        (BINARY, b"c", True),
    ]


@pytest.mark.parametrize("masked", [True, False], ids=["server", "client"])
def test_one_whole_message(masked: bool) -> None:
    for size in (0, 1, 3, 64, 125, 126, 127, 1000, 65535):
        wire = Frame(BINARY, b"x" * size).encode(masked)
        assert FrameReceiver(masked=masked).read_single(wire) == b"x" * size
        for other in (wire[:-1], wire + b"\x82", wire[1:], b""):
            assert FrameReceiver(masked=masked).read_single(other) is None
    for frame in (
        Frame(BINARY, b"x" * 65536),
        text(b"x"),
        text(b"x" * 200),
        Frame(BINARY, b"x", False),
        cont(b"x"),
    ):
        assert FrameReceiver(masked=masked).read_single(frame.encode(masked)) is None
    # Not within a message, not behind half a header, not beyond the bound.
    wire = Frame(BINARY, b"12345").encode(masked)
    receiver = FrameReceiver(masked=masked)
    list(receiver.receive(text(b"x", False).encode(masked)))
    assert receiver.read_single(wire) is None
    receiver = FrameReceiver(masked=masked)
    list(receiver.receive(wire[:1]))
    assert receiver.read_single(wire) is None
    assert FrameReceiver(masked=masked, max_size=4).read_single(wire) is None
    wire = Frame(BINARY, b"x" * 126).encode(masked)
    assert FrameReceiver(masked=masked, max_size=125).read_single(wire) is None
    # A length in the wrong form is left to receive().
    wrong = bytes((0x82, 0x7E | masked << 7, 0, 5)) + bytes(4 if masked else 0) + b"12345"
    assert FrameReceiver(masked=masked).read_single(wrong) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200), st.booleans(), st.integers(1, 8))
def test_any_bytes(data: bytes, masked: bool, size: int) -> None:
    """Pieces or the named error, and the same however it is cut."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for head in (b"", b"\x81\x85\0\0\0\0hello"):
        whole = hear(FrameReceiver(masked=masked, max_size=150), [head + data])
        assert hear(FrameReceiver(masked=masked, max_size=150), [head, *pieces]) == whole
