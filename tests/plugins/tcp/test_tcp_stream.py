"""Bytes over a TCP stream: all of them, both ways, never too many at once, and how it ends."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers import LIMIT, Far, Peer, ask, read, soon, stream

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import HIGH_WATER
from tokay.plugins.network.stream import LINGER, MAX_UNSENT
from tokay.testing.clock import turned_loop

Settings = dict[str, str]

A_READ = 256 * 1024
"""What an event loop may take from a socket at once."""
MAX_HELD = HIGH_WATER + A_READ
MAX_IN_KERNELS = 16 * 1024 * 1024
"""More than the socket buffers of this machine take."""
SIZES = [
    *range(1, 1500),
    *(size + more for size in (1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15) for more in (-1, 0, 1)),
    *random.Random(1).sample(range(1500, 65536), 64),
    65535,
    65536,
]


class Line:
    """A device and the far end of its stream 0."""

    def __init__(self, device: Device, far: Far) -> None:
        self.device, self.far = device, far

    async def ask(self, line: str, data: bytes = b"") -> list[str]:
        return await ask(self.device, line, data)

    async def ended(self) -> None:
        """Wait until the device has heard that the far end is gone."""
        await stream(self.device).fill(1 << 40, LIMIT)

    async def arrived(self, size: int) -> None:
        await stream(self.device).fill(size, LIMIT)


@pytest_asyncio.fixture
async def line(air: Airspace, lab: Settings) -> AsyncIterator[Line]:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "set stream.auto_close 0")
        await ask(device, f"tcp_client 127.0.0.1 {peer.port}")
        yield Line(device, await peer.next())


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


# Every size.


async def test_every_size_out(line: Line, loops: None) -> None:
    for size in SIZES:
        data = noise(size, size)
        assert await line.ask(f"write 0 {size}", data) == ["Success"]
        assert await line.far.take(size) == data


async def test_every_size_in(line: Line, loops: None) -> None:
    for size in SIZES:
        data = noise(size, size)
        line.far.send(data)
        assert await read(line.device, size) == data


@pytest.mark.parametrize("piece", [1, 7, 1400, 65536])
async def test_every_way_to_read(line: Line, loops: None, piece: int) -> None:
    data = noise(3 * piece + piece // 2 + 1)
    line.far.send(data)
    assert await read(line.device, len(data), piece=piece) == data


async def test_sizes_that_cannot_be(line: Line) -> None:
    for size in ("0", "65537", "-1", "x"):
        assert (await line.device.command(f"write 0 {size}")).code == 7
    assert (await line.device.command("read 0 0")).code == 7
    # Python hands the data along with the line: too little of it is a host that fell silent.
    assert await line.ask("write 0 5", b"four") == ["Command failed"]
    assert await line.ask("write 0 4", b"four") == ["Success"]
    assert await line.far.take(4) == b"four"


async def test_flags_of_websockets_are_refused(line: Line) -> None:
    assert await line.ask("write -p 0 1", b"x") == ["Command failed"]
    assert await line.ask("write -f 0 1", b"x") == ["Command failed"]
    assert await line.ask("write 0 1", b"y") == ["Success"]
    assert await line.far.take(1) == b"y"


async def test_poll_and_count(line: Line) -> None:
    assert await line.ask("poll 0") == ["0"]
    assert await line.ask("poll -c 0") == ["0"]
    line.far.send(b"12345")
    await line.arrived(5)
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("poll -c 0") == ["5"]
    assert await line.ask("poll all") == ["0,1"]
    assert await line.ask("read 0 100") == ["12345"]
    assert await line.ask("read 0 100") == [""]
    assert await line.ask("poll 0") == ["0"]


async def test_a_read_waits_as_long_as_it_is_told(line: Line) -> None:
    loop = turned_loop()
    begun = loop.time()
    assert await line.ask("read 0 10") == [""]
    assert loop.time() - begun == pytest.approx(0.1)
    await line.ask("set bus.command.read_timeout 2500")
    line.far.send(b"four")
    begun = loop.time()
    assert await line.ask("read 0 10") == ["four"]
    assert loop.time() - begun == pytest.approx(2.5)
    begun = loop.time()
    reading = asyncio.ensure_future(line.device.command("read 0 10"))
    await loop.turn(1)
    line.far.send(b"0123456789")
    assert (await reading).data == b"0123456789"
    assert loop.time() - begun == pytest.approx(1)


# A peer that does not read.


async def stuff(line: Line) -> bytes:
    """Write until the device takes no more; return what it took."""
    line.far.deaf()
    taken = bytearray()
    for number in range(MAX_IN_KERNELS // 65536):
        data = noise(65536, number)
        answer = await soon(line.device.command("write 0 65536", data))
        if not answer.ok:
            assert (answer.code, answer.text) == (1, "Command failed")
            return bytes(taken)
        taken += data
    pytest.fail("a peer that does not read took everything")


async def test_a_peer_that_does_not_read(line: Line) -> None:
    loop = turned_loop()
    taken = await stuff(line)
    begun = loop.time()
    assert await line.ask("write 0 1", b"!") == ["Command failed"]
    assert loop.time() - begun == pytest.approx(5)  # bus.command.write_timeout
    await line.ask("set bus.command.write_timeout 300")
    begun = loop.time()
    assert await line.ask("write 0 1", b"!") == ["Command failed"]
    assert loop.time() - begun == pytest.approx(0.3)
    # It reads again: nothing that was taken is lost, nothing that was refused is there.
    line.far.hear()
    assert await line.far.take(len(taken)) == taken
    assert await line.ask("write 0 4", b"more") == ["Success"]
    assert await line.far.take(4) == b"more"


async def test_a_peer_that_reads_again_in_time(line: Line) -> None:
    taken = await stuff(line)
    writing = asyncio.ensure_future(line.device.command("write 0 4", b"wait"))
    await turned_loop().turn(4)
    assert not writing.done()
    line.far.hear()
    assert (await writing).ok
    assert await line.far.take(len(taken) + 4) == taken + b"wait"


async def test_a_write_check_takes_no_data(line: Line) -> None:
    class Host:
        """A console whose bytes must not be touched."""

        name = "host"
        asked = 0

        def say(self, text: str) -> None:
            pass

        async def read(self, size: int, timeout: float, *, echo: bool = True) -> bytes:
            self.asked += size
            return bytes(size)

        def finish(self) -> None:
            pass

        def leave(self) -> None:
            pass

    loop = turned_loop()
    host = Host()
    taken = await stuff(line)
    await line.ask("set bus.command.write_check_enabled 1")
    begun = loop.time()
    answer = await soon(line.device.kernel.engine.run(b"write 0 100", host))
    assert answer.code == 9
    assert loop.time() - begun == pytest.approx(5)
    assert host.asked == 0
    line.far.hear()
    assert await line.far.take(len(taken)) == taken
    assert (await soon(line.device.kernel.engine.run(b"write 0 100", host))).ok
    assert host.asked == 100
    assert await line.far.take(100) == bytes(100)


async def test_what_waits_for_a_peer_is_bounded(line: Line, loops: None) -> None:
    await line.ask("set bus.command.write_timeout 1")
    await stuff(line)
    transport = stream(line.device)._transport  # type: ignore[attr-defined]
    assert transport.get_write_buffer_size() <= MAX_UNSENT + 65536


async def test_what_was_taken_arrives_after_close(line: Line) -> None:
    taken = await stuff(line)
    assert (await line.ask("close 0"))[-1] == "Success"
    line.far.hear()
    assert await line.far.take(len(taken)) == taken
    await line.far.gone()


async def test_a_peer_that_never_reads_is_left_in_the_end(line: Line) -> None:
    await stuff(line)
    transport = stream(line.device)._transport  # type: ignore[attr-defined]
    await line.ask("close 0")
    await turned_loop().turn(LINGER - 0.5)
    assert transport.get_write_buffer_size() > 0
    await turned_loop().turn(1)
    assert transport.get_write_buffer_size() == 0


async def test_a_writer_that_waits_hears_of_a_reset(line: Line) -> None:
    await stuff(line)
    writing = asyncio.ensure_future(line.device.command("write 0 1", b"!"))
    await turned_loop().settle()
    begun = turned_loop().time()
    line.far.reset()
    assert (await writing).text == "Command failed"
    assert turned_loop().time() == begun


# A device that does not read.


async def test_a_device_that_does_not_read(line: Line, loops: None) -> None:
    data = noise(MAX_IN_KERNELS)
    line.far.send(data)
    await line.arrived(HIGH_WATER)
    for _ in range(100):  # turns of the loop, in which more could come
        await asyncio.sleep(0)
    held = stream(line.device).available
    assert HIGH_WATER <= held <= MAX_HELD
    assert line.far.unsent  # the far end is the one that waits
    assert await read(line.device, len(data), piece=65536) == data
    await line.far.until(lambda: not line.far.unsent)
    assert stream(line.device).available == 0


async def test_reading_a_full_stream_waits_for_nothing(line: Line) -> None:
    """More than a stream holds can be asked for; what it holds comes at once."""
    line.far.send(noise(MAX_IN_KERNELS))
    await line.arrived(HIGH_WATER)
    begun = turned_loop().time()
    for _ in range(8):
        answer = await line.device.command("read 0 99997")
        assert len(answer.data) > HIGH_WATER / 2
        await line.arrived(HIGH_WATER)
    assert turned_loop().time() == begun


async def test_both_ways_at_once(line: Line, loops: None) -> None:
    there, back = noise(1 << 20, 1), noise(1 << 20, 2)
    line.far.send(back)
    got = bytearray()
    for at in range(0, len(there), 16384):
        answer = await soon(line.device.command("write 0 16384", there[at : at + 16384]))
        assert answer.ok
        got += await read(line.device, 16384)
    assert bytes(got) == back
    assert await line.far.take(len(there)) == there


# The end.


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
async def test_the_peer_goes_and_nothing_is_unread(line: Line, loops: None, how: str) -> None:
    """stream.auto_close 0: the handle stays until the host closes it."""
    getattr(line.far, how)()
    await line.ended()
    assert await line.ask("poll 0") == ["2"]
    assert await line.ask("read 0 10") == [""]
    assert await line.ask("poll 0") == ["2"]
    assert await line.ask("write 0 1", b"x") == ["Command failed"]
    assert await line.ask("close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
    assert await line.ask("poll 0") == ["Command failed"]


@pytest.mark.parametrize("how", ["close", "half_close"])
async def test_the_peer_goes_and_something_is_unread(line: Line, loops: None, how: str) -> None:
    line.far.send(b"last words")
    getattr(line.far, how)()
    await line.ended()
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("read 0 5") == ["last "]
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("read 0 50") == ["words"]
    assert await line.ask("poll 0") == ["2"]
    assert await line.ask("close 0") == ["Closing: 0", "[Closed: 0]", "Success"]


async def test_auto_close_with_nothing_unread(line: Line, loops: None) -> None:
    await line.ask("set stream.auto_close 1")
    seen = len(line.device.log)
    closing = stream(line.device)
    line.far.close()
    await closing.fill(1, LIMIT)
    assert [entry.text for entry in line.device.log[seen:]] == ["[Closed: 0]"]
    assert await line.ask("poll 0") == ["Command failed"]
    assert await line.ask("close 0") == ["Command failed"]


async def test_auto_close_with_something_unread(line: Line, loops: None) -> None:
    await line.ask("set stream.auto_close 1")
    line.far.send(b"last words")
    line.far.close()
    await line.ended()
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("read 0 50") == ["last words"]
    assert await line.ask("read 0 50") == ["[Closed: 0]", ""]
    assert await line.ask("read 0 50") == ["Command failed"]
    assert await line.ask("poll 0") == ["Command failed"]


async def test_auto_close_seen_by_poll(line: Line) -> None:
    await line.ask("set stream.auto_close 1")
    line.far.send(b"x")
    line.far.close()
    await line.ended()
    await line.ask("read 0 50")
    assert await line.ask("poll 0") == ["[Closed: 0]", "Command failed"]


async def test_auto_close_frees_the_handle_for_the_next(
    line: Line, air: Airspace, lab: Settings
) -> None:
    await line.ask("set stream.auto_close 1")
    line.far.send(b"x")
    line.far.close()
    await line.ended()
    await line.ask("read 0 50")
    async with Peer() as peer:
        seen = await line.ask(f"tcpc 127.0.0.1 {peer.port}")
        assert seen[-1] == "0"
        assert "[Closed: 0]" in seen


async def test_a_reset_leaves_what_had_arrived(line: Line, loops: None) -> None:
    line.far.send(b"before the fall")
    await line.arrived(15)
    line.far.reset()
    await line.ended()
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("read 0 50") == ["before the fall"]
    assert await line.ask("poll 0") == ["2"]


async def test_a_half_close_loses_nothing_that_was_written(line: Line, loops: None) -> None:
    """The peer says all that it has to say, and still hears the answer that was on its way."""
    data = noise(65536)
    line.far.deaf()
    assert await line.ask("write 0 65536", data) == ["Success"]
    line.far.half_close()
    await line.ended()
    line.far.hear()
    assert await line.far.take(len(data)) == data
    await line.far.gone()


async def test_more_than_is_held_then_the_end(line: Line, loops: None) -> None:
    data = noise(1 << 20)
    line.far.send(data)
    line.far.close()
    assert await read(line.device, len(data)) == data
    await line.ended()
    assert await line.ask("poll 0") == ["2"]


async def test_peers_that_come_and_go(line: Line, loops: None) -> None:
    await line.ask("set stream.auto_close 1")
    await line.ask("close 0")
    async with Peer() as peer:
        for number in range(50):
            seen = await line.ask(f"tcpc 127.0.0.1 {peer.port}")
            assert seen[-1] == "0"
            far = await peer.next()
            line_out = b"%d" % number
            far.send(line_out)
            assert await read(line.device, len(line_out)) == line_out
            far.close()
            await far.gone()
