"""Requests of other plugins."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from tests.peers import Far, Peer, ask, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.results import CommandError
from tokay.plugins.http_client import Answer, Fetched, HttpClient, Upgraded
from tokay.plugins.network import Interface, Network
from tokay.testing.clock import turned_loop

Here = Callable[..., Device]
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "x")]


def says(answer: bytes, *, close: bool = False) -> Callable[[Far], Coroutine[Any, Any, None]]:
    async def play(far: Far) -> None:
        await far.line()
        far.send(answer)
        if close:
            far.close()

    return play


async def begin(device: Device) -> tuple[HttpClient, Interface]:
    await ask(device, "network_up")
    interface = await device.kernel.plugin(Network).need()
    return device.kernel.plugin(HttpClient), interface


async def test_a_page(here: Here, loops: None) -> None:
    answer = b"HTTP/1.1 404 None\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello"
    async with Peer(says(answer)) as peer, here() as device:
        client, interface = await begin(device)
        url = f"http://127.0.0.1:{peer.port}/x"
        page = await soon(client.fetch(interface, url, most=5, headers=[("X-B", "3")]))
        assert (page.status, page.body) == (404, b"hello")
        assert page.headers == [("X-A", "1"), ("x-a", "2"), ("Content-Length", "5")]
        assert [entry.text for entry in device.log][-3:] == [
            "Request GET /x", f"Connecting (HTTP): 127.0.0.1:{peer.port}", "HTTP response: 404",
        ]  # fmt: skip
        assert await ask(device, "poll all") == ["None"]
        await (await peer.next()).gone()


@pytest.mark.parametrize(
    ("answer", "close"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nhello!", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n-1\r\n", False),
        (b"nonsense", False),
        (b"", True),
    ],
)
async def test_what_is_no_page(here: Here, loops: None, answer: bytes, close: bool) -> None:
    async with Peer(says(answer, close=close)) as peer, here() as device:
        client, interface = await begin(device)
        with pytest.raises(OSError, match=r"\w"):
            await soon(client.fetch(interface, f"127.0.0.1:{peer.port}", most=5))
        await (await peer.next()).gone()


async def test_limits(here: Here) -> None:
    async with Peer() as peer, here() as device:
        client, interface = await begin(device)
        for name, value in (("X", "a\r\nY: b"), ("X Y", "1"), ("Content-Length", "5")):
            with pytest.raises(CommandError):
                await client.fetch(
                    interface, f"127.0.0.1:{peer.port}", most=5, headers=[(name, value)]
                )
        with pytest.raises(CommandError):
            await client.fetch(interface, "ftp://127.0.0.1", most=5)
        begun = turned_loop().time()
        with pytest.raises(TimeoutError):
            await soon(client.fetch(interface, f"127.0.0.1:{peer.port}", most=5))
        assert turned_loop().time() - begun == pytest.approx(5)
        await (await peer.next()).gone()


async def test_a_long_body_is_not_held(here: Here) -> None:
    size = 1 << 22

    async def play(far: Far) -> None:
        await far.line()
        far.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    async with Peer(play) as peer, here() as device:
        client, interface = await begin(device)
        async with client.request(interface, "GET", f"127.0.0.1:{peer.port}") as answer:
            assert answer.length == size
            await turned_loop().settle()
            assert (await peer.next()).unsent
            got = 0
            async for piece in answer.pieces():
                got += len(piece)
                assert len(piece) <= 65536
            assert got == size


async def test_a_body_that_is_sent(here: Here) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with Peer() as peer, here() as device:
        client, interface = await begin(device)

        async def post() -> int:
            async with client.request(
                interface, "POST", f"127.0.0.1:{peer.port}", content_type="a/b", length=None,
                body=body(),
            ) as answer:  # fmt: skip
                return answer.status

        asked = asyncio.ensure_future(post())
        far = await peer.next()
        assert (await far.line()).endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert await far.line(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        far.send(b"HTTP/1.1 201 Created\r\n\r\n")
        assert await asked == 201


async def test_the_network_goes(here: Here, air: Airspace) -> None:
    async with (
        Peer(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")) as peer,
        here() as device,
    ):
        client, interface = await begin(device)
        asked = asyncio.ensure_future(client.fetch(interface, f"127.0.0.1:{peer.port}", most=9))
        await turned_loop().settle()
        begun = turned_loop().time()
        air.ap("lab").power(False)
        with pytest.raises(OSError, match="went down"):
            await soon(result(asked))
        assert turned_loop().time() == begun
        await (await peer.next()).gone()


async def result(asked: "asyncio.Future[Fetched]") -> Fetched:
    return await asked


class Taker(asyncio.Protocol):
    def __init__(self, heard: bytes) -> None:
        self.heard = heard
        self.changed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.changed.set()


async def test_an_upgrade(here: Here, loops: None) -> None:
    answer = b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly"
    async with Peer(says(answer)) as peer, here() as device:
        client, interface = await begin(device)
        url = f"ws://127.0.0.1:{peer.port}/x"
        upgraded = await soon(client.upgrade(interface, url, headers=UPGRADE))
        assert isinstance(upgraded, Upgraded)
        assert upgraded.headers == [("Connection", "upgrade"), ("Upgrade", "x")]
        far = await peer.next()
        far.send(b" and late")
        taker = Taker(upgraded.early)
        upgraded.transport.set_protocol(taker)
        upgraded.transport.resume_reading()
        while taker.heard != b"early and late":
            taker.changed.clear()
            await soon(wait(taker.changed))
        upgraded.transport.write(b"hello")
        assert await far.take(5) == b"hello"
        upgraded.transport.close()
        await far.gone()


async def wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_an_upgrade_that_is_refused(here: Here) -> None:
    async with Peer(says(b"HTTP/1.1 403 No\r\nX: 1\r\n\r\n")) as peer, here() as device:
        client, interface = await begin(device)
        answer = await client.upgrade(interface, f"ws://127.0.0.1:{peer.port}", headers=UPGRADE)
        assert isinstance(answer, Answer)
        assert (answer.status, answer.header("x"), answer.header("y")) == (403, "1", "")
        await (await peer.next()).gone()
