"""How many clients, how long each: nobody holds the server up, and nobody makes it grow."""

import asyncio

import pytest
from tests.peers import free_port
from tests.plugins.http_server.conftest import Serve, Web

from tokay.plugins.http_server.connection import known_heads
from tokay.plugins.http_server.limits import (
    BODY_LIMIT,
    DAWDLE,
    HEAD_LIMIT,
    IDLE_LIMIT,
    MAX_HEADS,
    SEND_LIMIT,
)
from tokay.plugins.http_server.plugin import HttpServer
from tokay.plugins.http_server.service import MAX_WAITING, SWEEP
from tokay.testing.clock import turned_loop

GET = b"GET /command/ver HTTP/1.1\r\n"
KEEP = b"Connection: keep-alive\r\n\r\n"


async def test_one_byte_a_second(web: Web) -> None:
    """It does not matter that bytes come: the whole head has so long and no longer."""
    client = await web.connect()
    sent = 0
    for byte in GET + b"X: " + b"a" * 1000:
        if client.far.ended:
            break
        client.send(bytes([byte]))
        sent += 1
        await turned_loop().turn(1)
    assert sent <= HEAD_LIMIT + 2 * SWEEP
    assert (await client.rest()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert (await web.command("ver"))["code"] == 0


@pytest.mark.parametrize(
    ("begun", "limit", "answer"),
    [
        (b"", HEAD_LIMIT, b""),
        (b"\r\n", HEAD_LIMIT, b""),
        (b"G", HEAD_LIMIT, b"HTTP/1.1 408 "),
        (GET, HEAD_LIMIT, b"HTTP/1.1 408 "),
        (b"POST /command HTTP/1.1\r\nContent-Length: 9\r\n\r\n", BODY_LIMIT, b"HTTP/1.1 408 "),
        (
            b"POST /command HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", BODY_LIMIT,
            b"HTTP/1.1 408 ",
        ),
    ],
)  # fmt: skip
async def test_a_client_that_falls_silent(
    web: Web, begun: bytes, limit: float, answer: bytes
) -> None:
    client = await web.connect()
    client.send(begun)
    await turned_loop().turn(limit - SWEEP)
    early = client.far.ended
    await turned_loop().turn(3 * SWEEP)
    assert (early, client.far.ended) == (False, True)
    assert (await client.rest()).startswith(answer)


async def test_a_kept_connection(web: Web) -> None:
    """It is offered to those who ask for it, and for so long."""
    client = await web.connect()
    for _ in range(3):
        client.send(GET + KEEP)
        answer = await client.answer()
        assert answer.headers["connection"] == "keep-alive"
        await turned_loop().turn(IDLE_LIMIT - 2 * SWEEP)
    client.send(GET + b"\r\n")
    assert (await client.answer()).headers["connection"] == "close"
    await client.far.gone()
    client = await web.connect()
    client.send(GET + KEEP)
    await client.answer()
    await turned_loop().turn(IDLE_LIMIT + 2 * SWEEP)
    assert client.far.ended
    assert await client.rest() == b""


async def test_every_answer_can_keep_the_connection(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokay.plugins.http_server.files.PIECE", 1000)
    await web.file("a.txt", b"text")
    await web.file("b.bin", bytes(5000))
    client = await web.connect()
    for line, status in [
        (b"GET /a.txt", 200), (b"GET /b.bin", 200), (b"HEAD /b.bin", 200), (b"GET /none", 404),
        (b"POST /command", 400), (b"GET /log", 200), (b"PUT /a.txt", 405), (b"GET /command/x", 200),
    ]:  # fmt: skip
        client.send(line + b" HTTP/1.0\r\n" + KEEP)
        answer = await client.answer(head=line.startswith(b"HEAD"))
        assert answer.status == status
        assert answer.headers["connection"] == "keep-alive"


async def test_a_client_that_takes_nothing(web: Web) -> None:
    await web.file("huge.bin", bytes(8_000_000))
    client = await web.connect()
    client.far.deaf()
    client.send(b"GET /huge.bin HTTP/1.0\r\n\r\n")
    service = web.device.kernel.plugin(HttpServer)._services["wlan"]
    await turned_loop().turn(SEND_LIMIT - SWEEP)
    assert len(service._active) == 1
    await turned_loop().turn(3 * SWEEP)
    assert len(service._active) == 0
    client.far.hear()
    assert len(await client.rest()) < 8_000_000


async def test_no_timer_without_clients(web: Web) -> None:
    await web.command("ver")
    service = web.device.kernel.plugin(HttpServer)._services["wlan"]
    await turned_loop().turn(2 * SWEEP)
    assert service._timer is None
    assert service.files._contents == {}


async def test_clients_beyond_the_limit_wait(serve: Serve) -> None:
    async with serve({"http.server.max_clients": "2"}) as web:
        loop = turned_loop()
        slow = [await web.connect() for _ in range(2)]
        await loop.settle()
        waiting = [await web.connect() for _ in range(MAX_WAITING)]
        for client in waiting:
            client.send(GET + b"\r\n")
        await loop.settle()
        assert not any(client.far.received for client in waiting)
        # There is an end to that too.
        beyond = await web.connect()
        assert (await beyond.answer()).status == 503
        slow[0].far.close()
        await loop.settle()
        for client in waiting:
            assert (await client.answer()).status == 200
        slow[1].send(GET + b"\r\n")
        assert (await slow[1].answer()).status == 200


async def test_kept_connections_make_room(serve: Serve) -> None:
    async with serve({"http.server.max_clients": "2"}) as web:
        kept = [await web.connect() for _ in range(2)]
        for client in kept:
            client.send(GET + KEEP)
            await client.answer()
        assert (await web.command("ver"))["code"] == 0
        await turned_loop().settle()
        assert sorted(client.far.ended for client in kept) == [False, True]


async def test_slow_clients_yield_to_others(serve: Serve) -> None:
    """Slow-loris: all places are taken by heads that never end, and still everybody is served."""
    async with serve({"http.server.max_clients": "3"}) as web:
        loop = turned_loop()
        slow = [await web.connect() for _ in range(9)]
        for client in slow:
            client.send(b"GET / HTTP/1.1\r\nX: ")
        await loop.settle()
        client = await web.connect()
        client.send(GET + b"\r\n")
        start = loop.time()
        assert (await client.answer()).status == 200
        assert loop.time() - start <= 4 * (DAWDLE + 2 * SWEEP)


async def test_those_who_wait_too_long(serve: Serve) -> None:
    async with serve({"http.server.max_clients": "1"}) as web:
        holder = await web.connect()
        holder.send(f"GET /command/tcp_client%20{web.address}%20{free_port()}".encode())
        await turned_loop().settle()
        client = await web.connect()
        client.send(GET + b"\r\n")
        # The head of the first never ends, so that its time does, and the second's turn comes.
        assert (await client.answer()).status == 200
        assert (await holder.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_flood_of_connections_leaves_nothing(serve: Serve) -> None:
    async with serve() as web:
        loop = turned_loop()
        for _ in range(5):
            clients = [await web.connect() for _ in range(40)]
            await loop.settle()
            for client in clients:
                if not client.far.ended:
                    client.far.reset()
            await loop.settle()
        assert (await web.command("ver"))["code"] == 0
        await loop.turn(SEND_LIMIT + 2)
        service = web.device.kernel.plugin(HttpServer)._services["wlan"]
        assert not service._active
        assert not service._waiting


async def test_known_heads_are_few(web: Web) -> None:
    client = await web.connect()
    for number in range(MAX_HEADS + 10):
        client.send(b"GET /command/%d HTTP/1.1\r\n" % number + KEEP)
        await client.answer()
    assert len(known_heads) <= MAX_HEADS
    # What has a body is never one of them, nor what came in two pieces.
    known_heads.clear()
    client.send(b"POST /command HTTP/1.1\r\nContent-Length: 0\r\n" + KEEP)
    await client.answer()
    client.send(GET)
    await asyncio.sleep(0)
    await turned_loop().settle()
    client.send(KEEP)
    await client.answer()
    assert not known_heads
    client.send(GET + KEEP)
    await client.answer()
    assert list(known_heads) == [GET + KEEP]
