"""SPI master streams by command."""

from typing import Any, ClassVar

from tokay.board.buses import BusError, Buses, SpiSettings
from tokay.board.pins import PinError, Pins
from tokay.kernel.commands import MAX_DATA, Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import failed
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.gpio import StatusPin, variable_line
from tokay.plugins.spi.select import PinSelect
from tokay.plugins.spi.stream import DEFAULT_CLOCK, DEFAULT_RX, SpiConfig, SpiStream
from tokay.plugins.spi.variables import ACTIVE_GPIO, ACTIVE_LEVEL

MAX_PORT = 7
CLOCKS = (1000, 100_000_000)
"""Hz."""


@command(
    "spi_master_open",
    "",
    "[-p port] [-c clock_hz] [-m mode] [-l] [-s select_gpio] [-b rx_bytes]",
)
def spi_master_open(call: Call) -> str:
    """Open a stream to an SPI slave; -l is least significant bit first, -s selects it by a pin."""
    select = call.get("select_gpio", "-1")
    config = SpiConfig(
        port=call.number("port", 0, MAX_PORT, 0),
        select=None if select in ("-1", "none") else call.kernel.pin(select),
        settings=SpiSettings(
            clock=call.number("clock_hz", *CLOCKS, DEFAULT_CLOCK),
            mode=call.number("mode", 0, 3, 0),
            lsb_first="-l" in call,
        ),
        rx_bytes=call.number("rx_bytes", 1, MAX_DATA, DEFAULT_RX),
    )
    return str(call.kernel.plugin(Spi).open(config).handle)


class Spi(Plugin):
    """The SPI master of one device."""

    name = "spi"
    variables = (ACTIVE_GPIO, ACTIVE_LEVEL)
    commands: ClassVar = (spi_master_open,)
    after = ("gpio", "streams")

    __slots__ = ("_active", "_buses", "_kernel", "_pins")

    def start(self, kernel: Kernel, board: Any) -> None:
        """Show on the pin that the bus is free; look at no bus yet."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._buses: Buses = board.buses
        self._active: StatusPin | None = None
        values = kernel.variables
        values.watch(ACTIVE_GPIO, self._changed)
        values.watch(ACTIVE_LEVEL, self._changed)
        if values[ACTIVE_GPIO] != NO_PIN:
            self._line()

    def open(self, config: SpiConfig) -> SpiStream:
        """Open a stream.

        Raises CommandError for a port that does not exist, a select pin that is taken, or when no
        handle is free.
        """
        kernel = self._kernel
        kernel.streams.reserve()
        try:
            bus = self._buses.spi(config.port)
            select = PinSelect(self._pins, config.select, self.assert_active)
        except (BusError, PinError) as error:
            kernel.log.line(str(error))
            raise failed(str(error)) from None
        stream = SpiStream(kernel, bus, config, select)
        kernel.streams.admit(stream)
        return stream

    def assert_active(self, active: bool) -> None:
        """Show on `spi.master.active_gpio` whether the bus is in use."""
        if self._active is not None:
            level = self._kernel.variables[ACTIVE_LEVEL]
            self._active.show(level if active else 1 - level)

    def _line(self) -> StatusPin:
        if self._active is None:
            self._active = variable_line(self._kernel, self._pins, ACTIVE_GPIO)
            self.assert_active(False)
        return self._active

    def _changed(self, _index: str, _value: int) -> None:
        if self._active is not None:
            self.assert_active(False)
        elif self._kernel.variables[ACTIVE_GPIO] != NO_PIN:
            self._line()
