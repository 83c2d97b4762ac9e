"""Pages of other plugins, and connections that are handed over."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from tests.plugins.http_server.conftest import Serve

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.http_server import HttpServer, Method, Reply, Request, refusal
from tokay.plugins.http_server.limits import HALF_LIMIT, TURN_LIMIT


def toggle(request: Request) -> str:
    return f"gpio {request.param('pin')} by {request.method.name}"


async def later(request: Request) -> Reply:
    await asyncio.sleep(5)
    return Reply(b'{"ok":true}', type="application/json", headers={"X-Pin": "3"})


def pieces(request: Request) -> Reply:
    def make() -> Iterator[bytes]:
        for number in range(3):
            yield b"%d," % number

    return Reply(make(), type="text/plain")


def broken(request: Request) -> Reply:
    raise RuntimeError("a bug")


def evil(request: Request) -> Reply:
    return Reply(b"", headers={"X": "a\r\nSet-Cookie: b"})


def half(request: Request) -> Reply:
    def make() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("a bug")

    return Reply(make())


async def never(request: Request) -> Reply:
    await asyncio.sleep(1000)
    return Reply()


def where(request: Request) -> str:
    return f"{request.path} {request.local[0]} {request.peer[0]} {request.interface.name}"


class Far(asyncio.Protocol):
    """What becomes of a connection that was handed over: it says back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Pages(Plugin):
    name = "pages"
    after = ("http_server",)

    def start(self, kernel: Kernel, board: Board) -> None:
        server = kernel.plugin(HttpServer)
        server.page("/api/toggle_gpio", toggle, (Method.GET, Method.POST))
        server.page("/api/later", later, (Method.PUT, Method.DELETE))
        server.page("/api/pieces", pieces)
        server.page("/api/broken", broken)
        server.page("/api/evil", evil)
        server.page("/api/half", half)
        server.page("/api/where", where)
        server.page("/api/never", never, (Method.GET, Method.PUT))
        server.upgrade("/echo", self.take)
        server.upgrade("/declined", self.decline)

    def take(self, request: Request, transport: asyncio.Transport, early: bytes) -> None:
        transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        far = Far()
        transport.set_protocol(far)
        far.connection_made(transport)
        if early:
            far.data_received(early)

    def decline(self, request: Request, transport: asyncio.Transport, early: bytes) -> None:
        transport.write(refusal(400, "Not now"))
        transport.close()


PLUGINS = {"plugins": (Pages,)}
UPGRADE = "Connection: keep-alive, Upgrade", "Upgrade: WebSocket"


async def test_an_upgrade_with_an_empty_body(serve: Serve) -> None:
    async with serve(**PLUGINS) as web:
        assert (await web.get("/echo", *UPGRADE, "Content-Length: 0")).status == 101


async def test_a_client_that_keeps_and_closes_is_closed(serve: Serve) -> None:
    async with serve(**PLUGINS) as web:
        got = await web.say(b"GET /command/ver HTTP/1.1\r\nConnection: keep-alive, close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in got


async def test_pages(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async with serve(**PLUGINS) as web:
        await web.file("api/toggle_gpio", b"a page comes before a file")
        answer = await web.get("/api/toggle_gpio?pin=1%2b2&pin=3")
        assert (answer.status, answer.body) == (200, b"gpio 1+2 by GET")
        assert answer.headers["content-type"] == "text/html"
        answer = await web.ask(
            "POST", "/api/toggle_gpio", "Content-Type: application/x-www-form-urlencoded",
            body="x=1&pin=a+b",
        )  # fmt: skip
        assert answer.body == b"gpio a b by POST"
        assert (await web.ask("HEAD", "/api/toggle_gpio?pin=1")).body == b""
        answer = await web.ask("PUT", "/api/toggle_gpio")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, POST, HEAD")
        assert (await web.get("/api/toggle_gpio/")).status == 404
        answer = await web.get("/api/pieces")
        assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"0,1,2,")
        assert (await web.get("/api/where")).body == (
            f"/api/where {web.address} 127.0.0.1 wlan".encode()
        )


async def test_a_page_that_takes_its_time(serve: Serve) -> None:
    async with serve(**PLUGINS) as web:
        answer = await web.ask("PUT", "/api/later")
        assert (answer.json, answer.headers["x-pin"]) == ({"ok": True}, "3")
        # A client that goes ends the page's work.
        client = await web.connect()
        client.send(b"DELETE /api/later HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        client.far.close()
        assert (await web.command("ver"))["code"] == 0


@pytest.mark.parametrize("page", ["broken", "evil"])
async def test_a_page_with_a_bug(serve: Serve, caplog: pytest.LogCaptureFixture, page: str) -> None:
    async with serve(**PLUGINS) as web:
        answer = await web.get(f"/api/{page}")
        assert (answer.status, answer.body) == (500, b"Internal Server Error\r\n")
        assert (await web.command("ver"))["code"] == 0
    assert [one.message for one in caplog.records] == ["HTTP server failed"]
    caplog.clear()


async def test_a_page_with_a_bug_in_the_middle(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(**PLUGINS) as web:
        got = await web.say(b"GET /api/half HTTP/1.1\r\n\r\n")
        assert not got.endswith(b"0\r\n\r\n")  # a client sees that it is not whole
        assert (await web.command("ver"))["code"] == 0
    caplog.clear()


async def test_pages_need_a_login(serve: Serve) -> None:
    login = {"http.server.username": "a", "http.server.password": "b"}
    async with serve(login, **PLUGINS) as web:
        assert (await web.get("/api/pieces")).status == 401
        assert (await web.get("/echo", *UPGRADE)).status == 401
        await web.file("http_whitelist.csv", b"api/*,echo")
        assert (await web.get("/api/pieces")).status == 200
        assert (await web.get("/echo", *UPGRADE)).status == 101


@pytest.mark.parametrize("bytewise", [False, True])
async def test_a_connection_that_is_handed_over(serve: Serve, *, bytewise: bool) -> None:
    async with serve(**PLUGINS) as web:
        client = await web.connect()
        lines = ["GET /echo?x=1 HTTP/1.1", "Host: x", *UPGRADE, "", ""]
        raw = "\r\n".join(lines).encode() + b"early"
        for piece in [raw[i : i + 1] for i in range(len(raw))] if bytewise else [raw]:
            client.send(piece)
            await asyncio.sleep(0)
        assert (await client.answer()).status == 101
        assert await client.far.take(5) == b"EARLY"
        client.send(b"late")
        assert await client.far.take(4) == b"LATE"
        # It is no client of the server any more.
        service = web.device.kernel.plugin(HttpServer)._services["wlan"]
        assert not service._active


async def test_upgrades_that_are_none(serve: Serve) -> None:
    async with serve(**PLUGINS) as web:
        answer = await web.get("/declined", *UPGRADE)
        assert (answer.status, answer.body) == (400, b"Not now\r\n")
        assert (await web.get("/echo")).status == 426
        assert (await web.get("/echo", "Upgrade: websocket")).status == 426
        assert (await web.get("/none", *UPGRADE)).status == 404
        # Another protocol: served as if it had not been asked for (RFC 9110, section 7.8).
        answer = await web.get("/command/ver", "Connection: Upgrade", "Upgrade: h2c")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert (await web.ask("POST", "/echo", *UPGRADE)).status == 405


async def test_upgrades_go_with_the_api_and_the_origin(serve: Serve) -> None:
    async with serve({"http.server.api_enabled": "0"}, **PLUGINS) as web:
        assert (await web.get("/echo", *UPGRADE)).status == 500
    async with serve({"http.server.cors_origin": "http://a"}, **PLUGINS) as web:
        assert (await web.get("/echo", "Origin: http://a", *UPGRADE)).status == 101
        client = await web.connect()
        client.send(("GET /echo HTTP/1.1\r\nOrigin: http://b\r\n" + "\r\n".join(UPGRADE)).encode())
        client.send(b"\r\n\r\n")
        assert await client.rest() == b""


async def test_those_whose_turn_does_not_come(serve: Serve) -> None:
    async with serve({"http.server.max_clients": "1"}, **PLUGINS) as web:
        holder = await web.connect()
        holder.send(b"GET /api/never HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        start = asyncio.get_running_loop().time()
        answer = await web.get("/api/where")
        assert answer.status == 503
        assert TURN_LIMIT <= asyncio.get_running_loop().time() - start < TURN_LIMIT + 3
        holder.far.reset()
        assert (await web.get("/api/where")).status == 200


async def test_a_client_that_may_be_gone(serve: Serve) -> None:
    """It closed its half, which it may also do to wait for its answer: so it may, for a while."""
    async with serve({"http.server.max_clients": "1"}, **PLUGINS) as web:
        for page in (b"/api/never", b"/api/later"):
            client = await web.connect()
            client.send(b"PUT " + page + b" HTTP/1.1\r\n\r\n")
            client.far.transport.write_eof()
            start = asyncio.get_running_loop().time()
            got = await client.rest()
            took = asyncio.get_running_loop().time() - start
            if page == b"/api/later":
                assert got.startswith(b"HTTP/1.1 200 OK")
            else:
                assert (got, HALF_LIMIT <= took < HALF_LIMIT + 3) == (b"", True)
