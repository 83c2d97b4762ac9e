"""SPI streams by command: both ways at once, selects, and the pin that tells."""

import pytest
from tests.dialogue import Talk

from tokay.board.buses import SimulatedBuses, SpiDevice
from tokay.device import Device
from tokay.plugins.spi import Spi, SpiConfig

OK = (0, "Success")
SET = (0, "Set OK")
FAILED = (1, "Command failed")
BOUNDS = (9, "Bounds error")

Answer = tuple[int, str]


async def ask(device: Device, line: str, data: bytes = b"") -> Answer:
    response = await device.command(line, data)
    return int(response.code), response.data.decode("latin-1")


@pytest.mark.parametrize("profile", ["gecko-os-4", "zentrios-3"])
async def test_a_flash_by_two_ways(profile: str) -> None:
    async with Device.simulated(profile=profile) as device:
        assert await ask(device, "spi_master_open") == (0, "0")
        assert await ask(device, "write 0 4", b"\x9f\0\0\0") == OK
        assert await ask(device, "poll 0") == (0, "1")
        assert await ask(device, "poll -c 0") == (0, "4")
        assert await ask(device, "read 0 9") == (0, "\xff\xef\x40\x14")
        assert await ask(device, "write -f 0 1", b"\x9f") == OK
        assert await ask(device, "read 0 3") == (0, "\xef\x40\x14")


@pytest.mark.parametrize("profile", ["gecko-os-2", "wiconnect-2"])
async def test_products_without_it(profile: str) -> None:
    async with Device.simulated(profile=profile) as device:
        assert await ask(device, "spi_master_open") == (3, "Unknown command")
        assert (await ask(device, "get spi.master.active_gpio"))[0] == 6


class Watching(SpiDevice):
    """Notes the levels of two pins while it is selected."""

    modes = frozenset((1,))

    def __init__(self) -> None:
        self.device: Device | None = None
        self.levels: list[tuple[int, int]] = []

    def exchange(self, byte: int) -> int:
        assert self.device is not None
        pins = self.device.board.pins
        self.levels.append((pins.level(4), pins.level(5)))
        return byte ^ 0xFF


@pytest.mark.parametrize("level", [0, 1])
async def test_the_select_pin_and_the_active_pin(level: int) -> None:
    buses, slave = SimulatedBuses(), Watching()
    buses.spi(0).attach(4, slave)
    async with Device.simulated(buses=buses) as device:
        slave.device = device
        pins = device.board.pins
        assert await ask(device, f"set spi.master.active_level {level}") == SET
        assert await ask(device, "set sp m g 5") == SET
        assert pins.level(5) == 1 - level
        assert await ask(device, "spi_master_open -s 4 -m 1") == (0, "0")
        assert pins.level(4) == 1
        assert await ask(device, "write 0 2", b"\x0f\xf0") == OK
        assert slave.levels == [(0, level), (0, level)]
        assert (pins.level(4), pins.level(5)) == (1, 1 - level)
        assert await ask(device, "read 0 2") == (0, "\xf0\x0f")
        assert await ask(device, "gpio_dir 4 out") == FAILED
        assert await ask(device, "spi_master_open -s 4") == FAILED
        assert await ask(device, "spi_master_open -s 5") == FAILED
        assert (await ask(device, "close 0"))[0] == 0
        assert pins.owner(4) == ""
        assert await ask(device, "set sp m g -1") == SET
        assert pins.owner(5) == ""


async def test_what_does_not_fit_is_dropped_and_told() -> None:
    async with Device.simulated() as device:
        await ask(device, "spi_master_open -b 2")
        response = await device.command("write 0 4", b"\x9f\0\0\0")
        assert response.ok
        assert list(response.log) == ["SPI: 2 received bytes dropped: the receive buffer is full"]
        assert await ask(device, "read 0 9") == (0, "\xff\xef")
        assert await ask(device, "read 0 3") == BOUNDS
        assert await ask(device, "write -p 0 1", b"x") == FAILED


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("-m 4", 7), ("-c 1", 7), ("-p 9", 7), ("-p 2", 1), ("-b 0", 7), ("-s 99", 7), ("-x", 6),
        ("1", 5), ("-c", 4),
    ],
)  # fmt: skip
async def test_bad_arguments(options: str, code: int) -> None:
    async with Device.simulated() as device:
        assert (await ask(device, f"spi_master_open {options}"))[0] == code
        assert await ask(device, "spi_master_open -l -m 3 -c 2000000") == (0, "0")
        listed = await ask(device, "stream_list")
        assert listed[1].endswith("# 0 SPI   port 0 own select 2000000 Hz mode 3 LSB first")


async def test_eight_handles_and_a_pin_that_stays_free() -> None:
    async with Device.simulated() as device:
        for handle in range(8):
            assert await ask(device, "spi_master_open") == (0, str(handle))
        assert await ask(device, "spi_master_open -s 3") == FAILED
        assert device.board.pins.owner(3) == ""


async def test_for_plugins() -> None:
    async with Device.simulated() as device:
        sensor = device.kernel.plugin(Spi).open(SpiConfig(select=10))
        assert await sensor.exchange(b"\x80\0\0") == b"\xff\x14\0"
        await sensor.send(b"\x80", keep=True)
        assert await sensor.receive(2) == b"\x14\0"
        await sensor.send(b"\x80\0")
        assert await device.stream(sensor.handle).read() == b"\xff\x14"


def test_by_the_console_over_a_wire() -> None:
    with Talk() as talk:
        assert talk.answer("spi_master_open") == (0, "0")
        assert talk.answer("stream_write -f 0 1", b"\x9f") == OK
        assert talk.answer("stream_read 0 3") == (0, "\xef\x40\x14")
