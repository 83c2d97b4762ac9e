"""`/appdata` and `/zapstreams`: what plugins offer to web pages, and ask of them."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import pytest
from tests.peers import soon
from tests.plugins.http_server.conftest import Serve, Web
from tests.plugins.websocket.conftest import FarWebSocket, open_websocket
from tests.websocket_cases import BINARY, TEXT, Frame

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, failed
from tokay.plugins.websocket import AppClient, AppStreams, WebSocket
from tokay.plugins.websocket.app import MAX_ASKED, PATIENCE

ENCODE: dict[str, Callable[[Any], bytes]] = {
    "/appdata": msgspec.msgpack.encode,
    "/zapstreams": msgspec.json.encode,
}
DECODE: dict[str, Callable[[bytes], Any]] = {
    "/appdata": msgspec.msgpack.decode,
    "/zapstreams": msgspec.json.decode,
}


class Lamp(Plugin):
    """An application that has a lamp."""

    name = "lamp"
    after: ClassVar = ("websocket",)

    def start(self, kernel: Kernel, board: Board) -> None:
        self.level: Any = "off"
        self.app = kernel.plugin(WebSocket).app
        self.app.register("lamp", read=lambda _page: self.level, write=self._write)
        self.app.register("version", read=lambda _page: "1.0")
        self.app.register("bell", write=self._broken)
        self.app.register("bug", read=lambda _page: object())  # type: ignore[arg-type,return-value]
        self.app.register("worse", write=lambda _page, data: 1 // 0)  # type: ignore[arg-type]

    def _write(self, page: AppClient, data: bytes | str) -> None:
        self.level = data

    def _broken(self, page: AppClient, data: bytes | str) -> None:
        raise failed("there is no bell")


class Page:
    def __init__(self, path: str, far: FarWebSocket) -> None:
        self.path, self.far = path, far
        self.opcode = BINARY if path == "/appdata" else TEXT

    def send(self, **fields: Any) -> None:
        self.far.send(Frame(self.opcode, ENCODE[self.path](fields)))

    async def next(self) -> Any:
        ((opcode, payload, _),) = await self.far.hear()
        assert opcode == self.opcode
        return DECODE[self.path](payload)

    async def ask(self, **fields: Any) -> Any:
        self.send(**fields)
        return await self.next()


@pytest.fixture(params=["/appdata", "/zapstreams"])
def path(request: pytest.FixtureRequest) -> str:
    path: str = request.param
    return path


def app(web: Web) -> AppStreams:
    return web.device.kernel.plugin(WebSocket).app


async def test_what_a_page_may_ask(serve: Serve, path: str) -> None:
    async with serve(plugins=(Lamp,)) as web:
        page = Page(path, await open_websocket(web, path))
        assert await page.ask(id=1, method="list") == {
            "id": 1, "code": 1, "data": {"bell": 2, "bug": 1, "lamp": 3, "version": 1, "worse": 2},
        }  # fmt: skip
        assert await page.ask(id=2, method="read", stream="lamp") == {
            "id": 2, "code": 1, "data": "off",
        }  # fmt: skip
        assert await page.ask(id=3, method="write", stream="lamp", data="on") == {
            "id": 3, "code": 1,
        }  # fmt: skip
        assert web.device.kernel.plugin(Lamp).level == "on"
        for fields, code in (
            ({"method": "read", "stream": "bell"}, 3),
            ({"method": "write", "stream": "version", "data": "2"}, 3),
            ({"method": "read", "stream": "nothing"}, 3),
            ({"method": "write", "stream": "bell", "data": "x"}, 2),
            ({"method": "write", "stream": "lamp"}, 4),
            ({"method": "write", "stream": "lamp", "data": [1]}, 4),
            ({"method": "read"}, 4),
            ({"stream": "lamp"}, 4),
            ({"method": "dance", "stream": "lamp"}, 5),
        ):
            assert await page.ask(id=9, **fields) == {"id": 9, "code": code}


async def test_bugs(serve: Serve, path: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serve(plugins=(Lamp,)) as web:
        page = Page(path, await open_websocket(web, path))
        assert (await page.ask(id=1, method="read", stream="bug"))["code"] == 2
        assert (await page.ask(id=2, method="write", stream="worse", data="x"))["code"] == 2
        assert [record.getMessage() for record in caplog.records if record.levelno > 30] == [
            "application stream bug failed",
            "application stream worse failed",
        ]
        caplog.clear()

        def greet(client: AppClient, here: bool) -> None:
            client.post("hello", "you")

        app(web).on_client.append(greet)
        other = Page(path, await open_websocket(web, path))
        assert await other.next() == {"method": "write", "stream": "hello", "data": "you"}


async def test_a_device_without_an_application(web: Web, path: str) -> None:
    page = Page(path, await open_websocket(web, path))
    assert await page.ask(id=1, method="list") == {"id": 1, "code": 1, "data": {}}
    assert await page.ask(id=2, method="read", stream="x") == {"id": 2, "code": 3}


async def test_what_a_device_may_ask(web: Web, path: str) -> None:
    came = []
    app(web).on_client.append(lambda client, here: came.append(here))
    page = Page(path, await open_websocket(web, path))
    (client,) = app(web).clients
    assert came == [True]
    assert client.peer[1]

    async def asked(work: Any, fields: dict[str, Any], **answer: Any) -> Any:
        task = asyncio.ensure_future(work)
        request = await page.next()
        number = request.pop("id")
        assert request == fields
        page.send(id=number, **answer)
        return await soon(_of(task))

    listed = await asked(client.list(), {"method": "list"}, code=1, data=["a", "b"])
    assert listed == ["a", "b"]
    assert await asked(client.read("a"), {"method": "read", "stream": "a"}, code=1, data=5) == 5
    await asked(client.write("a", "x"), {"method": "write", "stream": "a", "data": "x"}, code=1)
    with pytest.raises(CommandError, match="the page answers 3"):
        await asked(client.read("b"), {"method": "read", "stream": "b"}, code=3)
    page.far.far.close()
    await page.far.far.gone()
    while app(web).clients:
        await asyncio.sleep(0)
    assert came == [True, False]


async def _of(task: "asyncio.Future[Any]") -> Any:
    return await task


async def test_writing_to_all(web: Web, path: str) -> None:
    pages = [Page(path, await open_websocket(web, path)) for _ in range(3)]
    assert app(web).write_all("news", "it rains") == 3
    for page in pages:
        assert await page.next() == {"method": "write", "stream": "news", "data": "it rains"}


async def test_a_page_that_does_not_answer(web: Web, path: str) -> None:
    await open_websocket(web, path)
    (client,) = app(web).clients
    with pytest.raises(CommandError, match="does not answer"):
        await soon(client.read("x"))
    begun = [asyncio.ensure_future(client.read("x")) for _ in range(MAX_ASKED)]
    await asyncio.sleep(0)
    with pytest.raises(CommandError):
        await client.read("x")
    await soon(asyncio.sleep(PATIENCE + 1))
    assert all(isinstance(task.exception(), CommandError) for task in begun)


async def test_a_page_that_goes_meanwhile(web: Web, path: str) -> None:
    far = await open_websocket(web, path)
    (client,) = app(web).clients
    asking = asyncio.ensure_future(client.read("x"))
    await far.hear()
    far.far.reset()
    with pytest.raises(CommandError):
        await soon(_of(asking))
    with pytest.raises(CommandError, match="has gone"):
        await client.read("x")


@pytest.mark.parametrize(("raw", "code"), [(b"\xc1", 1007), (b"[1]", 1007), (bytes(65537), 1009)])
async def test_what_is_no_message(web: Web, path: str, raw: bytes, code: int) -> None:
    page = Page(path, await open_websocket(web, path))
    page.far.send(Frame(page.opcode, raw))
    assert await page.far.closing() == code


async def test_the_other_kind_of_message(web: Web, path: str) -> None:
    page = Page(path, await open_websocket(web, path))
    page.far.send(Frame(3 - page.opcode, b"{}"))
    assert await page.far.closing() == 1003


async def test_bytes_by_msgpack(serve: Serve) -> None:
    async with serve(plugins=(Lamp,)) as web:
        page = Page("/appdata", await open_websocket(web, "/appdata"))
        await page.ask(id=1, method="write", stream="lamp", data=b"\x00\xff")
        assert (await page.ask(id=2, method="read", stream="lamp"))["data"] == b"\x00\xff"


async def test_a_page_that_asks_and_does_not_read(serve: Serve, path: str) -> None:
    async with serve(plugins=(Lamp,)) as web:
        page = Page(path, await open_websocket(web, path))
        web.device.kernel.plugin(Lamp).level = "x" * 30000
        (client,) = app(web).clients
        page.far.far.deaf()
        asked = 0
        while not page.far.far.unsent and asked < 20000:
            for _ in range(500):  # many in what the device takes at once
                page.send(id=asked, method="read", stream="lamp")
                asked += 1
            for _ in range(5):
                await asyncio.sleep(0)
            transport = client.connection.transport
            assert transport is not None
            assert transport.get_write_buffer_size() < 1 << 20
        page.far.far.hear()
        answers = b""
        while answers.count(b"code") < asked:
            answers += b"".join(payload for _, payload, _ in await page.far.hear())
        assert (await page.ask(id=1, method="list"))["code"] == 1
