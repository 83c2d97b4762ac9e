"""Voltages by command."""

import pytest

from tokay.board.pins import Pwm, SimulatedPins
from tokay.device import Device

OK = (0, "Success")
SET = (0, "Set OK")
FAILED = (1, "Command failed")
UNKNOWN = (3, "Unknown command")
FEW = (4, "Too few arguments")
MANY = (5, "Too many arguments")
BAD = (7, "Invalid argument")


async def talk(device: Device, *dialogue: tuple[str, tuple[int, str]]) -> None:
    for line, expected in dialogue:
        response = await device.command(line)
        assert (line, int(response.code), response.text) == (line, *expected)


def pins_of(device: Device) -> SimulatedPins:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins


async def test_a_sample_is_in_millivolts() -> None:
    async with Device.simulated() as device:
        pins_of(device).set_millivolts(2, 1404)
        await talk(
            device,
            ("adc_take_sample 2", (0, "1404")),
            ("adc 3", (0, "0")),
            ("get system.adc.vref", (0, "3300")),
            ("set sy a v 1200", SET),
            ("adc 2", (0, "1200")),
            ("set sy a v 0", BAD),
            ("set gpio.alias 2 battery", SET),
            ("adc battery", (0, "1200")),
            ("adc", FEW),
            ("adc 2 3", MANY),
            ("adc 32", BAD),
            ("adc -1", BAD),
            ("get gpio.usage", (0, "!  # Description")),
        )


@pytest.mark.parametrize("line", ["gdi 2 in", "dac 2 100", "pwm 2 50 1000"])
async def test_a_pin_in_use_is_not_sampled(line: str) -> None:
    async with Device.simulated() as device:
        await talk(device, (line, OK), ("adc 2", FAILED))


async def test_an_analog_output() -> None:
    async with Device.simulated() as device:
        pins = pins_of(device)
        await talk(device, ("dac_set_level 4 1500", OK))
        assert pins.analog_output(4) == 1500
        await talk(
            device,
            ("dac 4 3300", OK),
            ("dac 4 3301", BAD),
            ("dac 4 -5", BAD),
            ("dac 4", FEW),
            ("get gpio.usage", (0, "!  # Description\r\n#  4 DAC")),
            ("gdi 4 out", FAILED),
            ("pwm 4 50 1000", FAILED),
            ("pwm 4 stop", FAILED),
        )
        assert pins.analog_output(4) == 3300
        await talk(device, ("dac 4 none", OK), ("dac 4 -1", OK), ("gdi 4 out", OK))
        assert pins.analog_output(4) is None
        await talk(device, ("dac 4 100", FAILED), ("dac 4 none", FAILED))


async def test_a_pwm() -> None:
    async with Device.simulated() as device:
        pins = pins_of(device)
        await talk(device, ("pwm_update 7 34.78 1000", OK))
        assert pins.pwm(7) == Pwm(34.78, 1000)
        await talk(device, ("pwm 7 100 1000000", OK))
        assert pins.pwm(7) == Pwm(100, 1_000_000)
        await talk(
            device,
            ("pwm 7 0 1", OK),
            ("get gpio.usage", (0, "!  # Description\r\n#  7 PWM")),
            ("gse 7 1", FAILED),
            ("pwm 7 stop", OK),
            ("pwm 7 stop", OK),
            ("gdi 7 out", OK),
            ("pwm 7 50 1000", FAILED),
        )
        assert pins.pwm(7) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pwm 7", FEW),
        ("pwm 7 50", FEW),
        ("pwm 7 stop 1", MANY),
        ("pwm 7 50 1 1", MANY),
        ("pwm 7 100.01 1", BAD),
        ("pwm 7 -1 1", BAD),
        ("pwm 7 nan 1", BAD),
        ("pwm 7 1e1 1", BAD),
        ("pwm 7 .5 1", BAD),
        ("pwm 7 50 0", BAD),
        ("pwm 7 50 1000001", BAD),
    ],
)
async def test_pwm_arguments(line: str, expected: tuple[int, str]) -> None:
    async with Device.simulated() as device:
        await talk(device, (line, expected))
        assert pins_of(device).owner(7) == ""


@pytest.mark.parametrize(
    ("profile", "here"),
    [
        ("gecko-os-4", {"adc", "dac", "pwm"}),
        ("gecko-os-2", set()),
        ("zentrios-3", {"adc", "pwm"}),
    ],
)
async def test_profiles(profile: str, here: set[str]) -> None:
    async with Device.simulated(profile=profile) as device:
        for command in ("adc", "dac", "pwm"):
            await talk(device, (command, FEW if command in here else UNKNOWN))
