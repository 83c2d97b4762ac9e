"""A browser for all tests of the app, and a device for each."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.interop.peers import PeerError
from tests.webapp.browser import chromium

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device

SSID = "lab"
PASSKEY = "correct horse"
HOSTILE = "<img src=x onerror=boom()>"
"""A network of this name is legal, 26 bytes long, and no markup."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    try:
        async with chromium() as browser:
            yield browser
    except PeerError as error:
        if os.environ.get("TOKAY_REQUIRE_PEERS"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def air(tmp_path: Path) -> Airspace:
    airspace = Airspace(locks=AddressLocks(tmp_path / "claims"))
    airspace.add(AccessPoint(SSID, passphrase=PASSKEY))
    airspace.add(AccessPoint(HOSTILE, passphrase=PASSKEY, rssi=-60))
    return airspace


@pytest.fixture
def settings() -> dict[str, str]:
    return {
        "wlan.ssid": SSID,
        "wlan.passkey": PASSKEY,
        "http.server.enabled": "1",
    }


@pytest_asyncio.fixture(loop_scope="session")
async def device(air: Airspace, settings: dict[str, str]) -> AsyncIterator[Device]:
    """A device that has joined, with its pages served."""
    async with Device.simulated(airspace=air, settings=settings) as device:
        assert (await device.command("network_up")).code == 0
        yield device
