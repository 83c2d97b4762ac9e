"""The contracts of an I2C bus and an SPI bus, and the buses of one board by port.

A bus carries out one transaction at a time. ``transfer`` waits for the one before, then for its
own, and never blocks the event loop.

Limits are those of Linux (`I2C_RDWR`: linux/i2c-dev.h), on every board: a host that was tried on
a simulated one finds the same on a real one.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, TypeAlias

MAX_ADDRESS = 0x7F
"""The highest I2C address: seven bits."""
MAX_MESSAGES = 42
"""Messages in one I2C transaction."""
MAX_MESSAGE = 8192
"""Bytes in one message."""
MODES = 4
"""SPI modes: clock phase is bit 0, clock polarity is bit 1."""


class BusError(Exception):
    """A bus that cannot be had, or a transaction that failed, in one line."""


class BusGoneError(BusError):
    """The adapter is not there any more: nothing will work until the bus is opened again."""


class NoAcknowledgeError(BusError):
    """Nobody acknowledged a byte.

    ``byte`` is 0 for the address, from 1 for the data of a message, None where the adapter does
    not tell. ``size``: bytes of that message.
    """

    def __init__(self, address: int, byte: int | None = None, size: int = 0) -> None:
        where = ""
        if byte is not None:
            where = f" at byte {byte} of {size}" if byte else " at the address"
        super().__init__(f"no acknowledge from 0x{address:02X}{where}")
        self.address, self.byte = address, byte


class Write(NamedTuple):
    """A message that the master sends."""

    data: bytes


class Read(NamedTuple):
    """A message that the master receives."""

    size: int


Message: TypeAlias = Write | Read


class I2cBus(ABC):
    """One I2C bus, this side being its only master."""

    def __init__(self, description: str) -> None:
        self.description = description
        self._lock = asyncio.Lock()

    async def transfer(self, address: int, messages: Sequence[Message], clock: int) -> bytes:
        """Carry out one transaction and return what was read, all messages joined.

        A start stands before each message and one stop behind the last. ``clock`` in Hz is what
        the caller would like. Raises NoAcknowledgeError and BusError.
        """
        async with self._lock:
            return await self._transfer(address, messages, clock)

    @abstractmethod
    async def _transfer(self, address: int, messages: Sequence[Message], clock: int) -> bytes:
        """Carry out one transaction; the bus is the caller's alone."""

    def rate(self, clock: int) -> int:
        """Return the rate in Hz of a transfer that asks for ``clock``; 0 if that is not known."""
        return clock

    def close(self) -> None:  # noqa: B027 - a simulated bus holds nothing
        """Release the adapter. A transaction that runs ends first."""


class SpiSettings(NamedTuple):
    """How bits are shifted. ``clock`` in Hz, ``mode`` 0 to 3."""

    clock: int
    mode: int = 0
    lsb_first: bool = False


class SpiBus(ABC):
    """One SPI bus with its own slave select, and any number of others that are pins."""

    def __init__(self, description: str) -> None:
        self.description = description
        self._lock = asyncio.Lock()

    async def transfer(
        self,
        select: int | None,
        data: bytes,
        settings: SpiSettings,
        around: AbstractContextManager[object] | None = None,
    ) -> bytes:
        """Shift ``data`` out and return as many bytes that came in.

        ``select`` None is the bus's own slave select, which is asserted for this transfer; a number
        is a pin that the caller drives in ``around``, which is entered once the bus is free and
        left behind the last bit. Raises BusError, and what ``around`` raises.
        """
        async with self._lock:
            with around if around is not None else nullcontext():
                return await self._transfer(select, data, settings)

    @abstractmethod
    async def _transfer(self, select: int | None, data: bytes, settings: SpiSettings) -> bytes:
        """Shift bytes; the bus is the caller's alone."""

    def close(self) -> None:  # noqa: B027 - a simulated bus holds nothing
        """Release the bus. A transfer that runs ends first."""


class Buses:
    """The buses of one board, each by its port number from 0 on."""

    def __init__(
        self,
        i2c: Mapping[int, I2cBus] | None = None,
        spi: Mapping[int, SpiBus] | None = None,
    ) -> None:
        self._i2c, self._spi = i2c or {}, spi or {}

    def i2c(self, port: int) -> I2cBus:
        """Return an I2C bus. Raises BusError when there is none."""
        bus = self._i2c.get(port)
        if bus is None:
            message = f"I2C port {port} does not exist"
            raise BusError(message)
        return bus

    def spi(self, port: int) -> SpiBus:
        """Return an SPI bus. Raises BusError when there is none."""
        bus = self._spi.get(port)
        if bus is None:
            message = f"SPI port {port} does not exist"
            raise BusError(message)
        return bus

    def close(self) -> None:
        """Release every bus."""
        for i2c in self._i2c.values():
            i2c.close()
        for spi in self._spi.values():
            spi.close()
