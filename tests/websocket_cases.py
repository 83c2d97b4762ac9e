"""What a WebSocket end must do, as a table: after the sections of the Autobahn test suite.

A case sends frames and says what must come back from an end that echoes messages: which bytes,
which pongs, and the close codes that will do. It closes by itself when nothing else ends it.
Sections 12 and 13 are about compression, which is not offered: section 3 says what then goes for
its reserved bit.
"""

import itertools
from typing import NamedTuple

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NORMAL = frozenset((1000,))
ANY = frozenset((1000, 1005))
BROKEN = frozenset((1002,))
NOT_TEXT = frozenset((1007,))

KEY = b"\x37\xfa\x21\x3d"
"""The mask of RFC 6455 section 5.7."""


class Frame(NamedTuple):
    """One frame, good or bad."""

    opcode: int
    payload: bytes = b""
    final: bool = True
    reserved: int = 0

    def encode(self, masked: bool) -> bytes:
        size = len(self.payload)
        head = bytes((self.final << 7 | self.reserved << 4 | self.opcode,))
        bit = masked << 7
        if size < 126:
            head += bytes((bit | size,))
        elif size < 65536:
            head += bytes((bit | 126,)) + size.to_bytes(2, "big")
        else:
            head += bytes((bit | 127,)) + size.to_bytes(8, "big")
        if not masked:
            return head + self.payload
        keys = int.from_bytes((KEY * (size // 4 + 1))[:size], "little")
        data = (int.from_bytes(self.payload, "little") ^ keys).to_bytes(size, "little")
        return head + KEY + data


class Case(NamedTuple):
    name: str
    frames: list[Frame]
    data: bytes | None = b""
    """What is echoed; None if it does not matter."""
    pongs: list[bytes] = []  # noqa: RUF012 - never changed
    close: frozenset[int] = NORMAL

    def encode(self, masked: bool) -> bytes:
        frames = self.frames
        if self.close is NORMAL:
            frames = [*frames, Frame(CLOSE, b"\x03\xe8")]
        return b"".join(frame.encode(masked) for frame in frames)


def text(data: bytes, final: bool = True) -> Frame:
    return Frame(TEXT, data, final)


def cont(data: bytes, final: bool = True) -> Frame:
    return Frame(CONT, data, final)


def close(code: int, reason: bytes = b"") -> Frame:
    return Frame(CLOSE, code.to_bytes(2, "big") + reason)


def fragments(opcode: int, data: bytes, size: int) -> list[Frame]:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    last = len(pieces) - 1
    return [Frame(0 if i else opcode, piece, i == last) for i, piece in enumerate(pieces)]


PAYLOAD = b"Hello, world!"
GREEK = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!".encode()
KOSME = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()

# Section 1: framing.
CASES = [
    Case(f"1.{kind}.{n}", [Frame(kind, b"*" * size)], b"*" * size)
    for kind in (1, 2)
    for n, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1)
]

# Section 2: pings and pongs.
CASES += [
    Case("2.1", [Frame(PING)], pongs=[b""]),
    Case("2.2", [Frame(PING, PAYLOAD)], pongs=[PAYLOAD]),
    Case(
        "2.3",
        [Frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")],
        pongs=[b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"],
    ),
    Case("2.4", [Frame(PING, b"\xfe" * 125)], pongs=[b"\xfe" * 125]),
    Case("2.5", [Frame(PING, b"\xfe" * 126)], close=BROKEN),
    Case("2.7", [Frame(PONG)]),
    Case("2.8", [Frame(PONG, b"unsolicited")]),
    Case("2.9", [Frame(PONG, b"unsolicited"), Frame(PING, b"ping")], pongs=[b"ping"]),
    Case(
        "2.10",
        [Frame(PING, b"payload-%d" % i) for i in range(10)],
        pongs=[b"payload-%d" % i for i in range(10)],
    ),
]

# Section 3: reserved bits.
CASES += [
    Case("3.1", [Frame(TEXT, PAYLOAD, reserved=4)], close=BROKEN),
    Case("3.2", [text(PAYLOAD), Frame(TEXT, PAYLOAD, reserved=2), Frame(PING)], None, close=BROKEN),
    Case("3.3", [text(PAYLOAD), Frame(TEXT, PAYLOAD, reserved=3), Frame(PING)], None, close=BROKEN),
    Case("3.4", [text(PAYLOAD), Frame(TEXT, PAYLOAD, reserved=4), Frame(PING)], None, close=BROKEN),
    Case("3.5", [Frame(BINARY, b"\x00\xff\xfe", reserved=5)], close=BROKEN),
    Case("3.6", [Frame(PING, PAYLOAD, reserved=6)], close=BROKEN),
    Case("3.7", [Frame(CLOSE, b"\x03\xe8", reserved=7)], close=BROKEN),
]

# Section 4: opcodes.
for part, opcodes in ((1, range(3, 8)), (2, range(11, 16))):
    for n, opcode in enumerate(opcodes, 1):
        CASES += [
            Case(f"4.{part}.{n}", [Frame(opcode)], close=BROKEN),
            Case(f"4.{part}.{n}+", [Frame(opcode, PAYLOAD)], close=BROKEN),
            Case(
                f"4.{part}.{n}-",
                [text(PAYLOAD), Frame(opcode, PAYLOAD), Frame(PING)],
                None,
                close=BROKEN,
            ),
        ]

# Section 5: fragments.
PARTS = [f"fragment{i}".encode() for i in range(1, 6)]
WHOLE = b"".join(PARTS)
CASES += [
    Case("5.1", [Frame(PING, PARTS[0], False), cont(PARTS[1])], close=BROKEN),
    Case("5.2", [Frame(PONG, PARTS[0], False), cont(PARTS[1])], close=BROKEN),
    Case("5.3", fragments(TEXT, WHOLE, 25), WHOLE),
    Case("5.4", fragments(TEXT, WHOLE, 1), WHOLE),
    Case("5.6", [text(b"one", False), Frame(PING, b"ping"), cont(b"two")], b"onetwo", [b"ping"]),
    Case("5.9", [cont(b"nothing"), text(PAYLOAD)], None, close=BROKEN),
    Case("5.12", [cont(b"nothing", False), text(PAYLOAD)], None, close=BROKEN),
    Case("5.15", [*fragments(TEXT, b"two", 1), cont(b"x", False), text(b"y")], None, close=BROKEN),
    Case("5.16", [cont(b"x", False), text(PAYLOAD), cont(b"x", False)], None, close=BROKEN),
    Case("5.17", [cont(b"x"), text(PAYLOAD), cont(b"x")], None, close=BROKEN),
    Case("5.18", [text(PARTS[0], False), text(PARTS[1])], None, close=BROKEN),
    Case("5.18b", [text(PARTS[0], False), Frame(BINARY, PARTS[1], False)], None, close=BROKEN),
    Case(
        "5.19",
        [
            text(PARTS[0], False), cont(PARTS[1], False), Frame(PING, b"ping1"),
            cont(PARTS[2], False), cont(PARTS[3], False), Frame(PING, b"ping2"), cont(PARTS[4]),
        ],
        WHOLE,
        [b"ping1", b"ping2"],
    ),
]  # fmt: skip

# Section 6: UTF-8.
CASES += [
    Case("6.1.1", [text(b"")]),
    Case("6.1.2", [text(b"", False), cont(b"", False), cont(b"")]),
    Case(
        "6.1.3",
        [text(b"", False), cont(b"middle frame payload", False), cont(b"")],
        b"middle frame payload",
    ),
    Case("6.2.1", [text(GREEK)], GREEK),
    Case("6.2.2", [text(GREEK[:12], False), cont(GREEK[12:])], GREEK),
    Case("6.2.3", fragments(TEXT, GREEK, 1), GREEK),
    Case("6.2.4", fragments(TEXT, KOSME, 1), KOSME),
    Case("6.3.1", [text(KOSME + b"\xed\xa0\x80edited")], None, close=NOT_TEXT),
    Case("6.3.2", fragments(TEXT, KOSME + b"\xed\xa0\x80edited", 1), None, close=NOT_TEXT),
    Case(
        "6.4.1",
        [text(KOSME, False), cont(b"\xf4\x90\x80\x80", False), cont(b"edited")],
        None,
        close=NOT_TEXT,
    ),
    Case(
        "6.4.2",
        [text(KOSME + b"\xf4", False), cont(b"\x90", False), cont(b"\x80\x80edited")],
        None,
        close=NOT_TEXT,
    ),
    Case("6.4.x", [text(KOSME + b"\xf4\x90", False)], None, close=NOT_TEXT),
    Case("6.binary", [Frame(BINARY, b"\xed\xa0\x80\xff")], b"\xed\xa0\x80\xff"),
]
GOOD_TEXT = [
    "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff",
    "\U00010000", "\U0001fffe", "\U0010fffd", "\U0010fffe", "\U0010ffff", "\u2260\u00e9\ufffd",
]  # fmt: skip
BAD_TEXT = [
    b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf", b"\x80", b"\xbf", b"\x80\xbf\x80",
    bytes(range(0x80, 0xC0)), b"\xc0 \xc1 ", b"\xe0 \xef ", b"\xf0 \xf7 ", b"\xf8 ", b"\xfc ",
    b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf3\xbf\xbf", b"\xfe", b"\xff",
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xad\xbf",
    b"\xed\xae\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xaf\xbf\xed\xbf\xbf",
    KOSME + b"\xce", KOSME + b"\xe1\xbd",
]  # fmt: skip
CASES += [Case(f"6.good.{n}", [text(s.encode())], s.encode()) for n, s in enumerate(GOOD_TEXT)]
CASES += [Case(f"6.bad.{n}", [text(s)], None, close=NOT_TEXT) for n, s in enumerate(BAD_TEXT)]

# Section 7: closing.
CASES += [
    Case("7.1.1", [text(PAYLOAD)], PAYLOAD),
    Case("7.1.2", [close(1000), close(1000)], close=ANY),
    Case("7.1.3", [close(1000), Frame(PING)], close=ANY),
    Case("7.1.4", [close(1000), text(PAYLOAD)], close=ANY),
    Case("7.1.5", [text(b"one", False), close(1000), cont(b"two")], None, close=ANY),
    Case("7.3.1", [Frame(CLOSE)], close=ANY),
    Case("7.3.2", [Frame(CLOSE, b"a")], close=BROKEN),
    Case("7.3.4", [close(1000, b"Hello")], close=ANY),
    Case("7.3.5", [close(1000, b"*" * 123)], close=ANY),
    Case("7.3.6", [close(1000, b"*" * 124)], close=BROKEN),
    Case("7.5.1", [close(1000, KOSME + b"\xed\xa0\x80edited")], close=NOT_TEXT),
]
CASES += [
    Case(f"7.7.{code}", [close(code)], close=frozenset((code,)))
    for code in (
        1001,
        1002,
        1003,
        1007,
        1008,
        1009,
        1010,
        1011,
        1012,
        1013,
        1014,
        3000,
        3999,
        4000,
        4999,
    )
]
CASES += [
    Case(f"7.9.{code}", [close(code, b"x")], close=BROKEN)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
]

# Sections 9 and 10: much.
MEGABYTE = 1 << 20
MUCH = [
    Case(f"9.{kind}.{n}", [Frame(kind, b"*" * size)], b"*" * size)
    for kind in (1, 2)
    for n, size in enumerate((MEGABYTE >> 4, MEGABYTE >> 2, MEGABYTE, 4 * MEGABYTE), 1)
]
MUCH += [
    Case(f"9.{kind + 2}.{n}", fragments(kind, b"*" * MEGABYTE, size), b"*" * MEGABYTE)
    for kind in (1, 2)
    for n, size in enumerate((256, 4096, 65536, MEGABYTE), 1)
]
MUCH += [
    Case(f"9.7.{size}", [text(b"*" * size)] * 1000, b"*" * size * 1000)
    for size in (0, 16, 64, 1024)
]
MUCH += [Case("10.1.1", fragments(TEXT, b"*" * 65536, 1300), b"*" * 65536)]

BOTH_DIRECTIONS = list(itertools.product(CASES, (True, False)))
