"""What a module answers, and what it says unasked."""

import re
from dataclasses import dataclass

from tokay.host.errors import CommandFailed, FramingError

RESTARTED, DISCONNECTED = "restarted", "disconnected"
"""Events that the library itself tells of."""

_NOTICE = re.compile(r"\[(?:(\d{4}-\d\d-\d\d \| \d\d:\d\d:\d\d): )?([^\]:]*)(?:: ?(.*))?\]")


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a command.

    ``code`` is the result (0 is success), ``data`` the body without its final line end, ``log`` the
    lines that came while the command ran; the REST and WebSocket interfaces give none.
    """

    code: int
    data: bytes
    log: tuple[str, ...] = ()
    command: str = ""
    safe_mode: bool = False

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are shown as escapes. ``data`` has them all."""
        return self.data.decode("utf-8", "backslashreplace")

    @property
    def lines(self) -> list[str]:
        """The body's lines."""
        return self.text.splitlines()

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0

    @property
    def number(self) -> int:
        """The number that the body is, a handle for one. Raises FramingError."""
        try:
            return int(self.text)
        except ValueError:
            raise FramingError(f"{self.command}: a number was expected", self.data) from None

    def check(self) -> "Response":
        """Return the response itself. Raises CommandFailed when it is no success."""
        if self.code:
            raise CommandFailed(self.command, self.code, self.data, self.log)
        return self


@dataclass(frozen=True, slots=True)
class Event:
    """A line that nobody asked for.

    ``name`` is `opened`, `closed`, `ready`, `associated`, `disassociated`, ... for a notice in
    brackets, else `log`; `restarted` and `disconnected` are told by the library itself.
    ``subject`` is what the notice is about: a handle, a host. ``stamp``: its time as it was
    printed, empty without one.
    """

    name: str
    text: str
    data: bytes
    subject: str = ""
    stamp: str = ""

    @property
    def handle(self) -> int | None:
        """The stream that the event is about."""
        return int(self.subject) if self.subject.isdigit() else None


def parse_event(data: bytes) -> Event:
    """Return the event that a line tells of."""
    text = data.decode("utf-8", "backslashreplace")
    notice = _NOTICE.fullmatch(text)
    if notice is None:
        return Event("log", text, data)
    stamp, name, subject = notice.groups()
    name = name.lower()
    if " to " in name and subject is None:
        name, _, _ = name.partition(" ")
        subject = text[1:-1].partition(" to ")[2]
    return Event(name.replace(" ", "_"), text, data, subject or "", stamp or "")
