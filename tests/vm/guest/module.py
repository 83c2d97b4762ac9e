"""The device under test, on the radio of `wlan1`."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.vm.guest.air import LIMIT, PASSPHRASE
from tokay.board.wpa.access_point import AccessPoint
from tokay.board.wpa.radio import WpaRadio
from tokay.device import Device

SCANS = 5
"""Scans in one of which a network must show."""


def escaped(text: str) -> str:
    """Return a text as it is written in a command: a backslash twice."""
    return text.replace("\\", "\\\\")


SETTINGS = {"wlan.ssid": "home", "wlan.passkey": escaped(PASSPHRASE)}


def device(form: str = "wpa:wlan1", **more: Any) -> Device:
    """Return a device that knows the home network."""
    settings = SETTINGS | more.pop("settings", {})
    return Device.on(form, settings=settings, **more)


async def value(device: Device, name: str) -> str:
    """Return what a variable says."""
    response = await device.command(f"get {name}")
    return response.text.strip()


async def until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Return when a condition holds, while the device goes on."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.02)


def radio_of(device: Device) -> WpaRadio:
    """Return the radio."""
    radio = device.board.radio
    assert isinstance(radio, WpaRadio)
    return radio


def ap_of(device: Device) -> AccessPoint:
    """Return the soft AP of the radio."""
    ap = radio_of(device)._ap
    assert ap is not None
    return ap


def log_of(device: Device) -> str:
    """Return the log."""
    return "\n".join(entry.text for entry in device.log)


async def scan_until(one: Device, line: str, text: str) -> str:
    """Scan until the list has a text; return the list. A scan may miss a beacon, as in any air."""
    for _ in range(SCANS):
        listed = (await one.command(line)).text
        if text in listed:
            return listed
    raise AssertionError(f"{text} is in none of {SCANS} scans, the last of which has\n{listed}")
