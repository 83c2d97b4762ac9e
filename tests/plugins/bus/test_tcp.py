"""Stream mode over real connections: the auto-started TCP client and server, pty and host."""

import asyncio
import contextlib
import hashlib
import os
import tty
from collections.abc import AsyncIterator

import pytest
from tests.peers import Events, Far, Peer, free_port, soon
from tests.plugins.bus.host import Host

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.bus import Bus
from tokay.testing.clock import TurnedLoop, turned_loop

Settings = dict[str, str]


async def client(peer: Peer, air: Airspace, settings: Settings) -> Device:
    return Device.simulated(
        airspace=air,
        serial="pty",
        settings=settings
        | {
            "tcp.client.auto_start": "1",
            "tcp.client.remote_host": "127.0.0.1",
            "tcp.client.remote_port": str(peer.port),
            "tcp.client.auto_retries": "255",
        },
    )


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Peer() as peer:
        yield peer


async def test_a_client_joins_connects_and_bridges(
    air: Airspace, stream: Settings, peer: Peer, loops: None
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        far = await peer.next()
        every = bytes(range(256)) * 4
        await host.send(every)
        assert await far.take(len(every)) == every
        far.send(every)
        assert await soon(host.take(len(every))) == every
        host.close()


async def test_a_client_that_loses_its_server_is_bridged_again(
    air: Airspace, stream: Settings, peer: Peer
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        for word in (b"one", b"two", b"three"):
            far = await peer.next()
            await host.send(word)
            assert await far.take(len(word)) == word
            far.send(word)
            assert await soon(host.take(len(word))) == word
            far.close()
            await far.gone()
        host.close()


async def test_what_is_sent_before_there_is_a_connection_arrives(
    air: Airspace, stream: Settings
) -> None:
    port = free_port()
    async with Peer(port=port) as peer:
        device = await client(peer, air, stream)
        async with device:
            host = Host(device.serial_port)
            await host.send(b"early")
            far = await peer.next()
            await host.send(b" and late")
            assert await far.take(14) == b"early and late"
            host.close()


async def test_a_server_has_one_client_at_a_time(air: Airspace, stream: Settings) -> None:
    port = free_port()
    stream |= {"tcp.server.auto_start": "1", "tcp.server.port": str(port)}
    events = Events()
    async with Device.simulated(
        airspace=air, serial="pty", settings=stream, on_event=events
    ) as device:
        if not events["network_up"]:
            await events.next("network_up")
        host = Host(device.serial_port)
        loop = asyncio.get_running_loop()
        for word in (b"first", b"second"):
            _, far = await loop.create_connection(lambda: Far(lambda _: None), device.address, port)
            far.send(b"me")
            assert await soon(host.take(2)) == b"me"
            await host.send(word)
            assert await far.take(len(word)) == word
            _, other = await loop.create_connection(
                lambda: Far(lambda _: None), device.address, port
            )
            await other.gone()
            far.send(word)
            assert await soon(host.take(len(word))) == word
            far.close()
            await far.gone()
        host.close()


async def test_a_peer_that_stalls_loses_nothing(
    air: Airspace, stream: Settings, peer: Peer
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        far = await peer.next()
        far.deaf()
        data = os.urandom(1 << 20) * 12
        sent = host.send_some(data)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, TurnedLoop)
        # The host is held up once the kernel's buffers and ours are full.
        while more := host.send_some(data[sent:]):
            sent += more
            await loop.turn(0.05)
        assert sent < len(data)
        far.hear()
        rest = asyncio.ensure_future(host.send(data[sent:]))
        got = await far.take(len(data))
        await rest
        assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
        assert device.kernel.plugin(Bus).dropped == 0
        host.close()


async def test_a_host_that_stalls_makes_the_peer_wait(
    air: Airspace, stream: Settings, peer: Peer, loops: None
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        far = await peer.next()
        data = os.urandom(1 << 20) * 16
        far.send(data)
        await far.until(lambda: far.unsent)
        port = device.board.ports[0]
        assert port is not None
        assert await soon(host.take(100)) == data[:100]
        assert port.backlog < 1 << 20
        got = await soon(host.take(len(data) - 100))
        assert hashlib.sha256(got).digest() == hashlib.sha256(data[100:]).digest()
        host.close()


@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
async def test_however_the_peer_leaves(
    air: Airspace, stream: Settings, peer: Peer, how: str
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        far = await peer.next()
        far.send(b"bye")
        assert await soon(host.take(3)) == b"bye"
        getattr(far, how)()
        await far.gone()
        again = await peer.next()
        await host.send(b"hello again")
        assert await again.take(11) == b"hello again"
        host.close()


async def real_line(settings: Settings, air: Airspace, size: int) -> tuple[int, int, bool]:
    """Send through a tty to nobody; return what was dropped, what was kept, and who waited."""
    near, far = os.openpty()
    tty.setraw(far)
    os.set_blocking(near, False)
    loop = turned_loop()
    try:
        async with Device.simulated(
            airspace=air, serial=os.ttyname(far), settings=settings
        ) as device:
            sent, waited = 0, False
            for _ in range(100):
                with contextlib.suppress(BlockingIOError):
                    sent += os.write(near, bytes(min(size - sent, 4096)))
                await loop.turn(0.002)
            waited = sent < size
            async with Peer() as peer:
                for name, value in (("port", peer.port), ("host", "127.0.0.1")):
                    assert (await soon(device.command(f"set tcp.client.remote_{name} {value}"))).ok
                await soon(device.command("network_up"))
                server = await peer.next()
                await loop.turn(2)
                dropped = device.kernel.plugin(Bus).dropped
                kept = await server.take(sent - dropped)
                await loop.turn(2)
                assert not server.received
                assert device.kernel.plugin(Bus).dropped == dropped
        return dropped, len(kept), waited
    finally:
        os.close(near)
        os.close(far)


async def test_a_real_line_without_flow_control_loses_and_counts(
    air: Airspace, stream: Settings
) -> None:
    settings = stream | {"wlan.auto_join.enabled": "0", "tcp.client.auto_start": "1"}
    dropped, kept, waited = await real_line(settings, air, 100_000)
    assert (kept, waited) == (4096, False)
    assert dropped == 100_000 - 4096


async def test_a_real_line_with_flow_control_waits_and_loses_nothing(
    air: Airspace, stream: Settings
) -> None:
    settings = stream | {
        "wlan.auto_join.enabled": "0",
        "tcp.client.auto_start": "1",
        "uart.flow 0": "on",
    }
    dropped, kept, waited = await real_line(settings, air, 300_000)
    assert (dropped, waited) == (0, True)
    assert kept > 4096


async def test_a_peer_that_sends_no_more_is_answered(
    air: Airspace, stream: Settings, peer: Peer
) -> None:
    async with await client(peer, air, stream) as device:
        host = Host(device.serial_port)
        far = await peer.next()
        far.send(b"question")
        far.half_close()
        assert await host.take(8) == b"question"
        for word in (b"one", b"two"):
            await host.send(word)
            assert await far.take(3) == word
        await far.gone()
        host.close()


async def test_an_answer_to_one_client_is_none_for_the_next(
    air: Airspace, stream: Settings
) -> None:
    port = free_port()
    stream |= {"tcp.server.auto_start": "1", "tcp.server.port": str(port)}
    events = Events()
    async with Device.simulated(
        airspace=air, serial="pty", settings=stream, on_event=events
    ) as device:
        if not events["network_up"]:
            await events.next("network_up")
        host = Host(device.serial_port)
        loop = asyncio.get_running_loop()

        async def connect(word: bytes) -> Far:
            _, far = await loop.create_connection(lambda: Far(lambda _: None), device.address, port)
            far.send(word)
            assert await host.take(len(word)) == word
            return far

        first = await connect(b"first")
        first.half_close()
        # Whoever comes takes the place of one that only waits for an answer.
        second = await connect(b"second")
        await first.gone()
        await host.send(b"for the second")
        assert await second.take(14) == b"for the second"
        assert not first.received
        second.close()
        host.close()
