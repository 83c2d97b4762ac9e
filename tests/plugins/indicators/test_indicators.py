"""system.indicator: LEDs that show how the WLAN, the soft AP and the network stand."""

import asyncio

import pytest
from tests.peers import ask

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
LED = 20


def pins_of(device: Device) -> SimulatedPins:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins


async def seen(device: Device, seconds: float = 2.0) -> str:
    """Return what the LED does: off, on, or how many Hz it blinks with."""
    changes: list[int] = []
    unwatch = pins_of(device).watch(LED, changes.append)
    await turned_loop().turn(seconds)
    unwatch()
    if changes:
        return f"{round(len(changes) / seconds / 2)} Hz"
    return "on" if pins_of(device).level(LED) else "off"


async def test_names_and_defaults(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "get system.indicator.gpio wlan") == ["-1"]
        assert await ask(device, "set sy i g wlan 20") == ["Set OK"]
        assert await ask(device, "get sy i g all") == ["wlan: 20\r\nsoftap: -1\r\nnetwork: -1"]
        assert "system.indicator.wlan" in (await ask(device, "get gpio.usage"))[0]
        default = "static_off|fast_blink|medium_blink|static_on"
        assert await ask(device, "get system.indicator.state wlan") == [default]
        for words, shown in (
            ("static_on|slow_blink", "static_on|slow_blink"),
            ("static_off slow_blink static_on", "static_off|slow_blink|static_on"),
        ):
            assert await ask(device, f"set sy i s network {words}") == ["Set OK"]
            assert await ask(device, "get sy i s network") == [shown]


@pytest.mark.parametrize(
    "line",
    [
        "system.indicator.gpio radio 3",
        "system.indicator.state wlan blink",
        "system.indicator.state wlan static_on|",
        "system.indicator.state wlan static_on|static_on|static_on|static_on|static_on",
    ],
)
async def test_what_cannot_be_set(air: Airspace, lab: Settings, line: str) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await device.command(f"set {line}")).code == 7


async def test_the_wlan(air: Airspace, lab: Settings) -> None:
    lab |= {"system.indicator.gpio wlan": str(LED), "wlan.join.retries": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await seen(device) == "off"
        await ask(device, "network_up")
        assert await seen(device) == "on"
        await ask(device, "network_down")
        assert await seen(device) == "off"
        await ask(device, "set wlan.ssid nowhere")
        await ask(device, "network_up")
        assert await seen(device) == "5 Hz"  # error

        air.subnet(air.ap("lab")).dhcp_silent()
        await ask(device, "set wlan.ssid lab")
        joining = asyncio.ensure_future(device.command("network_up"))
        await turned_loop().turn(0.5)
        assert await seen(device, 1) == "2 Hz"  # connecting
        await turned_loop().turn(60)
        assert (await joining).text == "Command failed"
        await ask(device, "set system.indicator.state wlan static_off|slow_blink")
        assert await seen(device, 4) == "1 Hz"
        await ask(device, "set system.indicator.state wlan static_off|static_off")
        assert await seen(device) == "off"


async def test_the_network(air: Airspace, lab: Settings) -> None:
    lab |= {"system.indicator.gpio network": str(LED)}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await seen(device) == "off"
        air.subnet(air.ap("lab")).dhcp_silent()
        joining = asyncio.ensure_future(device.command("network_up"))
        await turned_loop().turn(1)
        assert await seen(device) == "5 Hz"
        air.subnet(air.ap("lab")).dhcp_normal()
        await turned_loop().turn(30)
        assert (await joining).text == "Success"
        assert await seen(device) == "on"
        air.ap("lab").power(on=False)
        await turned_loop().settle()
        assert await seen(device) == "off"


async def test_the_soft_ap(air: Airspace, lab: Settings) -> None:
    lab |= {
        "system.indicator.gpio softap": str(LED),
        "softap.ssid": "mine",
        "softap.passkey": "password",
    }
    guest = {"wlan.ssid": "mine", "wlan.passkey": "password"}
    async with (
        Device.simulated(airspace=air, settings=lab) as device,
        Device.simulated(name="guest", airspace=air, settings=guest) as other,
    ):
        assert await seen(device) == "off"
        await ask(device, "network_up -i softap")
        assert await seen(device) == "1 Hz"
        await ask(other, "network_up")
        assert await seen(device) == "on"
        await ask(other, "network_down")
        assert await seen(device) == "1 Hz"
        await ask(device, "network_down -i softap")
        assert await seen(device) == "off"


async def test_a_pin_that_is_set_later_and_moved(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, f"set system.indicator.gpio wlan {LED}")
        assert await seen(device) == "on"
        await ask(device, "set system.indicator.gpio wlan 21")
        assert await seen(device) == "off"
        assert pins_of(device).level(21) == 1
        assert (await device.command("set system.indicator.gpio network 21")).code == 1


async def test_nothing_blinks_after_the_power_went(air: Airspace, lab: Settings) -> None:
    lab |= {"system.indicator.gpio network": str(LED)}
    lab |= {"system.indicator.state network": "fast_blink"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await seen(device) == "5 Hz"
        pins = pins_of(device)
    changes: list[int] = []
    pins.watch(LED, changes.append)
    await turned_loop().turn(5)
    assert changes == []
