"""The web app in Chromium: what the first load costs, and what typing in its search costs.

    python bench/webapp.py

Throttled as browsers' tools do for fast 3G: 562.5 ms a round trip, 1.44 Mbit/s down. The app is
interactive once its navigation is there and its first page shows values.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page
from tests.webapp.browser import chromium, page_of

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device

RUNS = 5
LATENCY, DOWN, UP = 562.5, 1.44e6 / 8, 0.675e6 / 8  # ms, bytes a second
CATEGORIES = [
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "devtools.timeline.frame",
    "disabled-by-default-devtools.timeline.frame",
]
SEARCHES = ("wlan dhcp", "gpio", "tcp server", "e")


async def load(browser: Browser, device: Device, *, slow: bool) -> tuple[float, int, int]:
    """Load the app; return seconds until it is interactive, bytes and requests."""
    async with page_of(browser, device) as page:
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Network.enable")
        sizes: list[float] = []
        cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        if slow:
            await cdp.send(
                "Network.emulateNetworkConditions",
                {"offline": False, "latency": LATENCY, "downloadThroughput": DOWN,
                 "uploadThroughput": UP},
            )  # fmt: skip
        begin = time.perf_counter()
        await page.goto("/", wait_until="commit")
        await page.get_by_role("link", name="System").wait_for()
        interactive = time.perf_counter() - begin
        await page.wait_for_load_state("load")
        return interactive, int(sum(sizes)), len(sizes)


async def typing(browser: Browser, device: Device) -> tuple[int, int, int, float]:
    """Type searches; return variables, frames drawn, frames dropped and the longest task, ms."""
    async with page_of(browser, device) as page:
        await page.goto("/#/variables")
        field = page.get_by_label("Search variables")
        await page.get_by_label("wlan.ssid", exact=True).wait_for()
        count = await page.get_by_role("listitem").count()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            await browser.start_tracing(page=page, path=path, categories=CATEGORIES)
            for text in SEARCHES:
                await field.press_sequentially(text, delay=60)
                await clear(field, page)
            await browser.stop_tracing()
            events: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["traceEvents"]
    drawn = sum(event["name"] == "DrawFrame" for event in events)
    dropped = sum(event["name"] == "DroppedFrame" for event in events)
    longest = max((e.get("dur", 0) for e in events if e["name"] == "RunTask"), default=0) / 1000
    return count, drawn, dropped, longest


async def clear(field: Any, page: Page) -> None:
    await field.press("Control+a")
    await field.press("Delete")
    await page.wait_for_timeout(60)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        air = Airspace(locks=AddressLocks(Path(folder) / "claims"))
        air.add(AccessPoint("bench"))
        settings = {"wlan.ssid": "bench", "http.server.enabled": "1"}
        async with (
            chromium() as browser,
            Device.simulated(airspace=air, settings=settings) as device,
        ):
            assert (await device.command("network_up")).ok
            plain = [await load(browser, device, slow=False) for _ in range(RUNS)]
            slow = [await load(browser, device, slow=True) for _ in range(RUNS)]
            count, drawn, dropped, longest = await typing(browser, device)
    print("| First load | figure | aim |\n| --- | --- | --- |")
    print(f"| bytes transferred | {plain[0][1]} | |")
    print(f"| requests | {plain[0][2]} | |")
    print(f"| interactive, no throttling | {statistics.median(p[0] for p in plain):.2f} s | |")
    print(f"| interactive, fast 3G | {statistics.median(s[0] for s in slow):.2f} s | 3 s |")
    print(f"\n| Search in {count} variables | figure | aim |\n| --- | --- | --- |")
    print(f"| frames drawn | {drawn} | |\n| frames dropped | {dropped} | 0 |")
    print(f"| longest task | {longest:.1f} ms | |")


if __name__ == "__main__":
    asyncio.run(main())
