"""One script on every kind of link: join, fetch a page, upload a file, back up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tokay import Device
from tokay.host import Disconnected, LoginFailed, Module, Unsupported
from tokay.host import sync as blocking

KINDS = ("pty", "serial", "tcp", "telnet", "rfc2217", "http", "ws", "https", "wss")
PROFILES = ("gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2")
PAGE = bytes(range(256)) * 40
JOINED = {
    "wlan.ssid": "tokay", "wlan.passkey": "tokay-lab",
    "remote_terminal.enabled": "1", "http.server.enabled": "1",
}  # fmt: skip


class Page(BaseHTTPRequestHandler):
    """Serves one page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@asynccontextmanager
async def web_server() -> AsyncIterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_address[1]}/"
        finally:
            web.shutdown()
            thread.join()


@asynccontextmanager
async def reached(
    kind: str, profile: str = "gecko-os-4", **more: str
) -> AsyncIterator[tuple[Device, str]]:
    """Run a device; give it and a URL of that kind which leads to it."""
    settings = {**JOINED, **{name.replace("__", "."): value for name, value in more.items()}}
    secure = kind in ("https", "wss")
    if secure:
        settings["http.server.tls_enabled"] = "1"
        settings["http.server.port"] = "443"
    serial = "rfc2217:127.0.0.1:0" if kind == "rfc2217" else "pty"
    async with Device.simulated(profile=profile, serial=serial, settings=settings) as device:
        assert (await device.command("network_up")).ok
        if kind in ("pty", "serial"):
            yield device, f"{kind}:{device.serial_port}"
        elif kind == "rfc2217":
            yield device, device.serial_port
        elif kind in ("tcp", "telnet"):
            yield device, f"{kind}://{device.address}:2000"
        else:
            yield device, f"{kind}://{device.address}{'?insecure=1' if secure else ''}"


async def script(url: str, page: str) -> dict[str, object]:
    """Do what the library is for."""
    async with Module.open(url) as module:
        address = await module.network.join("tokay", "tokay-lab")
        assert address.startswith("127.")
        async with await module.network.http_get(page) as stream:
            body = await stream.read_all()
        await module.files.write("page.bin", body)
        backup = await module.settings.backup()
        assert await module.files.read("page.bin") == PAGE
        return backup


@pytest.mark.parametrize("kind", KINDS)
async def test_a_script_is_the_same_on_every_link(kind: str) -> None:
    async with reached(kind) as (device, url), web_server() as page:
        backup = await script(url, page)
        assert backup["mac"] == device.mac
        assert "page.bin" in backup["files"]  # type: ignore[operator]
        settings = backup["settings"]
        assert isinstance(settings, dict)
        assert settings["wlan.ssid"] == "tokay"
        assert settings["bus.mode"] == "command"
        assert not any("tokay-lab" in value for value in settings.values())


@pytest.mark.parametrize("kind", ["pty", "http"])
@pytest.mark.parametrize("profile", PROFILES[1:])
async def test_the_script_on_older_generations(profile: str, kind: str) -> None:
    async with reached(kind, profile) as (_, url), web_server() as page:
        assert (await script(url, page))["tokay_backup"] == 1


@pytest.mark.parametrize("profile", PROFILES)
async def test_files(profile: str, tmp_path: Path) -> None:
    async with reached("pty", profile) as (_, url), Module.open(url) as module:
        files = module.files
        await files.write("dir/a b.txt", b"hello", type=0x44)
        info = await files.find("dir/a b.txt")
        assert info is not None
        assert (info.size, info.type) == (5, 0x44)
        seen: list[tuple[int, int]] = []
        await files.write("big.bin", PAGE, progress=lambda done, size: seen.append((done, size)))
        assert seen[-1] == (len(PAGE), len(PAGE))
        assert await files.read("big.bin") == PAGE
        (tmp_path / "www").mkdir()
        (tmp_path / "www" / "x.html").write_bytes(b"<p>")
        (tmp_path / "y.txt").write_bytes(b"y")
        assert await files.sync(tmp_path, prefix="s/") == [
            ("added", "s/www/x.html"), ("added", "s/y.txt"),
        ]  # fmt: skip
        (tmp_path / "y.txt").write_bytes(b"z")
        (tmp_path / "www" / "x.html").unlink()
        assert await files.sync(tmp_path, prefix="s/", delete=True) == [
            ("changed", "s/y.txt"), ("deleted", "s/www/x.html"),
        ]  # fmt: skip
        assert await files.read("s/y.txt") == b"z"
        await files.delete("s/y.txt")
        await files.delete("s/y.txt", missing_ok=True)


async def test_backup_and_restore() -> None:
    async with reached("pty") as (_, url), Module.open(url) as module:
        await module.set("wlan.ssid", 'odd "name" # 1')
        await module.set("gpio.alias 3", "led")
        await module.files.write("keep.txt", b"kept")
        backup = await module.settings.backup(secrets=True)
    assert backup["settings"]["wlan.passkey"] == "tokay-lab"
    async with (
        Device.simulated(name="other", serial="pty") as other,
        Module.open(f"pty:{other.serial_port}") as module,
    ):
        refused = await module.settings.restore(backup)
        assert refused == []
        assert await module.get("wlan.ssid") == 'odd "name" # 1'
        assert await module.get("wlan.passkey") == "tokay-lab"
        assert await module.get("wlan.mac") == other.mac
        assert await module.files.read("keep.txt") == b"kept"
        difference = await module.settings.diff(backup["settings"])
        assert not {"wlan.ssid", "bus.mode", "remote_terminal.enabled"} & set(difference)
        with pytest.raises(ValueError, match="no backup"):
            await module.settings.restore({})


async def test_pins_time_scan_and_restart() -> None:
    async with reached("pty") as (device, url), Module.open(url) as module:
        await module.gpio.direction(5, "out", 1)
        assert await module.gpio.get(5) == 1
        await module.gpio.set(5, False)
        assert (await module.gpio.levels())[5] == 0
        assert 5 in await module.gpio.usage()
        await module.system.set_time(1_700_000_000)
        assert 0 <= await module.system.time() - 1_700_000_000 < 60
        assert [one.ssid for one in await module.network.scan()] == ["tokay"]
        assert await module.network.clients() == []
        await module.set("wlan.ssid", "unsaved")
        await module.system.reboot()
        assert await module.get("wlan.ssid") == "tokay"
        await module.system.factory_reset()
        assert await module.get("wlan.ssid") == ""
        assert device.mac == await module.get("wlan.mac")


async def test_a_buffered_listing_is_read_to_its_end() -> None:
    async with reached("pty") as (_, url), Module.open(url) as module:
        await module.set("system.cmd.buffered", 1)
        assert len(await module.listing("get all")) > 200
        assert await module.streams() == []


@pytest.mark.parametrize("kind", ["http", "ws"])
async def test_a_login(kind: str) -> None:
    login = {"http__server__username": "ann", "http__server__password": "b:c"}
    async with reached(kind, **login) as (device, url):
        with pytest.raises(LoginFailed):
            await Module.open(url)
        async with Module.open(url.replace("://", "://ann:b%3Ac@")) as module:
            assert await module.get("wlan.mac") == device.mac


async def test_what_a_generation_lacks_is_said() -> None:
    async with reached("ws", "gecko-os-2") as (device, url):
        with pytest.raises(Unsupported, match="no command stream"):
            await Module.open(url)
        with pytest.raises(Disconnected):
            await Module.open(f"http://{device.address}:1")


def test_the_same_names_without_await(tokay_device: object) -> None:
    path = tokay_device.serial_port  # type: ignore[attr-defined]
    with blocking.Module.open(f"pty:{path}") as module:
        assert module.version().os == "Gecko OS"
        module.files.write("a.txt", b"abc")
        with module.stream(module.command("file_open a.txt")) as stream:
            assert stream.read_all() == b"abc"
        assert module.get("bus.mode") == "command"
