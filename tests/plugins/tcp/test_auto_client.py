"""tcp.client.auto_start: it connects when the interface comes up, and again as often as it may."""

import asyncio

import pytest
from tests.peers import Far, Peer, ask, free_port
from tests.pki import AUTHORITY, put, server_context

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import Stream
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


def auto(lab: Settings, port: int, **more: str) -> Settings:
    given = {
        "tcp.client.auto_start": "1",
        "tcp.client.remote_host": "127.0.0.1",
        "tcp.client.remote_port": str(port),
        "stream.auto_close": "1",
    }
    return lab | given | {f"tcp.client.{name}": value for name, value in more.items()}


def log(device: Device) -> list[str]:
    return [entry.text for entry in device.log]


async def test_it_connects_with_the_network(air: Airspace, lab: Settings) -> None:
    async with (
        Peer() as peer,
        Device.simulated(airspace=air, settings=auto(lab, peer.port)) as device,
    ):
        opened: list[Stream] = []
        device.kernel.streams.on_auto = opened.append
        for number in range(1, 4):
            await ask(device, "network_up")
            far = await peer.next()
            await turned_loop().settle()
            assert [one.type for one in opened] == ["TCPC"] * number
            far.send(b"hello")
            await turned_loop().settle()
            assert await ask(device, "read 0 5") == ["hello"]
            await ask(device, "network_down")
            await far.gone()
            assert await ask(device, "poll all") == ["None"]


@pytest.mark.parametrize(("retries", "connections"), [("0", 1), ("1", 2), ("3", 4)])
async def test_again_when_the_server_closes(
    air: Airspace, lab: Settings, retries: str, connections: int
) -> None:
    async with Peer() as peer:
        settings = auto(lab, peer.port, auto_retries=retries, retry_period="2000")
        async with Device.simulated(airspace=air, settings=settings) as device:
            for _ in range(2):  # the count begins anew with the network
                await ask(device, "network_restart")
                for _ in range(connections):
                    far = await peer.next()
                    far.close()
                    await far.gone()
                    await turned_loop().turn(2.1)
                before = len(peer.all)
                await turned_loop().turn(100)
                assert len(peer.all) == before
            assert len(peer.all) == 2 * connections
            assert await ask(device, "poll all") == ["None"]


async def test_for_ever(air: Airspace, lab: Settings) -> None:
    """A server that closes each connection at once is asked at a bounded rate."""
    async with Peer() as peer:
        settings = auto(lab, peer.port, auto_retries="255", retry_period="0")
        async with Device.simulated(airspace=air, settings=settings) as device:
            await ask(device, "network_up")
            begun = turned_loop().time()
            for _ in range(300):
                far = await peer.next()
                far.close()
                await far.gone()
            assert turned_loop().time() - begun == pytest.approx(29.9)
            assert await ask(device, "poll all") in (["None"], ["0,0"])


async def test_a_server_that_is_away_for_a_while(air: Airspace, lab: Settings) -> None:
    port = free_port()
    settings = auto(lab, port, auto_retries="255", retries="1", retry_period="500")
    async with Device.simulated(airspace=air, settings=settings) as device:
        await ask(device, "network_up")
        await turned_loop().turn(60)
        assert "[Open failed]" in log(device)
        async with Peer(port=port) as peer:
            await peer.next()
            await turned_loop().settle()
            assert await ask(device, "poll all") == ["0,0"]


async def test_what_is_closed_here_stays_closed(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer:
        settings = auto(lab, peer.port, auto_retries="255")
        async with Device.simulated(airspace=air, settings=settings) as device:
            await ask(device, "network_up")
            await peer.next()
            await turned_loop().settle()
            await ask(device, "close 0")
            await turned_loop().turn(100)
            assert len(peer.all) == 1
            await ask(device, "network_restart")
            await peer.next()


async def test_the_network_goes_while_it_waits(air: Airspace, lab: Settings) -> None:
    settings = auto(lab, free_port(), retries="255", retry_period="60000")
    async with Device.simulated(airspace=air, settings=settings) as device:
        await ask(device, "network_up")
        await turned_loop().turn(10)
        await ask(device, "network_down")
        said = len(log(device))
        await turned_loop().turn(1000)
        assert len(log(device)) == said
        assert len(asyncio.all_tasks()) < 5


async def test_a_table_that_is_full(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Peer() as other:
        settings = auto(lab, peer.port, auto_retries="255")
        settings["tcp.client.auto_start"] = "0"
        async with Device.simulated(airspace=air, settings=settings) as device:
            for _ in range(8):
                await ask(device, f"file_create -o f{_} 4")
            await ask(device, "set tcp.client.auto_start 1")
            await ask(device, "network_up")
            await turned_loop().turn(10)
            assert peer.all == []
            await ask(device, "close 3")
            await peer.next()
            await turned_loop().settle()
            assert "3,0" in (await ask(device, "poll all"))[0]
            assert other.all == []


async def test_no_host(air: Airspace, lab: Settings) -> None:
    lab |= {"tcp.client.auto_start": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, "network_up")
        assert "tcp.client.remote_host is not set" in seen
        assert seen[-1] == "Success"


async def test_with_tls(air: Airspace, lab: Settings) -> None:
    loop = asyncio.get_running_loop()
    fars: asyncio.Queue[Far] = asyncio.Queue()
    server = await loop.create_server(
        lambda: Far(fars.put_nowait), "127.0.0.1", 0, ssl=server_context()
    )
    port = server.sockets[0].getsockname()[1]
    settings = auto(lab, port, tls_enabled="1") | {"network.tls.ca_cert": "ca.pem"}
    try:
        async with Device.simulated(airspace=air, settings=settings) as device:
            await put(device, "ca.pem", AUTHORITY.pem)
            await ask(device, "network_up")
            far = await turned_loop().turn_until(fars.get())
            far.send(b"secret")
            await turned_loop().settle()
            assert await ask(device, "read 0 6") == ["secret"]
            (listing,) = await ask(device, "list")
            assert "# 0 TLSC  127.0.0.1" in listing
            await ask(device, "write 0 2", b"ok")
            assert await far.take(2) == b"ok"
    finally:
        server.close()
