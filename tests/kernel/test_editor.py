"""The line editor, as a terminal shows it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.kernel.editor import HISTORY, Editor

UP, DOWN, RIGHT, LEFT = b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D"
HOME, END, DELETE = b"\x1b[H", b"\x1b[F", b"\x1b[3~"
NAMES = ("get", "gpio_dir", "gpio_get", "help")


class Screen:
    """One line of a terminal, and an editor whose echo it shows."""

    def __init__(self, limit: int = 100) -> None:
        self.editor = Editor(limit, lambda head: [name for name in NAMES if name.startswith(head)])
        self._cells = bytearray()
        self._at = 0
        self.bells = 0

    def type(self, *keys: bytes) -> None:
        """Press keys; a console passes text and control bytes apart."""
        for byte in b"".join(keys):
            key = bytes([byte])
            self._show(self.editor.control(byte) if key < b" " or byte == 0x7F
                       else self.editor.insert(key))  # fmt: skip

    def _show(self, echo: bytes) -> None:
        for byte in echo:
            if byte == 7:
                self.bells += 1
            elif byte == 8:
                assert self._at > 0, "the cursor leaves the line"
                self._at -= 1
            else:
                assert 0x20 <= byte != 0x7F, echo
                self._cells[self._at : self._at + 1] = bytes([byte])
                self._at += 1

    @property
    def line(self) -> bytes:
        """What is shown, with a bar where the cursor stands."""
        shown = self._cells.rstrip(b" ")
        shown += b" " * (self._at - len(shown))
        return bytes(shown[: self._at] + b"|" + shown[self._at :])

    def overlong(self) -> bool:
        return self.editor.overlong

    def enter(self) -> bytes:
        """Take the line and begin a new one."""
        line = self.editor.take()
        self.editor.remember(line)
        self._cells.clear()
        self._at = 0
        return line


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ([b"abc"], b"abc|"),
        ([b"abc", LEFT], b"ab|c"),
        ([b"abc", LEFT * 5], b"|abc"),
        ([b"abc", LEFT * 5, RIGHT], b"a|bc"),
        ([b"abc", RIGHT], b"abc|"),
        ([b"abc", HOME], b"|abc"),
        ([b"abc", b"\x1b[1~"], b"|abc"),
        ([b"abc", b"\x1b[7~"], b"|abc"),
        ([b"abc", b"\x1bOH"], b"|abc"),
        ([b"abc", HOME, END], b"abc|"),
        ([b"abc", HOME, b"\x1b[4~"], b"abc|"),
        ([b"abc", HOME, b"\x1b[8~"], b"abc|"),
        ([b"abc", HOME, b"\x1bOF"], b"abc|"),
        ([b"abc", b"\x7f"], b"ab|"),
        ([b"abc", b"\b"], b"ab|"),
        ([b"abc", LEFT, b"\b"], b"a|c"),
        ([b"abc", HOME, b"\b"], b"|abc"),
        ([b"abc", HOME, DELETE], b"|bc"),
        ([b"abc", DELETE], b"abc|"),
        ([b"abc", HOME, b"xy"], b"xy|abc"),
        ([b"abc", LEFT, b"x", LEFT, b"y"], b"aby|xc"),
        ([b"abc", LEFT, b"\x15"], b"|"),
        ([b"abc", b"\x15", b"x"], b"x|"),
        ([b"abc", b"\x01\x02\x1f"], b"abc|"),
        ([b"abc", b"\x1b[5~", b"d"], b"abcd|"),
        ([b"abc", b"\x1b[1;5C", b"d"], b"abcd|"),
        ([b"abc", b"\x1b\x1b[D", b"d"], b"abd|c"),
        ([b"abc", b"\x1bxd"], b"abcd|"),
    ],
)
def test_keys(keys: Sequence[bytes], shown: bytes) -> None:
    screen = Screen()
    screen.type(*keys)
    assert screen.line == shown
    assert screen.editor.take() == shown.replace(b"|", b"")


def test_the_last_five_lines_are_remembered() -> None:
    screen = Screen()
    for number in range(HISTORY + 2):
        screen.type(b"line %d" % number)
        screen.enter()
    seen = []
    for _ in range(HISTORY + 3):
        screen.type(UP)
        seen.append(screen.line)
    assert seen == [b"line 6|", b"line 5|", b"line 4|", b"line 3|", *[b"line 2|"] * 4]
    screen.type(DOWN, DOWN)
    assert screen.line == b"line 4|"
    assert screen.enter() == b"line 4"


def test_the_line_that_was_begun_comes_back() -> None:
    screen = Screen()
    screen.type(b"a long one")
    screen.enter()
    screen.type(b"draft", UP)
    assert screen.line == b"a long one|"
    screen.type(DOWN)
    assert screen.line == b"draft|"
    screen.type(DOWN)
    assert screen.line == b"draft|"


def test_a_line_given_twice_is_remembered_once() -> None:
    screen = Screen()
    for line in (b"one", b"two", b"two"):
        screen.type(line)
        screen.enter()
    screen.type(UP, UP)
    assert screen.line == b"one|"


def test_a_recalled_line_can_be_edited() -> None:
    screen = Screen()
    screen.type(b"get one")
    screen.enter()
    screen.type(UP, b"\x7f" * 3, b"two")
    assert screen.enter() == b"get two"
    screen.type(UP, UP)
    assert screen.line == b"get one|"


@pytest.mark.parametrize(
    ("typed", "shown", "bells"),
    [
        (b"h\t", b"help |", 0),
        (b"g\t", b"g|", 1),
        (b"gp\t", b"gpio_|", 0),
        (b"gp\t\t", b"gpio_|", 1),
        (b"gp\td\t", b"gpio_dir |", 0),
        (b"x\t", b"x|", 1),
    ],
)
def test_completion(typed: bytes, shown: bytes, bells: int) -> None:
    screen = Screen()
    screen.type(typed)
    assert (screen.line, screen.bells) == (shown, bells)


def test_completion_in_the_middle() -> None:
    screen = Screen()
    screen.type(b" me", HOME, b"he", b"\t")
    assert screen.line == b"help | me"


def test_too_long_a_line_is_known_as_such() -> None:
    screen = Screen(limit=10)
    screen.type(b"0123456789")
    assert not screen.overlong()
    screen.type(b"x")
    assert screen.overlong()
    assert screen.line == b"0123456789|"
    screen.enter()
    assert not screen.overlong()


def test_a_line_that_is_begun_anew_is_not_too_long() -> None:
    screen = Screen(limit=10)
    screen.type(b"x" * 20, b"\x15", b"short")
    assert not screen.overlong()
    assert screen.enter() == b"short"


KEYS = st.sampled_from(
    [b"a", b"b", b"-", b"\b", b"\x7f", UP, DOWN, LEFT, LEFT, RIGHT, HOME, END, DELETE, b"\x15",
     b"\t", b"\r"]
)  # fmt: skip


@given(st.lists(KEYS, max_size=60))
def test_the_terminal_shows_what_the_editor_holds(keys: list[bytes]) -> None:
    """Against an editor that is nothing but a list and a cursor."""
    screen = Screen(limit=1000)
    text, at, history, place, draft = b"", 0, list[bytes](), 0, b""
    for key in keys:
        if key == b"\r":
            assert screen.enter() == text
            if text and text != next(iter(history), b""):
                history = [text, *history][:HISTORY]
            text, at, place = b"", 0, 0
            continue
        screen.type(key)
        if key in (b"\b", b"\x7f"):
            text, at = (text[: at - 1] + text[at:], at - 1) if at else (text, at)
        elif key == DELETE:
            text = text[:at] + text[at + 1 :]
        elif key == b"\x15":
            text, at = b"", 0
        elif key in (LEFT, RIGHT):
            at = min(max(at + (1 if key == RIGHT else -1), 0), len(text))
        elif key in (HOME, END):
            at = 0 if key == HOME else len(text)
        elif key in (UP, DOWN):
            wanted = place + (1 if key == UP else -1)
            if 0 <= wanted <= len(history):
                draft = text if place == 0 else draft
                place = wanted
                text = history[place - 1] if place else draft
                at = len(text)
        elif key != b"\t":
            text, at = text[:at] + key + text[at:], at + 1
        # A letter alone completes to nothing, and nothing has several options: no change by Tab.
        shown = screen.line
        assert shown == text[:at] + b"|" + text[at:]
