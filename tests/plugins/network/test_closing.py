"""A device that closes while commands run: every one is answered, and nothing is left behind."""

import asyncio
import gc
import random
import warnings

import pytest
from tests.peers import ask

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.results import Response
from tokay.testing.clock import turned_loop

LINES = ("network_up", "network_lookup localhost", "get wlan.ssid", "wlan_scan", "reboot")
"""What takes many turns of the loop, what takes none, and what closes the device by itself."""


async def one_life(air: Airspace, settings: dict[str, str], chance: random.Random) -> None:
    """Boot a device, ask it, and close it after a few turns of the loop."""
    asked = []
    async with Device.simulated(airspace=air, settings=settings) as device:
        for line in chance.sample(LINES, 3):
            data = b"x" * chance.randrange(2)
            asked.append(asyncio.ensure_future(device.command(line, data)))
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)
    for answer in answers:
        # A command that had not begun finds no device; every other one has its response.
        assert isinstance(answer, Response | RuntimeError), answer
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left


@pytest.mark.parametrize("part", range(4))
async def test_a_command_is_answered_whenever_the_device_closes(
    air: Airspace, lab: dict[str, str], part: int
) -> None:
    chance = random.Random(part)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(250):
            await one_life(air, lab, chance)
        gc.collect()


async def test_a_front_end_is_not_silent_while_anothers_command_runs(
    air: Airspace, lab: dict[str, str]
) -> None:
    loop = turned_loop()
    async with Device.simulated(airspace=air, settings=lab) as device:
        running = asyncio.ensure_future(device.command("wps"))
        await loop.settle()
        begun = loop.time()
        waiting = asyncio.ensure_future(device.command("get wlan.ssid"))
        late = asyncio.ensure_future(device.command("write 0 7", b"reboot\r"))
        await loop.turn(29)
        assert not waiting.done()
        await loop.turn(2)
        assert (await waiting).text == (await late).text == "Command failed"
        assert not running.done()
        assert loop.time() - begun < 32
        await loop.turn(120)
        assert (await running).text == "Command failed"
        assert await ask(device, "get wlan.ssid") == ["lab"]
