"""A simulated I2C bus: what a device hears, and what goes wrong."""

import asyncio
from collections.abc import Sequence

import pytest

from tokay.board.buses import (
    BusError,
    Buses,
    I2cDevice,
    Message,
    NoAcknowledgeError,
    Read,
    SimulatedBuses,
    Write,
)
from tokay.board.buses.faults import BitErrors, Fault, NoAcknowledge, Stretch, Stuck
from tokay.board.buses.simulated_i2c import SimulatedI2c
from tokay.testing.clock import turned_loop

HZ = 100_000


class Recorder(I2cDevice):
    """Writes down what it hears; refuses the bytes that it is told to."""

    def __init__(self, refused: int = -1) -> None:
        self.heard: list[str] = []
        self.refused = refused

    def start(self, read: bool, now: float) -> bool:
        self.heard.append("start read" if read else "start write")
        return True

    def write(self, byte: int) -> bool:
        self.heard.append(f"{byte:02x}")
        return byte != self.refused

    def read(self) -> int:
        return 0x5A

    def stop(self, now: float) -> None:
        self.heard.append("stop")


def bus_with(device: I2cDevice, *faults: Fault, seed: int = 0) -> SimulatedI2c:
    buses = SimulatedBuses(ready=False, seed=seed)
    buses.start()
    bus = buses.i2c(0)
    bus.attach(0x31, device)
    bus.faults.extend(faults)
    return bus


async def turned(bus: SimulatedI2c, messages: Sequence[Message], clock: int = HZ) -> bytes:
    return await turned_loop().turn_until(bus.transfer(0x31, messages, clock))


async def test_a_repeated_start_has_no_stop_before_it() -> None:
    device = Recorder()
    bus = bus_with(device)
    assert await bus.transfer(0x31, [Write(b"\x01\x02"), Read(3)], HZ) == b"ZZZ"
    assert device.heard == ["start write", "01", "02", "start read", "stop"]


async def test_nobody_is_at_an_address() -> None:
    bus = bus_with(Recorder())
    with pytest.raises(NoAcknowledgeError, match="no acknowledge from 0x32 at the address"):
        await bus.transfer(0x32, [Read(1)], HZ)


async def test_a_refused_byte_is_named_and_the_bus_is_left_stopped() -> None:
    device = Recorder(refused=7)
    bus = bus_with(device)
    with pytest.raises(NoAcknowledgeError, match="from 0x31 at byte 2 of 3") as caught:
        await bus.transfer(0x31, [Write(b"\x01\x07\x02")], HZ)
    assert caught.value.byte == 2
    assert device.heard == ["start write", "01", "07", "stop"]


async def test_a_slow_device_hears_nothing_of_a_fast_master() -> None:
    bus = bus_with(Recorder())
    with pytest.raises(NoAcknowledgeError):
        await bus.transfer(0x31, [Read(1)], 1_000_000)


async def test_an_address_is_taken_once_and_has_seven_bits() -> None:
    bus = bus_with(Recorder())
    with pytest.raises(BusError, match="address: 0x31 is taken"):
        bus.attach(0x31, Recorder())
    with pytest.raises(BusError, match="address: 0x80 is not in 0x00 to 0x7F"):
        bus.attach(0x80, Recorder())
    bus.detach(0x31)
    bus.attach(0x31, Recorder())


@pytest.mark.parametrize(("byte", "where"), [(0, "at the address"), (2, "at byte 2 of 2")])
async def test_the_fault_of_an_acknowledge(byte: int, where: str) -> None:
    bus = bus_with(Recorder(), NoAcknowledge(byte=byte))
    with pytest.raises(NoAcknowledgeError, match=where):
        await bus.transfer(0x31, [Write(b"ab")], HZ)


async def test_a_fault_strikes_its_address_in_its_time_only() -> None:
    bus = bus_with(Recorder(), NoAcknowledge(address=0x30), NoAcknowledge(after=10, until=20))
    assert await bus.transfer(0x31, [Read(1)], HZ) == b"Z"
    await turned_loop().turn(10)
    with pytest.raises(NoAcknowledgeError):
        await bus.transfer(0x31, [Read(1)], HZ)
    await turned_loop().turn(10)
    assert await bus.transfer(0x31, [Read(1)], HZ) == b"Z"


async def test_a_stretched_clock_takes_time() -> None:
    bus = bus_with(Recorder(), Stretch(seconds=0.25))
    before = turned_loop().time()
    assert await turned(bus, [Read(1)]) == b"Z"
    assert turned_loop().time() - before == pytest.approx(0.25)


@pytest.mark.parametrize("fault", [Stuck(), Stretch(seconds=5)])
async def test_a_stuck_clock_is_given_up_after_a_second(fault: Fault) -> None:
    bus = bus_with(Recorder(), fault)
    before = turned_loop().time()
    with pytest.raises(BusError, match="the clock is held low"):
        await turned(bus, [Read(1)])
    assert turned_loop().time() - before == pytest.approx(1)
    bus.faults.clear()
    assert await turned(bus, [Read(1)]) == b"Z"


async def test_bit_errors_are_the_same_for_the_same_seed() -> None:
    async def spoiled(seed: int) -> bytes:
        bus = bus_with(Recorder(), BitErrors(probability=0.1), seed=seed)
        return await bus.transfer(0x31, [Read(200)], HZ)

    first = await spoiled(1)
    assert first == await spoiled(1)
    assert first != await spoiled(2)
    wrong = [byte for byte in first if byte != 0x5A]
    assert 5 < len(wrong) < 50
    assert all((byte ^ 0x5A).bit_count() == 1 for byte in wrong)


async def test_what_is_written_is_spoiled_too() -> None:
    device = Recorder()
    bus = bus_with(device, BitErrors())
    await bus.transfer(0x31, [Write(b"\0")], HZ)
    assert device.heard[1] != "00"


async def test_transactions_do_not_mix() -> None:
    device = Recorder()
    bus = bus_with(device, Stretch(seconds=0.1))
    both = asyncio.gather(
        bus.transfer(0x31, [Write(b"\x01"), Read(1)], HZ),
        bus.transfer(0x31, [Write(b"\x02"), Read(1)], HZ),
    )
    await turned_loop().turn(1)
    await both
    assert device.heard == [
        "start write", "01", "start read", "stop", "start write", "02", "start read", "stop",
    ]  # fmt: skip


async def test_a_paced_transfer_takes_the_time_of_its_bits() -> None:
    buses = SimulatedBuses()
    buses.start(pace=True)
    before = turned_loop().time()
    await turned_loop().turn_until(buses.i2c(0).transfer(0x20, [Write(b"\0"), Read(7)], HZ))
    assert turned_loop().time() - before == pytest.approx(10 * 9 / HZ)


async def test_ports_that_are_not_there() -> None:
    buses = SimulatedBuses()
    assert buses.i2c(1).devices == {}
    assert set(buses.i2c(0).devices) == {0x20, 0x48, 0x50}
    assert set(buses.spi(0).devices) == {None, 10}
    for port in (-1, 2, 99):
        with pytest.raises(BusError, match=f"I2C port {port} does not exist"):
            buses.i2c(port)
        with pytest.raises(BusError, match=f"SPI port {port} does not exist"):
            buses.spi(port)
    with pytest.raises(BusError, match="I2C port 0 does not exist"):
        Buses().i2c(0)
