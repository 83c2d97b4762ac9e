"""An I2C master stream: writes and reads of one slave, each a transaction.

Life of a transaction::

    write        start, address, bytes, stop
    read         start, address, bytes, stop
    write -f     nothing yet: the bus is kept, and the bytes go out in front of the next write or
                 read, with a repeated start between the two and no stop

What `-f` keeps goes out with what follows, for Linux has a transaction in one piece only; a slave
that does not acknowledge is therefore told at the write or read behind it.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from tokay.board.buses import (
    MAX_MESSAGE,
    MAX_MESSAGES,
    BusError,
    BusGoneError,
    I2cBus,
    Message,
    NoAcknowledgeError,
    Read,
    Write,
)
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, Result, failed
from tokay.kernel.streams import Stream, StreamType

DEFAULT_CLOCK = 100_000
DEFAULT_RX = 1024
RETRY_DELAY = 0.001
"""Seconds between two attempts: ten cover the busy time of an EEPROM."""
KEEP_BUS = "-f"
"""The flag of `stream_write` that keeps the bus."""


class I2cConfig(NamedTuple):
    """How a slave is reached. ``clock`` in Hz; ``retries`` after an attempt without acknowledge."""

    address: int
    port: int = 0
    clock: int = DEFAULT_CLOCK
    retries: int = 0
    rx_bytes: int = DEFAULT_RX


class I2cStream(Stream):
    """An open I2C stream. The methods for plugins raise CommandError, as the commands do."""

    __slots__ = ("_bus", "_config", "_gone", "_kept", "_kernel", "_received")

    type = StreamType.I2C
    network = False

    def __init__(self, kernel: Kernel, bus: I2cBus, config: I2cConfig) -> None:
        rate = bus.rate(config.clock)
        clock = f"{rate} Hz" if rate else "clock unknown"
        super().__init__(f"port {config.port} address 0x{config.address:02X} {clock}")
        self._kernel, self._bus, self._config = kernel, bus, config
        self._kept: list[Message] = []
        """Messages that wait for the next one."""
        self._received = b""
        self._gone = False

    # For plugins.

    async def send(self, data: bytes, *, keep: bool = False) -> None:
        """Write bytes; with ``keep`` they wait for what follows, as with `stream_write -f`."""
        sent = self.write(data, frozenset((KEEP_BUS,)) if keep else frozenset())
        if sent is not None:
            await sent

    async def receive(self, size: int) -> bytes:
        """Read bytes: at most the size of the receive buffer."""
        self._check_size(size)
        return await self._transact(Read(size))

    async def read_register(self, register: int, size: int, *, wide: bool = False) -> bytes:
        """Read from a register: its address of one byte, or two if ``wide``, and a repeated start.

        A two-byte address goes out most significant byte first.
        """
        self._check_size(size)
        self._keep(register.to_bytes(2 if wide else 1, "big"))
        return await self._transact(Read(size))

    async def write_register(self, register: int, data: bytes, *, wide: bool = False) -> None:
        """Write bytes to a register, in one transaction with its address."""
        await self.send(register.to_bytes(2 if wide else 1, "big") + data)

    # What a stream does.

    @property
    def available(self) -> int:
        return len(self._received)

    @property
    def ended(self) -> bool:
        return self._gone

    @property
    def demand(self) -> int:
        return self._config.rx_bytes

    def filled(self, size: int) -> bool:
        return bool(self._received) or self._gone

    async def fill(self, size: int, timeout: float) -> None:
        """Read ``size`` bytes from the slave. The time is the bus's own, however long one waits."""
        if not self.filled(size):
            self._check_size(size)
            self._received = await self._transact(Read(size))

    def take(self, limit: int) -> bytes:
        data, self._received = self._received[:limit], self._received[limit:]
        return data

    async def room(self, timeout: float) -> bool:
        """There always is: a write is on the bus before it is answered."""
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> Awaitable[None] | None:
        if self._gone:
            raise failed("the adapter is gone")
        if flags - {KEEP_BUS}:
            raise self._refused("a write takes -f only", Result.FAILED)
        if len(data) > MAX_MESSAGE:
            raise self._refused(f"{len(data)} bytes are more than {MAX_MESSAGE}")
        if flags:
            self._keep(data)
            return None
        return self._send(data)

    def close(self) -> None:
        if self._kept:
            self._log("what was kept by -f was never sent")

    # Transactions.

    def _keep(self, data: bytes) -> None:
        if len(self._kept) >= MAX_MESSAGES - 1:
            self._kept.clear()
            raise self._refused(f"a transaction has no more than {MAX_MESSAGES} messages")
        self._kept.append(Write(data))

    async def _send(self, data: bytes) -> None:
        await self._transact(Write(data))

    async def _transact(self, last: Message) -> bytes:
        """Carry out what was kept and one more message, as often as need be."""
        messages, self._kept = (*self._kept, last), []
        for attempt in range(self._config.retries + 1):
            if attempt:
                await asyncio.sleep(RETRY_DELAY)
            try:
                return await self._attempt(messages)
            except NoAcknowledgeError as error:
                refusal = error
        self._log(str(refusal))
        raise failed(str(refusal))

    async def _attempt(self, messages: Sequence[Message]) -> bytes:
        """Carry out one transaction. Raises NoAcknowledgeError and CommandError."""
        try:
            return await self._bus.transfer(self._config.address, messages, self._config.clock)
        except NoAcknowledgeError:
            raise
        except BusError as error:
            self._log(str(error))
            if isinstance(error, BusGoneError):
                self._gone = True
                self._kernel.streams.arrived(self)
            raise failed(str(error)) from None

    def _check_size(self, size: int) -> None:
        if size > self._config.rx_bytes:
            raise self._refused(
                f"{size} bytes are more than the receive buffer of {self._config.rx_bytes}"
            )

    def _refused(self, why: str, result: Result = Result.BOUNDS_ERROR) -> CommandError:
        self._log(why)
        return CommandError(result, why)

    def _log(self, text: str) -> None:
        self._kernel.log.line(f"I2C: {text}")
