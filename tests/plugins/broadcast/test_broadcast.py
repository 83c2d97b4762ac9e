"""Announcements, heard by a program of this machine."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from tests.peers import ADDRESS, Far, Peer, ask, get, soon

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


class Listener(asyncio.DatagramProtocol):
    """Hears JSON."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, tuple[str, int]]] = []
        self._new = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.heard.append((data, addr))
        self._new.set()

    async def next(self) -> bytes:
        """Wait for the next announcement."""
        while not self.heard:
            self._new.clear()
            await soon(_of(self._new))
        return self.heard.pop(0)[0]


async def _of(event: asyncio.Event) -> None:
    await event.wait()


@asynccontextmanager
async def listener(address: str = "0.0.0.0") -> AsyncIterator[Listener]:
    transport, heard = await asyncio.get_running_loop().create_datagram_endpoint(
        Listener, (address, 0)
    )
    try:
        yield heard
    finally:
        transport.close()


@pytest.fixture
def lab(lab: Settings) -> Settings:
    return lab | {"wlan.auto_join.enabled": "1", "broadcast.interval": "10"}


async def test_an_announcement(air: Airspace, lab: Settings) -> None:
    # A program on the wildcard address would have the port for all addresses.
    async with listener("255.255.255.255") as heard:
        lab |= {"broadcast.udp.port": str(heard.port)}
        async with Device.simulated(airspace=air, settings=lab) as device:
            await turned_loop().settle()
            ((data, source),) = heard.heard
            assert source == (ADDRESS, heard.port)
            said = json.loads(data)
            mac, version, uuid = await get(device, "wlan.mac", "system.version", "system.uuid")
            bssid = air.ap("lab").bssid
            assert list(said.items()) == [
                ("mac", mac), ("bssid", bssid), ("channel", air.ap("lab").channel),
                ("ip", ADDRESS), ("ssid", "lab"), ("rssi", said["rssi"]),
                ("remote_terminal_port", 2000), ("time", said["time"]), ("uuid", uuid),
                ("version", version),
            ]  # fmt: skip
            assert said["rssi"] < 0
            assert said["time"] == pytest.approx(1546300800_000, abs=60_000)
            assert re.fullmatch(rb'{"mac":"[0-9A-F:]{17}","bssid":"[0-9A-F:]{17}",.*"}', data)
            assert b'", "' not in data


async def test_it_comes_every_so_often_while_the_network_is_up(
    air: Airspace, lab: Settings
) -> None:
    async with listener() as heard:
        lab |= {"broadcast.udp.port": str(heard.port), "broadcast.data": "mac"}
        async with Device.simulated(airspace=air, settings=lab) as device:
            loop = turned_loop()
            await loop.turn(35)
            assert len(heard.heard) == 4
            assert {data for data, _ in heard.heard} == {f'{{"mac":"{device.mac}"}}'.encode()}
            heard.heard.clear()
            await ask(device, "set broadcast.interval 2")
            await loop.turn(6.5)
            assert len(heard.heard) == 4
            await ask(device, "network_down")
            heard.heard.clear()
            await loop.turn(20)
            assert heard.heard == []
            await ask(device, "network_up")
            await heard.next()
            await ask(device, "set broadcast.interval 0")
            heard.heard.clear()
            await loop.turn(100_000)
            assert heard.heard == []
            await ask(device, "set broadcast.interval 2")
            await ask(device, "set broadcast.udp.port 0")
            heard.heard.clear()
            await loop.turn(20)
            assert heard.heard == []


async def test_its_order_is_that_of_the_variable(air: Airspace, lab: Settings) -> None:
    async with listener() as heard:
        lab |= {"broadcast.udp.port": str(heard.port), "broadcast.data": "time,adc3,gpio2,ip"}
        async with Device.simulated(airspace=air, settings=lab) as device:
            pins = device.board.pins
            assert isinstance(pins, SimulatedPins)
            pins.drive(2, 1)
            pins.set_millivolts(3, 1234)
            await heard.next()
            said = json.loads(await heard.next())
            assert list(said) == ["time", "adc3", "gpio2", "ip"]
            assert (said["adc3"], said["gpio2"], said["ip"]) == ("1234", "1", ADDRESS)
            await ask(device, "set broadcast.data version,mac")
            assert list(json.loads(await heard.next())) == ["version", "mac"]
            await ask(device, 'set broadcast.data ""')
            heard.heard.clear()
            await turned_loop().turn(60)
            assert heard.heard == []


async def test_what_is_no_item() -> None:
    async with Device.simulated() as device:
        for items in ("mac,", "mac,nope", "gpio99", "adc", "gpio", "mac,mac", "password"):
            assert await ask(device, f"set broadcast.data {items}") == ["Invalid argument"]
        assert await ask(device, "set broadcast.data mac,gpio31,adc0") == ["Set OK"]
        for url in ("ftp://x", "http://", "a b", "https://x:0"):
            assert await ask(device, f'set broadcast.http.host "{url}"') == ["Invalid argument"]


@pytest.mark.parametrize("profile", ["gecko-os-4", "gecko-os-2", "zentrios-3"])
async def test_the_port_has_two_names(profile: str) -> None:
    async with Device.simulated(profile=profile) as device:
        names = ("broadcast.udp.port", "broadcast.udp.remote_port")
        assert await get(device, *names) == ["55555", "55555"]
        await ask(device, "set broadcast.udp.remote_port 4000")
        assert await get(device, *names) == ["4000", "4000"]
        await ask(device, "set br u p 4001")
        assert await get(device, *names) == ["4001", "4001"]


async def test_to_one_address(air: Airspace, lab: Settings) -> None:
    async with listener("127.0.0.1") as heard:
        lab |= {"broadcast.udp.port": str(heard.port), "broadcast.udp.ip": "127.0.0.1"}
        async with Device.simulated(airspace=air, settings=lab):
            assert json.loads(await heard.next())["ip"] == ADDRESS


async def test_a_port_that_is_taken_is_no_obstacle(air: Airspace, lab: Settings) -> None:
    async with listener(ADDRESS) as taken, listener("127.0.0.1") as heard:
        lab |= {"broadcast.udp.port": str(taken.port), "broadcast.data": "mac"}
        async with Device.simulated(airspace=air, settings=lab) as device:
            await ask(device, "set broadcast.udp.ip 127.0.0.1")
            await turned_loop().turn(11)
            # Nobody is there, and that is nobody's concern.
            assert await ask(device, "get bus.mode") == ["command"]
            await ask(device, f"set broadcast.udp.port {heard.port}")
            await heard.next()


async def test_the_soft_ap_has_no_network_to_tell_of(air: Airspace, lab: Settings) -> None:
    del lab["wlan.auto_join.enabled"]
    async with listener() as heard:
        lab |= {"broadcast.udp.port": str(heard.port), "broadcast.interface": "softap"}
        async with Device.simulated(airspace=air, settings=lab) as device:
            await turned_loop().turn(30)
            assert heard.heard == []
            await ask(device, "network_up -i softap")
            said = json.loads(await heard.next())
            (address,) = await get(device, "softap.static.ip")
            assert (said["bssid"], said["channel"], said["ssid"], said["rssi"]) == ("", 0, "", 0)
            assert said["ip"].startswith("127.") or said["ip"] == address


# By HTTP.


async def test_a_post(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer:
        air.ap("lab").hosts["hub.lab"] = "127.0.0.1"
        host = f"hub.lab:{peer.port}"
        lab |= {
            "broadcast.http.host": host,
            "broadcast.udp.port": "0",
            "broadcast.data": "mac,channel",
        }
        async with Device.simulated(airspace=air, settings=lab) as device:
            far = await peer.next()
            head = (await far.line()).decode()
            assert head == (
                f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(device.mac) + 22}\r\nConnection: close\r\n\r\n"
            )
            body = await far.take(len(device.mac) + 22)
            assert body == f'{{"mac":"{device.mac}","channel":6}}'.encode()
            far.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await far.gone()
            await turned_loop().turn(10)
            await (await peer.next()).line()
            assert [e.text for e in device.log if "Broadcast" in e.text] == []


async def test_a_server_that_hangs_gets_one_at_a_time(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer:
        lab |= {"broadcast.http.host": f"127.0.0.1:{peer.port}", "broadcast.udp.port": "0",
                "broadcast.interval": "1"}  # fmt: skip
        async with Device.simulated(airspace=air, settings=lab) as device:
            await turned_loop().turn(60)
            # The answer may take `tcp.client.connect_timeout`, 5 s.
            assert 9 <= len(peer.all) <= 13
            assert sum(not far.ended for far in peer.all) <= 1
            lines = [e.text for e in device.log if "Broadcast" in e.text]
            assert lines == [f"Broadcast to 127.0.0.1:{peer.port} fails: timed out"]


async def test_a_server_that_is_not_there_is_told_of_once(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer:
        pass
    lab |= {"broadcast.http.host": f"127.0.0.1:{peer.port}", "broadcast.udp.port": "0"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await turned_loop().turn(60)
        assert len([e for e in device.log if "Broadcast" in e.text]) == 1


async def test_a_post_over_tls(air: Airspace, lab: Settings) -> None:
    authority = trustme.CA()
    context = trustme_context(authority)
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[Far] = asyncio.Queue()
    server = await loop.create_server(lambda: Far(came.put_nowait), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        air.ap("lab").hosts["hub.lab"] = "127.0.0.1"
        lab |= {"broadcast.udp.port": "0", "network.tls.ca_cert": ""}
        async with Device.simulated(airspace=air, settings=lab) as device:
            await ask(device, f"set broadcast.http.host https://hub.lab:{port}/in")
            far = await soon(came.get())
            assert (await far.line()).startswith(b"POST /in HTTP/1.1\r\n")
            far.close()
    finally:
        server.close()


def trustme_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hub.lab").configure_cert(context)
    return context
