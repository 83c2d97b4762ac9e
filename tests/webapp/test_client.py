"""The JavaScript client in Node, and its types, against a device."""

import asyncio
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
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(PAGES / "tokay.js"), url(device), *login,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
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


@pytest.mark.parametrize("name", ["Device", "DeviceStream", "CommandError", "HttpError"])
def test_the_types_name_what_the_module_exports(name: str) -> None:
    module = (PAGES / "tokay.js").read_text("utf-8")
    types = (PAGES / "tokay.d.ts").read_text("utf-8")
    assert f"export class {name}" in module
    assert f"export class {name}" in types


def test_every_export_has_a_type() -> None:
    pattern = r"^export (?:async )?(?:class|function|const) (\w+)"
    module = re.findall(pattern, (PAGES / "tokay.js").read_text("utf-8"), re.MULTILINE)
    types = re.findall(pattern, (PAGES / "tokay.d.ts").read_text("utf-8"), re.MULTILINE)
    assert sorted(module) == sorted(types)


def test_every_public_method_has_a_type() -> None:
    """One that is added without its type would be found by nobody."""
    types = (PAGES / "tokay.d.ts").read_text("utf-8")
    module = (PAGES / "tokay.js").read_text("utf-8")
    body = module[module.index("export class Device ") : module.index("function opened")]
    methods = re.findall(r"^  (?:async )?\*?(?:get )?([a-z]\w+)\(", body, re.MULTILINE)
    assert methods
    for method in set(methods) - {"constructor"}:
        assert re.search(rf"\b{method}[(:]", types), method
