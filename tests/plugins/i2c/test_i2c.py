"""I2C streams by command: what a host sends, and what a slave makes of it."""

from pathlib import Path

import pytest
from tests.dialogue import Talk

from tokay.board.buses import BusGoneError, SimulatedBuses
from tokay.board.buses.faults import NoAcknowledge, Stuck
from tokay.device import Device
from tokay.plugins.i2c import I2c, I2cConfig
from tokay.testing.clock import turned_loop

OK = (0, "Success")
FAILED = (1, "Command failed")
BOUNDS = (9, "Bounds error")
WITH_I2C = ["gecko-os-4", "zentrios-3"]
WITHOUT = ["gecko-os-2", "wiconnect-2"]
HANDLES = 8

Answer = tuple[int, str]


async def ask(device: Device, line: str, data: bytes = b"") -> Answer:
    response = await device.command(line, data)
    return int(response.code), response.data.decode("latin-1")


async def log_of(device: Device, line: str, data: bytes = b"") -> list[str]:
    response = await device.command(line, data)
    assert not response.ok
    return list(response.log)


@pytest.mark.parametrize("profile", WITH_I2C)
async def test_a_temperature_in_three_commands(profile: str) -> None:
    async with Device.simulated(profile=profile) as device:
        assert await ask(device, "i2c_master_open 0x48") == (0, "0")
        assert await ask(device, "stream_read 0 2") == (0, "\x14\0")
        assert await ask(device, "stream_close 0") == OK


@pytest.mark.parametrize("profile", WITHOUT)
async def test_products_without_it(profile: str) -> None:
    async with Device.simulated(profile=profile) as device:
        assert await ask(device, "i2c_master_open 0x48") == (3, "Unknown command")


async def test_a_register_read_is_a_repeated_start() -> None:
    async with Device.simulated() as device:
        await ask(device, "i2c_master_open 32")
        assert await ask(device, "write 0 3", b"\x10ab") == OK
        assert await ask(device, "write -f 0 1", b"\x10") == OK
        assert await ask(device, "read 0 2") == (0, "ab")
        assert await ask(device, "poll 0") == (0, "0")


async def test_an_eeprom_is_waited_for_by_retries() -> None:
    async with Device.simulated() as device:
        await ask(device, "i2c_master_open 0x50")
        await ask(device, "i2c_master_open -r 10 0x50")
        assert await ask(device, "write 0 5", b"\0\0xyz") == OK
        assert await ask(device, "write -f 0 2", b"\0\0") == OK
        assert await ask(device, "read 0 3") == FAILED
        assert await ask(device, "write -f 1 2", b"\0\0") == OK
        assert await turned_loop().turn_until(ask(device, "read 1 3")) == (0, "xyz")


async def test_who_does_not_acknowledge_is_named() -> None:
    buses = SimulatedBuses()
    async with Device.simulated(buses=buses) as device:
        await ask(device, "i2c_master_open 0x21")
        expected = ["I2C: no acknowledge from 0x21 at the address"]
        assert await log_of(device, "read 0 1") == expected
        assert await log_of(device, "write 0 1", b"x") == expected
        await ask(device, "i2c_master_open 0x48")
        named = ["I2C: no acknowledge from 0x48 at byte 1 of 2"]
        assert await log_of(device, "write 1 2", b"\x09\0") == named
        buses.i2c(0).faults.append(NoAcknowledge(byte=2))
        named = ["I2C: no acknowledge from 0x48 at byte 2 of 2"]
        assert await log_of(device, "write 1 2", b"\x01\0") == named
        buses.i2c(0).faults.clear()
        assert await ask(device, "write 1 2", b"\x01\0") == OK


async def test_a_stuck_bus_fails_and_the_next_command_works() -> None:
    buses = SimulatedBuses()
    async with Device.simulated(buses=buses) as device:
        await ask(device, "i2c_master_open 0x48")
        buses.i2c(0).faults.append(Stuck())
        response = await turned_loop().turn_until(device.command("read 0 2"))
        assert list(response.log) == ["I2C: the clock is held low for 1 s"]
        buses.i2c(0).faults.clear()
        assert await ask(device, "read 0 2") == (0, "\x14\0")


async def test_what_kept_bytes_become() -> None:
    async with Device.simulated() as device:
        await ask(device, "i2c_master_open 0x20")
        for number in range(41):
            assert await ask(device, "write -f 0 1", bytes((number,))) == OK
        assert await ask(device, "write -f 0 1", b"\0") == BOUNDS
        assert await ask(device, "read 0 1") == (0, "\0")  # nothing is left of them
        assert await ask(device, "write -f 0 1", b"\0") == OK
        closing = await device.command("close 0")
        assert list(closing.log) == ["Closing: 0", "I2C: what was kept by -f was never sent"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("i2c_master_open", (4, "Too few arguments")),
        ("i2c_master_open 1 2", (5, "Too many arguments")),
        ("i2c_master_open 0xEA", (7, "Invalid argument")),
        ("i2c_master_open 256", (7, "Invalid argument")),
        ("i2c_master_open -1", (7, "Invalid argument")),
        ("i2c_master_open x", (7, "Invalid argument")),
        ("i2c_master_open -p 8 1", (7, "Invalid argument")),
        ("i2c_master_open -p 2 1", FAILED),
        ("i2c_master_open -c 0 1", (7, "Invalid argument")),
        ("i2c_master_open -c 9999999 1", (7, "Invalid argument")),
        ("i2c_master_open -r 256 1", (7, "Invalid argument")),
        ("i2c_master_open -b 0 1", (7, "Invalid argument")),
        ("i2c_master_open -b 8193 1", (7, "Invalid argument")),
        ("i2c_master_open -z 1", (6, "Unknown option")),
        ("i2c_master_open -c", (4, "Too few arguments")),
    ],
)
async def test_bad_arguments(line: str, answer: Answer) -> None:
    async with Device.simulated() as device:
        assert await ask(device, line) == answer
        assert await ask(device, "i2c_master_open 0") == (0, "0")


async def test_an_address_with_a_read_bit_is_explained() -> None:
    async with Device.simulated() as device:
        assert await log_of(device, "i2c_master_open 0xEA") == [
            "I2C: 0xEA has 8 bits: without the read bit it is 0x75"
        ]
        assert await log_of(device, "i2c_master_open -p 2 1") == ["I2C port 2 does not exist"]


async def test_sizes_have_bounds() -> None:
    async with Device.simulated() as device:
        await ask(device, "i2c_master_open -b 4 0x20")
        assert await ask(device, "read 0 5") == BOUNDS
        assert await ask(device, "read 0 4") == (0, "\0\0\0\0")
        assert await ask(device, "write 0 8193", bytes(8193)) == BOUNDS
        assert await ask(device, "write -p 0 1", b"x") == FAILED


async def test_handles_rows_and_buffered_commands() -> None:
    async with Device.simulated(settings={"system.cmd.buffered": "1"}) as device:
        for handle in range(HANDLES - 1):
            assert await ask(device, f"i2c_master_open -c 400000 {handle}") == (0, str(handle))
        code, text = await ask(device, "stream_list")
        assert code == 0
        listing, size = text.split(",")
        listed = await ask(device, f"read {listing} {size}")
        assert "# 6 I2C   port 0 address 0x06 400000 Hz\r\n" in listed[1]
        assert (await ask(device, "i2c_master_open 7")) == (0, "7")
        assert await ask(device, "i2c_master_open 8") == FAILED
        assert (await ask(device, "poll all"))[1] == "|".join(f"{n},0" for n in range(8))
        assert await ask(device, "close all") == OK


async def test_an_adapter_that_is_pulled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    buses = SimulatedBuses()
    async with Device.simulated(buses=buses, settings={"stream.auto_close": "0"}) as device:

        async def gone(*_: object) -> bytes:
            raise BusGoneError("the adapter is gone")

        await ask(device, "i2c_master_open 0x48")
        monkeypatch.setattr(buses.i2c(0), "_transfer", gone)
        assert await log_of(device, "read 0 1") == ["I2C: the adapter is gone"]
        assert await ask(device, "poll 0") == (0, "2")
        assert await ask(device, "write 0 1", b"x") == FAILED
        assert await ask(device, "close 0") == OK


async def test_for_plugins() -> None:
    async with Device.simulated() as device:
        i2c = device.kernel.plugin(I2c)
        stream = i2c.open(I2cConfig(address=0x48))
        assert await stream.read_register(0, 2) == b"\x14\0"
        await stream.write_register(1, b"\x60")
        assert await stream.read_register(1, 1) == b"\x60"
        eeprom = i2c.open(I2cConfig(address=0x50, retries=10))
        await eeprom.write_register(0x0123, b"kept", wide=True)
        read = eeprom.read_register(0x0123, 4, wide=True)
        assert await turned_loop().turn_until(read) == b"kept"
        assert await device.stream(stream.handle).read(1) == b"\x60"


def test_by_the_console_over_a_wire() -> None:
    with Talk() as talk:
        assert talk.answer("i2c_master_open 0x20") == (0, "0")
        assert talk.answer("stream_write 0 2", b"\x05A") == OK
        assert talk.answer("stream_write -f 0 1", b"\x05") == OK
        assert talk.answer("stream_read 0 1") == (0, "A")


async def test_a_file_of_buses(tmp_path: Path) -> None:
    file = tmp_path / "buses.toml"
    file.write_text(
        'seed = 3\n[[i2c]]\ndevice = "registers"\naddress = 0x21\nregisters = { "0" = "2a" }\n'
        '[[i2c_fault]]\ndo = "no_acknowledge"\naddress = 0x21\nafter = 5\n'
    )
    async with Device.simulated(buses=file) as device:
        await ask(device, "i2c_master_open 0x21")
        assert await ask(device, "read 0 1") == (0, "*")
        assert (await ask(device, "i2c_master_open 0x48"))[0] == 0
        assert await ask(device, "read 1 1") == FAILED
        await turned_loop().turn(5)
        assert await ask(device, "read 0 1") == FAILED


def test_stream_mode_refuses_it_by_name() -> None:
    with Talk(settings={"bus.mode": "stream"}) as talk:
        streams, i2c = talk.kernel.streams, talk.kernel.plugin(I2c)

        async def open_one() -> None:
            stream = i2c.open(I2cConfig(address=0x48))
            assert streams.on_auto is not None
            streams.on_auto(stream)

        talk.run(open_one())
        assert streams.bridged is None
        assert "I2C streams cannot be bridged" in [entry.text for entry in talk.kernel.log.entries]
