"""Real buses over libraries whose calls to the kernel are taken over: what they ask, what fails."""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Any

import pytest
import smbus2

from tokay.board.buses import (
    BusError,
    BusGoneError,
    Message,
    NoAcknowledgeError,
    Read,
    SpiSettings,
    Write,
    open_buses,
)
from tokay.board.buses.linux_i2c import LinuxI2c
from tokay.board.buses.linux_spi import NO_SELECT, LinuxSpi

PLAIN, SMBUS_ONLY = 0x00000001, 0x00EFF8000
HZ = 100_000


class Adapter:
    """An `SMBus` without a kernel: one slave with registers, and an error to raise."""

    funcs = PLAIN
    error = 0

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list[tuple[Any, ...]] = []
        self.closed = False

    def i2c_rdwr(self, *messages: Any) -> None:
        self._ask(*((m.addr, m.flags, m.len) for m in messages))
        for message in messages:
            if message.flags & 1:
                for at in range(message.len):
                    message.buf[at] = bytes((0x10 + at,))

    def _ask(self, *what: Any) -> None:
        self.asked.append(what)
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def read_byte(self, address: int) -> int:
        self._ask("read_byte", address)
        return 1

    def read_byte_data(self, address: int, register: int) -> int:
        self._ask("read_byte_data", address, register)
        return 2

    def read_word_data(self, address: int, register: int) -> int:
        self._ask("read_word_data", address, register)
        return 0x0201

    def read_i2c_block_data(self, address: int, register: int, size: int) -> list[int]:
        self._ask("read_i2c_block_data", address, register)
        return list(range(size))

    def write_byte(self, address: int, value: int) -> None:
        self._ask("write_byte", value)

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._ask("write_byte_data", register, value)

    def write_word_data(self, address: int, register: int, value: int) -> None:
        self._ask("write_word_data", register, value)

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        self._ask("write_i2c_block_data", register, data)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Adapter]:
    made: list[Adapter] = []

    def make(path: str) -> Adapter:
        made.append(Adapter(path))
        return made[-1]

    monkeypatch.setattr(smbus2, "SMBus", make)
    return lambda: made[-1]


def test_a_transaction_is_one_call(adapter: Callable[[], Adapter]) -> None:
    async def run() -> None:
        bus = LinuxI2c("i2c-93")
        assert adapter().path == "/dev/i2c-93"
        assert await bus.transfer(0x48, [Write(b"\0\1"), Read(3)], HZ) == b"\x10\x11\x12"
        assert adapter().asked == [((0x48, 0, 2), (0x48, 1, 3))]
        assert await bus.transfer(0x48, [Write(b"\0")], HZ) == b""
        assert bus.rate(HZ) == 0
        bus.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.ENXIO, NoAcknowledgeError, "no acknowledge from 0x48 at the address"),
        (errno.EREMOTEIO, NoAcknowledgeError, "no acknowledge from 0x48"),
        (errno.ETIMEDOUT, BusError, "the adapter timed out: the clock is held low"),
        (errno.EAGAIN, BusError, "another master took the bus"),
        (errno.ENODEV, BusGoneError, "the adapter is gone"),
        (errno.EBUSY, BusError, "in use by another program or driver"),
        (errno.EIO, BusError, "Input/output error"),
    ],
)
def test_errors(
    adapter: Callable[[], Adapter], number: int, kind: type[BusError], text: str
) -> None:
    async def run() -> None:
        bus = LinuxI2c("93")
        adapter().error = number
        with pytest.raises(kind) as caught:
            await bus.transfer(0x48, [Read(1)], HZ)
        assert str(caught.value) == text
        adapter().error = 0
        assert await bus.transfer(0x48, [Read(1)], HZ) == b"\x10"
        bus.close()

    asyncio.run(run())


def test_an_adapter_that_knows_smbus_only(
    adapter: Callable[[], Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Adapter, "funcs", SMBUS_ONLY)

    async def run() -> None:
        bus = LinuxI2c("93")
        cases: list[tuple[list[Message], bytes]] = [
            ([Read(1)], b"\1"),
            ([Write(b"\x09"), Read(1)], b"\2"),
            ([Write(b"\x09"), Read(2)], b"\1\2"),
            ([Write(b"\x09"), Read(4)], b"\0\1\2\3"),
            ([Write(b"\x09")], b""),
            ([Write(b"\x09\1")], b""),
            ([Write(b"\x09\1\2")], b""),
            ([Write(b"\x09\1\2\3")], b""),
        ]
        for messages, came in cases:
            assert await bus.transfer(0x48, messages, HZ) == came
        assert adapter().asked[-4:] == [
            ("write_byte", 9), ("write_byte_data", 9, 1), ("write_word_data", 9, 0x0201),
            ("write_i2c_block_data", 9, [1, 2, 3]),
        ]  # fmt: skip
        unknown: list[list[Message]] = [
            [Read(2)], [Write(b"ab"), Read(1)], [Write(bytes(34))], [Write(b"")],
        ]  # fmt: skip
        for odd in unknown:
            with pytest.raises(BusError, match="knows SMBus only"):
                await bus.transfer(0x48, odd, HZ)
        bus.close()

    asyncio.run(run())


def test_one_kind_real_the_other_simulated(adapter: Callable[[], Adapter]) -> None:
    async def run() -> None:
        buses = open_buses(i2c=["93"])
        assert buses.i2c(0).description == "/dev/i2c-93"
        with pytest.raises(BusError, match="I2C port 1 does not exist"):
            buses.i2c(1)
        assert buses.spi(0).description == "simulated SPI 0"
        with pytest.raises(BusError, match=r"spidev97\.0"):
            open_buses(i2c=["93"], spi=["97.0"])
        buses.close()

    asyncio.run(run())


class Controller:
    """A `SPI` without a kernel: answers with the complement."""

    error = 0

    def __init__(self, path: str, mode: int, clock: int) -> None:
        self.mode, self.max_speed, self.bit_order, self.extra_flags = mode, clock, "msb", 0

    def transfer(self, data: bytes) -> bytes:
        if self.error:
            raise OSError(self.error, "SPI transfer")
        return bytes(byte ^ 0xFF for byte in data)

    def close(self) -> None:
        pass


def test_a_real_spi_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Controller] = []

    def make(path: str, mode: int, clock: int) -> Controller:
        made.append(Controller(path, mode, clock))
        return made[-1]

    monkeypatch.setattr("periphery.SPI", make)

    async def run() -> None:
        bus = LinuxSpi("93.1")
        settings = SpiSettings(2_000_000, mode=3, lsb_first=True)
        assert await bus.transfer(None, b"\x0f", settings) == b"\xf0"
        one = made[0]
        assert (one.mode, one.max_speed, one.bit_order) == (3, 2_000_000, "lsb")
        await bus.transfer(4, b"\x0f", SpiSettings(1_000_000))
        assert (one.mode, one.bit_order, one.extra_flags) == (0, "msb", NO_SELECT)
        await bus.transfer(None, b"\x0f", SpiSettings(1_000_000))
        assert one.extra_flags == 0
        for number, text in (
            (errno.EMSGSIZE, "1 bytes are more than the driver takes: see spidev.bufsiz"),
            (errno.ESHUTDOWN, "the controller is gone"),
            (errno.EINVAL, "the controller refuses this mode, bit order or slave select"),
        ):
            one.error = number
            with pytest.raises(BusError) as caught:
                await bus.transfer(None, b"x", settings)
            assert str(caught.value) == text
        bus.close()

    asyncio.run(run())
