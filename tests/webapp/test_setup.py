"""From the probe of a phone to a joined device: the setup wizard."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from tests.webapp.browser import PHONE, page_of, shot, url
from tests.webapp.conftest import HOSTILE, PASSKEY, SSID

from tokay.board.air.airspace import Airspace
from tokay.device import Device

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(air: Airspace) -> AsyncIterator[Device]:
    """A device out of its box."""
    async with Device.simulated(airspace=air) as device:
        assert (await device.command("setup_web")).code == 0
        yield device


async def test_a_phone_is_led_to_the_wizard(fresh: Device) -> None:
    async with aiohttp.ClientSession() as session:
        for probe in ("/generate_204", "/hotspot-detect.html", "/ncsi.txt"):
            asked = session.get(url(fresh, "softap") + probe, allow_redirects=False)
            async with asked as answer:
                assert answer.status == 302
                assert answer.headers["Location"] == "http://setup.com/"


@pytest.mark.parametrize("network", [SSID, HOSTILE])
async def test_three_steps_join_a_network(browser: Browser, fresh: Device, network: str) -> None:
    async with page_of(browser, fresh, PHONE, "softap") as page:
        await page.goto("/")
        await page.get_by_role("button", name=network).wait_for()
        await shot(page, "setup-1")
        assert (await Axe().run(page)).violations_count == 0
        await page.get_by_role("button", name=network).click()
        await page.get_by_label("Password", exact=True).fill("not the password")
        await page.get_by_role("button", name="Check and go on").click()
        await expect(page.get_by_role("dialog", name="The network refused")).to_be_visible()
        await shot(page, "setup-2")
        await page.get_by_role("button", name="Cancel").click()
        assert (await fresh.command("setup_web status")).text == "1"  # the soft AP stayed up
        await page.get_by_label("Password", exact=True).fill(PASSKEY)
        await page.get_by_role("button", name="Check and go on").click()
        await expect(page.get_by_role("heading", name="What is it called?")).to_be_visible()
        await shot(page, "setup-3")
        assert (await Axe().run(page)).violations_count == 0
        await page.get_by_role("button", name="Finish").click()
        await expect(page.get_by_role("heading", name="Saved")).to_be_visible()
        await shot(page, "setup-4")
    await fresh.steady()
    assert (await fresh.command("get wlan.ssid")).text == network
    assert (await fresh.command("get wlan.auto_join.enabled")).text == "1"
    assert (await fresh.command("get http.server.enabled")).text == "1"
    assert (await fresh.command("network_up")).code == 0
    assert fresh.address


async def test_another_network_is_named_by_hand(browser: Browser, fresh: Device) -> None:
    async with page_of(browser, fresh, PHONE, "softap") as page:
        await page.goto("/")
        await page.get_by_role("button", name="Other network").click()
        await page.get_by_label("Name").fill("hidden one")
        await page.get_by_role("button", name="Next").click()
        await expect(page.get_by_role("heading", name="Password of hidden one")).to_be_visible()
