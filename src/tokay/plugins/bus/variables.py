"""The variables of the bus.

Sources: docs/protocol/command-protocol.md, section 8.1; docs/protocol/variables.md, section 7.2.
"""

from collections.abc import Sequence
from typing import Any

from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NO_PIN, NOWHERE, Boolean, Choice, Integer, Scope, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.buttons import Strap

BUSES = ("uart0", "uart1")
LEAST_COUNT = 16
"""The smallest flush_count: no break-in text is longer."""


class FlushCount(Integer):
    """Bytes, or 0 for any number. A break-in text must fit into the smallest."""

    def __init__(self) -> None:
        super().__init__(0, 65535)
        self.hint = f"0 or {LEAST_COUNT}-{self.high} bytes"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> int:
        count = super().parse(words, scope)
        if 0 < count < LEAST_COUNT:
            raise bad_args(f"{count} is not {self.hint}")
        return count


MODE = Variable(
    "bus.mode", "bu m", Choice("command", "stream"), "command",
    applies=Applies.REBOOT, safe_mode=True, backup=True,
    doc="What the data bus carries after boot: commands, or the bytes of a stream.",
)  # fmt: skip
DATA_BUS = Variable(
    "bus.data_bus", "bu d", Choice(*BUSES), "uart0", applies=Applies.REBOOT,
    doc="The serial port for commands and data.",
)  # fmt: skip
LOG_BUS = Variable(
    "bus.log_bus", "bu l", Choice(*BUSES, "none"), "uart0", applies=Applies.REBOOT,
    doc="The serial port for the log.",
)  # fmt: skip
TX_BUFFER = Variable(
    "bus.command.tx_bufsize", "bu c t", Integer(256, 10000, unit="bytes"), 256,
    applies=Applies.REBOOT, doc="Transmit buffer of the console.",
)  # fmt: skip

CMD_GPIO = Variable(
    "bus.stream.cmd_gpio", "bu s g", Strap(), NO_PIN,
    doc="The pin that, while it is high, makes stream mode command mode.",
)  # fmt: skip
CMD_SEQ = Variable(
    "bus.stream.cmd_seq", "bu s s", Text(1, 15), "$$$",
    doc="The text that, after 3 s of silence, makes stream mode command mode; empty is none.",
)  # fmt: skip
FLUSH_COUNT = Variable(
    "bus.stream.flush_count", "bu s c", FlushCount(), 1460,
    doc="Serial bytes that are sent as soon as they are gathered; 0 is any number.",
)  # fmt: skip
FLUSH_TIME = Variable(
    "bus.stream.flush_time", "bu s t", Integer(0, 65535, unit="ms"), 10,
    doc="How long serial bytes are gathered; 0 is until there are flush_count.",
)  # fmt: skip
FLUSH_TIME_RESET = Variable(
    "bus.stream.flush_time_reset", "bu s r", Boolean(), False,
    doc="Begin flush_time anew with each byte.",
)  # fmt: skip
STREAM: tuple[Variable[Any], ...] = (CMD_SEQ, FLUSH_COUNT, FLUSH_TIME, FLUSH_TIME_RESET)
"""What the rules of gathering are made of."""
