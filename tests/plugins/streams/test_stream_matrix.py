"""Every type of stream against what can happen to it, on both loops.

Small, large, both ways, drained on close from either side, a slow reader on either side, a peer
that resets, and another stream that must not notice. A type is one entry of ``OPENERS``, where it
also says what has none.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest
from tests.peers import ADDRESS, LIMIT, ask, free_port, read, soon, stream, udp_peer
from tests.plugins.streams.openers import (
    ANY,
    OPENERS,
    SECURE,
    SETTINGS,
    End,
    client,
    finish,
    prepare,
)

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import HIGH_WATER
from tokay.plugins.udp import UdpStream

Settings = dict[str, str]
MEGABYTE = 1 << 20
IN_KERNELS = 16 * MEGABYTE
"""More than the socket buffers of this machine take."""
HELD = HIGH_WATER + 256 * 1024 + 64 * 1024
"""What a stream may hold for a host that does not read: a read of the loop, a record of TLS."""


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@contextlib.asynccontextmanager
async def two(air: Airspace, lab: Settings, kind: str) -> AsyncIterator[tuple[Device, End, End]]:
    """A device with a stream of a type, and a plain one that must not notice anything."""
    async with Device.simulated(airspace=air, settings=lab | SETTINGS) as device:
        await prepare(device, kind)
        async with OPENERS[kind](device) as one, client(device) as other:
            assert stream(device, one.handle).type == kind.split(" ", maxsplit=1)[0]
            yield device, one, other
            # Whatever happened: the other one works, both ways.
            other.far.send(b"ping")
            assert await read(device, 4, other.handle) == b"ping"
            assert await ask(device, f"write {other.handle} 4", b"pong") == ["Success"]
            assert await other.far.take(4) == b"pong"


every_type = pytest.mark.parametrize("kind", OPENERS)
pytestmark = pytest.mark.usefixtures("loops")


@every_type
async def test_small(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        for data in (b"\0", b"a\r\nb\0", b"$$$"):
            assert await ask(device, f"write {handle} {len(data)}", data) == ["Success"]
            assert await far.take(len(data)) == data
            far.send(data)
            assert await read(device, len(data), handle) == data


@every_type
async def test_large(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        data = noise(MEGABYTE)
        far.send(data)
        assert await read(device, len(data), handle, piece=16384) == data
        assert await write(device, handle, data) == len(data)
        assert await far.take(len(data)) == data


@every_type
async def test_both_ways_at_once(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        there, back = noise(MEGABYTE, 1), noise(MEGABYTE, 2)
        far.send(back)
        got = bytearray()
        for at in range(0, MEGABYTE, 16384):
            assert await write(device, handle, there[at : at + 16384]) == 16384
            got += await read(device, 16384, handle)
        assert bytes(got) == back
        assert await far.take(MEGABYTE) == there


@every_type
async def test_what_came_is_read_after_the_peer_closed(
    air: Airspace, lab: Settings, kind: str
) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        data = noise(300_000)
        far.send(data)
        far.close()
        assert await read(device, len(data), handle, piece=5000) == data
        await finish(device, kind, handle)
        await stream(device, handle).fill(1, LIMIT)
        assert await ask(device, f"poll {handle}") == ["2"]
        assert (await ask(device, f"close {handle}"))[-1] == "Success"


@every_type
async def test_what_was_written_arrives_after_close(
    air: Airspace, lab: Settings, kind: str
) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        data = noise(65536)
        if kind not in SECURE:  # uvloop's own TLS, at the far end, would forget the data
            far.deaf()
        assert await write(device, handle, data) == len(data)
        assert (await ask(device, f"close {handle}"))[-1] == "Success"
        far.hear()
        assert await far.take(len(data)) == data
        await far.gone()


@every_type
async def test_a_host_that_does_not_read(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        data = noise(IN_KERNELS)
        far.send(data)
        await stream(device, handle).fill(HIGH_WATER, LIMIT)
        for _ in range(100):
            await asyncio.sleep(0)
        assert stream(device, handle).available <= HELD
        if kind not in SECURE:  # whose own buffers at the far end know no end
            assert far.unsent  # it is the peer that waits
        assert await read(device, len(data), handle, piece=65536) == data


@every_type
async def test_a_peer_that_does_not_read(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        far.deaf()
        data = noise(IN_KERNELS)
        taken = await write(device, handle, data)
        assert 0 < taken < len(data)
        far.hear()
        assert await far.take(taken) == data[:taken]
        assert await ask(device, f"write {handle} 4", b"more") == ["Success"]
        assert await far.take(4) == b"more"


@every_type
async def test_a_peer_that_resets(air: Airspace, lab: Settings, kind: str) -> None:
    async with two(air, lab, kind) as (device, (handle, far), _):
        far.send(b"before the fall")
        await stream(device, handle).fill(15, LIMIT)
        far.reset()
        await finish(device, kind, handle)
        while not stream(device, handle).ended:
            await asyncio.sleep(0)
        assert await ask(device, f"read {handle} 50") == ["before the fall"]
        assert await ask(device, f"poll {handle}") == ["2"]
        assert await ask(device, f"write {handle} 1", b"x") == ["Command failed"]
        assert (await ask(device, f"close {handle}"))[-1] == "Success"


async def write(device: Device, handle: int, data: bytes) -> int:
    """Write by command until all is written or the stream takes no more; return how much."""
    for at in range(0, len(data), 65536):
        piece = data[at : at + 65536]
        answer = await soon(device.command(f"write {handle} {len(piece)}", piece))
        if not answer.ok:
            return at
    return len(data)


# Datagrams: edges are kept, and nobody waits for anybody.


@pytest.mark.parametrize("kind", ["UDPC", "UDPS"])
async def test_datagrams(air: Airspace, lab: Settings, kind: str) -> None:
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        start = f"udpc {ANY} {far.address[1]}" if kind == "UDPC" else f"udps start {free_port()}"
        assert (await ask(device, start))[-1] == "0"
        opened = stream(device)
        assert isinstance(opened, UdpStream)
        assert opened.type == kind
        to = (ADDRESS, opened.port)
        for number in range(700):  # large: a megabyte in datagrams, both ways in turn
            data = noise(1472, number)
            far.send(data, to)
            await opened.fill(1, LIMIT)
            assert (await device.command("read 0 2000")).data == data
            assert await ask(device, "write 0 1472", data) == ["Success"]
            assert await far.next() == (data, to)
        # A host that does not read loses the newest, and knows how many.
        while not opened.dropped:
            far.send(b"!", to)
            await asyncio.sleep(0)
        # A peer that is gone is no error: nobody can tell.
        far.transport.close()
        await asyncio.sleep(0)
        for _ in range(3):
            assert await ask(device, "write 0 1", b"x") == ["Success"]
        assert (await ask(device, "close 0"))[-1] == "Success"
