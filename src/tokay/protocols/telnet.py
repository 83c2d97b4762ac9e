r"""Telnet: commands and option negotiation taken out of a byte stream, and put into one.

``Telnet`` is one end of a connection, without I/O: bytes that arrive go into ``receive``, which
gives what they mean; what must be answered waits in ``data_to_send``. Bytes of the channel above
are doubled where they are IAC by ``escape``::

    for event in telnet.receive(data):
        match event:
            case bytes(): ...                      # for the channel above
            case Option(End.THEIRS, 0, True): ...  # the peer now sends binary
            case Subnegotiation(44, said): ...
            case Command(243): ...                 # BREAK
    transport.write(telnet.data_to_send())

An option has two ends, ours (WILL, WONT) and theirs (DO, DONT as we say it). At each end it is
off, on, or asked for and not answered yet. Only a change is answered, so two ends that follow
RFC 854 cannot talk in circles; an option that we know nothing of is refused each time.

CR NUL and CR LF pass as they are: a console drops the NUL, and a serial port is transparent.

Bounds: a subnegotiation longer than 1 KiB is dropped whole, and nothing else is ever held back but
the two bytes of an unfinished command. Each command is answered by three bytes at most: who writes
``data_to_send`` to a peer that does not read must stop reading from it.

Sources: RFC 854, RFC 855, RFC 856 (binary), RFC 857 (echo), RFC 858 (suppress go-ahead).
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

# Commands, RFC 854.
SE, NOP, DATA_MARK, BREAK, INTERRUPT, ABORT_OUTPUT, ARE_YOU_THERE = range(240, 247)
ERASE_CHARACTER, ERASE_LINE, GO_AHEAD, SB = range(247, 251)
WILL, WONT, DO, DONT, IAC = range(251, 256)

# Options, as IANA numbers them.
BINARY, ECHO, SUPPRESS_GO_AHEAD, STATUS = 0, 1, 3, 5
TERMINAL_TYPE, WINDOW_SIZE, LINEMODE, COM_PORT = 24, 31, 34, 44

MAX_SUBNEGOTIATION = 1024
"""Bytes: many times what any option in use has to say."""

_ESCAPED = b"\xff\xff"
_TEXT = re.compile(rb"(?:[^\xff]++|\xff\xff)++")


class OptionEnd(Enum):
    """Which end of the connection does what an option says."""

    OURS = "ours"
    THEIRS = "theirs"


class TelnetOption(NamedTuple):
    """An option went on or off at one end, or ``on`` is False: what we asked for was refused."""

    end: OptionEnd
    option: int
    on: bool


class Subnegotiation(NamedTuple):
    """What the peer says within an option; ``data`` has no doubled bytes."""

    option: int
    data: bytes


class TelnetCommand(NamedTuple):
    """A command of one byte: BREAK, ARE_YOU_THERE, INTERRUPT, ..."""

    code: int


Event = bytes | TelnetOption | Subnegotiation | TelnetCommand


class _Side:
    """The options of one end. ``say`` are the words that turn them on and off from here."""

    __slots__ = ("allowed", "asked", "commands", "end", "on")

    def __init__(self, end: OptionEnd, allowed: Iterable[int], say: tuple[int, int]) -> None:
        self.end = end
        self.allowed = frozenset(allowed)
        self.commands = say
        self.on: set[int] = set()
        self.asked: set[int] = set()


class Telnet:
    """One end of a connection.

    ``ours``: options that we do when asked. ``theirs``: options that the peer may do.
    """

    __slots__ = ("_held", "_ours", "_overlong", "_sub", "_theirs", "_to_send")

    def __init__(self, *, ours: Iterable[int] = (), theirs: Iterable[int] = ()) -> None:
        self._ours = _Side(OptionEnd.OURS, ours, (WILL, WONT))
        self._theirs = _Side(OptionEnd.THEIRS, theirs, (DO, DONT))
        self._held = b""
        self._sub: bytearray | None = None
        self._overlong = False
        self._to_send = bytearray()

    # What we do.

    def offer(self, option: int) -> None:
        """Ask to do an option ourselves: ECHO to type the peer's keys back to it, for one."""
        self._ask(self._ours, option)

    def ask(self, option: int) -> None:
        """Ask the peer to do an option."""
        self._ask(self._theirs, option)

    def withdraw(self, option: int) -> None:
        """Stop doing an option ourselves."""
        side = self._ours
        if option in side.on or option in side.asked:
            side.on.discard(option)
            side.asked.discard(option)
            self._send_command(side.commands[1], option)

    def is_on(self, end: OptionEnd, option: int) -> bool:
        """Return whether an option is on."""
        return option in (self._ours if end is OptionEnd.OURS else self._theirs).on

    def subnegotiate(self, option: int, data: bytes) -> None:
        """Queue a subnegotiation."""
        self._to_send += bytes((IAC, SB, option)) + escape(data) + bytes((IAC, SE))

    def data_to_send(self) -> bytes:
        """Return what is to be written to the peer now, and forget it."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    # What the peer does.

    def receive(self, data: bytes) -> list[Event]:
        """Return what these bytes mean; half a command waits for its rest."""
        if self._held:
            data = self._held + data
            self._held = b""
        elif self._sub is None and IAC not in data:
            return [data] if data else []
        events: list[Event] = []
        at = 0
        while at < len(data):
            if text := _TEXT.match(data, at):
                piece = text[0].replace(_ESCAPED, b"\xff")
                at = text.end()
                if self._sub is None:
                    events.append(piece)
                else:
                    self._collect(self._sub, piece)
                continue
            size = 3 if data[at + 1 : at + 2] >= b"\xfb" else 2  # WILL, WONT, DO, DONT
            if len(data) - at < size:
                # An SB is a command of one byte: its option is the first of what it says.
                self._held = data[at:]
                break
            self._receive_command(data[at + 1], data[at + 2] if size == 3 else 0, events)
            at += size
        return events

    def _collect(self, sub: bytearray, piece: bytes) -> None:
        if len(sub) + len(piece) > MAX_SUBNEGOTIATION:
            self._overlong = True
            return
        sub += piece

    def _receive_command(self, command: int, option: int, events: list[Event]) -> None:
        sub, self._sub = self._sub, None
        if sub is not None and command == SE:
            if sub and not self._overlong:
                events.append(Subnegotiation(sub[0], bytes(sub[1:])))
            return
        # Any other command ends an unfinished subnegotiation, which is then nothing.
        match command:
            case 251:  # WILL
                self._turn_on(self._theirs, option, events)
            case 252:  # WONT
                self._turn_off(self._theirs, option, events)
            case 253:  # DO
                self._turn_on(self._ours, option, events)
            case 254:  # DONT
                self._turn_off(self._ours, option, events)
            case 250:  # SB
                self._sub, self._overlong = bytearray(), False
            case 240:  # SE of nothing
                pass
            case _:
                events.append(TelnetCommand(command))

    # Negotiation: only a change is answered, and an answer to a question never is.

    def _ask(self, side: _Side, option: int) -> None:
        if option not in side.on and option not in side.asked:
            side.asked.add(option)
            self._send_command(side.commands[0], option)

    def _turn_on(self, side: _Side, option: int, events: list[Event]) -> None:
        if option in side.on:
            return
        if option in side.asked:
            side.asked.discard(option)
        elif option in side.allowed:
            self._send_command(side.commands[0], option)
        else:
            self._send_command(side.commands[1], option)
            return
        side.on.add(option)
        events.append(TelnetOption(side.end, option, on=True))

    def _turn_off(self, side: _Side, option: int, events: list[Event]) -> None:
        if option in side.asked:
            side.asked.discard(option)
        elif option in side.on:
            side.on.discard(option)
            self._send_command(side.commands[1], option)
        else:
            return
        events.append(TelnetOption(side.end, option, on=False))

    def _send_command(self, word: int, option: int) -> None:
        self._to_send += bytes((IAC, word, option))


def escape(data: bytes) -> bytes:
    """Return bytes of the channel as they go over the wire: IAC is doubled."""
    return data.replace(b"\xff", _ESCAPED) if IAC in data else data
