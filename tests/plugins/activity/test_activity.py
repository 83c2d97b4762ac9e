"""system.activity: pins that pulse on traffic."""

import pytest
from tests.dialogue import Talk
from tests.peers import ADDRESS, Peer, ask, udp_peer

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.plugins.activity import PULSE
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


def pins_of(device: Device) -> SimulatedPins:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins


async def test_what_can_be_set(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "get system.activity.gpio 5") == ["none"]
        assert await ask(device, "set system.activity.gpio 5 wlan_rx,uart0_tx") == ["Set OK"]
        assert await ask(device, "set sy a g 6 uart0_tx") == ["Set OK"]
        assert await ask(device, "get sy a g 5") == ["uart0_tx,wlan_rx"]
        assert "# 5 system.activity" in (await ask(device, "get gpio.usage"))[0].replace("  ", " ")
        assert await ask(device, "set sy a g -1 uart0_tx") == ["Set OK"]
        assert await ask(device, "get sy a g 5") == ["wlan_rx"]
        assert await ask(device, "get sy a g 6") == ["none"]
        assert pins_of(device).owner(6) == ""
        assert await ask(device, "set sy a g 5 none") == ["Set OK"]
        assert pins_of(device).owner(5) == ""
        await ask(device, "gpio_dir 7 out")
        assert (await device.command("set sy a g 7 wlan_rx")).code == 1
        for line in ("5 wlan", "5 uart_rx", "5 uart10_rx", "99 wlan_rx", "5 wlan_rx,,"):
            assert (await device.command(f"set sy a g {line}")).code == 7, line


@pytest.mark.parametrize("level", [0, 1])
async def test_pulses_of_the_wlan(air: Airspace, lab: Settings, level: int) -> None:
    lab |= {
        "system.activity.gpio 5": "wlan_rx",
        "system.activity.gpio 6": "wlan_tx",
        "system.activity.gpio_level": str(level),
    }
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        pins = pins_of(device)
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        far = await peer.next()
        await turned_loop().turn(1)
        assert (pins.level(5), pins.level(6)) == (1 - level, 1 - level)
        far.send(b"x")
        await turned_loop().turn(PULSE / 2)
        assert (pins.level(5), pins.level(6)) == (level, 1 - level)
        await turned_loop().turn(PULSE)
        assert pins.level(5) == 1 - level
        await turned_loop().turn(1)
        await ask(device, "write 0 1", b"y")
        assert (pins.level(5), pins.level(6)) == (1 - level, level)
        assert await far.take(1) == b"y"


async def test_under_load_it_blinks(air: Airspace, lab: Settings) -> None:
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "set system.activity.gpio 5 wlan_rx,wlan_tx")
        await ask(device, "network_up")
        await ask(device, f"udpc 127.0.0.1 {far.address[1]} 41778")
        changes: list[int] = []
        pins_of(device).watch(5, changes.append)
        for _ in range(400):
            far.send(b"x", (ADDRESS, 41778))
            await turned_loop().turn(0.005)
        assert 36 <= len(changes) <= 40  # two seconds of 50 ms on, 50 ms off
        assert await ask(device, "read 0 10") == ["x"]


def test_pulses_of_a_serial_port() -> None:
    settings = {"system.activity.gpio 5": "uart0_rx", "system.activity.gpio 6": "uart0_tx"}
    with Talk(settings=settings) as talk:
        talk.turn(1)
        pins = talk.device.board.pins
        assert isinstance(pins, SimulatedPins)
        changes: list[tuple[int, int]] = []
        for pin in (5, 6):
            pins.watch(pin, lambda level, pin=pin: changes.append((pin, level)))  # type: ignore[misc]
        assert talk.answer("get bus.mode") == (0, "command")
        assert changes == [(5, 1), (6, 1)]
        talk.turn(1)
        assert sorted(changes) == [(5, 0), (5, 1), (6, 0), (6, 1)]
        # A reboot does not tap the port twice.
        talk.ask("reboot")
        talk.turn(1)
        changes.clear()
        assert talk.answer("get bus.mode")[0] == 0
        talk.turn(1)
        assert len(changes) == 4
