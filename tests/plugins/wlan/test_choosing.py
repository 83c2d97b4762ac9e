"""Networks that a person picks, a button gives, and an echo reaches."""

import asyncio

from tests.dialogue import Talk

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


async def test_a_person_chooses_from_a_scan(air: Airspace, lab: Settings) -> None:
    air.add(AccessPoint("open house", subnet="127.152.9.0/24", rssi=-70))
    async with Device.simulated(airspace=air) as device:
        response = await device.command("network_up -s", data=b"0\r\n" + b"wrong\r\n")
        assert response.code == 7
        assert response.log[0] == "! 2 networks found"
        response = await device.command("network_up -s", data=b"2\r\n")
        assert response.code == 7
        passkey = lab["wlan.passkey"].encode()
        response = await device.command("network_up -s", data=b"0\n" + passkey + b"\n")
        assert response.text == "Success"
        assert (await device.command("get wlan.ssid")).text == lab["wlan.ssid"]
        response = await device.command("network_up -s", data=b"1\n")
        assert response.text == "Success"
        assert (await device.command("get wlan.ssid")).text == "open house"
        assert (await device.command("network_up -s")).code == 1
        assert (await device.command("network_up -i softap -s")).code == 7


def test_a_password_is_not_echoed() -> None:
    with Talk(human=True) as talk:
        talk.send(b"network_up -s\r")
        assert talk.heard().endswith(b"Network number: ")
        talk.send(b"0\r")
        assert talk.heard() == b"0\r\r\nPassword: "
        talk.send(b"tokay-lax\x7fb\r")
        heard = talk.heard()
        assert heard.startswith(b"\r\n[Associating to tokay]")
        assert heard.endswith(b"Success\r\n> ")
        assert b"lab" not in heard


async def test_wps(air: Airspace, lab: Settings) -> None:
    loop = turned_loop()
    async with Device.simulated(airspace=air) as device:
        waiting = asyncio.ensure_future(device.command("wps"))
        await loop.turn(30)
        assert not waiting.done()
        air.ap("lab").press_wps()
        await loop.turn(2)
        assert (await waiting).text == "Success"
        assert device.address
        await device.command("reboot")
        await device.steady()
        assert (await device.command("get wlan.ssid")).text == lab["wlan.ssid"]
        await loop.turn(200)  # the button counts no more
        again = asyncio.ensure_future(device.command("wps"))
        await loop.turn(1000)
        assert (await again).code == 1


async def test_ping(air: Airspace, lab: Settings) -> None:
    loop = turned_loop()
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await device.command("ping -g")).text == "Ping reply in 0ms"
        assert (await device.command(f"ping {device.address}")).text == "Ping reply in 0ms"
        nobody = device.address.rsplit(".", 1)[0] + ".99"
        silent = asyncio.ensure_future(device.command(f"ping {nobody}"))
        await loop.turn(6)
        response = await silent
        assert (response.code, response.text) == (1, "Ping failed")
        assert (await device.command("ping no.such.host.invalid")).text == "Ping failed"
        assert (await device.command("ping")).code == 4


async def test_flush(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await device.command("network_flush")).text == "Success"
        await device.command("network_up")
        assert (await device.command("network_flush")).text == "Success"
