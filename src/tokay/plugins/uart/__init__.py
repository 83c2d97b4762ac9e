"""Line settings of the serial ports. Source: docs/protocol/command-protocol.md, section 9."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from tokay.board.board import Board
from tokay.board.serial import LineSettings
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NOWHERE, Boolean, Choice, Integer, Scope, ValueType, integer
from tokay.kernel.variables import Applies, Index, Variable

RAW = (1098, 18_000_000)
"""The slowest and fastest rate that `raw` allows, in bits a second."""
PREFIX = "uart"


class UartIndex(Index):
    """The number of a serial port."""

    hint = "uart"

    def key(self, word: str, kernel: Kernel) -> str:
        return str(integer(word.removeprefix(PREFIX), 0, kernel.profile.uarts - 1))

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return [str(number) for number in range(kernel.profile.uarts)]


class Baud(ValueType[int]):
    """A rate that the product lists, or any with `raw` behind it."""

    words = (1, 2)
    hint = f"a standard rate, or {RAW[0]}-{RAW[1]} raw"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> int:
        if len(words) == 2:
            if words[1] != "raw":
                raise bad_args(f"{words[1]} is not raw")
            return integer(words[0], *RAW)
        rate = integer(words[0], 1, RAW[1])
        if isinstance(scope, Kernel) and rate not in scope.profile.bauds:
            raise bad_args(f"{rate} is no standard rate")
        return rate

    def write(self, value: int) -> str:
        return f"{value} raw"


_STAGED: dict[str, Any] = {
    "applies": Applies.UART_UPDATE,
    "index": UartIndex(),
    "safe_mode": True,
    "backup": True,
    "lockable": True,
}
BAUD = Variable("uart.baud", "ua b", Baud(), 115200, doc="Bits a second.", **_STAGED)
DATA = Variable("uart.data", "ua d", Integer(8, 8), 8, doc="Data bits.", **_STAGED)
FLOW = Variable("uart.flow", "ua f", Boolean(), False, doc="RTS and CTS flow control.", **_STAGED)
PARITY = Variable(
    "uart.parity", "ua p", Choice("none", "odd", "even"), "none", doc="Parity bit.", **_STAGED
)
STOP = Variable("uart.stop", "ua s", Integer(1, 2), 1, doc="Stop bits.", **_STAGED)


@command("uart_update", "uart_update", "[uart]", safe_mode=True)
def uart_update(call: Call) -> None:
    """Use the uart settings now. The reply still goes out with the old ones."""
    kernel = call.kernel
    index = UartIndex()
    numbers = [index.key(call["uart"], kernel)] if "uart" in call else list(index.keys(kernel))
    uart = kernel.plugin(Uart)
    call.after.append(lambda: uart.update(numbers))


class Uart(Plugin):
    """Keeps the ports as the variables say."""

    name = "uart"
    variables = (BAUD, DATA, FLOW, PARITY, STOP)
    commands: ClassVar = (uart_update,)
    safe_mode = True

    __slots__ = ("_board", "_kernel")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Use the saved settings."""
        self._kernel, self._board = kernel, board
        self.update([str(number) for number in range(kernel.profile.uarts)])

    def update(self, numbers: Sequence[str]) -> None:
        """Use the present settings on these ports."""
        at = self._kernel.variables.at
        for number in numbers:
            ports = self._board.ports
            port = ports[int(number)] if int(number) < len(ports) else None
            if port is None:
                continue
            try:
                port.configure(
                    LineSettings(
                        baud=at(BAUD, number),
                        data=at(DATA, number),
                        parity=at(PARITY, number),
                        stop=at(STOP, number),
                        flow=at(FLOW, number),
                    )
                )
            except OSError as error:
                self._kernel.log.line(f"uart{number}: {error}")


PLUGIN = Uart
