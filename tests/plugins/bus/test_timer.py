"""The bridge's timer, on every loop: for a time that is about now uvloop gives a plain handle."""

import asyncio
from typing import cast

import pytest
from tests.dialogue import Talk, Wire
from tests.plugins.bus.conftest import STREAM_MODE, Far

from tokay.device import Device
from tokay.plugins.bus.bridge import Bridge
from tokay.plugins.bus.flush_rules import FlushRules


async def test_bytes_may_come_while_the_timer_is_about_to_go_off(
    monkeypatch: pytest.MonkeyPatch, loops: None
) -> None:
    loop = asyncio.get_running_loop()
    soon = loop.time() + 0.0001
    async with Device.simulated(settings=STREAM_MODE) as device:
        bridge = Bridge(device.kernel, Wire(), "uart0", lambda behind: None)
        far = Far(cast("Talk", None))
        bridge.offer(far)
        bridge.enter()
        monkeypatch.setattr(FlushRules, "get_timer", lambda rules: soon if rules.buffered else None)
        bridge.feed(b"a")
        bridge.feed(b"b")
        soon -= 0.0001
        bridge.feed(b"c")
        bridge.leave()
        assert far.heard() == b"abc"
