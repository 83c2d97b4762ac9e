"""A serial NOR flash on SPI with the commands that JEDEC parts share.

What writes is carried out when the slave select is released. Programming only clears bits, within
one page; an erase sets them. Both want the write enable latch, and until they are done only the
status can be read.
"""

from collections.abc import Callable
from enum import IntEnum

from tokay.board.buses.device import SpiDevice

PAGE = 256
SECTOR = 4096
MAX_SIZE = 1 << 24
"""Bytes that a three-byte address reaches."""
ERASED = 0xFF
WRITE_IN_PROGRESS, WRITE_ENABLED = 0x01, 0x02
"""Bits of the status."""
BLOCK_PROTECT = 0x1C
"""Bits of the status that a host may set; while one is set nothing is programmed or erased."""
PAGE_TIME, SECTOR_TIME, BLOCK_TIME, CHIP_TIME, STATUS_TIME = 0.0007, 0.045, 0.15, 2.0, 0.01
"""Seconds that things take: typical figures of an 8 Mbit part."""


class Op(IntEnum):
    """The commands."""

    WRITE_STATUS = 0x01
    PROGRAM = 0x02
    READ = 0x03
    WRITE_DISABLE = 0x04
    READ_STATUS = 0x05
    WRITE_ENABLE = 0x06
    FAST_READ = 0x0B
    ERASE_SECTOR = 0x20
    ERASE_32K = 0x52
    ERASE_CHIP = 0x60
    READ_ID = 0x9F
    POWER_UP = 0xAB
    POWER_DOWN = 0xB9
    ERASE_CHIP_TOO = 0xC7
    ERASE_64K = 0xD8


_ERASE = {
    Op.ERASE_SECTOR: (SECTOR, SECTOR_TIME),
    Op.ERASE_32K: (32 * 1024, BLOCK_TIME),
    Op.ERASE_64K: (64 * 1024, BLOCK_TIME),
}
_ADDRESSED = frozenset((Op.READ, Op.FAST_READ, Op.PROGRAM, *_ERASE))
_HEAD = 4
"""Bytes of a command with an address."""
_OPS = {int(op): op for op in Op}


class Flash(SpiDevice):
    """A flash. ``size`` in bytes, a power of two; ``id``: manufacturer, type and capacity.

    Sectors that were never written cost no memory.
    """

    def __init__(
        self, size: int = 1 << 20, *, id: bytes = b"\xef\x40\x14", content: bytes = b""
    ) -> None:
        if not SECTOR <= size <= MAX_SIZE or size & (size - 1):
            message = f"size: a power of two from {SECTOR} to {MAX_SIZE} bytes"
            raise ValueError(message)
        if len(content) > size:
            message = f"content: {len(content)} bytes are more than the size"
            raise ValueError(message)
        if not id:
            message = "id: one byte at least"
            raise ValueError(message)
        self.size, self.id = size, id
        self._sectors: dict[int, bytearray] = {}
        self._busy_until = 0.0
        self._enabled = self._asleep = False
        self._protect = 0
        self._now = 0.0
        self._op: Op | None = None
        self._count = self._address = 0
        """Bytes since the select, and the memory address that they gave."""
        self._latch: dict[int, int] = {}
        """What a program command will store, by memory address."""
        self._finish: dict[Op, Callable[[], None]] = {
            Op.WRITE_ENABLE: self._enable,
            Op.WRITE_DISABLE: self._disable,
            Op.WRITE_STATUS: self._write_status,
            Op.PROGRAM: self._program,
            Op.POWER_DOWN: self._power_down,
            Op.POWER_UP: self._power_up,
            **dict.fromkeys((Op.ERASE_CHIP, Op.ERASE_CHIP_TOO), self._erase_chip),
            **dict.fromkeys(_ERASE, self._erase),
        }
        for address, byte in enumerate(content):
            self._sector(address)[address % SECTOR] = byte

    def byte(self, address: int) -> int:
        """Return a byte of the memory."""
        sector = self._sectors.get(address // SECTOR)
        return sector[address % SECTOR] if sector is not None else ERASED

    def select(self, now: float) -> None:
        self._now = now
        self._op = None
        self._count = self._address = 0
        self._latch.clear()

    def exchange(self, byte: int) -> int:
        position = self._count
        self._count += 1
        if position == 0:
            self._op = self._accepted(byte)
            return ERASED
        op = self._op
        if op in _ADDRESSED:
            if position < _HEAD:
                self._address = (self._address << 8 | byte) % self.size
                return ERASED
            return self._data(byte, position)
        if op is Op.READ_STATUS:
            return self._status()
        if op is Op.READ_ID:
            return self.id[(position - 1) % len(self.id)]
        if op is Op.POWER_UP and position >= _HEAD:
            return self.id[-1] - 1 & 0xFF  # the electronic signature of old parts
        if op is Op.WRITE_STATUS and position == 1:
            self._latch[0] = byte
        return ERASED

    def deselect(self, now: float) -> None:
        self._now = now
        if self._op is not None and self._op in self._finish:
            self._finish[self._op]()

    def _accepted(self, byte: int) -> Op | None:
        op = _OPS.get(byte)
        if self._busy:
            return op if op is Op.READ_STATUS else None
        if self._asleep:
            return op if op is Op.POWER_UP else None
        return op

    def _data(self, byte: int, position: int) -> int:
        """Handle a byte behind the address."""
        if self._op is Op.PROGRAM:
            self._latch[self._address] = byte
            first = self._address - self._address % PAGE
            self._address = first + (self._address + 1 - first) % PAGE
            return ERASED
        if self._op not in (Op.READ, Op.FAST_READ):
            return ERASED
        if self._op is Op.FAST_READ and position == _HEAD:
            return ERASED  # a byte that only gives the part time
        value = self.byte(self._address)
        self._address = (self._address + 1) % self.size
        return value

    @property
    def _busy(self) -> bool:
        return self._now < self._busy_until

    def _status(self) -> int:
        status = self._protect
        if self._busy:
            status |= WRITE_IN_PROGRESS
        if self._enabled:
            status |= WRITE_ENABLED
        return status

    def _sector(self, address: int) -> bytearray:
        return self._sectors.setdefault(
            address // SECTOR, bytearray((ERASED,)) * min(SECTOR, self.size)
        )

    # What a command does at its end.

    def _enable(self) -> None:
        self._enabled = True

    def _disable(self) -> None:
        self._enabled = False

    def _power_down(self) -> None:
        self._asleep = True

    def _power_up(self) -> None:
        self._asleep = False

    def _may_write(self, seconds: float, *, protected: bool = True) -> bool:
        """Whether a write begins now; it ends the write enable latch, and takes its time."""
        if not self._enabled or (protected and self._protect):
            return False
        self._enabled = False
        self._busy_until = self._now + seconds
        return True

    def _write_status(self) -> None:
        if 0 in self._latch and self._may_write(STATUS_TIME, protected=False):
            self._protect = self._latch[0] & BLOCK_PROTECT

    def _program(self) -> None:
        if self._latch and self._may_write(PAGE_TIME):
            for address, byte in self._latch.items():
                self._sector(address)[address % SECTOR] &= byte

    def _erase(self) -> None:
        assert self._op is not None  # noqa: S101 - it is an erase
        size, seconds = _ERASE[self._op]
        if self._count == _HEAD and self._may_write(seconds):
            first = self._address - self._address % size
            for sector in range(first // SECTOR, (first + size) // SECTOR):
                self._sectors.pop(sector, None)

    def _erase_chip(self) -> None:
        if self._count == 1 and self._may_write(CHIP_TIME):
            self._sectors.clear()
