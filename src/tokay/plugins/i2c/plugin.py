"""I2C master streams by command."""

from typing import Any, ClassVar

from tokay.board.buses import MAX_ADDRESS, MAX_MESSAGE, BusError, Buses
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import bad_args, failed
from tokay.kernel.value_types import integer
from tokay.plugins.i2c.stream import DEFAULT_CLOCK, DEFAULT_RX, I2cConfig, I2cStream

MAX_PORT = 7
CLOCKS = (1000, 3_400_000)
"""Hz: up to the high-speed mode of the I2C specification."""
MAX_RETRIES = 255
_EIGHT_BITS = 0xFF


@command("i2c_master_open", "", "[-p port] [-c clock_hz] [-r retries] [-b rx_bytes] address")
def i2c_master_open(call: Call) -> str:
    """Open a stream to an I2C slave by its 7-bit address; the response is the stream's handle."""
    config = I2cConfig(
        address=_address(call),
        port=call.number("port", 0, MAX_PORT, 0),
        clock=call.number("clock_hz", *CLOCKS, DEFAULT_CLOCK),
        retries=call.number("retries", 0, MAX_RETRIES, 0),
        rx_bytes=call.number("rx_bytes", 1, MAX_MESSAGE, DEFAULT_RX),
    )
    return str(call.kernel.plugin(I2c).open(config).handle)


def _address(call: Call) -> int:
    """Return the address of a call; an address with the read bit in it is told apart."""
    address = integer(call["address"], 0, _EIGHT_BITS)
    if address > MAX_ADDRESS:
        call.log(
            f"I2C: 0x{address:02X} has 8 bits: without the read bit it is 0x{address >> 1:02X}"
        )
        raise bad_args(f"{call['address']} is no 7-bit address")
    return address


class I2c(Plugin):
    """The I2C master of one device."""

    name = "i2c"
    commands: ClassVar = (i2c_master_open,)
    after = ("streams",)

    __slots__ = ("_buses", "_kernel")

    def start(self, kernel: Kernel, board: Any) -> None:
        """Look at no bus yet."""
        self._kernel = kernel
        self._buses: Buses = board.buses

    def open(self, config: I2cConfig) -> I2cStream:
        """Open a stream. Raises CommandError when there is no such port, or no free handle.

        No byte goes out: whether anybody is at the address shows at the first write or read.
        """
        try:
            bus = self._buses.i2c(config.port)
        except BusError as error:
            self._kernel.log.line(str(error))
            raise failed(str(error)) from None
        stream = I2cStream(self._kernel, bus, config)
        self._kernel.streams.admit(stream)
        return stream
