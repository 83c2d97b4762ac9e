"""ioconn: a pin opens a connection and closes it, and another shows that it is open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.peers import ADDRESS, Events, Far, Peer, ask, udp_peer
from tests.pki import AUTHORITY, put, server_context
from tests.plugins.websocket.conftest import accept_client
from tests.websocket_cases import BINARY

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
CONTROL, STATUS = 3, 4


def pins_of(device: Device) -> SimulatedPins:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins


class Switch:
    """A device, its control pin and its status pin."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._pins = pins_of(device)

    async def drive(self, level: int | None) -> None:
        self._pins.drive(CONTROL, level)
        await turned_loop().turn(0.05)

    def is_open(self) -> bool:
        return bool(self._pins.level(STATUS))

    async def listing(self) -> str:
        return (await ask(self.device, "list"))[-1].removeprefix("! # Type  Info")


@contextlib.asynccontextmanager
async def switch(air: Airspace, lab: Settings, port: int, **more: str) -> AsyncIterator[Switch]:
    given = {"enabled": "1", "control_gpio": str(CONTROL), "status_gpio": str(STATUS)}
    given |= {"remote_host": "127.0.0.1", "remote_port": str(port)} | more
    settings = {f"ioconn.{name}": value for name, value in given.items()}
    settings["stream.auto_close"] = "1"
    async with Device.simulated(airspace=air, settings=lab | settings) as device:
        await turned_loop().settle()
        yield Switch(device)


async def test_a_level_opens_and_closes(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, switch(air, lab, peer.port) as one:
        for _ in range(3):
            assert not one.is_open()
            await one.drive(1)  # the network comes up for it
            far = await peer.next()
            await turned_loop().settle()
            assert one.is_open()
            assert "# 0 TCPC" in await one.listing()
            far.send(b"hello")
            await turned_loop().settle()
            assert (await ask(one.device, "read 0 5")) == ["hello"]
            await one.drive(None)  # nobody drives it: that is low
            await far.gone()
            assert not one.is_open()
            assert await one.listing() == ""


async def test_it_is_auto_for_the_bus(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, switch(air, lab, peer.port) as one:
        opened: list[str] = []
        one.device.kernel.streams.on_auto = lambda stream: opened.append(stream.type)
        await one.drive(1)
        await peer.next()
        await turned_loop().settle()
        assert opened == ["TCPC"]


async def test_udp_with_a_local_port(air: Airspace, lab: Settings) -> None:
    async with (
        udp_peer() as far,
        switch(air, lab, far.address[1], protocol="udp", local_port="41777") as one,
    ):
        await one.drive(1)
        assert one.is_open()
        await ask(one.device, "write 0 2", b"hi")
        assert await far.next() == (b"hi", (ADDRESS, 41777))
        await one.drive(0)
        assert not one.is_open()


async def test_tls(air: Airspace, lab: Settings) -> None:
    loop = asyncio.get_running_loop()
    fars: asyncio.Queue[Far] = asyncio.Queue()
    server = await loop.create_server(
        lambda: Far(fars.put_nowait), "127.0.0.1", 0, ssl=server_context()
    )
    port = server.sockets[0].getsockname()[1]
    try:
        lab |= {"network.tls.ca_cert": "ca.pem"}
        async with switch(air, lab, port, protocol="tls") as one:
            await put(one.device, "ca.pem", AUTHORITY.pem)
            await one.drive(1)
            far = await turned_loop().turn_until(fars.get())
            await turned_loop().settle()
            assert one.is_open()
            assert "# 0 TLSC" in await one.listing()
            await one.drive(0)
            await far.gone()
    finally:
        server.close()


async def test_a_peer_that_closes(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, switch(air, lab, peer.port) as one:
        await one.drive(1)
        far = await peer.next()
        await turned_loop().settle()
        far.close()
        await far.gone()
        await turned_loop().turn(100)
        assert not one.is_open()
        assert len(peer.all) == 1
        await one.drive(0)
        await one.drive(1)
        await peer.next()


async def test_the_network_that_goes_and_comes(
    air: Airspace, lab: Settings, events: Events
) -> None:
    async with Peer() as peer, switch(air, lab, peer.port) as one:
        await one.drive(1)
        await peer.next()
        await turned_loop().settle()
        await ask(one.device, "network_down")
        assert not one.is_open()
        await ask(one.device, "network_up")
        await peer.next()
        await turned_loop().settle()
        assert one.is_open()
        await one.drive(0)
        await ask(one.device, "network_restart")
        await turned_loop().turn(1)
        assert not one.is_open()
        assert len(peer.all) == 2


async def test_low_while_it_connects(air: Airspace, lab: Settings) -> None:
    lab |= {"tcp.client.retry_period": "60000"}
    async with switch(air, lab, 9) as one:
        await one.drive(1)
        await turned_loop().turn(30)
        await one.drive(0)
        said = len(one.device.log)
        await turned_loop().turn(200)
        assert len(one.device.log) == said
        assert await one.listing() == ""


@pytest.mark.parametrize("line", ["ioconn.enabled 0", "ioconn.control_gpio -1"])
async def test_it_can_be_turned_off(air: Airspace, lab: Settings, line: str) -> None:
    async with Peer() as peer, switch(air, lab, peer.port) as one:
        await one.drive(1)
        far = await peer.next()
        await turned_loop().settle()
        assert (await ask(one.device, f"set {line}"))[-1] == "Set OK"
        await far.gone()
        await one.drive(0)
        await one.drive(1)
        await turned_loop().turn(10)
        assert len(peer.all) == 1


async def test_it_can_be_turned_on_while_the_pin_is_high(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, switch(air, lab, peer.port, enabled="0") as one:
        await one.drive(1)
        await turned_loop().turn(10)
        assert peer.all == []
        await ask(one.device, "set ioconn.enabled 1")
        await peer.next()
        await turned_loop().settle()
        assert one.is_open()


async def test_a_host_that_is_not_set(air: Airspace, lab: Settings) -> None:
    line = "ioconn: ioconn.remote_host is not set"
    async with switch(air, lab, 9, remote_host="") as one:
        await one.drive(1)
        await turned_loop().turn(10)
        texts = [entry.text for entry in one.device.log]
        assert line in texts
        assert not one.is_open()


@pytest.mark.parametrize("host", ["127.0.0.1", "ws://127.0.0.1:{port}/chat"])
async def test_a_websocket(air: Airspace, lab: Settings, host: str) -> None:
    async with Peer() as peer:
        where = host.format(port=peer.port)
        async with switch(air, lab, peer.port, protocol="web", remote_host=where) as one:
            await one.drive(1)
            asked, far = await accept_client(await peer.next())
            assert asked.startswith(b"GET /chat " if host.startswith("ws") else b"GET / ")
            await turned_loop().turn(0.05)
            assert one.is_open()
            assert "WEBC" in await one.listing()
            await ask(one.device, "write 0 5", b"hello")
            assert await far.hear() == [(BINARY, b"hello", True)]
            await one.drive(0)
            assert not one.is_open()
            assert await far.closing() == 1000


async def test_a_websocket_that_is_refused(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, switch(air, lab, peer.port, protocol="web") as one:
        await one.drive(1)
        far = await peer.next()
        await far.line()
        far.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await turned_loop().turn(0.05)
        assert not one.is_open()
        assert "HTTP response: 404" in [entry.text for entry in one.device.log]
