"""Three thousand devices of one process join at once, and it is as right as one."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop
from tests.peers import NET

from tokay import AccessPoint, Airspace, Device
from tokay.board.storage import Storage

COUNT = 3000
SETTINGS = {"wlan.ssid": "crowd", "wlan.passkey": "tokay-lab", "broadcast.interval": "0"}


async def join_all() -> None:
    airspace, storage = Airspace(), Storage(None)
    subnet = f"{NET.rsplit('.', 1)[0]}.0.0/16"
    airspace.add(AccessPoint("crowd", passphrase="tokay-lab", subnet=subnet))
    async with AsyncExitStack() as stack:
        devices = [
            await stack.enter_async_context(
                Device.simulated(
                    name=f"d{number}",
                    airspace=airspace,
                    state=storage,
                    settings=SETTINGS | {"mdns.name": f"crowd-{number}"},
                )
            )
            for number in range(COUNT)
        ]
        answers = await asyncio.gather(*(device.command("network_up") for device in devices))
        assert [answer.log for answer in answers if not answer.ok] == []
        assert len({device.mac for device in devices}) == COUNT
        assert len({device.address for device in devices}) == COUNT
        # Found by name: each by the device that joined last.
        for number in range(0, COUNT, 500):
            found = await devices[-1].command(f"network_lookup crowd-{number}.local")
            assert found.text == devices[number].address
    storage.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_all_join_and_nothing_is_logged(
    run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    run(join_all())
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
