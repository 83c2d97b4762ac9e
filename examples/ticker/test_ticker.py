"""The example plugin on a running device."""

from collections.abc import AsyncIterator

import pytest
from tokay_ticker import Ticker

from tokay import Device


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    async with Device.simulated(plugins=[Ticker], settings={"ticker.period": "10"}) as running:
        yield running


async def test_a_stream_that_ticks(device: Device) -> None:
    assert (await device.command("ticker_open")).text == "0"
    assert (await device.command("list")).text == "! # Type  Info\r\n# 0 TICK  ticker"
    assert (await device.command("read 0 8")).text == "tick 1\r\n"
    assert (await device.command("close 0")).ok


async def test_the_variable_is_a_device_variable(device: Device) -> None:
    assert (await device.command("get tk p")).text == "10"
    assert (await device.command("set ticker.period 9")).code == 7
    assert "Open a stream that ticks" in (await device.command("help ticker_open")).text
