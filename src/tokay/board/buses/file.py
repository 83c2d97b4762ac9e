"""The bus file: TOML with the devices on simulated buses, and their faults (docs/buses.md)."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from tokay.board.air.fault_events import validation_text
from tokay.board.buses.bus import BusError
from tokay.board.buses.device import I2cDevice, SpiDevice
from tokay.board.buses.eeprom import Eeprom
from tokay.board.buses.faults import I2C_FAULTS, SPI_FAULTS, AnyFault
from tokay.board.buses.flash import Flash
from tokay.board.buses.registers import Curve, I2cRegisters, RegisterMap, SpiRegisters, measured
from tokay.board.buses.simulated import (
    PORTS,
    SimulatedBuses,
    attach_ready_i2c,
    attach_ready_spi,
)

MAX_REGISTER_SIZE = 256
"""Bytes of one register."""
MAX_SENSOR_SIZE = 8
MAX_PIN = 255


class Table(msgspec.Struct, forbid_unknown_fields=True, tag_field="device", kw_only=True):
    """Where a device is: an I2C address, or an SPI select pin, without which it is the own one."""

    port: int = 0
    address: int | None = None
    select: int | None = None


class RegistersTable(Table, tag="registers"):
    """Plain registers: hexadecimal bytes by register number."""

    registers: dict[str, str]
    read_only: list[int] = []
    increment: bool = True

    def map(self) -> RegisterMap:
        """Return the registers. Raises BusError."""
        return RegisterMap(
            _registers(self.registers), read_only=self.read_only, increment=self.increment
        )

    def i2c(self) -> I2cDevice:
        """Return the device on I2C."""
        return I2cRegisters(self.map())

    def spi(self) -> SpiDevice:
        """Return the device on SPI."""
        return SpiRegisters(self.map())


class SensorTable(Table, tag="sensor"):
    """A register that follows a curve, and plain ones beside it."""

    curve: list[tuple[float, float]]
    repeat: bool = True
    register: int = 0
    size: int = 2
    scale: float = 256
    step: int = 1
    registers: dict[str, str] = {}
    increment: bool = False

    def map(self) -> RegisterMap:
        """Return the registers. Raises BusError and ValueError."""
        _check("size", self.size, 1, MAX_SENSOR_SIZE)
        _check("register", self.register, 0, 0xFF)
        _check("step", self.step, 1, 1 << 31)
        measure = measured(
            Curve(self.curve, repeat=self.repeat), size=self.size, scale=self.scale, step=self.step
        )
        return RegisterMap(
            _registers(self.registers) | {self.register: bytes(self.size)},
            increment=self.increment,
            measured={self.register: measure},
        )

    def i2c(self) -> I2cDevice:
        """Return the device on I2C."""
        return I2cRegisters(self.map())

    def spi(self) -> SpiDevice:
        """Return the device on SPI."""
        return SpiRegisters(self.map())


class EepromTable(Table, tag="eeprom"):
    """An `Eeprom`."""

    size: int = 4096
    page: int = 32
    address_bytes: int = 2
    busy: float = 0.005
    content: str = ""

    def i2c(self) -> I2cDevice:
        """Return the device on I2C."""
        return Eeprom(
            self.size, page=self.page, address_bytes=self.address_bytes, busy=self.busy,
            content=_bytes("content", self.content),
        )  # fmt: skip


class FlashTable(Table, tag="flash"):
    """A `Flash`."""

    size: int = 1 << 20
    id: str = "ef 40 14"
    content: str = ""

    def spi(self) -> SpiDevice:
        """Return the device on SPI."""
        return Flash(self.size, id=_bytes("id", self.id), content=_bytes("content", self.content))


I2cTable: TypeAlias = RegistersTable | SensorTable | EepromTable
SpiTable: TypeAlias = RegistersTable | SensorTable | FlashTable


class BusTable(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file. ``ready``: keep the ready devices beside those of the file."""

    seed: int = 0
    ready: bool = False
    i2c: list[I2cTable] = []
    spi: list[SpiTable] = []
    i2c_fault: list[AnyFault] = []
    spi_fault: list[AnyFault] = []

    def entries(self, buses: SimulatedBuses) -> Iterator[tuple[str, Callable[[], None]]]:
        """Return for each table where it stands in the file, and what adds it.

        Adding checks the values; reading checked only the types.
        """
        for number, i2c in enumerate(self.i2c):
            yield f"i2c[{number}]", functools.partial(_attach_i2c, buses, i2c)
        for number, spi in enumerate(self.spi):
            yield f"spi[{number}]", functools.partial(_attach_spi, buses, spi)
        for number, fault in enumerate(self.i2c_fault):
            yield f"i2c_fault[{number}]", functools.partial(_fault_i2c, buses, fault)
        for number, fault in enumerate(self.spi_fault):
            yield f"spi_fault[{number}]", functools.partial(_fault_spi, buses, fault)


def load(path: Path) -> SimulatedBuses:
    """Return the buses of a file. Raises BusError with the file and the key."""
    table = read(path)
    buses = SimulatedBuses(ready=False, seed=table.seed)
    if table.ready:
        attach_ready_i2c(buses.i2c(0))
        attach_ready_spi(buses.spi(0))
    for where, add in table.entries(buses):
        try:
            add()
        except (BusError, ValueError) as error:
            raise BusError(f"{path}: {where}.{error}") from None
    return buses


def read(path: Path) -> BusTable:
    """Read a file. Raises BusError."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=BusTable)
    except OSError as error:
        raise BusError(f"{path}: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise BusError(f"{path}: {validation_text(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BusError(f"{path}: {error}") from None


def _attach_i2c(buses: SimulatedBuses, table: I2cTable) -> None:
    if table.address is None:
        raise BusError("address: is missing")
    if table.select is not None:
        raise BusError("select: I2C has none")
    _check("port", table.port, 0, PORTS - 1)
    buses.i2c(table.port).attach(table.address, table.i2c())


def _attach_spi(buses: SimulatedBuses, table: SpiTable) -> None:
    if table.address is not None:
        raise BusError("address: SPI has none")
    if table.select is not None:
        _check("select", table.select, 0, MAX_PIN)
    _check("port", table.port, 0, PORTS - 1)
    buses.spi(table.port).attach(table.select, table.spi())


def _fault_i2c(buses: SimulatedBuses, fault: AnyFault) -> None:
    _check("port", fault.port, 0, PORTS - 1)
    if not isinstance(fault, I2C_FAULTS):
        raise BusError(f"do: I2C has no {fault.__struct_config__.tag}")
    buses.i2c(fault.port).faults.append(fault)


def _fault_spi(buses: SimulatedBuses, fault: AnyFault) -> None:
    _check("port", fault.port, 0, PORTS - 1)
    if not isinstance(fault, SPI_FAULTS):
        raise BusError(f"do: SPI has no {fault.__struct_config__.tag}")
    buses.spi(fault.port).faults.append(fault)


def _registers(table: dict[str, str]) -> dict[int, bytes]:
    registers = {}
    for key, text in table.items():
        value = _bytes(f"registers.{key}", text)
        if not 1 <= len(value) <= MAX_REGISTER_SIZE:
            raise BusError(f"registers.{key}: 1 to {MAX_REGISTER_SIZE} bytes")
        try:
            number = int(key, 0)
        except ValueError:
            raise BusError(f"registers.{key}: a register is a number") from None
        _check(f"registers.{key}", number, 0, 0xFF)
        registers[number] = value
    return registers


def _bytes(key: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BusError(f"{key}: {text!r} is not hexadecimal bytes") from None


def _check(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BusError(f"{key}: {low} to {high}")
