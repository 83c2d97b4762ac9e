"""`/cmdstream`: commands as MessagePack maps."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.peers import Peer, ask
from tests.plugins.http_server.conftest import Web
from tests.plugins.websocket.conftest import FarWebSocket, open_websocket, upgrade
from tests.websocket_cases import BINARY, CLOSE, Frame, cont, fragments, text

from tokay.plugins.websocket.clients import MAX_CLIENTS
from tokay.plugins.websocket.commands import MAX_MESSAGE, MAX_OUTSTANDING
from tokay.protocols.websocket import parse_close

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


class Page:
    """A page that drives a device."""

    def __init__(self, far: FarWebSocket) -> None:
        self.far = far

    def send(self, **fields: Any) -> None:
        self.far.send(Frame(BINARY, pack(fields)))

    async def answers(self, count: int = 1) -> list[Any]:
        answers = []
        for opcode, payload, end in await self.far.hear(count):
            assert (opcode, end) == (BINARY, True)
            answers.append(unpack(payload))
        return answers

    async def ask(self, **fields: Any) -> Any:
        self.send(**fields)
        (answer,) = await self.answers()
        return answer


@pytest.fixture
async def page(web: Web) -> Page:
    return Page(await open_websocket(web, "/cmdstream"))


async def test_a_command(page: Page) -> None:
    assert await page.ask(id=0, command="get wlan.ssid") == {
        "id": 0, "code": 0, "response": "lab\r\n",
    }  # fmt: skip
    assert await page.ask(id=7, command="set wlan.ssid x\r\n") == {
        "id": 7, "code": 0, "response": "Set OK\r\n",
    }  # fmt: skip


async def test_results(page: Page) -> None:
    for line, code, response in (
        ("nonsense", 3, "Unknown command\r\n"),
        ("get", 4, "Too few arguments\r\n"),
        ("stream_read 5 1", 1, "Command failed\r\n"),
        ("", 3, "Unknown command\r\n"),
    ):
        assert await page.ask(id=1, command=line) == {"id": 1, "code": code, "response": response}


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**63, 2**64 - 1, -1])
async def test_ids_are_mirrored(page: Page, number: int) -> None:
    assert (await page.ask(id=number, command="get bus.mode"))["id"] == number


async def test_data(page: Page, web: Web) -> None:
    async with Peer() as peer:
        answer = await page.ask(id=1, command=f"tcp_client 127.0.0.1 {peer.port}")
        assert answer == {"id": 1, "code": 0, "response": "0\r\n"}
        far = await peer.next()
        assert (await page.ask(id=2, command="write 0 4", data=b"\x00\xff\r\n"))["code"] == 0
        assert (await page.ask(id=3, command="write 0 4", data="text"))["code"] == 0
        assert await far.take(8) == b"\x00\xff\r\ntext"
        # What is no text comes as bytes, and the line end behind it all the same.
        far.send(b"\xff\xfe")
        await web.device.kernel.streams.find(0).fill(2, 5)
        assert (await page.ask(id=4, command="read 0 10"))["response"] == b"\xff\xfe\r\n"
        assert (await page.ask(id=5, command="read 0 10"))["response"] == ""


async def test_data_that_is_missing(page: Page) -> None:
    answer = await page.ask(id=2, command="file_create x 10", data=b"four")
    assert answer["code"] == 1
    assert (await page.ask(id=3, command="get bus.mode"))["code"] == 0


async def test_the_log_is_not_in_the_response(page: Page) -> None:
    answer = await page.ask(id=1, command="stream_close all")
    assert answer["response"] == "Success\r\n"


async def test_many_at_once(page: Page) -> None:
    """They run one after the other, in the order in which they came."""
    for number in range(200):
        page.send(id=number, command=f"set wlan.ssid {number}")
        page.send(id=1000 + number, command="get wlan.ssid")
    answers = await page.answers(400)
    assert [answer["id"] for answer in answers[::2]] == list(range(200))
    assert [answer["response"] for answer in answers[1::2]] == [f"{n}\r\n" for n in range(200)]


async def test_some_that_take_their_time(page: Page, web: Web) -> None:
    for number in range(30):
        page.send(id=number, command="network_lookup localhost")
    assert [answer["id"] for answer in await page.answers(30)] == list(range(30))


async def test_two_pages(page: Page, web: Web) -> None:
    other = Page(await open_websocket(web, "/cmdstream"))
    for number in range(50):
        page.send(id=number, command="network_lookup localhost")
        other.send(id=number + 50, command="get bus.mode")
    assert [answer["id"] for answer in await page.answers(50)] == list(range(50))
    assert [answer["id"] for answer in await other.answers(50)] == list(range(50, 100))


async def test_a_page_that_does_not_read(page: Page, web: Web) -> None:
    """Its commands wait: neither they nor the answers pile up."""
    far = page.far.far
    far.deaf()
    request = pack({"id": 1, "command": "help variables"})
    for _ in range(1500):
        page.far.send(Frame(BINARY, request))
        await asyncio.sleep(0)
    clients = web.device.kernel.plugins
    (endpoint,) = next(p for p in clients.values() if p.name == "websocket")._clients.values()  # type: ignore[attr-defined]
    (client,) = endpoint
    assert client.connection.transport.get_write_buffer_size() < 512 * 1024
    assert len(client._waiting) < 70000 // len(request)
    assert far.unsent or len(client._waiting) >= MAX_OUTSTANDING
    far.hear()
    got = 0
    while got < 1500:
        got += sum(1 for _, _, end in await page.far.hear() if end)
    assert got == 1500


async def test_what_is_no_request(page: Page) -> None:
    for fields in ({"id": 5}, {"id": 5, "command": 1}, {"id": 5, "command": "get", "data": 7}):
        assert await page.ask(**fields) == {"id": 5, "code": 2, "response": "Parse error\r\n"}
    assert (await page.ask(command="get bus.mode"))["id"] == 0
    assert (await page.ask(id=1, command="get a\r\nget b"))["code"] == 2
    assert (await page.ask(id=1, command="get bus.mode", further=[1, {"x": None}]))["code"] == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", 1007),
        (b"\xc1", 1007),
        (b"\x93\x01\x02\x03", 1007),
        (pack({"id": "x", "command": "get"}), 1007),
        (b"\x91" * 60000, 1007),
        (b"\x82\xa2id\x01\xa1x" + b"\x91" * 60000, 1007),
        (b"\xdf\xff\xff\xff\xff", 1007),
        (bytes(MAX_MESSAGE + 1), 1009),
    ],
)
async def test_what_is_no_message(page: Page, web: Web, message: bytes, code: int) -> None:
    page.far.send(Frame(BINARY, message))
    assert await page.far.closing() == code
    other = Page(await open_websocket(web, "/cmdstream"))
    assert (await other.ask(id=1, command="get bus.mode"))["code"] == 0


async def test_text_is_not_spoken(page: Page) -> None:
    page.far.send(text(b'{"id":1,"command":"get bus.mode"}'))
    assert await page.far.closing() == 1003


async def test_requests_in_fragments(page: Page) -> None:
    request = pack({"id": 1, "command": "get bus.mode"})
    page.far.send(*fragments(BINARY, request, 1))
    page.far.send(Frame(BINARY, b"", False), cont(request))
    assert [answer["code"] for answer in await page.answers(2)] == [0, 0]
    # Endless is too long.
    page.far.send(Frame(BINARY, b"x", False), *[cont(bytes(1000), False)] * 200)
    assert await page.far.closing() == 1009


async def test_a_page_that_goes(page: Page, web: Web) -> None:
    for number in range(20):
        page.send(id=number, command="network_lookup localhost")
    await page.answers()
    page.far.far.reset()
    assert await ask(web.device, "get bus.mode") == ["command"]


async def test_it_holds_no_stream(page: Page) -> None:
    assert (await page.ask(id=1, command="poll all"))["response"] == "None\r\n"


async def test_so_many_pages(web: Web) -> None:
    for _ in range(MAX_CLIENTS):
        await open_websocket(web, "/cmdstream")
    client = await web.connect()
    client.send(upgrade(web, "/cmdstream"))
    assert (await client.answer()).status == 503


async def test_a_reboot(page: Page) -> None:
    page.send(id=1, command="reboot")
    (opcode, answer, _), (closing, reason, _) = await page.far.hear(2)
    assert (opcode, unpack(answer)["code"]) == (BINARY, 0)
    assert (closing, parse_close(reason)[0]) == (CLOSE, 1001)
