"""What a host makes of a console's bytes, whole and in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.console_reader import MAX_LINE, ConsoleReader, Fault, Line
from tokay.protocols.framing import Block, frame

CASES = [
    (b"R000008\r\nSet OK\r\n", [Block("R", 0, b"Set OK")]),
    (b"R000000\r\n", [Block("R", 0, b"")]),
    (b"S100016\r\nCommand failed\r\n", [Block("S", 1, b"Command failed")]),
    (
        b"L000014\r\nFile deleted\r\nR000009\r\nSuccess\r\n",
        [Block("L", 0, b"File deleted"), Block("R", 0, b"Success")],
    ),
    (b"> R000003\r\n1\r\n> ", [Block("R", 0, b"1")]),
    (b"SAFEMODE> S000003\r\n1\r\n", [Block("S", 0, b"1")]),
    (b"> get x\r\nR000003\r\n1\r\n> ", [Line(b"get x"), Block("R", 0, b"1")]),
    (b"\x00\x08R000003\r\n1\r\n", [Line(b"\x00\x08"), Block("R", 0, b"1")]),
    (b"[Ready]\r\nR000003\r\n1\r\n", [Line(b"[Ready]"), Block("R", 0, b"1")]),
    (b"Rebooting\r\n\r\n[Ready]\n", [Line(b"Rebooting"), Line(b"[Ready]")]),
    (b"R000009\r\nR000003\r\n\r\n", [Block("R", 0, b"R000003")]),
    (b"R0000003\r\n", [Line(b"R0000003")]),
]


@pytest.mark.parametrize(("data", "pieces"), CASES)
def test_pieces_whole_and_byte_by_byte(data: bytes, pieces: list[object]) -> None:
    assert ConsoleReader().feed(data) == pieces
    reader = ConsoleReader()
    assert [piece for byte in data for piece in reader.feed(bytes((byte,)))] == pieces


def test_a_lying_length_is_a_fault_and_the_reader_goes_on() -> None:
    reader = ConsoleReader()
    assert isinstance(reader.feed(b"R000004\r\nSet OK\r\n")[0], Fault)
    assert isinstance(reader.feed(b"R000001\r\nx")[0], Fault)
    assert reader.feed(b"R000003\r\n1\r\n") == [Block("R", 0, b"1")]


def test_a_line_without_end_is_a_fault() -> None:
    reader = ConsoleReader()
    assert reader.feed(b"x" * MAX_LINE) == []
    assert isinstance(reader.feed(b"x")[0], Fault)
    assert reader.held == b""


@given(
    st.lists(st.tuples(st.sampled_from("RLS"), st.integers(0, 9), st.binary(max_size=60))),
    st.data(),
)
def test_blocks_come_back_however_they_are_cut(
    blocks: list[tuple[str, int, bytes]], data: st.DataObject
) -> None:
    wire = b"".join(frame(*block) for block in blocks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=20)))
    reader = ConsoleReader()
    pieces = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        pieces += reader.feed(wire[start:end])
    assert pieces == [Block(*block) for block in blocks]
    assert reader.held == b""
