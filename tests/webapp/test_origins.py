"""Pages in Chromium that drive a device: its own, an allowed site's, and another site's."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser
from tests.webapp.browser import page_of, url

from tokay.device import Device
from tokay.plugins.webapp import PAGES

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

# What a page does: a command by REST, one by /cmdstream, and bytes both ways over /stream.
DRIVE = """async ([module, url]) => {
  const { Device, toText } = await import(module);
  const device = new Device(url, { timeout: 5000 });
  const found = {};
  const attempt = async (name, work) => {
    try { found[name] = await work(); } catch (error) { found[name] = `failed: ${error.name}`; }
  };
  await attempt('rest', () => device.get('network.default_interface'));
  await attempt('cmdstream', async () => {
    await device.connect();
    const answer = await device.get('bus.mode');
    const connected = device.connected;
    device.disconnect();
    return `${answer} ${connected}`;
  });
  await attempt('stream', async () => {
    const own = new Device(url, { timeout: 5000 });
    const stream = await own.stream();
    const { handle } = (await own.streams()).find(({ type }) => type === 'WEBS');
    stream.send('up');
    let up = '';
    while (up.length < 2) up += toText(await own.read(handle));
    await own.write(handle, 'down');
    for await (const bytes of stream) {
      stream.close();
      return `${up} ${toText(bytes)}`;
    }
  });
  return found;
}"""
ALL = {"rest": "wlan", "cmdstream": "command true", "stream": "up down"}
NONE = {
    "rest": "failed: TypeError", "cmdstream": "failed: TypeError", "stream": "failed: TypeError",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere() -> AsyncIterator[str]:
    """Another web site, which has the client too."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><title>Elsewhere</title>", content_type="text/html"
        )

    async def module(_: web.Request) -> web.Response:
        return web.Response(
            text=(PAGES / "tokay.js").read_text("utf-8"), content_type="text/javascript"
        )

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/tokay.js", module)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def drive(browser: Browser, device: Device, origin: str, module: str, to: str) -> Any:
    async with page_of(browser, device) as page:
        await page.goto(origin)
        return await page.evaluate(DRIVE, [module, to])


async def allow(device: Device, origin: str) -> None:
    await device.command(f"set http.server.cors_origin {json.dumps(origin)}")
    assert (await device.command("network_restart")).ok


async def test_its_own_page(browser: Browser, device: Device) -> None:
    own = url(device)
    assert await drive(browser, device, f"{own}/.recovery.html", "/webapp/tokay.js", "") == ALL


async def test_its_own_page_when_another_is_allowed(
    browser: Browser, device: Device, elsewhere: str
) -> None:
    await allow(device, elsewhere)
    own = url(device)
    assert await drive(browser, device, f"{own}/.recovery.html", "/webapp/tokay.js", "") == ALL


async def test_a_page_that_is_allowed(browser: Browser, device: Device, elsewhere: str) -> None:
    await allow(device, elsewhere)
    assert await drive(browser, device, elsewhere, "/tokay.js", url(device)) == ALL


async def test_every_page_when_all_are_allowed(
    browser: Browser, device: Device, elsewhere: str
) -> None:
    await allow(device, "*")
    assert await drive(browser, device, elsewhere, "/tokay.js", url(device)) == ALL


async def test_a_page_that_is_not_allowed(browser: Browser, device: Device, elsewhere: str) -> None:
    await allow(device, "http://example.com")
    assert await drive(browser, device, elsewhere, "/tokay.js", url(device)) == NONE


async def test_a_page_from_elsewhere_when_none_is_allowed(
    browser: Browser, device: Device, elsewhere: str
) -> None:
    found = await drive(browser, device, elsewhere, "/tokay.js", url(device))
    # The browser asks first, and is not answered.
    assert found["rest"] == NONE["rest"]
