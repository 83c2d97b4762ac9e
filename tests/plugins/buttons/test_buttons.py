"""The factory-reset button, with a clock that is turned."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tokay.board.pins import SimulatedPins
from tokay.device import Device


class Boots:
    """Hears a device's events: ``next`` waits until it is ready once more."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[None] = asyncio.Queue()

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        if event == "ready":
            self._ready.put_nowait(None)

    async def next(self) -> None:
        await self._ready.get()

    @property
    def none(self) -> bool:
        return self._ready.empty()


class Turned:
    """The loop's clock, ahead of itself by as much as it was turned."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._time, self._ahead = self._loop.time, 0.0
        self._loop.time = lambda: self._time() + self._ahead  # type: ignore[method-assign]

    async def turn(self, seconds: float) -> None:
        """Let what is due by then be done, a reboot included."""
        self._ahead += seconds
        done = asyncio.Event()
        self._loop.call_later(0, done.set)
        await done.wait()
        for _ in range(20):
            await asyncio.sleep(0)


class Bench:
    """A device whose reset button somebody's other finger is on."""

    def __init__(self, device: Device, boots: Boots, clock: Turned) -> None:
        self.device, self.boots, self.clock = device, boots, clock
        pins = device.board.pins
        assert isinstance(pins, SimulatedPins)
        self.pins = pins

    async def reset(self) -> None:
        await self.device.command("reboot")
        await self.boots.next()

    async def say(self, line: str) -> str:
        return (await self.device.command(line)).text

    async def settled(self) -> None:
        """Fail if the button has done anything, or will."""
        await self.clock.turn(60)
        assert self.boots.none
        assert await self.say("get gpio.init 20") == "output_push_pull 1"


@asynccontextmanager
async def bench(profile: str = "gecko-os-4", **settings: str) -> AsyncIterator[Bench]:
    boots, clock = Boots(), Turned()
    async with Device.simulated(
        profile=profile,
        settings={"gpio.init 20": "out 1"} | {f"system.{k}": v for k, v in settings.items()},
        on_event=boots,
    ) as device:
        await boots.next()
        yield Bench(device, boots, clock)


RESET_GPIO = "factory_reset.gpio"
AUX_GPIO = "factory_reset.aux_gpio"
AUX_LEVEL = "factory_reset.aux_level"


async def test_nobody_presses() -> None:
    async with bench() as it:
        await it.settled()


@pytest.mark.parametrize("profile", ["gecko-os-4", "gecko-os-2", "zentrios-3"])
async def test_held_for_ten_seconds(profile: str) -> None:
    async with bench(profile) as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.clock.turn(9.5)
        assert it.boots.none
        await it.clock.turn(1)
        await it.boots.next()
        assert await it.say("get gpio.init 20") == "none"


async def test_who_never_lets_go_gets_one_reset() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.clock.turn(10.5)
        await it.boots.next()
        await it.clock.turn(60)
        assert it.boots.none


async def test_let_go_in_time() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.clock.turn(9)
        it.pins.drive(0, 0)
        it.pins.drive(0, 1)
        await it.settled()


async def test_pressed_after_the_reset() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.settled()


async def test_each_reset_counts_anew() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.clock.turn(6)
        await it.reset()
        await it.clock.turn(6)
        assert it.boots.none
        await it.clock.turn(4.5)
        await it.boots.next()


async def test_pin_0_is_free_for_whoever_asks() -> None:
    async with bench() as it:
        assert await it.say("get gpio.usage") == "!  # Description\r\n# 20 GPIO out"
        assert await it.say("gdi 0 out 1") == "Success"
        assert await it.say("gge 0") == "1"


async def test_a_pin_in_use_is_no_button() -> None:
    async with bench() as it:
        await it.say("set gpio.init 0 in")
        await it.say("save")
        it.pins.drive(0, 1)
        await it.reset()
        await it.settled()


async def test_a_pin_that_is_taken_meanwhile_is_no_button() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.say("gdi 0 out 1")
        await it.settled()


@pytest.mark.parametrize(("held", "resets"), [(0, False), (9, True)])
async def test_another_pin(held: int, resets: bool) -> None:
    async with bench(**{RESET_GPIO: "9"}) as it:
        it.pins.drive(held, 1)
        await it.reset()
        if not resets:
            await it.settled()
            return
        await it.clock.turn(10.5)
        await it.boots.next()


async def test_no_button() -> None:
    async with bench(**{RESET_GPIO: "-1", AUX_GPIO: "9", AUX_LEVEL: "0"}) as it:
        it.pins.drive(0, 1)
        await it.reset()
        await it.settled()


@pytest.mark.parametrize(
    ("level", "aux", "resets"), [("1", 1, True), ("1", 0, False), ("0", 0, True), ("0", 1, False)]
)
async def test_both_must_be_held(level: str, aux: int, resets: bool) -> None:
    async with bench(**{AUX_GPIO: "9", AUX_LEVEL: level}) as it:
        it.pins.drive(0, 1)
        it.pins.drive(9, aux)
        await it.reset()
        if not resets:
            await it.settled()
            return
        await it.clock.turn(10.5)
        await it.boots.next()
        assert await it.say("get gpio.init 20") == "none"


async def test_letting_go_of_one_is_letting_go() -> None:
    async with bench(**{AUX_GPIO: "9"}) as it:
        it.pins.drive(0, 1)
        it.pins.drive(9, 1)
        await it.reset()
        it.pins.drive(9, 0)
        it.pins.drive(9, 1)
        await it.settled()


async def test_a_device_in_safe_mode_is_brought_back() -> None:
    async with bench() as it:
        it.pins.drive(0, 1)
        await it.say(f"force_safemode {it.device.mac}")
        await it.boots.next()
        assert await it.say("get system.safemode.status") == "1"
        await it.clock.turn(10.5)
        await it.boots.next()
        assert await it.say("get system.safemode.status") == "0"


async def test_the_button_can_be_named() -> None:
    async with bench() as it:
        await it.say("set gpio.alias 9 panic")
        assert await it.say("set system.factory_reset.gpio panic") == "Set OK"
        assert await it.say("get system.factory_reset.gpio") == "9"
        assert await it.say("set system.factory_reset.gpio 99") == "Invalid argument"
