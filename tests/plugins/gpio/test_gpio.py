"""Pins by command, as a dialogue: a line, its code, its text."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tokay.board.pins import Direction, SimulatedPins
from tokay.device import Device
from tokay.kernel.events import Sleeping
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.value_types import NO_PIN, Pin
from tokay.kernel.variables import Index, Variable

OK = (0, "Success")
SET = (0, "Set OK")
FAILED = (1, "Command failed")
UNKNOWN = (3, "Unknown command")
FEW = (4, "Too few arguments")
MANY = (5, "Too many arguments")
UNKNOWN_VARIABLE = (6, "Unknown variable")
BAD = (7, "Invalid argument")
NONE_IN_USE = "!  # Description"


def body(text: str) -> tuple[int, str]:
    return 0, text


def usage(*rows: str) -> tuple[int, str]:
    return body("\r\n".join([NONE_IN_USE, *rows]))


def pins_of(device: Device) -> SimulatedPins:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins


async def talk(device: Device, *dialogue: tuple[str, tuple[int, str]]) -> None:
    for line, expected in dialogue:
        response = await device.command(line)
        assert (line, int(response.code), response.text) == (line, *expected)


class Boots:
    """Hears a device's events: ``next`` waits until it is ready once more."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[None] = asyncio.Queue()

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        if event == "ready":
            self._ready.put_nowait(None)

    async def next(self) -> None:
        await self._ready.get()


class Lamps(Index):
    def key(self, word: str, kernel: Kernel) -> str:
        return word

    def keys(self, kernel: Kernel) -> Sequence[str]:
        return ("softap", "wlan")


STATUS = Variable("status.pin", "st p", Pin(), NO_PIN, doc="A pin.")
DATA = Variable("data.pin", "da p", Pin(), NO_PIN, doc="Another pin.")
LAMP = Variable("lamp.gpio", "la g", Pin(), NO_PIN, index=Lamps(), doc="A pin for each lamp.")
WIRED = Variable("wired.pin", "wi p", Pin(), 30, doc="A pin that the product gives.")


class Owner(Plugin):
    """Declares variables that own pins, as network plugins do."""

    name = "owner"
    variables = (STATUS, DATA, LAMP, WIRED)


# Plain pins.

DIALOGUES: dict[str, list[tuple[str, tuple[int, str]]]] = {
    "an output": [
        ("gpio_dir 5 out 1", OK),
        ("gpio_get 5", body("1")),
        ("gpio_set 5 0", OK),
        ("gpio_get 5", body("0")),
        ("get gpio.usage", usage("#  5 GPIO out")),
    ],
    "shortcuts": [
        ("gdi 18 ood", OK),
        ("gse 18 1", OK),
        ("gge 18", body("0")),
        ("get gp u", usage("# 18 GPIO out")),
        ("gdi 18 -1", OK),
        ("get gp u", usage()),
    ],
    "deregistering what is not registered": [("gdi 13 none", OK), ("gdi 13 -1", OK)],
    "a pull-up": [("gdi 4 ipu", OK), ("gge 4", body("1")), ("get gp u", usage("#  4 GPIO in"))],
    "an open drain with a pull-up": [
        ("gdi 4 output_open_drain_pull_up 1", OK),
        ("gge 4", body("1")),
        ("gse 4 0", OK),
        ("gge 4", body("0")),
    ],
    "an output made anew starts low": [
        ("gdi 4 out 1", OK),
        ("gdi 4 out", OK),
        ("gge 4", body("0")),
    ],
    "hexadecimal numbers": [("gdi 0x0A in", OK), ("get gp u", usage("# 10 GPIO in"))],
    "an input cannot be set": [("gdi 5 in", OK), ("gse 5 1", FAILED)],
    "a pin that is not registered": [("gge 5", FAILED), ("gse 5 1", FAILED)],
    "a deregistered pin": [("gdi 5 out", OK), ("gdi 5 none", OK), ("gge 5", FAILED)],
    "arguments": [
        ("gpio_dir 5", FEW),
        ("gpio_dir 5 out 1 1", MANY),
        ("gpio_dir 5 sideways", BAD),
        ("gpio_dir 5 out 2", BAD),
        ("gpio_dir 32 out", BAD),
        ("gpio_dir -1 out", BAD),
        ("gpio_dir lamp out", BAD),
        ("gpio_get", FEW),
        ("gpio_get 5 5", MANY),
        ("gpio_set 5", FEW),
        ("gpio_set 5 high", BAD),
        ("gpios_get 1", MANY),
        ("gpios_dir", FEW),
        ("gpios_set", FEW),
    ],
    "all levels": [
        ("gdi 0 ipu", OK),
        ("gdi 31 out 1", OK),
        ("gpios_get", body("1" + 30 * "0" + "1")),
        ("gges", body("1" + 30 * "0" + "1")),
    ],
    "all directions": [
        ("gpios_dir 012345", OK),
        ("get gp u", usage("#  0 GPIO in", "#  1 GPIO in", "#  2 GPIO in",
                           "#  3 GPIO out", "#  4 GPIO out", "#  5 GPIO out")),
        ("gdis 66-6x6", OK),
        ("get gp u", usage("#  2 GPIO in", "#  4 GPIO out")),
        ("gpios_dir 7", BAD),
        ("gpios_dir " + 33 * "6", BAD),
        ("gpios_dir " + 32 * "6", OK),
        ("get gp u", usage()),
    ],
    "many levels": [
        ("gpios_dir 3333", OK),
        ("gpios_set 1-x1", OK),
        ("gpios_get", body("1001" + 28 * "0")),
        ("gses -1", OK),
        ("gpios_get", body("1101" + 28 * "0")),
        ("gpios_set 2", BAD),
        ("gpios_set 00001", FAILED),
        ("gpios_get", body("1101" + 28 * "0")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", DIALOGUES)
async def test_plain_pins(name: str) -> None:
    async with Device.simulated() as device:
        await talk(device, *DIALOGUES[name])


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("ipu", Direction.INPUT_PULL_UP),
        ("ipd", Direction.INPUT_PULL_DOWN),
        ("in", Direction.INPUT_HIGHZ),
        ("input_high_impedance", Direction.INPUT_HIGHZ),
        ("out", Direction.OUTPUT_PUSH_PULL),
        ("output", Direction.OUTPUT_PUSH_PULL),
        ("ood", Direction.OUTPUT_OPEN_DRAIN),
        ("oodpu", Direction.OUTPUT_OPEN_DRAIN_PULL_UP),
        *((direction.value, direction) for direction in Direction),
    ],
)
async def test_direction_words(word: str, direction: Direction) -> None:
    async with Device.simulated() as device:
        await talk(device, (f"gpio_dir 7 {word}", OK))
        assert device.board.pins.direction(7) is direction


async def test_the_world_outside_is_read() -> None:
    async with Device.simulated() as device:
        pins = pins_of(device)
        await talk(device, ("gdi 5 in", OK), ("gge 5", body("0")))
        pins.drive(5, 1)
        pins.drive(6, 1)
        await talk(device, ("gge 5", body("1")), ("gges", body("0000011" + 25 * "0")))


# Names.


async def test_an_alias_stands_for_its_pin() -> None:
    async with Device.simulated(plugins=[Owner]) as device:
        await talk(
            device,
            ("set gpio.alias 6 door", SET),
            ("set gp a 9 lamp", SET),
            ("get gpio.alias 6", body("door")),
            ("get gpio.alias door", body("door")),
            ("get gpio.alias 7", body("")),
            ("get gpio.alias all", body("6: door\r\n9: lamp")),
            ("gpio_dir door ipu", OK),
            ("gpio_get door", body("1")),
            ("set status.pin lamp", SET),
            ("get status.pin", body("9")),
            ("get gpio.usage", usage("#  6 GPIO (door) in", "#  9 status.pin (lamp)",
                                     "# 30 wired.pin")),
            ('set gpio.alias door ""', SET),
            ("gpio_get door", BAD),
            ("gpio_get 6", body("1")),
        )  # fmt: skip


@pytest.mark.parametrize("alias", ["all", "none", "7", "-1", "0x3", "a(b)", '"a b"', 16 * "a"])
async def test_what_cannot_be_an_alias(alias: str) -> None:
    async with Device.simulated() as device:
        await talk(device, (f"set gpio.alias 6 {alias}", BAD), ("get gpio.alias 6", body("")))


async def test_an_alias_names_one_pin() -> None:
    async with Device.simulated() as device:
        await talk(
            device,
            ("set gpio.alias 6 door", SET),
            ("set gpio.alias 7 door", BAD),
            ("set gpio.alias 6 door", SET),
            ('set gpio.alias 6 ""', SET),
            ("set gpio.alias 7 door", SET),
        )


# Function pins.


async def test_a_variable_owns_its_pin() -> None:
    async with Device.simulated(plugins=[Owner]) as device:
        await talk(
            device,
            ("set status.pin 5", SET),
            ("get gpio.usage", usage("#  5 status.pin", "# 30 wired.pin")),
            ("gpio_dir 5 in", FAILED),
            ("gpio_dir 5 none", FAILED),
            ("gpio_set 5 1", FAILED),
            ("gpio_get 5", body("0")),
            ("gpios_dir -----3", FAILED),
            ("gpios_dir 3----3", FAILED),
            ("gpio_get 0", FAILED),
            ("gpios_dir " + 32 * "6", OK),
            ("gpios_set -----1", FAILED),
            ("set data.pin 5", FAILED),
            ("get data.pin", body("-1")),
            ("set status.pin 5", SET),
            ("set status.pin 6", SET),
            ("get gpio.usage", usage("#  6 status.pin", "# 30 wired.pin")),
            ("set data.pin 5", SET),
            ("set status.pin -1", SET),
            ("get gpio.usage", usage("#  5 data.pin", "# 30 wired.pin")),
            ("gpio_dir 6 out", OK),
        )


async def test_a_plain_pin_must_be_given_back_first() -> None:
    async with Device.simulated(plugins=[Owner]) as device:
        await talk(
            device,
            ("gpio_dir 5 out", OK),
            ("set status.pin 5", FAILED),
            ("get status.pin", body("-1")),
            ("gpio_dir 5 none", OK),
            ("set status.pin 5", SET),
        )


async def test_a_pin_of_the_product_is_owned_until_it_is_given_up() -> None:
    async with Device.simulated(plugins=[Owner]) as device:
        await talk(
            device,
            ("gpio_dir 30 out", FAILED),
            ("set wired.pin -1", SET),
            ("gpio_dir 30 out", OK),
        )


async def test_an_indexed_variable_owns_a_pin_for_each_index() -> None:
    async with Device.simulated(plugins=[Owner]) as device:
        await talk(
            device,
            ("set lamp.gpio wlan 20", SET),
            ("set lamp.gpio softap 20", FAILED),
            ("set lamp.gpio softap 1", SET),
            ("get gpio.usage", usage("#  1 lamp.softap", "# 20 lamp.wlan", "# 30 wired.pin")),
            ("get lamp.gpio all", body("softap: 1\r\nwlan: 20")),
        )


# Boot.


async def test_pins_come_back_after_a_reboot() -> None:
    boots = Boots()
    async with Device.simulated(plugins=[Owner], on_event=boots) as device:
        await boots.next()
        await talk(
            device,
            ("set gpio.init 18 ood 1", SET),
            ("get gpio.init 18", body("output_open_drain 1")),
            ("set gp i 3 out", SET),
            ("get gp i 3", body("output_push_pull 0")),
            ("set gp i 4 ipu", SET),
            ("get gp i 4", body("input_pull_up 0")),
            ("get gp i 5", body("none")),
            ("set gp i 6 out 1", SET),
            ("set gp i 6 none", SET),
            ("get gp i all", body("3: output_push_pull 0\r\n4: input_pull_up 0"
                                  "\r\n18: output_open_drain 1")),
            ("set gp i 6", FEW),
            ("set gp i 6 out 1 1", MANY),
            ("set gp i 6 out 3", BAD),
            ("set gp a 3 lamp", SET),
            ("set status.pin 7", SET),
            ("set lamp.gpio wlan 20", SET),
            ("gdi 9 out", OK),
            ("get gp u", usage("#  7 status.pin", "#  9 GPIO out", "# 20 lamp.wlan",
                               "# 30 wired.pin")),
            ("save", OK),
            ("reboot", body("Rebooting")),
        )  # fmt: skip
        await boots.next()
        await talk(
            device,
            ("get gp u", usage("#  3 GPIO (lamp) out", "#  4 GPIO in", "#  7 status.pin",
                               "# 18 GPIO out", "# 20 lamp.wlan", "# 30 wired.pin")),
            ("gse lamp 1", OK),
            ("gge 3", body("1")),
            ("gdi 7 out", FAILED),
        )  # fmt: skip


async def test_pins_that_are_not_saved_float_after_a_reboot() -> None:
    boots = Boots()
    async with Device.simulated(on_event=boots) as device:
        await boots.next()
        heard: list[int] = []
        device.board.pins.watch(9, heard.append)
        await talk(device, ("gdi 9 out 1", OK), ("reboot", body("Rebooting")))
        await boots.next()
        assert heard == [1, 0]
        await talk(device, ("get gp u", usage()), ("gge 9", FAILED))


async def test_a_function_comes_before_gpio_init() -> None:
    settings = {"status.pin": "5", "gpio.init 5": "out 1"}
    async with Device.simulated(plugins=[Owner], settings=settings) as device:
        await talk(device, ("get gp u", usage("#  5 status.pin", "# 30 wired.pin")))
        assert any("belongs to status.pin" in entry.text for entry in device.log)


async def test_two_variables_saved_on_one_pin_leave_it_to_the_first() -> None:
    settings = {"status.pin": "5", "data.pin": "5"}
    async with Device.simulated(plugins=[Owner], settings=settings) as device:
        await talk(
            device,
            ("get gp u", usage("#  5 data.pin", "# 30 wired.pin")),
            ("set status.pin -1", SET),
            ("get gp u", usage("#  5 data.pin", "# 30 wired.pin")),
        )


# Sleep.


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("default", 1),
        ("output_low", 0),
        ("output_high", 1),
        ("input_highz", 0),
        ("ipu", 1),
        ("input_pull_down", 0),
    ],
)
async def test_pins_in_sleep(state: str, level: int) -> None:
    boots = Boots()
    async with Device.simulated(on_event=boots) as device:
        await boots.next()
        pins = pins_of(device)
        await talk(
            device,
            ("gdi 5 out 1", OK),
            (f"set gpio.sleep 5 {state}", SET),
            ("set gpio.sleep 31 output_high", SET),
        )
        asleep = asyncio.Event()
        pins.watch(31, lambda _level: asleep.set())
        device.kernel.events.emit(Sleeping())
        await device.command("sleep")
        async with asyncio.timeout(5):
            await asleep.wait()
        assert pins.level(5) == level
        device.wake()
        await boots.next()
        assert (pins.level(5), pins.level(31)) == (0, 0)


async def test_sleep_states_are_words() -> None:
    async with Device.simulated() as device:
        await talk(
            device,
            ("get gpio.sleep 5", body("default")),
            ("set gp s 5 in", SET),
            ("get gp s 5", body("input_highz")),
            ("get gp s all", body("5: input_highz")),
            ("set gp s 5 dreaming", BAD),
            ("set gp s 5 default", SET),
            ("get gp s all", body("")),
        )


# Profiles and safe mode.


@pytest.mark.parametrize(
    ("profile", "line", "expected"),
    [
        ("gecko-os-2", "gpios_get", body(23 * "0")),
        ("gecko-os-2", "gpios_set 1", UNKNOWN),
        ("gecko-os-2", "gpios_dir 1", UNKNOWN),
        ("gecko-os-2", "set gpio.alias 1 a", UNKNOWN_VARIABLE),
        ("gecko-os-2", "set gpio.init 1 out", SET),
        ("gecko-os-2", "gdi 23 in", BAD),
        ("zentrios-3", "gpios_dir 1", OK),
        ("zentrios-3", "get gpio.usage", usage()),
        ("wiconnect-2", "gdi 1 in", OK),
    ],
)
async def test_profiles(profile: str, line: str, expected: tuple[int, str]) -> None:
    async with Device.simulated(profile=profile) as device:
        await talk(device, (line, expected))


async def test_safe_mode_keeps_the_pins_and_not_the_commands() -> None:
    boots = Boots()
    settings = {"gpio.init 5": "out 1", "status.pin": "7"}
    async with Device.simulated(plugins=[Owner], settings=settings, on_event=boots) as device:
        await boots.next()
        await device.command(f"force_safemode {device.mac}")
        await boots.next()
        assert device.kernel.safe_mode
        assert device.board.pins.level(5) == 1
        assert device.board.pins.owner(7) == "status.pin"
        await talk(device, ("gge 5", UNKNOWN), ("get gpio.usage", UNKNOWN_VARIABLE))
