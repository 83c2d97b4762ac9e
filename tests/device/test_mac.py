"""Which hardware address a device has."""

from contextlib import AsyncExitStack

import pytest

from tokay import Airspace, Device
from tokay.device import mac_of
from tokay.kernel.profile import load

NAMES = ("d1887", "d2541")
"""Two of the first 3,000 such names whose addresses are the same."""


async def test_two_names_with_one_address_get_two() -> None:
    profile = load("gecko-os-4")
    first, second = (mac_of(name, profile) for name in NAMES)
    assert first == second
    airspace = Airspace.default()
    async with AsyncExitStack() as stack:
        devices = [Device.simulated(name=name, airspace=airspace) for name in NAMES]
        for device in devices:
            await stack.enter_async_context(device)
        assert devices[0].mac == first
        assert devices[1].mac != first
        assert devices[1].mac == devices[1].kernel.mac == devices[1].board.radio.mac
        kept = devices[1].mac
    async with devices[1]:
        assert devices[1].mac == kept  # for good, once it has it
    async with Device.simulated(name=NAMES[1], airspace=airspace) as alone:
        assert alone.mac == first


async def test_an_address_may_be_given() -> None:
    async with Device.simulated(mac="4c:55:cc:01:02:03") as device:
        assert device.kernel.mac == "4C:55:CC:01:02:03"
    with pytest.raises(ValueError, match="not a MAC address"):
        Device.simulated(mac="4C:55:CC")
