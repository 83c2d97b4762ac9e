"""The soft AP on the air: a phone that is led to the device, and both at once on one radio."""

import asyncio
import os
import signal

from tests.vm.guest.air import Home, Phone, run, wait_for
from tests.vm.guest.module import ap_of, device, log_of, radio_of, until

KEY = "soft-ap-key"
AP = {
    "softap.ssid": "module", "softap.passkey": KEY, "softap.channel": "6",
    "softap.captive_portal_enabled": "1", "http.server.enabled": "1",
    "http.server.interface": "softap",
}  # fmt: skip
CHANNEL_11, CHANNEL_1 = 2462, 2412


def get(phone: Phone, host: str) -> str:
    """Ask the portal for a page as a phone does, by the device's own DNS."""
    script = (
        "import http.client, sys; c = http.client.HTTPConnection(sys.argv[1], 80, timeout=10);"
        "c.request('GET', '/generate_204', headers={'Host': sys.argv[2]}); r = c.getresponse();"
        "print(r.status, r.getheader('Location'))"
    )
    return phone.run("python3", "-S", "-c", script, "10.10.10.1", host)


async def test_a_phone_gets_an_address_and_is_led_to_the_device(
    phone: Phone, untouched: None
) -> None:
    async with device(settings=AP) as one:
        assert (await one.command("network_up -i softap")).ok
        await asyncio.to_thread(phone.join, "module", KEY, 2437)
        address = await asyncio.to_thread(phone.address)
        assert address.startswith("10.10.10.")
        listed = await one.command("get softap.client_list")
        assert address in listed.text
        answer = await asyncio.to_thread(get, phone, "connectivity.example")
        assert answer.startswith("30")
        assert "SoftAP client joined" in log_of(one)
        assert (await one.command("network_down -i softap")).ok
        await asyncio.to_thread(wait_for, lambda: not phone.joined())


async def test_the_station_leads_and_the_soft_ap_follows(
    home: Home, phone: Phone, untouched: None
) -> None:
    home.serve(channel=11)
    async with device(settings=AP | {"wlan.auto_join.retry_delay": "0"}) as one:
        assert (await one.command("network_up -i softap")).ok
        await asyncio.to_thread(phone.join, "module", KEY)
        await asyncio.to_thread(phone.address)
        joined = await one.command("network_up")
        assert joined.ok, joined.log
        assert "soft AP moves from channel 6 to 11" in "\n".join(joined.log)
        await asyncio.to_thread(
            wait_for, lambda: phone.joined() and phone.frequency() == CHANNEL_11
        )
        # Both carry data at once.
        assert (await one.command("ping 10.20.0.1")).ok
        await asyncio.to_thread(phone.run, "ping", "-c", "1", "-W", "5", "10.10.10.1")
        # The home network moves: the device and its soft AP go along.
        assert (await one.command("set wlan.auto_join.enabled 1")).ok
        assert home.control("CHAN_SWITCH 5 2412 ht") == "OK"
        radio = radio_of(one)
        await until(lambda: (link := ap_of(one).link) and link.channel == 1)
        await until(lambda: radio._link and radio._link.channel == 1 and one.address, 60)
        await asyncio.to_thread(
            wait_for, lambda: phone.joined() and phone.frequency() == CHANNEL_1, 60
        )


async def test_the_channel_of_the_network_overrules_the_setting(home: Home) -> None:
    home.serve(channel=11)
    async with device(settings=AP) as one:
        assert (await one.command("network_up")).ok
        started = await one.command("network_up -i softap")
        assert started.ok, started.log
        assert "soft AP on channel 11, not 6: WLAN is joined there" in "\n".join(started.log)
        # A soft AP by its own hands: an address of its own, and no other's.
        own, station = (
            run("cat", f"/sys/class/net/{name}/address") for name in ("wlan1ap", "wlan1")
        )
        assert own != station


async def test_hostapd_is_killed_and_comes_back(phone: Phone, untouched: None) -> None:
    async with device(settings=AP) as one:
        assert (await one.command("network_up -i softap")).ok
        await asyncio.to_thread(phone.join, "module", KEY, 2437)
        await asyncio.to_thread(phone.address)
        ap = ap_of(one)
        before = ap.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        began = asyncio.get_running_loop().time()
        await until(lambda: ap.pid not in (None, before), 10)
        await asyncio.to_thread(phone.join, "module", KEY, 2437)
        await asyncio.to_thread(phone.run, "ping", "-c", "1", "-W", "5", "10.10.10.1")
        assert asyncio.get_running_loop().time() - began < 10
        assert "the soft AP is started again" in log_of(one)


async def test_one_or_the_other_on_a_radio_that_cannot_do_both(home: Home, phone: Phone) -> None:
    home.serve()
    async with device("wpa:wlan1,wlan1", settings=AP) as one:
        assert (await one.command("network_up -i softap")).ok
        await asyncio.to_thread(phone.join, "module", KEY, 2437)
        refused = await one.command("network_up")
        assert not refused.ok
        assert "stop the soft AP first" in "\n".join(refused.log)
        assert (await one.command("network_down -i softap")).ok
        assert (await one.command("network_up")).ok
        refused = await one.command("network_up -i softap")
        assert not refused.ok
        assert "cannot be station and access point at once" in "\n".join(refused.log)
