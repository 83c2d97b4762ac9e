"""A simulated SPI bus: selects, modes, bit order, and what goes wrong."""

import contextlib
from collections.abc import Iterator

import pytest

from tokay.board.buses import BusError, SimulatedBuses, SpiDevice, SpiSettings
from tokay.board.buses.faults import BitErrors, Fault, Silent
from tokay.board.buses.simulated_spi import SimulatedSpi
from tokay.testing.clock import turned_loop

MHZ = SpiSettings(1_000_000)


class Counter(SpiDevice):
    """Answers with what it got, plus one; notes its selects."""

    modes = frozenset((0,))
    max_clock = 2_000_000

    def __init__(self) -> None:
        self.heard: list[str] = []

    def select(self, now: float) -> None:
        self.heard.append("select")

    def exchange(self, byte: int) -> int:
        return byte + 1

    def deselect(self, now: float) -> None:
        self.heard.append("deselect")


def bus_with(device: SpiDevice, *faults: Fault, select: int | None = None) -> SimulatedSpi:
    buses = SimulatedBuses(ready=False)
    buses.start()
    bus = buses.spi(0)
    bus.attach(select, device)
    bus.faults.extend(faults)
    return bus


async def test_bytes_go_both_ways() -> None:
    device = Counter()
    bus = bus_with(device)
    assert await bus.transfer(None, b"\0\x41\xff", MHZ) == b"\1\x42\0"
    assert device.heard == ["select", "deselect"]
    assert await bus.transfer(3, b"\0\1", MHZ) == b"\xff\xff"
    assert len(device.heard) == 2


async def test_the_least_significant_bit_first() -> None:
    bus = bus_with(Counter())
    # 0x80 arrives as 0x01; its answer 0x02 comes back as 0x40.
    assert await bus.transfer(None, b"\x80", SpiSettings(1_000_000, lsb_first=True)) == b"\x40"


@pytest.mark.parametrize("settings", [SpiSettings(1_000_000, mode=1), SpiSettings(2_000_001)])
async def test_a_device_is_deaf_in_another_mode_and_beyond_its_clock(settings: SpiSettings) -> None:
    device = Counter()
    assert await bus_with(device).transfer(None, b"\0", settings) == b"\xff"
    assert device.heard == []


async def test_what_is_driven_around_a_transfer() -> None:
    device = Counter()

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        device.heard.append("low")
        yield
        device.heard.append("high")

    await bus_with(device, select=4).transfer(4, b"\0", MHZ, around())
    assert device.heard == ["low", "select", "deselect", "high"]


async def test_faults() -> None:
    assert await bus_with(Counter(), Silent()).transfer(None, b"\0\0", MHZ) == b"\xff\xff"
    spoiled = await bus_with(Counter(), BitErrors()).transfer(None, bytes(50), MHZ)
    assert spoiled != b"\1" * 50
    elsewhere = bus_with(Counter(), Silent(select=9))
    assert await elsewhere.transfer(None, b"\0", MHZ) == b"\1"


async def test_a_select_is_taken_once() -> None:
    bus = bus_with(Counter())
    bus.attach(3, Counter())
    with pytest.raises(BusError, match="select: 3 is taken"):
        bus.attach(3, Counter())
    with pytest.raises(BusError, match="select: the own one is taken"):
        bus.attach(None, Counter())
    bus.detach(3)
    assert set(bus.devices) == {None}


async def test_a_paced_transfer_takes_the_time_of_its_bits() -> None:
    buses = SimulatedBuses()
    bus = buses.spi(0)
    buses.start(pace=True)
    before = turned_loop().time()
    await turned_loop().turn_until(bus.transfer(None, bytes(100), MHZ))
    assert turned_loop().time() - before == pytest.approx(800e-6)
