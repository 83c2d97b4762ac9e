"""TLS between two protocols, over a connection in memory: what passes, when, and how it ends."""

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from tests.pki import client_context, server_context

from tokay.plugins.tls.errors import TlsError
from tokay.plugins.tls.transport import GATHER, LINGER, RECORD, TlsTransport, _buffers
from tokay.protocols.tls import HEADER, MAX_CONTENT
from tokay.testing.clock import turned_loop

SERVER, CLIENT = server_context(), client_context(ca=b"")


class Pipe(asyncio.Transport):
    """One end of a connection in memory. ``hold``: what is written here stays for now."""

    def __init__(self, above: TlsTransport) -> None:
        super().__init__()
        self.above = above
        self.other: Pipe
        self.unsent = bytearray()
        self.hold = False
        self.paused = False
        self.closing = False
        self.high = 65536
        self.told = False
        self.aborted = False
        self.ended = False

    def write(self, data: Any) -> None:
        assert not self.closing
        self.unsent += data
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.go)
        elif len(self.unsent) > self.high and not self.told:
            self.told = True
            self.above.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def go(self, size: int | None = None) -> None:
        """Let bytes arrive at the other end."""
        if self.other.paused or self.aborted:
            return
        size = len(self.unsent) if size is None else size
        data = bytes(self.unsent[:size])
        del self.unsent[:size]
        if self.told and not self.unsent:
            self.told = False
            self.above.resume_writing()
        if data and not self.other.closing:
            self.other.above.data_received(data)
        if self.closing and not self.unsent:
            self._end()

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            asyncio.get_running_loop().call_soon(self.above.connection_lost, None)
            if not self.other.closing:
                asyncio.get_running_loop().call_soon(self.other.above.eof_received)

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            if not self.unsent:
                self._end()

    def abort(self) -> None:
        self.aborted = self.closing = True
        self.unsent.clear()
        self._end()

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        self.other.go()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 65536

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("pipe", 1)}.get(name, default)


class End(asyncio.Protocol):
    """A protocol above TLS that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.data = bytearray()
        self.pause_at: int | None = None
        self.half_open = False
        self.first = b""

    def connection_made(self, transport: Any) -> None:
        self.transport: TlsTransport = transport
        self.heard.append("made")
        if self.first:
            transport.write(self.first)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.pause_at is not None and len(self.data) >= self.pause_at:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.heard.append("end")
        return self.half_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost" if exc is None else f"lost: {type(exc).__name__}")

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")


class Pair:
    """A client and a server that speak TLS with each other."""

    def __init__(self, *, limit: float = 10, version: str = "TLSv1_2") -> None:
        context = client_context(ca=b"")
        context.maximum_version = ssl.TLSVersion[version]
        self.client, self.server = End(), End()
        self.settled: list[OSError | None] = []
        self.up = TlsTransport(context, self._make(self.client), self._settle, limit=limit)
        self.down = TlsTransport(
            SERVER, self._make(self.server), self._settle, limit=limit, server=True
        )
        self.near, self.far = Pipe(self.up), Pipe(self.down)
        self.near.other, self.far.other = self.far, self.near

    def _make(self, end: End) -> Callable[[], End]:
        return lambda: end

    def _settle(self, transport: TlsTransport, error: OSError | None) -> None:
        self.settled.append(error)

    async def shake(self) -> "Pair":
        self.down.connection_made(self.far)
        self.up.connection_made(self.near)
        await turned_loop().settle()
        return self

    async def open(self) -> "Pair":
        await self.shake()
        assert self.client.heard == self.server.heard == ["made"]
        assert self.settled == [None, None]
        return self


@pytest.fixture(autouse=True)
def empty() -> Any:
    """Check that nothing stays behind in what all connections share."""
    yield
    assert not _buffers.incoming.pending
    assert not _buffers.outgoing.pending


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_every_size(version: str) -> None:
    pair = await Pair(version=version).open()
    sizes = [1, 2, 100, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD, 8 * RECORD + 7, 1_000_000]
    for size in sizes:
        data = noise(size, size)
        pair.client.transport.write(data)
        pair.server.transport.write(memoryview(data))
        await turned_loop().settle()
        assert pair.server.data == pair.client.data == data
        pair.server.data.clear()
        pair.client.data.clear()


@pytest.mark.parametrize("piece", [1, 4, 5, 6, 1000])
async def test_records_in_any_pieces(piece: int) -> None:
    pair = Pair()
    pair.near.hold = pair.far.hold = True
    pair.down.connection_made(pair.far)
    pair.up.connection_made(pair.near)
    for _ in range(4):
        for pipe in (pair.near, pair.far):
            while pipe.unsent:
                pipe.go(piece)
    assert pair.settled == [None, None]
    data = noise(20000)
    pair.client.transport.write(data)
    while pair.near.unsent:
        pair.near.go(piece)
    assert pair.server.data == data


async def test_many_connections_at_once_share_the_buffers() -> None:
    pairs = [await Pair(version=v).open() for v in ("TLSv1_2", "TLSv1_3") * 8]
    for number, pair in enumerate(pairs):
        pair.near.hold = True
        pair.client.transport.write(noise(50_000, number))
    while any(pair.near.unsent for pair in pairs):
        for number, pair in enumerate(pairs):
            pair.near.go(1 + number * 777)
    for number, pair in enumerate(pairs):
        assert pair.server.data == noise(50_000, number)


async def test_a_protocol_that_writes_into_another_connection_as_it_hears() -> None:
    """A bridge: what one connection opens, another seals, in the same turn."""
    one, two = await Pair().open(), await Pair().open()
    one.server.data_received = two.client.transport.write  # type: ignore[method-assign]
    one.client.transport.write(noise(100_000))
    await turned_loop().settle()
    assert two.server.data == noise(100_000)


async def test_data_right_behind_the_handshake() -> None:
    for version in ("TLSv1_2", "TLSv1_3"):
        pair = Pair(version=version)
        pair.client.first, pair.server.first = b"from the client", b"from the server"
        await pair.shake()
        assert pair.server.data == b"from the client"
        assert pair.client.data == b"from the server"


# Back-pressure.


async def test_a_reader_that_pauses_is_left_alone() -> None:
    pair = await Pair().open()
    pair.server.pause_at = 1
    pair.client.transport.write(noise(4 * GATHER))
    await turned_loop().settle()
    assert len(pair.server.data) == GATHER
    assert pair.far.paused
    assert not pair.server.transport.is_reading()
    pair.server.pause_at = 3 * GATHER
    pair.server.transport.resume_reading()
    await turned_loop().settle()
    assert len(pair.server.data) == 3 * GATHER
    pair.server.pause_at = None
    pair.server.transport.resume_reading()
    await turned_loop().settle()
    assert pair.server.data == noise(4 * GATHER)
    assert not pair.far.paused


async def test_a_pause_that_ends_at_once() -> None:
    pair = await Pair().open()
    pair.server.transport.pause_reading()
    pair.server.transport.resume_reading()
    pair.server.transport.pause_reading()
    pair.client.transport.write(b"x")
    await turned_loop().settle()
    assert not pair.server.data
    pair.server.transport.resume_reading()
    await turned_loop().settle()
    assert pair.server.data == b"x"


async def test_a_writer_hears_of_a_slow_peer() -> None:
    pair = await Pair().open()
    pair.near.hold = True
    pair.client.transport.set_write_buffer_limits(high=30_000)
    pair.client.transport.write(noise(20_000))
    assert pair.client.heard == ["made"]
    pair.client.transport.write(noise(20_000))
    assert pair.client.heard == ["made", "pause"]
    assert pair.client.transport.get_write_buffer_size() > 40_000
    pair.near.go()
    assert pair.client.heard == ["made", "pause", "resume"]


# The end.


async def test_a_close_says_goodbye() -> None:
    pair = await Pair().open()
    pair.client.transport.write(b"last words")
    pair.client.transport.close()
    assert pair.client.transport.is_closing()
    pair.client.transport.write(b"too late")
    await turned_loop().settle()
    assert pair.server.data == b"last words"
    assert pair.server.heard == ["made", "end", "lost"]
    assert pair.client.heard == ["made", "lost"]
    assert not pair.server.transport.get_extra_info("truncated")


async def test_a_close_waits_for_what_was_written() -> None:
    pair = await Pair().open()
    pair.near.hold = True
    pair.client.transport.write(noise(100_000))
    pair.client.transport.close()
    await turned_loop().turn(LINGER - 1)
    assert pair.client.heard == ["made", "pause"]
    pair.near.go()
    await turned_loop().settle()
    assert pair.server.data == noise(100_000)
    assert pair.server.heard == ["made", "end", "lost"]


async def test_a_close_does_not_wait_for_ever() -> None:
    pair = await Pair().open()
    pair.near.hold = True
    pair.client.transport.write(noise(100_000))
    pair.client.transport.close()
    await turned_loop().turn(LINGER)
    assert pair.near.aborted
    assert pair.client.heard[-1] == "lost"


async def test_the_peer_ends_and_still_hears() -> None:
    pair = await Pair().open()
    pair.server.half_open = True
    pair.client.transport._ssl.write(b"question")
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.transport._ssl.unwrap()
    pair.client.transport._flush()
    await turned_loop().settle()
    assert pair.server.data == b"question"
    assert pair.server.heard == ["made", "end"]
    pair.server.transport.write(b"answer")
    await turned_loop().settle()
    assert pair.client.data == b"answer"
    pair.server.transport.close()
    await turned_loop().settle()
    assert pair.server.heard == ["made", "end", "lost"]


async def test_an_end_without_goodbye_is_an_end_too() -> None:
    pair = await Pair().open()
    pair.client.transport.write(b"some")
    pair.near.close()
    await turned_loop().settle()
    assert pair.server.data == b"some"
    assert pair.server.heard == ["made", "end", "lost"]
    assert pair.server.transport.get_extra_info("truncated")


@pytest.mark.parametrize("goodbye", [True, False])
async def test_a_reader_that_pauses_hears_of_the_end_behind_the_data(goodbye: bool) -> None:
    pair = await Pair().open()
    pair.server.pause_at = 1
    pair.client.transport.write(noise(3 * GATHER))
    if goodbye:
        pair.client.transport.close()
    else:
        pair.near.close()
    await turned_loop().settle()
    assert len(pair.server.data) == GATHER
    assert pair.server.heard == ["made"]
    pair.server.pause_at = None
    pair.server.transport.resume_reading()
    await turned_loop().settle()
    assert pair.server.data == noise(3 * GATHER)
    assert pair.server.heard == ["made", "end", "lost"]


async def test_what_had_arrived_survives_a_reset() -> None:
    pair = await Pair().open()
    pair.server.pause_at = 1
    pair.client.transport.write(noise(3 * GATHER))
    await turned_loop().settle()
    pair.down.connection_lost(ConnectionResetError())
    assert pair.server.data == noise(3 * GATHER)
    assert pair.server.heard == ["made", "lost: ConnectionResetError"]


async def test_a_record_that_was_changed_on_the_way() -> None:
    pair = await Pair().open()
    pair.near.hold = True
    pair.client.transport.write(b"first")
    pair.near.go()
    pair.client.transport.write(b"second")
    pair.near.unsent[-1] ^= 1
    pair.near.go()
    await turned_loop().settle()
    assert pair.server.data == b"first"
    assert pair.server.heard == ["made", "lost: SSLError"]
    assert pair.far.aborted


@pytest.mark.parametrize("what", [b"GET / HTTP/1.0\r\n\r\n", b"\x17\x03\x03\xff\xff"])
async def test_what_is_no_record(what: bytes) -> None:
    pair = await Pair().open()
    pair.down.data_received(what)
    await turned_loop().settle()
    assert pair.server.heard[1].startswith("lost: ")
    assert pair.far.aborted


async def test_no_more_than_a_record_is_held() -> None:
    pair = await Pair().open()
    pair.down.data_received(b"\x17\x03\x03\x48\x00" + bytes(MAX_CONTENT - 1))
    assert len(pair.down._held) == HEADER + MAX_CONTENT - 1
    pair.down.data_received(bytes(2))
    assert len(pair.down._held) <= HEADER
    assert pair.far.aborted


async def test_a_protocol_that_closes_as_it_hears() -> None:
    pair = await Pair().open()
    heard: list[bytes] = []

    def hear(data: bytes) -> None:
        heard.append(data)
        pair.server.transport.close()

    pair.server.data_received = hear  # type: ignore[method-assign]
    pair.client.transport.write(noise(3 * GATHER))
    await turned_loop().settle()
    assert heard == [noise(3 * GATHER)[:GATHER]]
    assert pair.server.heard == ["made", "lost"]


async def test_a_protocol_that_closes_as_it_is_told() -> None:
    pair = Pair()

    class Shy(End):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.abort()

    pair.server = Shy()
    pair.down = TlsTransport(SERVER, lambda: pair.server, pair._settle, limit=1, server=True)
    pair.far.above = pair.down
    await pair.shake()
    assert pair.server.heard == ["made", "lost"]


async def test_abort() -> None:
    pair = await Pair().open()
    pair.near.hold = True
    pair.client.transport.write(noise(100))
    pair.client.transport.abort()
    pair.client.transport.abort()
    await turned_loop().settle()
    assert pair.client.heard == ["made", "lost"]
    assert pair.server.heard == ["made", "end", "lost"]


async def test_a_handshake_that_is_given_up() -> None:
    pair = Pair()
    pair.up.connection_made(pair.near)
    pair.up.abort()
    await turned_loop().settle()
    (error,) = pair.settled
    assert str(error) == "given up"
    assert pair.client.heard == []


async def test_a_handshake_has_its_time() -> None:
    pair = Pair(limit=3)
    pair.up.connection_made(pair.near)
    await turned_loop().turn(2.9)
    assert not pair.settled
    await turned_loop().turn(0.1)
    (error,) = pair.settled
    assert isinstance(error, TlsError)
    assert error.line == "Error with TLS handshake: 5031 (state: 1, code: -0x6800)"


async def test_an_open_connection_has_no_timer_and_no_handshake_left() -> None:
    pair = await Pair().open()
    for end in (pair.up, pair.down):
        assert end._timer is None
        assert end._walk is None
        assert end._context is None
        assert end._held == b""
