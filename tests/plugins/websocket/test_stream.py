"""`/stream`: a stream for each client of the HTTP server."""

import asyncio

import pytest
from tests.peers import LIMIT, ask, read, soon, stream
from tests.plugins.http_server.conftest import Serve, Web
from tests.plugins.websocket.conftest import FarWebSocket, echo, open_websocket, upgrade
from tests.websocket_cases import (
    BINARY,
    CASES,
    CLOSE,
    MUCH,
    PING,
    PONG,
    Case,
    Frame,
    close,
    cont,
    text,
)

from tokay.kernel.streams import HIGH_WATER, Stream
from tokay.plugins.gpio import Gpio
from tokay.plugins.websocket.connection import CLOSING_LIMIT
from tokay.testing.clock import turned_loop


async def opened(web: Web, *, early: bytes = b"") -> FarWebSocket:
    far = await open_websocket(web, "/stream", early=early)
    while not len(web.device.kernel.streams):
        await asyncio.sleep(0)
    return far


async def test_a_stream_for_each(web: Web, loops: None) -> None:
    fars = [await open_websocket(web, "/stream") for _ in range(3)]
    rows = (await ask(web.device, "list"))[-1].split("\r\n")[1:]
    ports = [far.far.transport.get_extra_info("sockname")[1] for far in fars]
    assert rows == [
        f"# {n} WEBS  {web.address}:{web.port} 127.0.0.1:{port}" for n, port in enumerate(ports)
    ]
    assert [entry.text for entry in web.device.log][-3:] == [f"[Opened: {n}]" for n in range(3)]


async def test_both_ways(web: Web, loops: None) -> None:
    far = await opened(web)
    far.send(text(b"one "), Frame(BINARY, b"two "), text(b"thr", False), cont(b"ee"))
    assert await read(web.device, 13) == b"one two three"
    assert await ask(web.device, "write 0 5", b"hello") == ["Success"]
    assert await far.hear() == [(BINARY, b"hello", True)]
    far.send(Frame(PING, b"you"))
    assert await far.hear() == [(PONG, b"you", True)]


async def test_pings_and_fragments(web: Web) -> None:
    far = await opened(web)
    await ask(web.device, "write -f 0 3", b"one")
    await ask(web.device, "write -p 0 2", b"hi")
    await ask(web.device, "write 0 3", b"two")
    heard = await far.hear(3)
    assert heard == [(BINARY, b"one", False), (PING, b"hi", True), (BINARY, b"two", True)]


@pytest.mark.parametrize("line", ["write -p 0", "write -p 0 0", "write 0 -p"])
async def test_a_ping_needs_no_payload(web: Web, line: str) -> None:
    far = await opened(web)
    assert (await ask(web.device, line))[-1] == "Success"
    assert await far.hear(1) == [(PING, b"", True)]
    assert (await ask(web.device, "write 0"))[-1] == "Too few arguments"
    assert (await ask(web.device, "write 0 0"))[-1] == "Invalid argument"


async def test_what_comes_with_the_request(web: Web, loops: None) -> None:
    await opened(web, early=text(b"early").encode(masked=True) + Frame(PING).encode(masked=True))
    assert await read(web.device, 5) == b"early"


async def play(far: FarWebSocket, wire: list[bytes]) -> tuple[bytes, list[bytes], int]:
    """Send, and return what was echoed, the pongs, and the close code."""
    for piece in wire:
        if far.far.ended:
            break
        far.far.send(piece)
        await asyncio.sleep(0)
    heard = bytearray()
    pongs: list[bytes] = []
    while True:
        pieces = await far.hear()
        assert pieces, "the device went without a close frame"
        for opcode, payload, _ in pieces:
            if opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                return bytes(heard), pongs, code
            if opcode == PONG:
                pongs.append(payload)
            else:
                heard += payload


@pytest.mark.parametrize("case", CASES + MUCH, ids=lambda case: case.name)
async def test_case(web: Web, case: Case) -> None:
    """Every case of the table, whole and byte by byte; the device echoes."""
    wire = case.encode(masked=True)
    pieces = [[wire]]
    if len(wire) < 500:
        pieces.append([wire[at : at + 1] for at in range(len(wire))])
    for sent in pieces:
        far = await opened(web)
        echo(stream(web.device))
        heard, pongs, code = await play(far, sent)
        if case.data is not None:
            assert heard == case.data
            assert pongs == case.pongs
        assert code in case.close
        far.far.close()
        await far.far.gone()
        await ask(web.device, "close all")


# Who may come, and how many.


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), 426),
        (("Sec-WebSocket-Key: dGhl", "Sec-WebSocket-Key: "), 400),
        (("Upgrade: websocket\r\n", ""), 426),
        (("GET ", "PUT "), 405),
    ],
)
async def test_requests_that_are_refused(web: Web, change: tuple[str, str], status: int) -> None:
    client = await web.connect()
    client.send(upgrade(web, "/stream").decode().replace(*change).encode())
    answer = await client.answer()
    assert answer.status == status
    assert await ask(web.device, "poll all") == ["None"]


async def test_more_than_there_are_handles(web: Web) -> None:
    fars = [await open_websocket(web, "/stream") for _ in range(8)]
    client = await web.connect()
    client.send(upgrade(web, "/stream"))
    assert (await client.answer()).status == 503
    await client.far.gone()
    fars[3].send(close(1000))
    await fars[3].closing()
    await fars[3].far.gone()
    await open_websocket(web, "/stream")


async def test_one_client_in_stream_mode(web: Web) -> None:
    web.device.kernel.streams.bridging = True
    await opened(web)
    client = await web.connect()
    client.send(upgrade(web, "/stream"))
    assert (await client.answer()).status == 503


async def test_the_bus_hears_of_it(web: Web) -> None:
    heard: list[Stream] = []
    web.device.kernel.streams.on_auto = heard.append
    await opened(web)
    assert [one.type for one in heard] == ["WEBS"]


async def test_logins(serve: Serve) -> None:
    settings = {"http.server.username": "me", "http.server.password": "secret"}
    async with serve(settings) as web:
        client = await web.connect()
        client.send(upgrade(web, "/stream"))
        assert (await soon(client.answer())).status == 401
        await open_websocket(web, "/stream", "Authorization: Basic bWU6c2VjcmV0")


async def test_origins(serve: Serve) -> None:
    async with serve({"http.server.cors_origin": "http://good.example"}) as web:
        await open_websocket(web, "/stream", "Origin: http://good.example")
        await open_websocket(web, "/stream", f"Origin: http://{web.address}:{web.port}")
        client = await web.connect()
        client.send(upgrade(web, "/stream", "Origin: http://bad.example"))
        assert await client.rest() == b""


async def test_the_api_may_be_off(serve: Serve) -> None:
    async with serve({"http.server.api_enabled": "0"}) as web:
        client = await web.connect()
        client.send(upgrade(web, "/stream"))
        assert (await client.answer()).status == 500


@pytest.mark.parametrize(
    ("profile", "paths"),
    [
        ("gecko-os-2", {"/stream"}),
        ("wiconnect-2", {"/stream"}),
        ("zentrios-3", {"/stream", "/zapstreams"}),
        ("gecko-os-4", {"/stream", "/zapstreams", "/cmdstream", "/appdata"}),
    ],
)
async def test_what_a_product_has(serve: Serve, profile: str, paths: set[str]) -> None:
    async with serve(profile=profile) as web:
        for path in ("/stream", "/zapstreams", "/cmdstream", "/appdata"):
            client = await web.connect()
            client.send(upgrade(web, path))
            status = (await client.answer()).status
            assert status == (101 if path in paths else 404), path


# The end.


async def test_the_host_closes(web: Web, loops: None) -> None:
    far = await opened(web)
    far.send(text(b"never read"))
    assert (await ask(web.device, "close 0"))[-1] == "Success"
    assert await far.closing() == 1000
    far.send(close(1000))
    await far.far.gone()


async def test_the_client_closes(web: Web, loops: None) -> None:
    far = await opened(web)
    far.send(text(b"last words"), close(1001))
    assert await far.closing() == 1001
    await far.far.gone()  # a server goes first
    assert await ask(web.device, "poll 0") == ["1"]
    assert await read(web.device, 10) == b"last words"
    assert await ask(web.device, "read 0 10") == ["[Closed: 0]", ""]
    assert await ask(web.device, "poll 0") == ["Command failed"]


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
async def test_a_client_that_goes_without_a_word(web: Web, loops: None, how: str) -> None:
    await ask(web.device, "set stream.auto_close 0")
    far = await opened(web)
    getattr(far.far, how)()
    await stream(web.device).fill(1, LIMIT)
    assert await ask(web.device, "poll 0") == ["2"]
    assert await ask(web.device, "write 0 1", b"x") == ["Command failed"]


async def test_a_client_that_does_not_answer_a_close(web: Web) -> None:
    far = await opened(web)
    await ask(web.device, "close 0")
    assert await far.closing() == 1000
    await turned_loop().turn(CLOSING_LIMIT + 1)
    await far.far.gone()


async def test_the_network_goes_and_comes(web: Web) -> None:
    far = await opened(web)
    await ask(web.device, "network_restart")
    assert await far.closing() == 1001
    await far.far.gone()
    await open_websocket(web, "/stream")


async def test_the_power_goes(web: Web) -> None:
    fars = [await open_websocket(web, path) for path in ("/stream", "/cmdstream", "/appdata")]
    web.device.shutdown()
    await soon(web.device.wait_off())
    for far in fars:
        assert await far.closing() == 1001
        await far.far.gone()


# Much, and slowly.


async def test_a_host_that_does_not_read(web: Web, loops: None) -> None:
    far = await opened(web)
    data = bytes(range(256)) * 32768
    far.send(Frame(BINARY, data))
    await stream(web.device).fill(HIGH_WATER, LIMIT)
    for _ in range(100):
        await asyncio.sleep(0)
    assert HIGH_WATER <= stream(web.device).available <= HIGH_WATER + 256 * 1024
    assert far.far.unsent
    assert await read(web.device, len(data), piece=65536) == data


async def test_a_host_that_does_not_read_can_close(web: Web) -> None:
    far = await opened(web)
    far.send(Frame(BINARY, bytes(8 << 20)), close(1000))
    await stream(web.device).fill(HIGH_WATER, LIMIT)
    await ask(web.device, "close 0")
    await far.far.gone()


async def test_a_pin_that_tells_of_clients(serve: Serve) -> None:
    async with serve({"http.server.connected_gpio": "7"}) as web:
        pins = web.device.kernel.plugin(Gpio).pins
        assert pins.level(7) == 0
        far = await opened(web)
        assert pins.level(7) == 1
        far.send(close(1000))
        await far.closing()
        await far.far.gone()
        assert pins.level(7) == 0
