"""The station on the air: every security, hidden networks, any byte, what fails and why."""

import asyncio
from typing import Any

import pytest

from tests.vm.guest.air import GATEWAY, PASSPHRASE, Home, ask, run
from tests.vm.guest.module import device, escaped, radio_of, scan_until, until, value
from tokay.board.radio import JoinError, JoinFailure, JoinRequest
from tokay.board.security import Security


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


@pytest.mark.parametrize(
    ("ssid", "key"), [(b'\x00"a\\\xff\n b', PASSPHRASE), (b"home", "ab" * 32)], ids=["bytes", "psk"]
)
async def test_any_bytes_and_a_raw_key(home: Home, ssid: bytes, key: str) -> None:
    if len(key) == 64:
        lines = "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_psk="
        home.serve(ssid, "open", extra=f"{lines}{key}\n")
    else:
        home.serve(ssid, key=key)
    settings = {
        "wlan.ssid": "".join(f"\\x{byte:02x}" for byte in ssid),
        "wlan.passkey": escaped(key),
    }
    async with device(settings=settings) as one:
        await scan_until(one, "wlan_scan -v", "WPA2-AES")
        assert (await one.command("network_up")).ok


async def test_a_hidden_network_is_found_by_its_name_alone(home: Home) -> None:
    home.serve(extra="ignore_broadcast_ssid=1\n")
    async with device() as one:
        assert "home" not in await scan_until(one, "wlan_scan", home.bssid)
        assert (await one.command("network_up")).ok


REQUEST = JoinRequest("home", passkey=PASSPHRASE)


async def test_why_a_join_fails(home: Home, untouched: None) -> None:
    home.serve()
    async with device() as one:
        radio = radio_of(one)

        async def failure(**fields: Any) -> JoinFailure | None:
            with pytest.raises((JoinError, TimeoutError)) as caught:
                async with asyncio.timeout(10):  # wlan.join.timeout
                    await radio.join(
                        JoinRequest(**{"ssid": "home", "passkey": PASSPHRASE} | fields)
                    )
            return caught.value.reason if isinstance(caught.value, JoinError) else None

        assert await failure(passkey="wrong passkey") is JoinFailure.WRONG_PASSKEY
        assert await failure(passkey=None) is JoinFailure.NO_PASSKEY
        assert await failure(ssid="nobody") is JoinFailure.NOT_FOUND
        assert await failure(channel=1) is JoinFailure.NOT_FOUND
        assert await failure(security=Security.WPA3_SAE) is JoinFailure.BAD_SECURITY
        assert await failure(security=Security.OPEN) is JoinFailure.BAD_SECURITY
        # It is heard until it is asked: then nobody answers.
        await radio.scan()
        home.power_off()
        assert await failure() is None
        home.power_on()
        link = await radio.join(JoinRequest("home", passkey=PASSPHRASE))
        assert (link.bssid, link.channel) == (home.bssid, 6)


async def test_a_wrong_key_of_wpa3_is_known_for_one(home: Home) -> None:
    home.serve(security="wpa3")
    async with device() as one:
        with pytest.raises(JoinError) as caught:
            await radio_of(one).join(JoinRequest("home", passkey="wrong passkey"))
        assert caught.value.reason is JoinFailure.WRONG_PASSKEY


async def test_the_button_of_an_access_point(home: Home) -> None:
    home.serve(extra="wps_state=2\neap_server=1\nconfig_methods=push_button\n")
    async with device(settings={"wlan.ssid": "", "wlan.passkey": ""}) as one:
        assert home.control("WPS_PBC") == "OK"
        assert (await one.command("wps")).ok
        assert await value(one, "wlan.ssid") == "home"
        assert one.address


async def test_a_station_roams_between_access_points_of_one_network(home: Home) -> None:
    home.serve()
    with Home("wlan3", "attic") as attic:
        attic.serve(channel=11)
        async with device(settings={"wlan.auto_join.enabled": "1"}) as one:
            assert (await one.command("network_up")).ok
            radio = radio_of(one)
            await until(lambda: one.address)  # auto-join began before the command
            assert radio._folder is not None
            assert radio._link is not None
            other = home if radio._link.bssid == attic.bssid else attic
            supplicant = radio._folder / "wpa" / "wlan1"
            assert ask(supplicant, "SET_NETWORK 0 scan_freq 2437 2462") == "OK"
            assert ask(supplicant, "SCAN freq=2437,2462") == "OK"
            await until(lambda: other.bssid.lower() in ask(supplicant, "SCAN_RESULTS"))
            assert ask(supplicant, f"ROAM {other.bssid.lower()}") == "OK"
            await until(lambda: radio._link and radio._link.bssid == other.bssid)
            assert f"bssid: {other.bssid}" in await value(one, "wlan.info")
            assert one.address


async def test_what_the_driver_is_asked_and_put_back(home: Home, untouched: None) -> None:
    def power() -> str:
        return run("iw", "dev", "wlan1", "info").partition("txpower ")[2].split()[0]

    home.serve()
    settings = {"wlan.tx_power": "7", "wlan.rate.protocol": "g", "wlan.scan.type": "passive"}
    async with device(settings=settings) as one:
        assert (await one.command("network_up")).ok
        assert power() == "7.00"
        assert (await one.command("set wlan.tx_power 11")).ok
        assert power() == "11.00"
        assert (await one.command("set wlan.powersave.mode auto")).ok
        assert "on" in run("iw", "dev", "wlan1", "get", "power_save")
        assert (await one.command("set wlan.rate.setting 8")).ok
        assert (await one.command(f"ping {GATEWAY}")).ok
        told = await one.command("set wlan.antenna.select 2")
        assert "wlan1: the radio has no antenna 2" in "\n".join(told.log)
