"""One end of a control socket: which answer belongs to which command.

| state | means | left by |
| --- | --- | --- |
| IDLE | nothing was asked, or all was answered | `ask` |
| WAITING | a command is out | its answer, or the time limit |
| FAILED | an answer did not come in time | never |

After a missing answer the next one could be either's, so that the socket is useless: whoever owns
it opens another one, or restarts the program.
"""

from enum import Enum, auto
from typing import NamedTuple

from tokay.protocols.wpa_ctrl.error import WpaCtrlError
from tokay.protocols.wpa_ctrl.events import Event

TIME_LIMIT = 5.0
"""Seconds for an answer. All commands in use only begin what takes longer."""
MAX_DATAGRAM = 65536


class State(Enum):
    """See the table above."""

    IDLE = auto()
    WAITING = auto()
    FAILED = auto()


class Reply(NamedTuple):
    """The answer to the command that was asked last, without the newline behind it."""

    text: bytes

    @property
    def ok(self) -> bool:
        """Whether the answer is ``OK``."""
        return self.text == b"OK"


class Conversation:
    """Commands and answers, one at a time. `now` is in seconds on a clock that never goes back."""

    __slots__ = ("_due", "state")

    def __init__(self) -> None:
        self.state = State.IDLE
        self._due: float | None = None

    def ask(self, command: str | bytes, now: float) -> bytes:
        """Return the datagram to be sent. Raises WpaCtrlError unless idle."""
        if self.state is not State.IDLE:
            raise WpaCtrlError("a command is not answered yet")
        datagram = command.encode() if isinstance(command, str) else command
        if b"\n" in datagram or b"\0" in datagram:
            raise WpaCtrlError("a command is one line")
        self.state = State.WAITING
        self._due = now + TIME_LIMIT
        return datagram

    def receive(self, datagram: bytes) -> Reply | Event | None:
        """Take a datagram; None for one that belongs to nothing. Raises WpaCtrlError."""
        if datagram.startswith(b"<"):
            return Event.parse(datagram)
        if self.state is not State.WAITING:
            return None
        self.state, self._due = State.IDLE, None
        return Reply(datagram.removesuffix(b"\n"))

    def get_timer(self) -> float | None:
        """Return when `handle_timer` wants to be called."""
        return self._due

    def handle_timer(self, now: float) -> bool:
        """End the wait if its time is over; return whether it was."""
        if self._due is None or now < self._due:
            return False
        self.state, self._due = State.FAILED, None
        return True
