"""The station on the air: every security, hidden networks, any byte, what fails and why."""

from typing import Any

import pytest

from tests.vm.guest.air import GATEWAY, PASSPHRASE, Home
from tokay.device import Device

# A backslash in a command is written twice.
SETTINGS = {"wlan.ssid": "home", "wlan.passkey": PASSPHRASE.replace("\\", "\\\\")}


def device(**more: Any) -> Device:
    settings = SETTINGS | more.pop("settings", {})
    return Device.on("wpa:wlan1", settings=settings, **more)


async def value(device: Device, name: str) -> str:
    response = await device.command(f"get {name}")
    return response.text.strip()


@pytest.mark.parametrize(
    ("security", "word"),
    [
        ("wpa2", "WPA2-AES"),
        ("wpa3", "WPA3-SAE"),
        ("wpa3_mixed", "WPA3-Mixed"),
        ("mixed", "WPA2-Mixed"),
        ("wpa", "WPA-TKIP"),
        ("open", "Open"),
        ("wep", "WEP"),
    ],
)
async def test_a_device_joins(home: Home, untouched: None, security: str, word: str) -> None:
    home.serve(security=security)
    settings = {"wep": {"wlan.passkey": "0123456789"}}.get(security, {})
    async with device(settings=settings) as one:
        joined = await one.command("network_up")
        assert joined.ok, joined.log
        assert f"Security type from probe: {word}" in "\n".join(joined.log)
        assert one.address.startswith("10.20.0.")
        assert (await one.command(f"ping {GATEWAY}")).ok
        assert -100 < int(await value(one, "wlan.network.rssi")) < 0
        info = await value(one, "wlan.info")
        assert f"bssid: {home.bssid}" in info
        assert f"security: {word}" in info
        assert (await one.command("network_down")).ok
        assert not one.address
