"""RFC 2217, the end that uses the port: sets the line and receives its bytes. No I/O.

The line is asked for as soon as the server agrees to the option; a server that does not have it
(a plain telnet server) is used as it is. What the server answers is noted in ``agreed``.

Source: RFC 2217.
"""

from tokay.protocols.rfc2217 import ANSWER, ComPortCommand, ComPortSettings
from tokay.protocols.telnet import (
    BINARY,
    COM_PORT,
    ECHO,
    SUPPRESS_GO_AHEAD,
    OptionEnd,
    Subnegotiation,
    Telnet,
    TelnetOption,
)

DTR_ON, RTS_ON = 8, 11
"""SET-CONTROL: the host is there."""


class ComPortClient:
    """The client's end of one connection. ``line``: the settings it asks for."""

    __slots__ = ("agreed", "line", "telnet")

    def __init__(self, line: ComPortSettings) -> None:
        self.line = line
        self.agreed: dict[int, int] = {}
        """What the server said that holds, by command."""
        options = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
        self.telnet = Telnet(ours=options, theirs=(*options, ECHO))
        for option in options:
            self.telnet.offer(option)
        self.telnet.ask(BINARY)
        self.telnet.ask(SUPPRESS_GO_AHEAD)

    def data_to_send(self) -> bytes:
        """Return the bytes to be written to the server, and clear them."""
        return self.telnet.data_to_send()

    def receive(self, data: bytes) -> list[bytes]:
        """Return the bytes of the line."""
        pieces: list[bytes] = []
        for event in self.telnet.receive(data):
            match event:
                case bytes():
                    pieces.append(event)
                case TelnetOption(OptionEnd.OURS, option, True) if option == COM_PORT:
                    self._set_line()
                case Subnegotiation(option, said) if option == COM_PORT and said:
                    self.agreed[said[0] - ANSWER] = int.from_bytes(said[1:5])
                case _:
                    pass
        return pieces

    def _set_line(self) -> None:
        line = self.line
        for code, value in (
            (ComPortCommand.BAUDRATE, line.baud.to_bytes(4)),
            (ComPortCommand.DATASIZE, bytes((line.data,))),
            (ComPortCommand.PARITY, bytes((line.parity,))),
            (ComPortCommand.STOPSIZE, bytes((line.stop,))),
            (ComPortCommand.CONTROL, bytes((line.flow,))),
            (ComPortCommand.CONTROL, bytes((DTR_ON,))),
            (ComPortCommand.CONTROL, bytes((RTS_ON,))),
        ):
            self.telnet.subnegotiate(COM_PORT, bytes((code,)) + value)
