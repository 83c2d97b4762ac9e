"""The recipe of docs/update.md makes a bundle that a device takes."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.peers import ask
from tests.plugins.update.source import HOST, update_source

from tokay.board.air.airspace import Airspace
from tokay.device import Device

DOCS = Path(__file__).parents[3] / "docs" / "update.md"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="left out: openssl is not installed")
async def test_the_recipe(air: Airspace, lab: dict[str, str], tmp_path: Path) -> None:
    page = b"<h1>hi</h1>\r\n"
    manifest = {
        "product": "WGM160P",
        "version": "1.4.0",
        "files": [{"name": "index", "size": len(page), "sha256": hashlib.sha256(page).hexdigest()}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    recipe = [
        line.strip()
        for line in DOCS.read_text("utf-8").splitlines()
        if line.startswith(("    openssl ", "    cat "))
    ]
    assert len(recipe) == 4
    for line in recipe:
        subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, capture_output=True)
    air.ap("lab").hosts[HOST] = "127.0.0.1"
    lab |= {"ota.host": HOST, "network.tls.ca_cert": "ca.pem"}
    async with (
        update_source() as source,
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await source.trusted_by(device)
        key = (tmp_path / "ota_key.pem").read_bytes()
        await ask(device, "file_delete ota_key.pem")
        await ask(device, f"file_create ota_key.pem {len(key)}", key)
        source.pages["/WGM160P/manifest.signed"] = (tmp_path / "manifest.signed").read_bytes()
        source.pages["/WGM160P/index"] = page
        assert (await ask(device, "ota"))[-1] == "Success"
        await device.steady()
        assert device.kernel.files.stat("index").size == len(page)
