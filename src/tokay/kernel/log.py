"""The device's log: plain lines and notices, a ring of the last ones, and who listens.

A *line* tells a step of what a command does; a *notice* tells of an event and has a template that
`system.msg` changes. Both have a level, and `system.print_level` says which reach a console.
Sources: docs/protocol/command-protocol.md, section 11; docs/protocol/network.md, sections 1.6 and
6.2.
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

RING_LINES = 64
"""Lines that `/log` and `device.log` can look back on."""


class Level(IntEnum):
    """How much must be asked for before a line is shown."""

    ALERT = 1
    NOTICE = 2
    INFO = 3
    DETAIL = 4


class Entry(NamedTuple):
    """One line of the log. ``bare``: start-up text, which never gets a header."""

    level: Level
    text: str
    bare: bool = False


Listener = Callable[[Entry], None]


class Log:
    """The log of one device, over one boot."""

    __slots__ = ("_listeners", "_ring", "capture")

    def __init__(self) -> None:
        self._ring: deque[Entry] | None = None
        self._listeners: list[Listener] = []
        self.capture: list[str] | None = None
        """Where lines go too while a command runs: its response carries them."""

    @property
    def entries(self) -> list[Entry]:
        """The last lines, oldest first."""
        return list(self._ring or ())

    def line(self, text: str, level: Level = Level.INFO, *, bare: bool = False) -> None:
        """Write one line."""
        entry = Entry(level, text, bare)
        if self._ring is None:
            self._ring = deque(maxlen=RING_LINES)
        self._ring.append(entry)
        if self.capture is not None:
            self.capture.append(text)
        for listener in tuple(self._listeners):
            listener(entry)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each entry; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
