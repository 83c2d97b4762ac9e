"""A real Chromium, and pages of a device in it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright
from tests.interop.peers import find

from tokay.device import Device

Scheme = Literal["light", "dark"]
DESKTOP: tuple[int, int, Scheme] = (1280, 800, "light")
PHONE: tuple[int, int, Scheme] = (390, 800, "dark")
SHOTS = Path(os.environ.get("TOKAY_SCREENSHOTS", Path(__file__).parents[2] / ".screenshots"))
"""Where screenshots are kept, for people to look at."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start Debian's Chromium. Raises PeerError where it cannot be had."""
    peer = find("chromium-headless-shell")
    libraries = ":".join(peer.libraries)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=peer.path,
            args=["--no-sandbox"],  # a container's root may not have one
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_of(
    browser: Browser,
    device: Device,
    size: tuple[int, int, Scheme] = DESKTOP,
    interface: str = "wlan",
    **options: Any,
) -> AsyncIterator[Page]:
    """Open the device's root page; what the browser complains of is an error of the test."""
    width, height, scheme = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        base_url=url(device, interface),
        **options,
    )
    complaints: list[str] = []
    try:
        page = await context.new_page()
        page.set_default_timeout(15000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )
        yield page
    finally:
        await context.close()
    assert complaints == []


def url(device: Device, interface: str = "wlan") -> str:
    """Where the device serves its pages."""
    from tokay.plugins.network import Network

    found = device.kernel.plugin(Network).find(interface)
    assert found is not None
    scheme, default = ("https", 443) if 443 in found.ports else ("http", 80)
    port = found.ports[default]
    return f"{scheme}://{found.address.address}" + (f":{port}" if port != default else "")


async def shot(page: Page, name: str) -> None:
    """Keep what is seen."""
    SHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
