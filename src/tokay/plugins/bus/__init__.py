"""The bus: the serial ports to the host, and what they carry. Source: command-protocol, 8."""

from typing import Any, ClassVar

from tokay.kernel import core
from tokay.kernel.console import MOST_UNSENT, Console, LogPrinter
from tokay.kernel.kernel import Kernel
from tokay.kernel.kinds import Choice, Integer
from tokay.kernel.plugin import Plugin
from tokay.kernel.variables import Applies, Variable

BUSES = ("uart0", "uart1")
CARRIED = "bus.input"

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


class Bus(Plugin):
    """Puts a console on the data bus, and the log on the log bus."""

    name = "bus"
    variables = (MODE, DATA_BUS, LOG_BUS, core.RX_BUFFER, TX_BUFFER)
    commands: ClassVar = ()
    after = ("uart",)
    safe_mode = True

    __slots__ = ("_console", "_kernel", "_log", "_port")

    _port: Any

    def start(self, kernel: Kernel, board: Any) -> None:
        """Attach the console; it begins when the device is ready."""
        self._kernel = kernel
        self._console: Console | None = None
        self._log: LogPrinter | None = None
        data_bus, log_bus = kernel.variables[DATA_BUS], kernel.variables[LOG_BUS]
        self._port = _port(board, data_bus)
        if self._port is not None:
            self._console = Console(
                kernel,
                self._port,
                name=data_bus,
                logs=log_bus == data_bus,
                most_unsent=self._transmit_buffer(),
                held=kernel.carried.pop(CARRIED, None),
            )
            kernel.on("ready", self._begin)
            kernel.on("remote_terminal", self._give_way)
        if log_bus != data_bus and (port := _port(board, log_bus)) is not None:
            self._log = LogPrinter(kernel, port)

    def _transmit_buffer(self) -> int:
        # A product that cannot be told the size has all that there is.
        if TX_BUFFER.name in self._kernel.variables.table.by_name:
            return self._kernel.variables[TX_BUFFER]
        return MOST_UNSENT

    def _begin(self) -> None:
        if self._console is not None:
            self._port.attach(self._console)
            self._console.start()

    def _give_way(self, connected: bool) -> None:
        """Leave the parser to the remote terminal: what the host says meanwhile is not heard."""
        if self._console is not None:
            self._console.muted = connected

    async def settle(self) -> None:
        """Return once all that the host sent is answered."""
        if self._console is not None:
            await self._console.settle()

    async def stop(self) -> None:
        """Detach; what the host sends now is for the next boot."""
        if self._log is not None:
            self._log.close()
        if self._console is not None:
            self._port.detach()
            self._kernel.carried[CARRIED] = self._console.close()


def _port(board: Any, bus: str) -> Any:
    if bus not in BUSES or BUSES.index(bus) >= len(board.ports):
        return None
    return board.ports[BUSES.index(bus)]


PLUGIN = Bus
