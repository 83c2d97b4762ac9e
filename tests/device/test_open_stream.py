"""Streams from Python: read, written and closed without commands."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.peers import NET, Far, Peer, ask

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.kernel.open_stream import OpenStream
from tokay.kernel.results import CommandError

MEGABYTE = 1 << 20


@pytest_asyncio.fixture
async def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Device]:
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    air = Airspace(locks=AddressLocks(tmp_path / "claims"))
    air.add(AccessPoint("lab", passphrase="correct horse", subnet=f"{NET}.0/25"))
    settings = {"wlan.ssid": "lab", "wlan.passkey": "correct horse"}
    async with Device.simulated(airspace=air, settings=settings) as device:
        yield device


async def opened(device: Device, peer: Peer) -> tuple[OpenStream, Far]:
    handle = int((await ask(device, f"tcpc 127.0.0.1 {peer.port}"))[-1])
    return device.stream(handle), await peer.next()


async def test_read_and_write(device: Device) -> None:
    async with Peer() as peer:
        stream, far = await opened(device, peer)
        assert (stream.handle, stream.type) == (0, "TCPC")
        assert stream.info.startswith(f"127.0.0.1:{peer.port} (")
        reading = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        far.send(b"hello")
        assert await reading == b"hello"
        await stream.write(b"world")
        assert await far.take(5) == b"world"
        far.send(b"0123456789")
        assert await stream.read(4) == b"0123"
        assert await stream.read() == b"456789"
        far.close()
        assert await stream.read() == b""
        assert await stream.read() == b""
        with pytest.raises(CommandError):
            await stream.write(b"x")


async def test_closing_ends_a_read(device: Device) -> None:
    async with Peer() as peer:
        stream, far = await opened(device, peer)
        reading = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        stream.close()
        stream.close()
        assert await reading == b""
        assert stream.closed
        await far.gone()
        with pytest.raises(CommandError):
            await stream.write(b"x")
        with pytest.raises(CommandError):
            device.stream(0)


async def test_a_slow_side_slows_the_other(device: Device) -> None:
    async with Peer() as peer:
        there, sender = await opened(device, peer)
        back, hearer = await opened(device, peer)
        data = bytes(range(256)) * (16 * MEGABYTE // 256)

        async def copy() -> None:
            while piece := await there.read():
                await back.write(piece)
            back.close()

        hearer.deaf()
        sender.send(data)
        sender.half_close()
        copying = asyncio.ensure_future(copy())
        await asyncio.sleep(0.1)
        assert sender.unsent
        assert not copying.done()
        hearer.hear()
        await copying
        assert await hearer.take(len(data)) == data
        await hearer.gone()


async def test_eight_at_once_are_served_alike(device: Device) -> None:
    """The slowest has at least 0.8 of what they have in the mean."""
    async with Peer() as peer:
        pairs = [await opened(device, peer) for _ in range(8)]
        got = [0] * 8
        most = 4 * MEGABYTE
        share: list[list[int]] = []

        async def take(number: int, stream: OpenStream) -> None:
            while got[number] < most:
                got[number] += len(await stream.read())
            if not share:
                share.append(list(got))

        for _, far in pairs:
            far.send(bytes(most))
        await asyncio.gather(*(take(number, one) for number, (one, _) in enumerate(pairs)))
        assert min(share[0]) >= 0.8 * sum(share[0]) / 8
