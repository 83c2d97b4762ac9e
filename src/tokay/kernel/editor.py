"""The line that is being typed: editing keys, history, completion. Bytes in, echo out; no I/O.

Keys: Backspace, Delete, Left, Right, Home, End, Up and Down through the last five lines, Tab,
Ctrl-U to begin anew. Other control bytes are dropped. Source: docs/protocol/command-protocol.md,
section 2.2.
"""

from collections import deque
from collections.abc import Callable

HISTORY = 5
LONGEST_SEQUENCE = 8
BELL = b"\a"
BACK = b"\b"

Complete = Callable[[str], list[str]]


class Editor:
    """One line, up to ``limit`` bytes. Bytes beyond are counted and dropped: the line is over-long.

    Each method returns what a terminal must be sent to show the change.
    """

    __slots__ = ("_at", "_complete", "_draft", "_escape", "_history", "_limit", "_place", "_text",
                 "overlong")  # fmt: skip

    def __init__(self, limit: int, complete: Complete) -> None:
        self._limit = limit
        self._complete = complete
        self._text = bytearray()
        self._at = 0
        self._escape: bytearray | None = None
        self._history: deque[bytes] | None = None
        self._place = 0
        self._draft = b""
        self.overlong = False

    def take(self) -> bytes:
        """Return the finished line and begin the next."""
        line = bytes(self._text)
        self._text.clear()
        self._at = self._place = 0
        self._escape = None
        self.overlong = False
        return line

    def remember(self, line: bytes) -> None:
        """Put a line into the history."""
        if self._history is None:
            self._history = deque(maxlen=HISTORY)
        if line and (not self._history or self._history[0] != line):
            self._history.appendleft(line)

    def insert(self, run: bytes) -> bytes:
        """Insert printable bytes at the cursor."""
        if self._escape is not None:
            return self._sequence(run)
        if len(self._text) + len(run) > self._limit:
            self.overlong = True
            run = run[: self._limit - len(self._text)]
        if self._at == len(self._text):
            self._text += run
            self._at += len(run)
            return run
        return b"".join(self._squeeze(byte) for byte in run)

    def _squeeze(self, byte: int) -> bytes:
        """Insert one byte before others, so that a terminal sees the same however bytes arrive."""
        self._text.insert(self._at, byte)
        tail = bytes(self._text[self._at :])
        self._at += 1
        return tail + BACK * (len(tail) - 1)

    def control(self, byte: int) -> bytes:
        """Take one control byte; line ends are not for here."""
        self._escape = None
        match byte:
            case 0x08 | 0x7F:
                return self._move(-1) + self._delete() if self._at else b""
            case 0x09:
                return self._tab()
            case 0x15:
                return self._replace(b"")
            case 0x1B:
                self._escape = bytearray()
        return b""

    def _sequence(self, run: bytes) -> bytes:
        """Read on in an escape sequence; what is behind its last byte is text again."""
        escape = self._escape
        assert escape is not None  # noqa: S101 - the caller asked
        for position, byte in enumerate(run):
            escape.append(byte)
            if escape[0] not in b"[O" or (len(escape) > 1 and 0x40 <= byte <= 0x7E):
                self._escape = None
                return self._key(bytes(escape)) + self.insert(run[position + 1 :])
            if len(escape) >= LONGEST_SEQUENCE:
                self._escape = None
                return self.insert(run[position + 1 :])
        return b""

    def _key(self, sequence: bytes) -> bytes:
        match sequence[1:]:
            case b"A":
                return self._recall(1)
            case b"B":
                return self._recall(-1)
            case b"C":
                return self._move(1)
            case b"D":
                return self._move(-1)
            case b"H" | b"1~" | b"7~":
                return self._move(-self._at)
            case b"F" | b"4~" | b"8~":
                return self._move(len(self._text) - self._at)
            case b"3~":
                return self._delete()
        return b""

    def _move(self, by: int) -> bytes:
        target = min(max(self._at + by, 0), len(self._text))
        before, self._at = self._at, target
        return BACK * (before - target) if target < before else bytes(self._text[before:target])

    def _delete(self) -> bytes:
        if self._at == len(self._text):
            return b""
        del self._text[self._at]
        tail = bytes(self._text[self._at :])
        return tail + b" " + BACK * (len(tail) + 1)

    def _replace(self, line: bytes) -> bytes:
        """Put another line in the place of this one."""
        before = len(self._text)
        echo = self._move(-self._at)
        self._text[:] = line
        self._at = len(line)
        self.overlong = False
        excess = max(0, before - len(line))
        return echo + line + b" " * excess + BACK * excess

    def _recall(self, by: int) -> bytes:
        history = self._history or ()
        place = self._place + by
        if not 0 <= place <= len(history):
            return b""
        if self._place == 0:
            self._draft = bytes(self._text)
        self._place = place
        return self._replace(history[place - 1] if place else self._draft)

    def _tab(self) -> bytes:
        head = bytes(self._text[: self._at]).decode("latin-1")
        options = self._complete(head)
        if not options:
            return BELL
        word = head.rsplit(" ", 1)[-1]
        common = options[0]
        for option in options[1:]:
            while not option.startswith(common):
                common = common[:-1]
        added = common[len(word) :] + (" " if len(options) == 1 else "")
        if added:
            return self.insert(added.encode("latin-1"))
        return BELL
