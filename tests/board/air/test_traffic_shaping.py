import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from tokay.board.air.airspace import AccessPoint, Airspace, AirspaceError
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.radio import SimulatedRadio
from tokay.board.air.traffic_shaping import MAX_QUEUED, Shape, ShapedConnection
from tokay.board.radio import JoinRequest
from tokay.testing.clock import run_turned, turned_loop

Run = Callable[[Coroutine[Any, Any, None]], None]


class Peer(asyncio.Protocol):
    """Keeps what comes and when, and how it ended."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.data = b""
        self.moments: list[float] = []
        self.over: asyncio.Future[Exception | None] = self.loop.create_future()
        self.ended = False
        self.pauses: list[bool] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.moments.append(self.loop.time())

    def eof_received(self) -> bool:
        self.ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)

    def pause_writing(self) -> None:
        self.pauses.append(True)

    def resume_writing(self) -> None:
        self.pauses.append(False)


async def joined(shape: Shape | None) -> LoopbackLink:
    airspace = Airspace()
    access_point = airspace.add(AccessPoint("air", subnet="127.85.0.0/16"))
    if shape is not None:
        access_point.shape = shape
    link = await SimulatedRadio(airspace, "020000000001").join(JoinRequest("air"))
    link.configure("127.85.0.2", "255.255.0.0", "127.85.0.1", "127.85.0.1")
    return link


async def connected(shape: Shape | None) -> tuple[LoopbackLink, Peer, Peer]:
    """Give a link, the station's end of a connection, and the other end."""
    link = await joined(shape)
    came: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    def accept() -> Peer:
        peer = Peer()
        asyncio.get_running_loop().call_soon(came.set_result, peer)
        return peer

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    _, ours = await link.connect_tcp(Peer, "127.0.0.1", server.sockets[0].getsockname()[1])
    theirs = await came
    server.close()
    return link, ours, theirs


def test_without_a_shape_there_is_no_layer(run: Run) -> None:
    async def check() -> None:
        link, ours, theirs = await connected(None)
        assert not isinstance(ours.transport, ShapedConnection)
        ours.transport.close()
        await theirs.over
        link.close()

    run(check())


def test_a_shaped_connection_is_a_connection(run: Run) -> None:
    async def check() -> None:
        link, ours, theirs = await connected(Shape(latency=0.1))
        transport = ours.transport
        assert isinstance(transport, ShapedConnection)
        assert transport.get_extra_info("sockname")[0] == link.address
        assert transport.get_protocol() is ours
        assert transport.can_write_eof()
        sent = bytes(range(256)) * 4000
        transport.write(sent)
        assert ours.pauses == [True]
        assert transport.get_write_buffer_size() > MAX_QUEUED
        theirs.transport.write(sent)
        theirs.transport.write_eof()
        assert await ours.over is None
        assert ours.ended
        assert ours.data == theirs.data == sent
        assert ours.pauses[-1] is False
        assert transport.is_closing()
        transport.write(b"too late")
        transport.close()
        transport.abort()
        assert await theirs.over is None
        link.close()

    run(check())


def test_half_a_connection_can_end(run: Run) -> None:
    async def check() -> None:
        link, ours, theirs = await connected(Shape(latency=0.001))
        theirs.eof_received = lambda: True  # type: ignore[method-assign]
        ours.transport.write(b"question")
        ours.transport.write_eof()
        while theirs.data != b"question":
            await asyncio.sleep(0)
        theirs.transport.write(b"answer")
        theirs.transport.close()
        await ours.over
        assert ours.data == b"answer"
        link.close()

    run(check())


def test_an_abort_is_at_once() -> None:
    async def check() -> None:
        link, ours, theirs = await connected(Shape(latency=60))
        ours.transport.write(b"never")
        ours.transport.abort()
        await ours.over
        await theirs.over
        assert theirs.data == b""
        link.close()

    run_turned(check())


def test_an_accepted_connection_is_shaped_too() -> None:
    async def check() -> None:
        link = await joined(Shape(latency=3))
        peers: list[Peer] = []

        def accept() -> Peer:
            peers.append(Peer())
            return peers[-1]

        listener = await link.listen_tcp(accept, 0)
        loop = turned_loop()
        _, client = await loop.create_connection(Peer, str(link.address), listener.port)
        start = loop.time()
        client.transport.write(b"x")
        await loop.turn(2.9)
        assert peers[0].data == b""
        await loop.turn(0.2)
        assert peers[0].data == b"x"
        assert peers[0].moments == [pytest.approx(start + 3)]
        client.transport.close()
        await peers[0].over
        listener.close()
        link.close()

    run_turned(check())


def test_a_reader_that_waits_makes_the_peer_wait() -> None:
    async def check() -> None:
        link, ours, theirs = await connected(Shape(latency=1))
        ours.transport.pause_reading()
        loop = turned_loop()
        theirs.transport.write(bytes(5_000_000))
        await loop.turn(100)
        assert ours.data == b""
        assert theirs.pauses == [True]
        assert isinstance(ours.transport, ShapedConnection)
        assert ours.transport._in.size < MAX_QUEUED + 256 * 1024
        ours.transport.resume_reading()
        await loop.turn(10_000)
        assert len(ours.data) == 5_000_000
        ours.transport.close()
        await theirs.over
        link.close()

    run_turned(check())


def test_order_and_content_survive_loss() -> None:
    async def check() -> None:
        link, ours, theirs = await connected(Shape(latency=0.05, loss=0.3, bandwidth=100_000))
        sent = bytes(range(251)) * 1000
        ours.transport.write(sent)
        ours.transport.close()
        assert await theirs.over is None
        assert theirs.data == sent
        assert theirs.moments == sorted(theirs.moments)
        await ours.over
        link.close()

    run_turned(check())


@pytest.mark.parametrize(
    "keys", [{"latency": 61.0}, {"loss": 1.0}, {"loss": float("nan")}, {"bandwidth": 0}]
)
def test_a_shape_has_bounds(keys: dict[str, Any]) -> None:
    with pytest.raises(AirspaceError, match=next(iter(keys))):
        Shape(**keys)
