"""Devices with registers, on either bus: plain ones, and sensors whose value follows a curve."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from tokay.board.buses.device import I2cDevice, SpiDevice

READ = 0x80
"""The bit of an SPI register address that asks for a read."""
NOTHING = 0xFF

Measure = Callable[[float], bytes]
"""Gives the bytes of a register at a time, in seconds since power-on."""


class RegisterMap:
    """Registers of one or more bytes each, behind a pointer.

    With ``increment`` the pointer goes on behind the last byte of a register; without, the same
    register is read or written again. ``measured`` registers are computed when a read begins.
    """

    def __init__(
        self,
        registers: Mapping[int, bytes],
        *,
        read_only: Iterable[int] = (),
        increment: bool = True,
        measured: Mapping[int, Measure] | None = None,
    ) -> None:
        self.registers = {number: bytearray(value) for number, value in registers.items()}
        self.read_only = frozenset(read_only)
        self.increment = increment
        self.measured = dict(measured or {})
        self._pointer = self._position = 0

    def point(self, register: int) -> bool:
        """Go to a register; False, and nothing happens, when there is none."""
        if register not in self.registers:
            return False
        self._pointer, self._position = register, 0
        return True

    def begin(self, now: float) -> None:
        """Begin a transaction: at the register's first byte, with fresh measurements."""
        self._position = 0
        for register, measure in self.measured.items():
            self.registers[register][:] = measure(now)

    def read(self) -> int:
        """Return the byte under the pointer and go on."""
        value = self.registers.get(self._pointer)
        byte = value[self._position] if value else NOTHING
        self._advance()
        return byte

    def write(self, byte: int) -> None:
        """Put a byte under the pointer, unless that register is read-only, and go on."""
        value = self.registers.get(self._pointer)
        if value and self._pointer not in self.read_only and self._pointer not in self.measured:
            value[self._position] = byte
        self._advance()

    def _advance(self) -> None:
        self._position += 1
        if self._position >= len(self.registers.get(self._pointer, b"?")):
            self._position = 0
            if self.increment:
                self._pointer = (self._pointer + 1) & 0xFF


class I2cRegisters(I2cDevice):
    """Registers on I2C: the first byte of a write is the pointer, which stays for the reads.

    A pointer to no register is not acknowledged.
    """

    def __init__(self, registers: RegisterMap) -> None:
        self.map = registers
        self._pointed = False

    def start(self, read: bool, now: float) -> bool:
        self._pointed = False
        self.map.begin(now)
        return True

    def write(self, byte: int) -> bool:
        if not self._pointed:
            self._pointed = True
            return self.map.point(byte)
        self.map.write(byte)
        return True

    def read(self) -> int:
        return self.map.read()


class SpiRegisters(SpiDevice):
    """Registers on SPI: the first byte is the pointer, with bit 7 for a read; data follow."""

    def __init__(self, registers: RegisterMap) -> None:
        self.map = registers
        self._command: int | None = None

    def select(self, now: float) -> None:
        self._command = None
        self.map.begin(now)

    def exchange(self, byte: int) -> int:
        if self._command is None:
            self._command = byte
            self._known = self.map.point(byte & ~READ)
            return NOTHING
        if not self._known:
            return NOTHING
        if self._command & READ:
            return self.map.read()
        self.map.write(byte)
        return NOTHING


class Curve:
    """A value over time: straight lines between points ``(seconds, value)``.

    Before the first point it is the first value, behind the last the last one, or with ``repeat``
    the curve begins anew.
    """

    def __init__(self, points: Sequence[tuple[float, float]], *, repeat: bool = True) -> None:
        if not points or any(a[0] >= b[0] for a, b in pairwise(points)):
            message = "curve: points of rising time, one at least"
            raise ValueError(message)
        self._times = [time for time, _ in points]
        self._values = [value for _, value in points]
        self._repeat = repeat

    def at(self, now: float) -> float:
        """Return the value at a time in seconds."""
        times, values = self._times, self._values
        span = times[-1] - times[0]
        if self._repeat and span and now > times[-1]:
            now = times[0] + (now - times[0]) % span
        after = bisect_right(times, now)
        if after == 0:
            return values[0]
        if after == len(times):
            return values[-1]
        share = (now - times[after - 1]) / (times[after] - times[after - 1])
        return values[after - 1] + share * (values[after] - values[after - 1])


def measured(curve: Curve, *, size: int = 2, scale: float = 256, step: int = 1) -> Measure:
    """Return what gives a curve as a register: signed, most significant byte first.

    ``scale``: counts of one unit. ``step``: counts between two values that the sensor can give.
    Values beyond ``size`` bytes stay at the end of their range.
    """
    high = (1 << (8 * size - 1)) - 1

    def measure(now: float) -> bytes:
        counts = round(curve.at(now) * scale / step) * step
        return max(-high - 1, min(high, counts)).to_bytes(size, "big", signed=True)

    return measure
