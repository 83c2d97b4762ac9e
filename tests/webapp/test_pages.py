"""Every page in a real browser, at both sizes, driven as a person would."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from tests.webapp.browser import DESKTOP, PHONE, Scheme, page_of, shot
from tests.webapp.conftest import HOSTILE, PASSKEY, SSID

from tokay.device import Device

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

PAGES = (
    "Overview", "Console", "Network", "Variables", "Streams", "Files", "Pins", "Log", "System",
)  # fmt: skip
SIZES = [pytest.param(DESKTOP, id="desktop"), pytest.param(PHONE, id="phone")]


async def show(page: Page, title: str) -> None:
    await page.goto(f"/#/{title.lower()}")
    await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
async def test_every_page_is_seen_and_accessible(
    browser: Browser, device: Device, size: tuple[int, int, Scheme]
) -> None:
    await device.command("gpio_dir 3 out 1")
    async with page_of(browser, device, size) as page:
        for title in PAGES:
            await show(page, title)
            await expect(page.get_by_text("Connected", exact=True)).to_be_visible()
            if title == "Overview":
                await expect(page.get_by_text("Joined")).to_be_visible()
                await expect(page.get_by_text("Received 0 KB/s, Sent 0 KB/s")).to_be_visible()
            if title == "Variables":
                await expect(page.get_by_label("wlan.ssid", exact=True)).to_be_visible()
            if title == "Pins":
                await expect(page.get_by_label("Toggle GPIO 3")).to_be_visible()
            await shot(page, f"{title.lower()}-{'phone' if size is PHONE else 'desktop'}")
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            await expect(page.locator(".toast.bad")).to_have_count(0)
            # Nothing is wider than the screen.
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, title


async def test_the_console_completes_and_runs(browser: Browser, device: Device) -> None:
    async with page_of(browser, device) as page:
        await show(page, "Console")
        line = page.get_by_label("Command", exact=True)
        await line.fill("network_lo")
        await line.press("Tab")
        await expect(line).to_have_value("network_lookup ")
        await line.fill("get wlan.ssi")
        await line.press("Tab")
        await expect(line).to_have_value("get wlan.ssid ")
        await line.press("Enter")
        said = page.get_by_label("What the device said")
        await expect(said).to_contain_text(f"> get wlan.ssid\n{SSID}")
        await line.fill("nonsense")
        await line.press("Enter")
        await expect(said.locator(".wrong")).to_have_text("Unknown command\n")
        await line.press("ArrowUp")
        await expect(line).to_have_value("nonsense")
        await line.fill("set wlan.passkey sesame-open")
        await line.press("Enter")
        await expect(said).to_contain_text("Set OK")
        kept = await page.evaluate("localStorage.getItem('tokay.history')")
        assert "sesame" not in kept
        assert "nonsense" in kept


async def test_a_scan_shows_hostile_names_as_text(browser: Browser, device: Device) -> None:
    async with page_of(browser, device) as page:
        await show(page, "Network")
        await page.get_by_role("button", name="Scan").click()
        await expect(page.get_by_role("button", name=HOSTILE)).to_be_visible()
        assert await page.locator("main img").count() == 0


async def test_a_password_is_tried_before_it_is_saved(browser: Browser, device: Device) -> None:
    async with page_of(browser, device) as page:
        await show(page, "Network")
        await page.get_by_role("button", name="Scan").click()
        await page.get_by_role("button", name=HOSTILE).click()
        await page.get_by_label("Password").fill("wrong password")
        await page.get_by_role("button", name="Join", exact=True).click()
        await expect(page.get_by_role("dialog", name="The network refused")).to_be_visible()
        await page.get_by_role("button", name="Cancel").click()
        assert (await device.command("get wlan.ssid")).text == SSID
        await page.get_by_role("button", name=HOSTILE).click()
        await page.get_by_label("Password").fill(PASSKEY)
        await page.get_by_role("button", name="Join", exact=True).click()
        await expect(page.get_by_role("dialog", name="Restart the network?")).to_be_visible()
        assert (await device.command("get wlan.ssid")).text == HOSTILE


async def test_a_variable_is_changed_saved_and_taken_back(browser: Browser, device: Device) -> None:
    await device.command("save")
    async with page_of(browser, device) as page:
        await show(page, "Variables")
        await page.get_by_label("Search variables").fill("wlan join retr")
        field = page.get_by_label("wlan.join.retries", exact=True)
        await field.fill("7")
        await field.press("Enter")
        row = page.get_by_role("listitem").filter(has_text="wlan.join.retries")
        await expect(row).to_have_class("changed")
        await expect(row).to_contain_text("Values 0-")
        assert (await device.command("get wlan.join.retries")).text == "7"
        await page.get_by_role("button", name="Revert").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revert").click()
        await expect(page.get_by_label("wlan.join.retries", exact=True)).to_have_value("3")
        field = page.get_by_label("wlan.join.retries", exact=True)
        await field.fill("300")
        await field.press("Enter")
        await expect(page.locator(".toast.bad")).to_contain_text("Invalid argument")
        await expect(field).to_have_value("3")


async def test_hostile_values_are_text(browser: Browser, device: Device) -> None:
    await device.command(f'set wlan.ssid "{HOSTILE}"')
    await device.command('fcr "<b>bold</b>.txt" 3', b"abc")
    async with page_of(browser, device) as page:
        await show(page, "Variables")
        await expect(page.get_by_label("wlan.ssid", exact=True)).to_have_value(HOSTILE)
        await show(page, "Files")
        await expect(page.get_by_role("cell", name="<b>bold</b>.txt", exact=True)).to_be_visible()
        assert await page.locator("main b, main img").count() == 0


async def test_settings_travel_in_a_file(browser: Browser, device: Device, tmp_path: Path) -> None:
    async with page_of(browser, device, accept_downloads=True) as page:
        await show(page, "Variables")
        await expect(page.get_by_label("wlan.ssid", exact=True)).to_be_visible()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Export").click()
        path = tmp_path / "settings.txt"
        await (await download.value).save_as(path)
        text = path.read_text("utf-8")
        assert f'wlan.ssid "{SSID}"\n' in text
        assert "wlan.passkey" not in text  # a mask is no value
        path.write_text(text.replace('wlan.join.retries "3"', 'wlan.join.retries "5"'), "utf-8")
        await page.locator("input[type=file]").set_input_files(path)
        await expect(page.locator(".toast")).to_contain_text("1 set, not saved yet.")
        assert (await device.command("get wlan.join.retries")).text == "5"


async def test_a_stream_is_opened_watched_and_closed(browser: Browser, device: Device) -> None:
    import asyncio

    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            heard.put_nowait(data)
            writer.write(b"you said: " + data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with page_of(browser, device) as page:
            await show(page, "Streams")
            await page.get_by_label("Host").fill("127.0.0.1")
            await page.get_by_label("Port").fill(str(port))
            await page.get_by_role("button", name="Open", exact=True).click()
            await page.get_by_label("Watch").check()
            await page.get_by_label("Data for stream").fill("hi\\x00\\r\\n")
            await page.get_by_role("button", name="Send").click()
            async with asyncio.timeout(10):
                assert await heard.get() == b"hi\0\r\n"
            await expect(page.get_by_label("What came from")).to_contain_text("you said: hi")
            await page.get_by_role("button", name="Close").click()
            await expect(page.get_by_text("None is open.")).to_be_visible()
    finally:
        server.close()
        await server.wait_closed()


async def test_files_go_up_and_come_down(browser: Browser, device: Device, tmp_path: Path) -> None:
    content = bytes(range(256)) * 60  # several pieces, and every byte
    (tmp_path / "data 1.bin").write_bytes(content)
    async with page_of(browser, device, accept_downloads=True) as page:
        await show(page, "Files")
        await page.locator("input[type=file]").set_input_files(tmp_path / "data 1.bin")
        await expect(page.get_by_role("cell", name="data 1.bin", exact=True)).to_be_visible()
        stored = device.kernel.files.stat("data 1.bin")
        assert device.kernel.files.read("data 1.bin", 0, stored.size) == content
        async with page.expect_download() as download:
            await page.get_by_label("Download data 1.bin").click()
        assert Path(await (await download.value).path()).read_bytes() == content
        await page.get_by_label("View data 1.bin").click()
        await expect(page.get_by_role("dialog")).to_contain_text("00 01 02 03")
        await page.get_by_role("button", name="Close").click()
        await page.get_by_label("Delete data 1.bin").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_role("cell", name="data 1.bin", exact=True)).to_have_count(0)


async def test_a_pin_is_toggled(browser: Browser, device: Device) -> None:
    await device.command("gpio_dir 3 out 0")
    async with page_of(browser, device) as page:
        await show(page, "Pins")
        pad = page.get_by_role("button", name="GPIO 3 GPIO out, low")
        await pad.press("Enter")
        await expect(page.get_by_role("button", name="GPIO 3 GPIO out, high")).to_be_visible()
        assert (await device.command("gpio_get 3")).text == "1"


async def test_the_log_is_live_and_filtered(browser: Browser, device: Device) -> None:
    async with page_of(browser, device) as page:
        await show(page, "Log")
        log = page.get_by_role("log")
        await expect(log).to_contain_text("[Associated]")
        device.kernel.log.line("something happened")
        await expect(log).to_contain_text("something happened")
        await page.get_by_label("Filter the log").fill("HAPPENED")
        await expect(log.get_by_text("something happened")).to_be_visible()
        await expect(log.get_by_text("[Associated]")).to_be_hidden()


async def test_a_factory_reset_must_be_typed(browser: Browser, device: Device) -> None:
    mac = device.mac
    async with page_of(browser, device) as page:
        await show(page, "System")
        await page.get_by_role("button", name="Factory reset").click()
        reset = page.get_by_role("dialog").get_by_role("button", name="Reset")
        await expect(reset).to_be_disabled()
        await page.get_by_label(f"Type {mac} to go on").fill(mac)
        await reset.click()
        await expect(page.get_by_text("Waiting for the device")).to_be_visible()
        await device.steady()
        assert (await device.command("get wlan.ssid")).text == ""


async def test_a_reboot_is_waited_for(browser: Browser, device: Device) -> None:
    await device.command("set wlan.auto_join.enabled 1")
    await device.command("save")
    async with page_of(browser, device) as page:
        await show(page, "System")
        await page.get_by_role("button", name="Reboot").click()
        await page.get_by_role("dialog").get_by_role("button", name="Reboot").click()
        # It comes back under its old address, and the page is loaded anew.
        await page.wait_for_event("load", timeout=30000)
        await expect(page.get_by_text("Connected", exact=True)).to_be_visible()


class TestLogin:
    @pytest.fixture
    def settings(self, settings: dict[str, str]) -> dict[str, str]:
        return settings | {"http.server.username": "admin", "http.server.password": "secret"}

    async def test_without_it_there_is_a_page_that_says_so(
        self, browser: Browser, device: Device
    ) -> None:
        async with page_of(browser, device) as page:
            # Without a person at its dialog the browser gives up: what it was sent is looked at.
            answer = await page.request.get("/")
            assert answer.status == 401
            assert "Not logged in" in await answer.text()

    async def test_with_it_every_part_works(self, browser: Browser, device: Device) -> None:
        login = {"username": "admin", "password": "secret"}
        async with page_of(browser, device, http_credentials=login) as page:
            await show(page, "Overview")
            await expect(page.get_by_text("Joined")).to_be_visible()


class TestHttps:
    @pytest.fixture
    def settings(self, settings: dict[str, str]) -> dict[str, str]:
        return settings | {"http.server.tls_enabled": "1"}

    async def test_the_app_comes_over_https(self, browser: Browser, device: Device) -> None:
        async with page_of(browser, device, ignore_https_errors=True) as page:
            await show(page, "Overview")
            await expect(page.get_by_text("Joined")).to_be_visible()
            assert page.url.startswith("https:")


async def test_a_damaged_app_leads_to_the_recovery_page(browser: Browser, device: Device) -> None:
    await device.command("fde webapp/ui.js.gz")
    await device.command("fcr webapp/ui.js.gz 4", b"oops")
    async with page_of(browser, device) as page:
        await page.goto("/")
        await expect(page.get_by_role("heading", name="Recovery")).to_be_visible()
        await shot(page, "recovery-desktop")
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        await page.get_by_role("button", name="Bring the pages back").click()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_an_app_without_a_root_page_leads_there_too(browser: Browser, device: Device) -> None:
    await device.command("fde webapp/index.html.gz")
    async with page_of(browser, device) as page:
        await page.goto("/")
        await expect(page.get_by_role("heading", name="Recovery")).to_be_visible()


async def test_a_page_of_ones_own(browser: Browser, device: Device) -> None:
    own = b"<!doctype html><title>Own</title><h1>My own page</h1>"
    await device.command(f"fcr webapp/index.html {len(own)}", own)
    async with page_of(browser, device) as page:
        await page.goto("/")
        await expect(page.get_by_role("heading")).to_have_text("My own page")


async def test_the_buses_are_shown_and_read(browser: Browser, device: Device) -> None:
    opened = await device.command("i2c_master_open 0x20")
    async with page_of(browser, device) as page:
        await show(page, "Pins")
        await expect(page.get_by_text("I2C port 0 address 0x20 100000 Hz")).to_be_visible()
        came = page.get_by_label("What came from the bus")
        await page.get_by_label("Write (hexadecimal)").fill("01")
        await page.get_by_label("Read (bytes)").fill("1")
        await page.get_by_role("button", name="Transfer").click()
        await expect(came).to_have_text("00")
        await page.get_by_label("Bus", exact=True).select_option("SPI")
        await page.get_by_label("Write (hexadecimal)").fill("9f")
        await page.get_by_label("Read (bytes)").fill("3")
        await page.get_by_role("button", name="Transfer").click()
        await expect(came).to_have_text("ef 40 14")
        await page.get_by_label("Bus", exact=True).select_option("I2C")
        await page.get_by_label("Address", exact=True).fill("0x21")
        await page.get_by_role("button", name="Transfer").click()
        await expect(page.locator(".toast.bad")).to_contain_text("did not answer")
    await device.command(f"close {opened.text}")
    assert (await device.command("stream_poll all")).text == "None"
