"""A device over a thousand outages and over thirty days, in turned time."""

import asyncio
import gc
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.peers import Peer, call, free_port, udp_peer

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.board import Board
from tokay.device import Device
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.network import Interface
from tokay.testing.clock import TurnedLoop, run_turned, turned_loop

DAY = 86_400
SETTINGS = {
    "wlan.ssid": "lab",
    "wlan.passkey": "correct horse",
    "wlan.auto_join.enabled": "1",
    "wlan.auto_join.retries": "0",
    # Every ten seconds for thirty days is another test's.
    "broadcast.interval": "0",
}


class Server(Plugin):
    """Listens while the network is up."""

    name = "server"
    after = ("network",)

    __slots__ = ("listener", "times")

    def start(self, kernel: Kernel, board: Board) -> None:
        self.listener: Any = None
        self.times = 0

    async def serve(self, interface: Interface) -> None:
        self.listener = await interface.listen_tcp(asyncio.Protocol, 0)
        self.times += 1

    def serves(self) -> bool:
        return self.listener is not None

    def network_up(self, interface: Interface) -> Any:
        return self.serve(interface)

    def network_down(self, interface: Interface) -> None:
        self.listener.close()
        self.listener = None


@pytest.fixture
def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airspace:
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    airspace = Airspace(locks=AddressLocks(tmp_path / "claims"))
    airspace.add(AccessPoint("lab", passphrase="correct horse", subnet="127.151.1.0/24"))
    return airspace


def address(device: Device) -> str:
    return device.address


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
def test_a_thousand_outages(air: Airspace) -> None:
    async def run() -> None:
        loop = turned_loop()
        access_point = air.ap("lab")
        async with Device.simulated(airspace=air, settings=SETTINGS, plugins=[Server]) as device:
            await loop.settle()
            server = device.kernel.plugin(Server)
            assert address(device)
            gc.collect()  # what other tests left may go at any time
            before = descriptors()
            for number in range(1000):
                access_point.power(on=False)
                await loop.turn(1 + number % 90)
                assert not address(device)
                assert not server.serves()
                access_point.power(on=True)
                await loop.turn(60)
                assert address(device), number
                assert server.serves()
            assert server.times == 1001
            assert descriptors() == before
            assert len(asyncio.all_tasks()) < 10

    run_turned(run())


@pytest.mark.slow
def test_services_that_start_by_themselves_outlive_a_thousand_outages(air: Airspace) -> None:
    """TCP and UDP, client and server: each is there after every loss, and nothing piles up."""
    tcp_port, udp_port = free_port(), free_port()

    async def run() -> None:
        loop = turned_loop()
        access_point = air.ap("lab")
        async with Peer() as peer, udp_peer() as far:
            settings = SETTINGS | {
                "tcp.client.auto_start": "1",
                "tcp.client.remote_host": "127.0.0.1",
                "tcp.client.remote_port": str(peer.port),
                "tcp.client.auto_retries": "255",
                "tcp.server.auto_start": "1",
                "tcp.server.port": str(tcp_port),
                "tcp.server.connected_gpio": "4",
                "udp.client.auto_start": "1",
                "udp.client.remote_host": "127.0.0.1",
                "udp.client.remote_port": str(far.address[1]),
                "udp.server.auto_start": "1",
                "udp.server.port": str(udp_port),
            }
            async with Device.simulated(airspace=air, settings=settings) as device:
                await loop.turn(1)
                before = None
                for number in range(1000):
                    connection = await peer.next()
                    client = await call(tcp_port, device.address)
                    await loop.settle()
                    types = sorted(stream.type for stream in device.kernel.streams)
                    assert types == ["TCPC", "TCPS", "UDPC", "UDPS"], number
                    for stream in tuple(device.kernel.streams):
                        if stream.type in ("TCPC", "UDPC"):
                            stream.write(b"%d" % number)
                    assert await connection.take(len(str(number))) == b"%d" % number
                    assert (await far.next())[0] == b"%d" % number
                    far.send(b"ping", (device.address, udp_port))
                    await loop.settle()
                    (server,) = [one for one in device.kernel.streams if one.type == "UDPS"]
                    assert server.take(10) == b"ping"
                    if before is None:
                        gc.collect()  # what other tests left may go at any time
                        before = descriptors()
                    assert descriptors() == before, number
                    access_point.power(on=False)
                    await loop.turn(1 + number % 20)
                    assert connection.ended
                    assert client.ended
                    assert not len(device.kernel.streams)
                    access_point.power(on=True)
                    await loop.turn(40)
                assert len(asyncio.all_tasks()) < 10
                peer.all.clear()

    # Sockets need no real time to be heard.
    with asyncio.Runner(loop_factory=partial(TurnedLoop, grace=0)) as runner:
        runner.run(run())


def test_thirty_days_of_leases(air: Airspace) -> None:
    async def run() -> None:
        loop = turned_loop()
        air.subnet(air.ap("lab")).dhcp_lease(3600)
        async with Device.simulated(airspace=air, settings=SETTINGS) as device:
            await loop.settle()
            held = device.address
            for day in range(30):
                await loop.turn(DAY)
                assert device.address == held, day
                air.ap("lab").deauthenticate(device.mac)
                await loop.turn(30)
                assert device.address == held, day
            response = await device.command("get time.uptime")
            assert int(response.text) == pytest.approx(30 * (DAY + 30))
            assert (await device.command("get wlan.join.result")).text == "1"

    run_turned(run())


def test_a_lease_that_cannot_be_renewed_is_given_up(air: Airspace) -> None:
    async def run() -> None:
        loop = turned_loop()
        lan = air.subnet(air.ap("lab"))
        lan.dhcp_lease(3600)
        async with Device.simulated(airspace=air, settings=SETTINGS) as device:
            await loop.settle()
            assert address(device)
            lan.dhcp_silent()
            await loop.turn(3601)
            assert not address(device)
            assert any(entry.text == "DHCP lease lost" for entry in device.log)
            lan.dhcp_normal()
            await loop.turn(60)
            assert address(device)

    run_turned(run())
