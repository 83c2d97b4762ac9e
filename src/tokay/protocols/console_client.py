"""The host's end of a console: find out how it talks, keep in step with it, put it back.

``ConsoleClient`` does no I/O. Bytes of the module go into ``receive``, the time into ``tick``; both
return events. What is to be written waits in ``data_to_send``, and ``deadline`` says when ``tick``
is due. It works in the machine format: headers on, echo and prompt off, the log shown. How it gets
there, and back in step when something went wrong, is this table:

=========  =================================  ==========================  =========  ===========
phase      sends                              goes on when                to         in silence
=========  =================================  ==========================  =========  ===========
OUT        nothing                            ``attach`` is called        PROBE
LOGIN      the password                       the console answers         PROBE
PROBE      an empty line, then asks whether   the answer comes, framed    SWITCH     PROBE again,
           headers are on                     (on) or bare (off)                     then QUIET
QUIET      nothing                            3.2 s have passed           BREAK_IN
BREAK_IN   the text that leaves stream mode   0.3 s have passed           PROBE
SWITCH     an empty line, then headers on     `Set OK` comes framed       FENCE      PROBE
FENCE      three commands whose answers are   these answers stand last    READ, or   SWITCH
           known and differ from try to try                               SET again
READ       getters of the other variables     all have answered           SET        SWITCH
SET        echo and prompt off, log shown     all have answered           IN_STEP    SWITCH
IN_STEP    nothing                            a command is given          WAITING
WAITING    the line and its data              its reply comes             IN_STEP
LOST       nothing                            ``resume`` is called        SWITCH
RESTORE    what READ found, headers last,     all have answered           OUT, or    OUT
           then `exit`, or `save`                                         SWITCH
=========  =================================  ==========================  =========  ===========

How each disturbance is met:

==================================  ==============================================================
echo on or off                      an echo is a bare line that was sent: dropped
human or machine format             PROBE finds out, SWITCH ends it
prompt on, off, or missing          dropped where it stands, never waited for
an unasked line, in or between      a ``Notice``; inside an answer it is part of its log, too
time stamps                         part of the notice's text
bytes before `[Ready]`              noise in front of a header is cut off; PROBE skips it
a late answer to a lost command     stands before the answers of FENCE: skipped
half a line of somebody else        ended by the empty line that PROBE and SWITCH begin with
a port in stream mode               QUIET and BREAK_IN; RESTORE then ends with `exit`
the module restarts                 ``Restarted``: PROBE again, for its saved form counts now
a command that changes the format   a bare `Set OK` is its reply, and LOST follows
a header that lies                  ``OutOfStep``, or silence; LOST follows
`save`                              RESTORE first: the form of the host is never what is saved
==================================  ==============================================================

Sources: docs/protocol/command-protocol.md, sections 3, 8.2 and 11; the table of codes is seen on
the wire for 0, 1 and 3, and no other code is relied on here.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from tokay.protocols.console_reader import ConsoleReader, Fault, Line
from tokay.protocols.framing import LOG, SAFE_REPLY, Block

ECHO = "system.cmd.echo"
HEADERS = "system.cmd.header_enabled"
PROMPT = "system.cmd.prompt_enabled"
PRINT_LEVEL = "system.print_level"

CRLF = b"\r\n"
SILENCE = 1.5
"""Seconds until a phase that got no answer is tried otherwise."""
RESTORE_TIME = 10.0
"""Seconds that RESTORE may take: `save` writes to flash."""
PROBES = 2
"""Probes before the port is taken to be in stream mode."""
GUARD_TIME = 3.2
"""Seconds of silence before the escape sequence; 3 are needed.

Source: docs/protocol/command-protocol.md, section 8.2.
"""
BREAK_IN_TIME = 0.3
"""Seconds that a module gets to leave stream mode."""
MAX_HUNTED = 64 * 1024
"""Bytes that are searched for an answer to PROBE or SWITCH; older ones are forgotten."""
MAX_LOG = 1000
"""Lines that an answer's log keeps; older ones are forgotten."""


class Phase(Enum):
    """Where the client stands; the module's table says what each does."""

    OUT = "out"
    LOGIN = "login"
    PROBE = "probe"
    QUIET = "quiet"
    BREAK_IN = "break in"
    SWITCH = "switch"
    FENCE = "fence"
    READ = "read"
    SET = "set"
    IN_STEP = "in step"
    WAITING = "waiting"
    LOST = "lost"
    RESTORE = "restore"


@dataclass(slots=True)
class Form:
    """How the console talked when it was found: what is put back at the end."""

    echo: str = "1"
    headers: str = "0"
    prompt: str = "1"
    print_level: str = "all"
    stream_mode: bool = False


class Attached(NamedTuple):
    """The console is in step; commands may be given."""


class Detached(NamedTuple):
    """The console is as it was found."""


class Reply(NamedTuple):
    """The answer to a command. ``safe``: the module is in safe mode."""

    code: int
    data: bytes
    log: tuple[bytes, ...]
    safe: bool


class Notice(NamedTuple):
    """A line that nobody asked for. ``answering``: it came while a command ran."""

    data: bytes
    answering: bool


class Restarted(NamedTuple):
    """The module has restarted; a command that ran has no answer."""


class OutOfStep(NamedTuple):
    """The bytes are no console's; a command that ran has no answer."""

    reason: str


class PasswordNeeded(NamedTuple):
    """The console wants a password that there is none for, or refuses the one it got."""

    refused: bool


class InUse(NamedTuple):
    """Another client has the remote terminal."""


Event = (
    Attached | Detached | Reply | Notice | Restarted | OutOfStep | PasswordNeeded | InUse
)  # fmt: skip

# The answers are found in whatever stands around them: echo, prompts, log, noise.
_FRAMED_ONE = re.compile(rb"[RS]000003\r\n1\r\n")
_BARE_ZERO = re.compile(rb"(?:\A|(?<![0-9]{6}\r)\n|> )0\r?\n")
_FRAMED_SET = re.compile(rb"[RS]000008\r\nSet OK\r\n")
_QUESTION = re.compile(rb"Password: ?\Z")
_WRONG = b"Wrong password"
_IN_USE = b"Remote terminal is in use"
_REFUSED = re.compile(rb"[RS]3[0-9]{5}\r\n|Unknown command")
_TEXTS = {b"Set OK": 0, b"Success": 0, b"Ready": 0, b"Command failed": 1, b"Unknown command": 3}
"""Bare answers to what RESTORE sends."""
_READY = re.compile(rb"\[(?:[0-9 :|-]+: )?Ready\]")
_CHANGES_FORM = re.compile(rb"\s*set\s+(?:system\.cmd\.|sy\s+c\s)")
_LINE_BREAKS = re.compile(rb"[\r\n\0]")
_HEADERS_ON = b"set " + HEADERS.encode() + b" 1"
_GET_HEADERS = b"get " + HEADERS.encode()
_UNKNOWN = b"tokay"
"""A command that no module has: answered with code 3."""


@dataclass(slots=True)
class _Command:
    """A command whose reply is awaited."""

    line: bytes
    log: list[bytes] = field(default_factory=list)


class ConsoleClient:
    """One conversation.

    ``password`` is for a remote terminal that asks for one. ``break_in`` is the text that leaves
    stream mode; empty never tries. ``quiet``: begin with silence and that text, so that no byte of
    a probe goes to the peer of a port in stream mode.
    """

    __slots__ = (
        "_awaited", "_break_in", "_command", "_fence", "_hunted", "_known", "_password", "_probes",
        "_quiet", "_reader", "_replies", "_save", "_silent", "_to_send", "deadline", "form",
        "phase", "safe_mode",
    )  # fmt: skip

    def __init__(
        self, *, password: bytes | None = None, break_in: bytes = b"$$$", quiet: bool = False
    ) -> None:
        self.phase = Phase.OUT
        self.form = Form()
        self.deadline: float | None = None
        """When ``tick`` is due."""
        self.safe_mode = False
        self._password = password
        self._break_in = break_in
        self._quiet = quiet and bool(break_in)
        self._to_send = bytearray()
        self._reader = ConsoleReader()
        self._hunted = bytearray()
        self._probes = 0
        self._known = False
        """Whether READ has been done since the module started."""
        self._fence = 0
        self._replies: list[tuple[int, bytes]] = []
        self._awaited = 0
        self._command: _Command | None = None
        self._save = False
        self._silent = False

    # What the host does.

    def attach(self, now: float) -> list[Event]:
        """Find the console and get in step with it; ``Attached`` tells when."""
        self._known = False
        self._probes = 0
        self.form = Form()
        if self._password is not None and self.phase is Phase.OUT:
            self._enter(Phase.LOGIN, now)
        else:
            self._enter(Phase.QUIET if self._quiet else Phase.PROBE, now)
        # A terminal may have spoken already.
        events: list[Event] = []
        if self.phase in _HUNTING:
            self._hunt(b"", now, events)
        return events

    def resume(self, now: float) -> list[Event]:
        """Get back in step; ``Attached`` tells when."""
        if not self._known:
            return self.attach(now)
        self._enter(Phase.SWITCH, now)
        return []

    def command(self, line: bytes, data: bytes = b"") -> None:
        """Send a command with the data that follows its line. Only when in step.

        Raises ValueError for a line with CR, LF or NUL in it.
        """
        check_line(line)
        self._need_step()
        self._command = _Command(line)
        self.phase = Phase.WAITING
        self._to_send += line + CRLF + data

    def save(self, line: bytes, now: float) -> None:
        """Put the console back, send a line that saves settings, get in step again.

        ``Reply`` is its answer, and ``Attached`` tells when the next command may come.
        """
        check_line(line)
        self._need_step()
        self._save = True
        self._command = _Command(line)
        self._enter(Phase.RESTORE, now)

    def detach(self, now: float) -> None:
        """Put the console back; ``Detached`` tells when. Only when in step."""
        self._need_step()
        self._save = False
        self._enter(Phase.RESTORE, now)

    def restarted(self) -> None:
        """Assume that the module restarts: probe its console again on ``resume``."""
        self._known = False
        self.lose()

    def lose(self) -> None:
        """Stop waiting for an answer; one that comes late is skipped."""
        self._command = None
        self._lost()

    def data_to_send(self) -> bytes:
        """Return the bytes to be written now, and clear them."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    @property
    def in_step(self) -> bool:
        """Whether a command may be given."""
        return self.phase is Phase.IN_STEP

    @property
    def found(self) -> bool:
        """Whether it is known how the console talked: then ``detach`` has something to put back."""
        return self._known

    def _need_step(self) -> None:
        if self.phase is not Phase.IN_STEP:
            message = f"the console is not in step: {self.phase.value}"
            raise RuntimeError(message)

    # What the module does.

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Process bytes of the module; return the events in them."""
        events: list[Event] = []
        if self.phase in _HUNTING:
            self._hunt(data, now, events)
        elif self.phase in _READING:
            self._read(data, now, events)
        elif self.phase is Phase.OUT:
            self._hunted = (self._hunted + data)[-MAX_HUNTED:]
        # In QUIET and LOST nothing counts: FENCE tells what is new from what is late.
        return events

    def tick(self, now: float) -> list[Event]:
        """Advance the clock; leave a phase that got no answer in time."""
        if self.deadline is None or now < self.deadline:
            return []
        match self.phase:
            case Phase.PROBE:
                self._probes += 1
                stuck = bool(self._break_in) and self._probes % PROBES == 0
                self._enter(Phase.QUIET if stuck else Phase.PROBE, now)
            case Phase.RESTORE:
                self._lost()
                self.phase = Phase.OUT
                return [Detached()]
            case phase:
                self._enter(_IN_SILENCE[phase], now)
        return []

    # Phases.

    def _enter(self, phase: Phase, now: float) -> None:
        if self.phase is not Phase.OUT and (phase, self.phase) != (Phase.PROBE, Phase.BREAK_IN):
            self._hunted.clear()
        if phase not in _READING or self.phase not in _READING:
            self._reader.clear()
        self._replies.clear()
        self._silent = phase is Phase.PROBE and self.phase is Phase.BREAK_IN
        self.phase = phase
        self.deadline = now + _TIMES.get(phase, SILENCE)
        lines: list[bytes] = []
        match phase:
            case Phase.PROBE:
                lines = [b"", _GET_HEADERS]
            case Phase.BREAK_IN:
                lines = [self._break_in]
            case Phase.SWITCH:
                lines = [b"", _HEADERS_ON]
            case Phase.FENCE:
                self._fence = (self._fence + 1) % len(_FENCES)
                lines = [line for line, _ in _FENCES[self._fence]]
            case Phase.READ:
                lines = [b"get " + name.encode() for name in (ECHO, PROMPT, PRINT_LEVEL)]
            case Phase.SET:
                lines = [_set(ECHO, "0"), _set(PROMPT, "0"), _set(PRINT_LEVEL, "all")]
            case Phase.RESTORE:
                lines = self._restoring()
            case _:
                pass
        self._awaited = len(lines)
        self._to_send += b"".join(line + CRLF for line in lines)

    def _restoring(self) -> list[bytes]:
        """Return what puts the console back, the headers last: then answers are bare."""
        form = self.form
        lines = [
            _set(name, value)
            for name, value, ours in (
                (PRINT_LEVEL, form.print_level, "all"),
                (PROMPT, form.prompt, "0"),
                (ECHO, form.echo, "0"),
                (HEADERS, form.headers, "1"),
            )
            if value not in ("", ours)
        ]
        if self._save and self._command is not None:
            lines.append(self._command.line)
        elif form.stream_mode:
            lines.append(b"exit")
        return lines or [b""]

    def _hunt(self, data: bytes, now: float, events: list[Event]) -> None:
        """Search for the one answer that counts, in whatever stands around it."""
        hunted = self._hunted
        hunted += data
        del hunted[:-MAX_HUNTED]
        if _IN_USE in hunted:
            events.append(InUse())
            self._lost()
        elif _WRONG in hunted:
            events.append(PasswordNeeded(refused=True))
            self._lost()
        elif _QUESTION.search(hunted):
            self._log_in(now, events)
        elif self.phase is Phase.PROBE:
            framed = _FRAMED_ONE.search(hunted)
            if framed or _BARE_ZERO.search(hunted):
                if not self._known:
                    self.form.headers = "1" if framed else "0"
                    self.form.stream_mode = self._silent and not _REFUSED.search(hunted)
                self._enter(Phase.SWITCH, now)
        elif found := _FRAMED_SET.search(hunted):
            rest = bytes(hunted[found.end() :])
            self._enter(Phase.FENCE, now)
            self._read(rest, now, events)

    def _log_in(self, now: float, events: list[Event]) -> None:
        if self._password is None or self.phase is not Phase.LOGIN:
            events.append(PasswordNeeded(refused=self._password is not None))
            self._lost()
            return
        self._to_send += self._password + CRLF
        self._enter(Phase.PROBE, now)

    def _read(self, data: bytes, now: float, events: list[Event]) -> None:
        for piece in self._reader.feed(data):
            match piece:
                case Block(kind, code, body) if kind != LOG:
                    self.safe_mode = kind == SAFE_REPLY
                    self._answered(code, body, now, events)
                case Block(_, _, body):
                    self._line(body, now, events)
                case Line(text):
                    self._bare(text, now, events)
                case Fault(reason):
                    self._fault(reason, now, events)
            if self.phase not in _READING:
                break

    def _answered(self, code: int, body: bytes, now: float, events: list[Event]) -> None:
        """Process a reply. One that nobody waits for is a late one, and dropped."""
        if self.phase not in (Phase.IN_STEP, Phase.WAITING):
            # What a failure says in words is not the same everywhere.
            self._replies.append((code, b"" if code else body))
        match self.phase:
            case Phase.WAITING if self._command is not None:
                log = tuple(self._command.log)
                self._command = None
                self.phase = Phase.IN_STEP
                events.append(Reply(code, body, log, self.safe_mode))
            case Phase.FENCE:
                del self._replies[:-_FENCE_SIZE]
                if self._replies == [answer for _, answer in _FENCES[self._fence]]:
                    self._enter(Phase.SET if self._known else Phase.READ, now)
            case Phase.READ if len(self._replies) == self._awaited:
                self.form.echo, self.form.prompt, self.form.print_level = (
                    value.decode("latin-1") if code == 0 else "" for code, value in self._replies
                )
                self._known = True
                self._enter(Phase.SET, now)
            case Phase.SET if len(self._replies) == self._awaited:
                self.phase = Phase.IN_STEP
                self.deadline = None
                events.append(Attached())
            case Phase.RESTORE if len(self._replies) == self._awaited:
                self._restored(now, events)
            case _:
                pass

    def _restored(self, now: float, events: list[Event]) -> None:
        if self._save:
            self._save = False
            self._command = None
            code, body = self._replies[-1]
            events.append(Reply(code, body, (), self.safe_mode))
            self._enter(Phase.SWITCH, now)
            return
        self.phase = Phase.OUT
        self.deadline = None
        events.append(Detached())

    def _bare(self, text: bytes, now: float, events: list[Event]) -> None:
        """Process a line outside any block."""
        if self.phase is Phase.RESTORE and text in _TEXTS:
            self._answered(_TEXTS[text], text, now, events)
        elif self._command is None:
            self._line(text, now, events)
        elif text == b"Set OK" and _CHANGES_FORM.match(self._command.line):
            events.append(Reply(0, text, tuple(self._command.log), safe=False))
            self.lose()
        elif text != self._command.line:
            self._line(text, now, events)

    def _line(self, text: bytes, now: float, events: list[Event]) -> None:
        """Process an unsolicited line."""
        if _READY.fullmatch(text) and self.phase is not Phase.RESTORE:
            if self.phase in (Phase.IN_STEP, Phase.WAITING):
                events.append(Restarted())
                self.restarted()
            else:
                events += self.attach(now)
        elif self.phase in (Phase.IN_STEP, Phase.WAITING):
            if self._command is not None:
                self._command.log.append(text)
                del self._command.log[:-MAX_LOG]
            events.append(Notice(text, self._command is not None))

    def _fault(self, reason: str, now: float, events: list[Event]) -> None:
        if self.phase in (Phase.IN_STEP, Phase.WAITING):
            events.append(OutOfStep(reason))
            self.lose()
        elif self.phase is not Phase.RESTORE:
            self._enter(Phase.SWITCH, now)

    def _lost(self) -> None:
        self.phase = Phase.LOST
        self.deadline = None


def check_line(line: bytes) -> None:
    """Raise ValueError for a command with a line break in it."""
    if _LINE_BREAKS.search(line):
        message = "a command is one line without CR, LF and NUL"
        raise ValueError(message)


def _set(name: str, value: str) -> bytes:
    return f"set {name} {value}".encode()


# The answers to these are certain, and no two tries have the same: a late one is told from a new
# one. The first line is answered by what no other line is, so a try is never mistaken for another.
_MARK = (_UNKNOWN, (3, b""))
_BITS = ((_GET_HEADERS, (0, b"1")), (_HEADERS_ON, (0, b"Set OK")))
_FENCES = [[_MARK, first, second] for first in _BITS for second in _BITS]
_FENCE_SIZE = 3

_HUNTING = frozenset((Phase.LOGIN, Phase.PROBE, Phase.BREAK_IN, Phase.SWITCH))
_READING = frozenset(
    (Phase.FENCE, Phase.READ, Phase.SET, Phase.IN_STEP, Phase.WAITING, Phase.RESTORE)
)
_TIMES = {
    Phase.QUIET: GUARD_TIME,
    Phase.BREAK_IN: BREAK_IN_TIME,
    Phase.RESTORE: RESTORE_TIME,
}
_IN_SILENCE = {
    Phase.LOGIN: Phase.PROBE,
    Phase.QUIET: Phase.BREAK_IN,
    Phase.BREAK_IN: Phase.PROBE,
    Phase.SWITCH: Phase.PROBE,
    Phase.FENCE: Phase.SWITCH,
    Phase.READ: Phase.SWITCH,
    Phase.SET: Phase.SWITCH,
}
