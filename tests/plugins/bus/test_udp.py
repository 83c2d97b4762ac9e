"""Stream mode over UDP: the auto-started client and server, datagram by datagram."""

import asyncio

import pytest
from tests.peers import ADDRESS, Events, free_port, soon, udp_peer
from tests.plugins.bus.host import Host

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.bus import Bus
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


async def test_a_client(air: Airspace, stream: Settings) -> None:
    async with udp_peer() as far:
        stream |= {
            "udp.client.auto_start": "1",
            "udp.client.remote_host": "127.0.0.1",
            "udp.client.remote_port": str(far.address[1]),
        }
        async with Device.simulated(airspace=air, serial="pty", settings=stream) as device:
            host = Host(device.serial_port)
            await host.send(b"a" * 3000)
            pieces = [(await far.next())[0] for _ in range(3)]
            assert [len(piece) for piece in pieces] == [1460, 1460, 80]
            await host.send(b"back?")
            data, where = await far.next()
            assert data == b"back?"
            for word in (b"one", b"two"):
                far.send(word, where)
            assert await soon(host.take(6)) == b"onetwo"
            host.close()


async def test_a_server_keeps_what_it_has_nobody_to_send_to(
    air: Airspace, stream: Settings
) -> None:
    port = free_port()
    stream |= {"udp.server.auto_start": "1", "udp.server.port": str(port)}
    events = Events()
    async with (
        udp_peer() as far,
        Device.simulated(airspace=air, serial="pty", settings=stream, on_event=events) as device,
    ):
        if not events["network_up"]:
            await events.next("network_up")
        host = Host(device.serial_port)
        await host.send(b"anybody?")
        await turned_loop().turn(1)
        assert far.waiting == 0
        far.send(b"me", (ADDRESS, port))
        assert await soon(host.take(2)) == b"me"
        assert (await far.next())[0] == b"anybody?"
        assert device.kernel.plugin(Bus).dropped == 0
        host.close()


async def test_a_host_that_stalls_costs_datagrams_and_no_memory(
    air: Airspace, stream: Settings
) -> None:
    port = free_port()
    stream |= {"udp.server.auto_start": "1", "udp.server.port": str(port)}
    events = Events()
    async with (
        udp_peer() as far,
        Device.simulated(airspace=air, serial="pty", settings=stream, on_event=events) as device,
    ):
        if not events["network_up"]:
            await events.next("network_up")
        host = Host(device.serial_port)
        for number in range(400):
            far.send(number.to_bytes(2, "big") * 700, (ADDRESS, port))
            await asyncio.sleep(0)
        await turned_loop().turn(1)
        serial = device.board.ports[0]
        assert serial is not None
        assert serial.backlog < 80_000
        # What was kept comes whole and in order.
        got = await soon(host.take(1400 * 50))
        assert got == b"".join(number.to_bytes(2, "big") * 700 for number in range(50))
        assert device.kernel.streams.bridged is not None
        host.close()


@pytest.mark.parametrize("first", ["udp", "tcp"])
async def test_the_first_that_opens_wins(air: Airspace, stream: Settings, first: str) -> None:
    async with udp_peer() as far:
        stream |= {
            "udp.client.auto_start": "1",
            "udp.client.remote_host": "127.0.0.1",
            "udp.client.remote_port": str(far.address[1]),
            "tcp.server.auto_start": str(int(first == "tcp")),
            "tcp.server.port": str(free_port()),
        }
        async with Device.simulated(airspace=air, serial="pty", settings=stream) as device:
            host = Host(device.serial_port)
            await host.send(b"hello")
            assert (await far.next())[0] == b"hello"
            host.close()
