"""Chromium on a device's soft AP: a station's own address, names and probes lead it to the page."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright
from tests.interop.namespaces import closing
from tests.interop.peers import Peer
from tests.interop.soft_ap import AP, FACTS, ApWire, soft_ap, udhcpc

Get = Callable[[str], Peer]

PROBES = (
    "http://connectivitycheck.gstatic.com/generate_204",
    "http://captive.apple.com/hotspot-detect.html",
    "http://www.msftncsi.com/ncsi.txt",
)


def in_station(station: str, browser: Peer, folder: Path) -> Path:
    """Write a program that starts the browser where the station is, asking the device for names."""
    names = folder / "resolv.conf"
    names.write_text(f"nameserver {AP}\n")
    program = folder / "browser"
    inside = f'mount --bind {names} /etc/resolv.conf && exec {browser.path} "$@"'
    program.write_text(
        f"#!/bin/sh\nexec ip netns exec {station} unshare -m sh -c '{inside}' sh \"$@\"\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_browser_is_led_to_the_page(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    busybox, browser = peer("busybox"), peer("chromium-headless-shell")
    station = ap_wire.station(1)
    options = [
        "--set", "softap.captive_portal_enabled=1",
        "--set", "http.server.enabled=1",
        "--set", "http.server.interface=softap",
    ]  # fmt: skip
    with (
        soft_ap(ap_wire, *options) as (_, console),
        closing(udhcpc(ap_wire, station, busybox, tmp_path)) as client,
        sync_playwright() as playwright,
    ):
        client.expect(rf"^bound {FACTS}")
        domain = console.do("get softap.dns_server.url").split(",")[0]
        chromium = playwright.chromium.launch(
            executable_path=in_station(station, browser, tmp_path),
            args=["--no-sandbox"],
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(browser.libraries)},
        )
        try:
            for probe in PROBES:
                page = chromium.new_page()
                answer = page.goto(probe)
                assert answer is not None
                assert (answer.status, page.url) == (200, f"http://{domain}/")
                page.get_by_role("heading", name="Overview").wait_for()
                page.close()
        finally:
            chromium.close()
