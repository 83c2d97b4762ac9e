"""RFC 2217: a serial port over telnet, the end that has the port. No I/O.

Bytes from the client go into ``receive``, which returns the data for the device (bytes) and what
the client does to the line; ``data_to_send`` is what must be answered. Bytes of the device go
through ``escape`` of `tokay.protocols.telnet`.

A client sets its own end of a line that does not exist. Whatever it asks for is confirmed, so that
every driver is content, and kept in ``line``; what cannot be (9 data bits) is answered with what
holds, as section 3 of the RFC has it. Zero asks for the present value.

The client's DTR, RTS and breaks are events; the modem state that it sees is a device that is there:
CTS, DSR and carrier on. It is told once the option is agreed on, and when it asks.

Sources: RFC 2217; what clients in the field send where the RFC leaves it open (they poll the modem
state by sending NOTIFY-MODEMSTATE).
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from tokay.protocols.telnet import (
    BINARY,
    BREAK,
    COM_PORT,
    ECHO,
    SUPPRESS_GO_AHEAD,
    OptionEnd,
    Subnegotiation,
    Telnet,
    TelnetCommand,
    TelnetOption,
)

ANSWER = 100
"""What the server adds to the number of a command that it answers."""
CTS, DSR, CARRIER = 0x10, 0x20, 0x80
PRESENT = CTS | DSR | CARRIER
"""The modem state of a device that is there."""
SIGNATURE = b"Tokay"


class ComPortCommand(IntEnum):
    """The commands, as the client numbers them."""

    SIGNATURE = 0
    BAUDRATE = 1
    DATASIZE = 2
    PARITY = 3
    STOPSIZE = 4
    CONTROL = 5
    LINESTATE = 6
    MODEMSTATE = 7
    SUSPEND = 8
    RESUME = 9
    LINESTATE_MASK = 10
    MODEMSTATE_MASK = 11
    PURGE = 12


class Parity(IntEnum):
    """SET-PARITY."""

    NONE = 1
    ODD = 2
    EVEN = 3
    MARK = 4
    SPACE = 5


class Flow(IntEnum):
    """SET-CONTROL 1-3: flow control of what the client sends, and of what it receives as well."""

    NONE = 1
    XON = 2
    HARDWARE = 3


class Purge(IntEnum):
    """PURGE-DATA: what has come from the device, what goes to it, or both."""

    FROM_DEVICE = 1
    TO_DEVICE = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class ComPortSettings:
    """The client's end of the line. ``stop``: 1, 2, or 3 for one and a half."""

    baud: int = 115200
    data: int = 8
    parity: Parity = Parity.NONE
    stop: int = 1
    flow: int = Flow.NONE
    breaking: bool = False
    dtr: bool = True
    rts: bool = True


class FlowSuspend(IntEnum):
    """The client asks for silence (FLOWCONTROL-SUSPEND), or for the rest (RESUME)."""

    NO = 0
    YES = 1


Event = bytes | ComPortSettings | FlowSuspend | Purge

# SET-CONTROL: the values that ask, and those that set a field of the line.
_ASKS = {0: "flow", 4: "breaking", 7: "dtr", 10: "rts", 13: "inbound"}
_SETS = {
    1: ("flow", 1), 2: ("flow", 2), 3: ("flow", 3), 17: ("flow", 17), 19: ("flow", 19),
    5: ("breaking", True), 6: ("breaking", False),
    8: ("dtr", True), 9: ("dtr", False),
    11: ("rts", True), 12: ("rts", False),
}  # fmt: skip
# What inbound flow control can be set to; it is answered and means nothing here.
_INBOUND = frozenset((14, 15, 16, 18))


class ComPort:
    """The server's end of one connection."""

    __slots__ = ("_inbound", "_modem_mask", "line", "telnet")

    def __init__(self) -> None:
        self.line = ComPortSettings()
        self._inbound = 14
        self._modem_mask = 0xFF
        both = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
        self.telnet = Telnet(ours=(*both, ECHO), theirs=both)
        # A plain telnet client then sends keys as they are typed, and does not echo them.
        for option in (SUPPRESS_GO_AHEAD, ECHO, BINARY):
            self.telnet.offer(option)
        self.telnet.ask(BINARY)

    def data_to_send(self) -> bytes:
        """Return what is to be written to the client now, and forget it."""
        return self.telnet.data_to_send()

    def receive(self, data: bytes) -> list[Event]:
        """Return what these bytes mean."""
        events: list[Event] = []
        for event in self.telnet.receive(data):
            match event:
                case bytes():
                    events.append(event)
                case Subnegotiation(option, said) if option == COM_PORT and said:
                    self._execute(said[0], said[1:], events)
                case TelnetOption(OptionEnd.THEIRS, option, True) if option == COM_PORT:
                    self._answer(ComPortCommand.MODEMSTATE, bytes((PRESENT,)))
                case TelnetCommand(code) if code == BREAK:
                    events.append(replace(self.line, breaking=True))
                    events.append(self.line)
                case _:
                    pass
        return events

    def _answer(self, code: int, value: bytes) -> None:
        self.telnet.subnegotiate(COM_PORT, bytes((code + ANSWER,)) + value)

    def _execute(self, code: int, value: bytes, events: list[Event]) -> None:
        match code:
            case ComPortCommand.SIGNATURE:
                if not value:  # else it is the client's own
                    self._answer(code, SIGNATURE)
            case (
                ComPortCommand.BAUDRATE
                | ComPortCommand.DATASIZE
                | ComPortCommand.PARITY
                | ComPortCommand.STOPSIZE
            ):
                self._set(code, int.from_bytes(value[:4]), events)
            case ComPortCommand.CONTROL:
                self._control(value[0] if value else 0, events)
            case ComPortCommand.MODEMSTATE:
                self._answer(code, bytes((PRESENT & self._modem_mask,)))
            case ComPortCommand.SUSPEND:
                events.append(FlowSuspend.YES)
            case ComPortCommand.RESUME:
                events.append(FlowSuspend.NO)
            case ComPortCommand.LINESTATE_MASK | ComPortCommand.MODEMSTATE_MASK:
                mask = value[:1] or b"\xff"
                self._answer(code, mask)
                if code == ComPortCommand.MODEMSTATE_MASK:
                    self._modem_mask = mask[0]
            case ComPortCommand.PURGE:
                self._answer(code, value[:1])
                if value[:1] in (b"\x01", b"\x02", b"\x03"):
                    events.append(Purge(value[0]))
            case _:
                pass  # what the server alone says, and what nobody knows

    def _set(self, code: int, asked: int, events: list[Event]) -> None:
        """Set one of the four settings, or leave it; say what holds."""
        line = self.line
        match code:
            case ComPortCommand.BAUDRATE:
                line = replace(line, baud=asked or line.baud)
                answer = line.baud.to_bytes(4)
            case ComPortCommand.DATASIZE:
                line = replace(line, data=asked if 5 <= asked <= 8 else line.data)
                answer = bytes((line.data,))
            case ComPortCommand.PARITY:
                line = replace(line, parity=Parity(asked) if 1 <= asked <= 5 else line.parity)
                answer = bytes((line.parity,))
            case _:
                line = replace(line, stop=asked if 1 <= asked <= 3 else line.stop)
                answer = bytes((line.stop,))
        self._answer(code, answer)
        self._update(line, events)

    def _control(self, value: int, events: list[Event]) -> None:
        line = self.line
        if value in _SETS:
            field, setting = _SETS[value]
            line = replace(line, **{field: setting})  # type: ignore[arg-type]
            answer = value
        elif value in _INBOUND:
            answer = self._inbound = value
        else:
            answer = self._current(_ASKS.get(value, "flow"))
        self._answer(ComPortCommand.CONTROL, bytes((answer,)))
        self._update(line, events)

    def _current(self, field: str) -> int:
        """Return the control value that says how a field stands."""
        if field == "inbound":
            return self._inbound
        setting = getattr(self.line, field)
        return next(
            value for value, (name, one) in _SETS.items() if (name, one) == (field, setting)
        )

    def _update(self, line: ComPortSettings, events: list[Event]) -> None:
        if line != self.line:
            self.line = line
            events.append(line)
