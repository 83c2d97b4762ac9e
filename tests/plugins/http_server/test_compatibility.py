"""Programs of the field that speak HTTP, as they shape what they send.

docs/protocol/web-and-discovery.md, sections 4.4, 5 and 7; docs/protocol/commands.md, section 8.
Those on the serial port and the remote terminal are in tests/device/test_compatibility.py.
"""

import base64
import json
import re

import pytest
from tests.peers import ask
from tests.plugins.http_server.conftest import Serve, Web

from tokay.protocols.crc import crc16

PRODUCTS = ("gecko-os-2", "gecko-os-4", "zentrios-3", "wiconnect-2")
every_product = pytest.mark.parametrize("profile", PRODUCTS)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Zentriospy:
    """All three of command, data and response are base64, on every call."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def ask(self, command: str, data: bytes = b"") -> str:
        body = {"flags": 7, "command": b64(command.encode()), "data": b64(data)}
        answer = await self._web.ask("POST", "/command", body=json.dumps(body))
        assert answer.status == 200
        assert answer.json["code"] == 0, (command, answer.json)
        return base64.b64decode(answer.json["response"]).decode("latin-1")


@every_product
async def test_zentriospy(serve: Serve, profile: str) -> None:
    async with serve(profile=profile) as web:
        host = Zentriospy(web)
        assert await host.ask("ver")
        words = dict(
            row.replace(" ", "").split(":", 1)
            for row in (await host.ask("help commands")).split("\r\n")
            if ":" in row
        )
        assert words["stream_write"] == "write"
        assert "Set OK" in await host.ask("set wlan.ssid other")
        assert (await host.ask("get wlan.ssid")).strip() == "other"
        if web.device.profile.files.crc != "crc16":
            return  # its way of uploading is that of the older products
        content = bytes(range(256)) * 20
        line = f"fcr -o  page.bin {len(content)} 1.0.0 0xFE 0x{crc16(content):x}"
        handle = int(await host.ask(line))
        for at in range(0, len(content), 2500):
            chunk = content[at : at + 2500]
            done = await host.ask(f"write {handle} {len(chunk)}", chunk)
            assert done.strip() == "Success"
        assert (await web.get("/page.bin")).body == content


class WebApp:
    """The web app of the vendor: plain text, and blanks that stand together count as one."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def ask(self, line: str) -> str:
        got = await self._web.command(line, flags=0)
        assert got["code"] == 0, (line, got)
        return str(got["response"])

    async def rows(self, line: str) -> list[list[str]]:
        """Return the data rows of a listing, in tokens."""
        rows = (await self.ask(line)).split("\r\n")
        return [re.sub(" {2,}", " ", row).split(" ") for row in rows if row.startswith("#")]


NEEDED = {"wlan.network.ip", "wlan.mac", "http.server.interface", "network.default_interface"}


@every_product
async def test_the_start_of_the_web_app(serve: Serve, profile: str) -> None:
    async with serve({"stream.auto_close": "0"}, profile=profile) as web:
        app = WebApp(web)
        await web.file("my page.html", b"<p>")
        assert len((await app.ask("ver")).split(",")) in (3, 4)
        assert int(await app.ask("setup_web status")) == 0
        values = [row.split(": ", 1) for row in (await app.ask("get all")).split("\r\n") if row]
        assert {row[0].rstrip(":") for row in values} >= NEEDED
        assert all(":" in row for row in (await app.ask("help commands")).split("\r\n") if row)
        names = [row.split()[1] for row in (await app.ask("help variables")).split("\r\n") if row]
        assert "wlan.ssid" in names
        column = {"name": 11, "size": 8} if profile == "gecko-os-4" else {"name": 7, "size": 5}
        (page,) = [row for row in await app.rows("ls -v") if "page.html" in row]
        assert page[column["name"] :] == ["my", "page.html"]
        assert page[column["size"]] == "3"
        handle = int(await app.ask('file_open "my page.html"'))
        (opened,) = await app.rows("list")
        assert opened[1:3] == [str(handle), "FILE"]
        usage = {int(row[1]): " ".join(row[2:]) for row in await app.rows("get gpio.usage")}
        levels = (await app.ask("gpios_get")).strip()
        assert usage.keys() <= set(range(len(levels)))


@every_product
async def test_the_pages_of_the_web_app(serve: Serve, profile: str) -> None:
    async with serve(profile=profile) as web:
        app = WebApp(web)
        scan = await app.rows("scan -v")
        assert any(row[9:] == ["lab"] and row[8] == "3" for row in scan), scan
        for name in ("wl s", "wl d e", "wl o e", "wl n i", "wl n g", "wl n n", "wl t i", "wl t g",
                     "wl t d", "wl t n", "ti u", "sy u", "wl m", "md n", "ht s r"):  # fmt: skip
            await app.ask(f"get {name}")
        assert int(await app.ask("get ti u")) >= 0
        assert (await app.ask("get time.rtc utc")).strip()
        assert int((await app.ask("rssi")).split()[-1]) < 0
        for line in ("ht s r index.html", "md n dev", "ht s c *", "wl s other"):
            assert "Set OK" in await app.ask(f"set {line}")
        await app.ask("save")


@pytest.mark.parametrize("line", ["ver", "get wlan.ssid", "ls -v"])
async def test_a_command_in_an_address(web: Web, line: str) -> None:
    """Escaped throughout, as browsers do, it is the same command."""
    plain = (await web.command(line))["response"]
    escaped = "".join(f"%{ord(one):02X}" for one in line)
    assert (await web.get(f"/command/{escaped}")).json["response"] == plain


async def test_the_retry_of_the_web_app(web: Web) -> None:
    """A chunk that fails has a body of exactly this, and the upload goes on from it."""
    handle = (await web.command("fcr a.bin 4 -o"))["response"].strip()
    got = await web.command(f"write {int(handle) + 1} 4", b64(b"abcd"), 4)
    assert got["response"] == "Command failed\r\n"
    got = await web.command(f"write {handle} 4", b64(b"abcd"), 4)
    assert got["response"] == "Success\r\n"
    assert (await ask(web.device, "poll all")) == ["None"]
