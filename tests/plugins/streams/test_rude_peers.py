"""Peers that stall, break off, say half of it, or one byte a second: bounded, and nobody else's
trouble. What every type does is in the matrix; here is what is particular.
"""

import asyncio
import random
import struct

import pytest
from tests.peers import ADDRESS, Peer, ask, call, free_port, read, stream, udp_peer

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import HIGH_WATER
from tokay.plugins.network.stream import LINGER
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


async def test_one_byte_a_second(air: Airspace, lab: Settings) -> None:
    """A read gives what came in its time, and the next command is answered."""
    lab |= {"bus.command.read_timeout": "3500"}
    loop = turned_loop()
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        for _ in range(2):
            await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        slow, quick = await peer.next(), await peer.next()

        async def drip() -> None:
            for number in range(20):
                slow.send(b"%d" % (number % 10))
                await asyncio.sleep(1)

        dripping = asyncio.ensure_future(drip())
        quick.send(b"quick")
        begun = loop.time()
        assert (await ask(device, "read 0 100")) == ["0123"]
        assert loop.time() - begun == pytest.approx(3.5)
        begun = loop.time()
        assert (await ask(device, "read 1 5")) == ["quick"]
        assert loop.time() == begun
        assert (await ask(device, "read 0 3")) == ["456"]
        await loop.turn(20)
        await dripping
        assert await read(device, 13) == b"7890123456789"


async def test_a_half_close_of_a_peer_that_never_reads(air: Airspace, lab: Settings) -> None:
    """What was written has its ten seconds, then the connection is given up."""
    lab |= {"bus.command.write_timeout": "1", "stream.auto_close": "0"}
    loop = turned_loop()
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        far = await peer.next()
        far.deaf()
        while (await ask(device, "write 0 65536", bytes(65536)))[-1] == "Success":
            pass
        transport = stream(device)._transport  # type: ignore[attr-defined]
        far.half_close()
        await loop.settle()
        assert await ask(device, "poll 0") == ["2"]
        assert transport.get_write_buffer_size()
        await loop.turn(LINGER + 1)
        assert not transport.get_write_buffer_size()


async def test_clients_that_connect_and_say_nothing(air: Airspace, lab: Settings) -> None:
    """They fill the table, are dropped when their time is over, and then others are served."""
    lab |= {"tcp.server.idle_timeout": "60", "stream.auto_close": "1"}
    port = free_port()
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        silent = [await call(port) for _ in range(50)]
        await turned_loop().settle()
        assert len(device.kernel.streams) == 8
        assert sum(far.ended for far in silent) == 42
        await turned_loop().turn(61)
        assert all(far.ended for far in silent)
        far = await call(port)
        far.send(b"served")
        await turned_loop().settle()
        assert await ask(device, "read 0 6") == ["served"]


async def test_garbage(air: Airspace, lab: Settings, loops: None) -> None:
    """64 KiB of noise to every kind of listener: bytes are bytes."""
    tcp, udp = free_port(), free_port()
    noise = random.Random(7).randbytes(65536)
    async with Device.simulated(airspace=air, settings=lab) as device, udp_peer() as far:
        await ask(device, f"tcps start {tcp}")
        await ask(device, f"udps start {udp}")
        client = await call(tcp)
        client.send(noise)
        while len(device.kernel.streams) < 2:
            await asyncio.sleep(0)
        assert await read(device, len(noise), 1) == noise
        for at in range(0, len(noise), 1024):
            far.send(noise[at : at + 1024], (ADDRESS, udp))
            assert await read(device, 1024, 0) == noise[at : at + 1024]


async def test_a_flood_of_datagrams(air: Airspace, lab: Settings, loops: None) -> None:
    port = free_port()
    async with Device.simulated(airspace=air, settings=lab) as device, udp_peer() as far:
        await ask(device, f"udps start {port}")
        for number in range(20_000):
            far.send(struct.pack("!I", number) * 100, (ADDRESS, port))
            if number % 64 == 0:
                await asyncio.sleep(0)
        opened = stream(device)
        held = 0
        while opened.available:
            held += len(opened.take(1 << 16))
        assert held <= 64 * 1024 + 65536
        assert (await ask(device, "get udp.server.port")) == ["3000"]


async def test_resets_while_others_work(air: Airspace, lab: Settings, loops: None) -> None:
    lab |= {"stream.auto_close": "1"}
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        steady = await peer.next()
        for number in range(50):
            assert (await ask(device, f"tcpc 127.0.0.1 {peer.port}"))[-1] == "1"
            rude = await peer.next()
            rude.send(bytes(HIGH_WATER // 2))
            rude.reset()
            steady.send(b"%3d" % number)
            assert await read(device, 3) == b"%3d" % number
            await ask(device, "close 1")
        assert len(device.kernel.streams) == 1
