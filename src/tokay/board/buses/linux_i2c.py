"""A real I2C bus: /dev/i2c-N by smbus2.

A transaction is one `I2C_RDWR`, so that repeated starts are real ones. Adapters that know SMBus
only (many of PCs, and i2c-stub) get the SMBus commands that have the same bytes on the wire.
Source: Linux, Documentation/i2c/dev-interface.rst, fault-codes.rst and smbus-protocol.rst.
"""

import errno
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tokay.board.buses.bus import (
    BusError,
    BusGoneError,
    I2cBus,
    Message,
    NoAcknowledgeError,
    Read,
    Write,
)
from tokay.board.buses.hardware import MissingExtraError, need, reason
from tokay.board.buses.worker import Worker

if TYPE_CHECKING:
    from smbus2 import SMBus

_NAME = re.compile(r"(?:/dev/)?(?:i2c-)?(\d+)")
_SYS = Path("/sys/bus/i2c/devices")
_PLAIN_I2C = 0x00000001
"""The adapter's function `I2C_FUNC_I2C`."""
MAX_BLOCK = 32
"""Bytes of an SMBus block."""


class LinuxI2c(I2cBus):
    """An I2C adapter of this machine. Its clock rate is its driver's and cannot be chosen."""

    def __init__(self, name: str) -> None:
        match = _NAME.fullmatch(name)
        if match is None:
            message = f"i2c {name}: use a number or /dev/i2c-N"
            raise BusError(message)
        self._number = int(match[1])
        super().__init__(f"/dev/i2c-{self._number}")
        try:
            smbus2 = need("smbus2", "--i2c")
            self._bus: SMBus = smbus2.SMBus(self.description)
        except MissingExtraError as error:
            raise BusError(str(error)) from None
        except OSError as error:
            message = f"i2c {name}: {self.description}: {reason(error)}"
            raise BusError(message) from None
        self._plain = bool(int(self._bus.funcs) & _PLAIN_I2C)
        self._message = smbus2.i2c_msg
        self._worker = Worker(f"i2c-{self._number}")
        self._free: set[int] = set()
        """Addresses that were found in no driver's hands."""
        self._clock = _clock(self._number)

    def rate(self, clock: int) -> int:
        return self._clock

    async def _transfer(self, address: int, messages: Sequence[Message], clock: int) -> bytes:
        if address not in self._free:
            self._check_driver(address)
        call = self._combined if self._plain else self._by_smbus
        try:
            return await self._worker.run(partial(call, address, messages))
        except OSError as error:
            raise _explained(error, address) from None

    def close(self) -> None:
        self._worker.close(self._bus.close)

    def _check_driver(self, address: int) -> None:
        """Raise BusError when a driver of the kernel has a device at an address."""
        driver = _SYS / f"{self._number}-{address:04x}" / "driver"
        if driver.is_symlink():
            message = f"0x{address:02X} is in the hands of the driver {driver.readlink().name}"
            raise BusError(message)
        self._free.add(address)

    # What follows runs in the worker.

    def _combined(self, address: int, messages: Sequence[Message]) -> bytes:
        made = [
            self._message.write(address, message.data)
            if isinstance(message, Write)
            else self._message.read(address, message.size)
            for message in messages
        ]
        self._bus.i2c_rdwr(*made)
        read = [
            bytes(one) for one, message in zip(made, messages, strict=True)
            if isinstance(message, Read)
        ]  # fmt: skip
        return read[0] if len(read) == 1 else b"".join(read)

    def _by_smbus(self, address: int, messages: Sequence[Message]) -> bytes:
        bus = self._bus
        match messages:
            case [Read(1)]:
                return bytes((bus.read_byte(address),))
            case [Write(data)] if 1 <= len(data) <= MAX_BLOCK + 1:
                _written(bus, address, data)
                return b""
            case [Write(data), Read(size)] if len(data) == 1 and size <= MAX_BLOCK:
                return _register(bus, address, data[0], size)
        message = (
            f"{self.description} knows SMBus only: a byte read, a write of up to {MAX_BLOCK + 1}, "
            f"or a register of up to {MAX_BLOCK} bytes"
        )
        raise BusError(message)


def _written(bus: "SMBus", address: int, data: bytes) -> None:
    if len(data) == 1:
        bus.write_byte(address, data[0])
    elif len(data) == 2:
        bus.write_byte_data(address, data[0], data[1])
    elif len(data) == 3:
        bus.write_word_data(address, data[0], data[1] | data[2] << 8)
    else:
        bus.write_i2c_block_data(address, data[0], list(data[1:]))


def _register(bus: "SMBus", address: int, register: int, size: int) -> bytes:
    if size == 1:
        return bytes((bus.read_byte_data(address, register),))
    if size == 2:
        word: int = bus.read_word_data(address, register)
        return word.to_bytes(2, "little")
    return bytes(bus.read_i2c_block_data(address, register, size))


def _explained(error: OSError, address: int) -> BusError:
    """Return the error of a transaction by its number: fault-codes.rst has what each means."""
    explain = _FAULTS.get(error.errno or 0)
    return explain(address) if explain is not None else BusError(reason(error))


_FAULTS: dict[int, Callable[[int], BusError]] = {
    errno.ENXIO: lambda address: NoAcknowledgeError(address, 0),
    errno.EREMOTEIO: NoAcknowledgeError,
    errno.ETIMEDOUT: lambda _: BusError("the adapter timed out: the clock is held low"),
    errno.EAGAIN: lambda _: BusError("another master took the bus"),
    errno.ENODEV: lambda _: BusGoneError("the adapter is gone"),
    errno.EOPNOTSUPP: lambda _: BusError("the adapter cannot do that"),
}


def _clock(number: int) -> int:
    """Return the clock rate in Hz that the device tree names for a bus; 0 when it names none."""
    try:
        raw = (_SYS / f"i2c-{number}" / "of_node" / "clock-frequency").read_bytes()
    except OSError:
        return 0
    return int.from_bytes(raw[:4], "big")
