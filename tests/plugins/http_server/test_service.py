"""Where the server serves, when it comes and goes, web setup, and the captive portal."""

import asyncio

import pytest
from tests.peers import ADDRESS, Events, ask, get
from tests.plugins.http_server.conftest import HERE, PORT, Serve, Web

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.http_server import HttpServer
from tokay.plugins.network import Network
from tokay.plugins.setup import Setup
from tokay.plugins.softap import SoftAp
from tokay.testing.clock import turned_loop

PROBES = (
    "/generate_204", "/gen_204", "/hotspot-detect.html", "/library/test/success.html",
    "/connecttest.txt", "/redirect", "/ncsi.txt", "/success.txt", "/canonical.html",
    "/check_network_status.txt",
)  # fmt: skip


async def served(address: str, port: int = PORT) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def softap(device: Device) -> str:
    return device.kernel.plugin(Network).address("softap")


@pytest.mark.parametrize(
    ("interface", "default", "where"),
    [
        ("default", "wlan", {"wlan"}),
        ("default", "softap", {"softap"}),
        ("wlan", "softap", {"wlan"}),
        ("softap", "wlan", {"softap"}),
        ("both", "wlan", {"wlan", "softap"}),
        ("ethernet", "wlan", set()),
    ],
)
async def test_interfaces(serve: Serve, interface: str, default: str, where: set[str]) -> None:
    settings = {"http.server.interface": interface, "network.default_interface": default}
    async with serve(settings, up="network_up -i wlan") as web:
        assert (await ask(web.device, "network_up -i softap"))[-1] == "Success"
        assert await served(ADDRESS) == ("wlan" in where)
        assert await served(softap(web.device)) == ("softap" in where)
        assert not await served("127.0.0.1")
        await ask(web.device, "network_down -i wlan")
        assert not await served(ADDRESS)
        assert await served(softap(web.device)) == ("softap" in where)


async def test_ethernet(air: Airspace) -> None:
    settings = HERE | {"http.server.interface": "ethernet"}
    async with Device.simulated(airspace=air, settings=settings, ethernet=True) as device:
        assert (await ask(device, "network_up -i ethernet"))[-1] == "Success"
        address = device.kernel.plugin(Network).address("ethernet")
        web = Web(device, address)
        assert (await web.command("ver"))["code"] == 0


async def test_it_comes_back_after_every_loss(
    air: Airspace, lab: dict[str, str], events: Events
) -> None:
    settings = lab | HERE | {"wlan.auto_join.enabled": "1", "wlan.auto_join.retries": "0"}
    async with Device.simulated(airspace=air, settings=settings, on_event=events) as device:
        for _ in range(3):
            facts = await events.next("network_up")
            web = Web(device, facts["address"])
            assert (await web.command("ver"))["code"] == 0
            client = await web.connect()
            await turned_loop().settle()
            air.ap("lab").power(False)
            await client.far.gone()
            assert not await served(facts["address"])
            air.ap("lab").power(True)


async def test_connections_end_with_the_network(web: Web) -> None:
    """Those in the middle of an answer are cut, others closed."""
    await web.file("huge.bin", bytes(8_000_000))
    idle, sending = await web.connect(), await web.connect()
    sending.far.deaf()
    sending.send(b"GET /huge.bin HTTP/1.1\r\n\r\n")
    await turned_loop().settle()
    await ask(web.device, "network_down")
    sending.far.hear()
    await idle.far.gone()
    assert len(await sending.rest()) < 8_000_000


async def test_a_command_that_waits_when_the_network_goes(web: Web) -> None:
    """One that has not begun is refused with 500."""
    restart, waiting = await web.connect(), await web.connect()
    restart.send(b"GET /command/network_restart HTTP/1.1\r\n\r\n")
    waiting.send(b"GET /command/set%20wlan.ssid%20x HTTP/1.1\r\n\r\n")
    assert (await restart.answer()).json["response"] == "In progress\r\n"
    assert (await waiting.answer()).status == 500
    await ask(web.device, "ver")
    assert await get(web.device, "wlan.ssid") == ["lab"]


async def test_a_port_that_another_has(serve: Serve) -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, ADDRESS, PORT)
    try:
        async with serve() as web:
            log = [entry.text for entry in web.device.log]
            assert f"HTTP server failed: {ADDRESS}:{PORT}: Address already in use" in log
    finally:
        server.close()


async def test_port_80_by_default(serve: Serve) -> None:
    async with serve({"http.server.port": "80"}) as web:
        logged = next(one.text for one in web.device.log if "listening on port: " in one.text)
        port = int(logged.rpartition(" ")[2])
        assert port in (80, 8080)
        assert await served(ADDRESS, port)


# Web setup.


def setup_port(device: Device) -> int:
    return device.kernel.plugin(HttpServer).port("softap")


async def test_web_setup(serve: Serve) -> None:
    """It has a server of its own, with its own root page, whatever the settings say."""
    settings = {
        "http.server.enabled": "0", "http.server.api_enabled": "0",
        "http.server.interface": "wlan", "setup.web.root_filename": "setup.html",
        "setup.web.idle_timeout": "60",
    }  # fmt: skip
    async with serve(settings) as web:
        device = web.device
        await web.file("setup.html", b"set me up")
        await web.file("webapp/index.html", b"index")
        assert (await ask(device, "setup_web"))[-1] == "Success"
        there = Web(device, softap(device), setup_port(device))
        assert (await there.get("/webapp/index.html")).body == b"index"
        assert (await there.command("setup_web status"))["response"] == "1\r\n"
        assert (await there.get("/")).body == b"set me up"
        # Its page was asked for, so it waits without a limit.
        await turned_loop().turn(120)
        assert device.kernel.plugin(Setup).running
        got = await there.command("setup_web stop")
        assert got["code"] == 0
        await ask(device, "ver")
        assert not await served(there.address, there.port)
        assert not await served(ADDRESS)


async def test_web_setup_nobody_looks_at(serve: Serve) -> None:
    async with serve({"setup.web.idle_timeout": "60"}, up="setup_web") as web:
        there = Web(web.device, softap(web.device), setup_port(web.device))
        await there.get("/none")
        await there.command("ver")
        await turned_loop().turn(61)
        assert not web.device.kernel.plugin(Setup).running


# The captive portal.


async def probe(web: Web, target: str, method: str = "GET") -> bytes:
    return await web.say(f"{method} {target} HTTP/1.1\r\nHost: captive.apple.com\r\n\r\n".encode())


SOFTAP = {"http.server.interface": "softap", "softap.dns_server.url": "http://dev.example,b.c"}


@pytest.mark.parametrize("target", PROBES)
async def test_the_portal_byte_by_byte(serve: Serve, target: str) -> None:
    login = {"http.server.username": "a", "http.server.password": "b"}
    for enabled, expected in [
        ("1", b"HTTP/1.1 302 Redirect\r\nLocation: http://dev.example/\r\n\r\n"),
        ("0", b"HTTP/1.1 204 Ok\r\n\r\n"),
    ]:
        settings = SOFTAP | login | {"softap.captive_portal_enabled": enabled}
        async with serve(settings, up="network_up -i softap") as web:
            there = Web(web.device, softap(web.device))
            assert await probe(there, target) == expected
            assert await probe(there, target + "?x=1&y") == expected
            assert await probe(there, target, "HEAD") == expected
            assert await probe(there, "http://captive.example" + target) == expected
            assert (await probe(there, target + "x")).startswith(b"HTTP/1.1 401 ")
            assert (await probe(there, target, "POST")).startswith(b"HTTP/1.1 401 ")


async def test_the_portal_without_a_name(serve: Serve) -> None:
    settings = SOFTAP | {"softap.captive_portal_enabled": "1", "softap.dns_server.url": ""}
    async with serve(settings, up="network_up -i softap") as web:
        there = Web(web.device, softap(web.device))
        location = f"Location: http://{there.address}/\r\n".encode()
        assert location in await probe(there, "/generate_204")


async def test_the_portal_of_web_setup(serve: Serve) -> None:
    for enabled, expected in [
        ("1", b"HTTP/1.1 302 Redirect\r\nLocation: http://setup.com/\r\n\r\n"),
        ("0", b"HTTP/1.1 204 Ok\r\n\r\n"),
    ]:
        settings = {"setup.web.captive_portal_enabled": enabled}
        async with serve(settings, up="setup_web") as web:
            there = Web(web.device, softap(web.device), setup_port(web.device))
            assert await probe(there, "/generate_204") == expected


async def test_no_portal_on_wlan(web: Web) -> None:
    for target in PROBES:
        assert (await web.get(target)).status == 404, target
    await web.file("ncsi.txt", b"mine")
    assert (await web.get("/ncsi.txt")).body == b"mine"


async def test_it_all_fits_together(serve: Serve) -> None:
    """SoftAp is the plugin of that name: the portal goes by it."""
    async with serve() as web:
        assert web.device.kernel.plugin(SoftAp).portal is None
