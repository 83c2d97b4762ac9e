"""The buses of a simulated board: made when they are first used, with ready devices on port 0.

I2C port 0:

- 0x48, a temperature sensor as the LM75 is: register 0 is the temperature in 1/256 of a degree
  Celsius, two bytes, and where reads begin. It goes up and down between 20 and 24 degrees in ten
  minutes.
- 0x50, an EEPROM as the 24C32 is: 4096 bytes, pages of 32, two-byte addresses, 5 ms a write.
- 0x20, 256 registers of one byte, all zero, to write and read back.

SPI port 0:

- its own select, a flash as the W25Q80 is: 1 MiB, JEDEC ID EF 40 14.
- select pin 10, a temperature sensor: the registers of the one above, mode 0 or 3.
"""

import asyncio
from collections.abc import Callable, Mapping

from tokay.board.buses.bus import Buses, I2cBus, SpiBus
from tokay.board.buses.eeprom import Eeprom
from tokay.board.buses.flash import Flash
from tokay.board.buses.registers import Curve, I2cRegisters, RegisterMap, SpiRegisters, measured
from tokay.board.buses.simulated_i2c import SimulatedI2c
from tokay.board.buses.simulated_spi import SimulatedSpi

PORTS = 2
"""Ports of each kind on a simulated board; port 1 is empty."""
SENSOR, EEPROM, REGISTERS = 0x48, 0x50, 0x20
"""I2C addresses of the ready devices."""
SENSOR_SELECT = 10
"""The select pin of the ready SPI sensor."""
TEMPERATURE = ((0.0, 20.0), (300.0, 24.0), (600.0, 20.0))
"""Seconds and degrees Celsius of the ready sensors."""
TEMPERATURE_STEP = 32
"""Counts of 1/256 degree between two readings: an eighth of a degree."""


class SimulatedBuses(Buses):
    """Simulated buses. ``ready``: with the ready devices; else a caller attaches what it needs.

    ``bus.i2c(0).attach(0x40, device)`` connects one; several boards may share the buses.
    """

    def __init__(self, *, ready: bool = True, seed: int = 0) -> None:
        super().__init__()
        self._ready, self._seed, self._pace = ready, seed, False
        self._began: float | None = None
        self._simulated_i2c: dict[int, SimulatedI2c] = {}
        self._simulated_spi: dict[int, SimulatedSpi] = {}

    def start(self, *, pace: bool = False) -> None:
        """Begin the time of the devices, unless it runs: on the running loop, at power-on.

        ``pace``: transfers take the time that their bits need.
        """
        if pace:
            self._pace = True
            for i2c in self._simulated_i2c.values():
                i2c.pace = True
            for spi in self._simulated_spi.values():
                spi.pace = True
        if self._began is None:
            self._began = asyncio.get_running_loop().time()

    def i2c(self, port: int) -> SimulatedI2c:
        """Return an I2C bus. Raises BusError when there is none."""
        if not 0 <= port < PORTS:
            super().i2c(port)
        bus = self._simulated_i2c.get(port)
        if bus is None:
            bus = self._simulated_i2c[port] = SimulatedI2c(port, self._time, seed=self._seed + port)
            bus.pace = self._pace
            if self._ready and port == 0:
                attach_ready_i2c(bus)
        return bus

    def spi(self, port: int) -> SimulatedSpi:
        """Return an SPI bus. Raises BusError when there is none."""
        if not 0 <= port < PORTS:
            super().spi(port)
        bus = self._simulated_spi.get(port)
        if bus is None:
            bus = self._simulated_spi[port] = SimulatedSpi(port, self._time, seed=self._seed + port)
            bus.pace = self._pace
            if self._ready and port == 0:
                attach_ready_spi(bus)
        return bus

    def _time(self) -> float:
        """Seconds since power-on; 0 before it."""
        return 0.0 if self._began is None else asyncio.get_running_loop().time() - self._began


class MixedBuses(Buses):
    """Simulated buses, but for the kinds of which there are real ones."""

    def __init__(
        self,
        simulated: SimulatedBuses,
        i2c: Mapping[int, I2cBus],
        spi: Mapping[int, SpiBus],
    ) -> None:
        super().__init__(i2c, spi)
        self._find_i2c: Callable[[int], I2cBus] = super().i2c if i2c else simulated.i2c
        self._find_spi: Callable[[int], SpiBus] = super().spi if spi else simulated.spi

    def i2c(self, port: int) -> I2cBus:
        return self._find_i2c(port)

    def spi(self, port: int) -> SpiBus:
        return self._find_spi(port)


def attach_ready_i2c(bus: SimulatedI2c) -> None:
    """Attach the ready I2C devices."""
    bus.attach(SENSOR, I2cRegisters(temperature_registers()))
    bus.attach(EEPROM, Eeprom())
    bus.attach(REGISTERS, I2cRegisters(RegisterMap(dict.fromkeys(range(256), b"\x00"))))


def attach_ready_spi(bus: SimulatedSpi) -> None:
    """Attach the ready SPI devices."""
    bus.attach(None, Flash())
    bus.attach(SENSOR_SELECT, SpiRegisters(temperature_registers()))


def temperature_registers() -> RegisterMap:
    """Return the registers of an LM75: temperature, configuration, and two limits."""
    curve = measured(Curve(TEMPERATURE), step=TEMPERATURE_STEP)
    return RegisterMap(
        {0: bytes(2), 1: b"\0", 2: b"\x4b\0", 3: b"\x50\0"}, increment=False, measured={0: curve}
    )
