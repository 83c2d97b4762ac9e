"""The JavaScript client in Node, and its types, against a device."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from tests.webapp.browser import url

from tokay.device import Device
from tokay.plugins.webapp import PAGES

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

SCRIPT = Path(__file__).with_name("client.mjs")
LIMIT = 60.0


async def run(device: Device, *login: str) -> None:
    """Run every check; the device goes on serving meanwhile."""
    node = compute_driver_executable()[0]
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(PAGES / "tokay.js"), url(device), f"http://127.0.0.1:{port}", *login,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        # The device has signed its certificate itself.
        env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        silent.close()
    sys.stdout.write(said.decode())
    assert process.returncode == 0
    names = re.findall(r"^  async '(.*)'\(\)", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert [line for line in said.decode().splitlines() if line in names] == names


async def test_without_a_login(device: Device) -> None:
    await run(device)


class TestLogin:
    @pytest.fixture
    def settings(self, settings: dict[str, str]) -> dict[str, str]:
        return settings | {"http.server.username": "admin", "http.server.password": "s:cret é"}

    async def test_with_a_login(self, device: Device) -> None:
        await run(device, "admin", "s:cret é")


class TestHttps:
    @pytest.fixture
    def settings(self, settings: dict[str, str]) -> dict[str, str]:
        return settings | {
            "http.server.tls_enabled": "1",
            "http.server.username": "admin",
            "http.server.password": "secret",
        }

    async def test_over_https(self, device: Device) -> None:
        assert url(device).startswith("https:")
        await run(device, "admin", "secret")
