"""WebSockets with others: their servers, their clients, and the case table played against both."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import aiohttp.web
import msgspec
import pytest
import pytest_asyncio
import websockets
import websockets.asyncio.client
import websockets.asyncio.server
from tests.interop.conftest import left_out
from tests.interop.node import find_package
from tests.interop.peers import PeerError
from tests.peers import ask, read, stream
from tests.websocket_cases import CASES, CLOSE, MUCH, NORMAL, PONG, Case, Frame

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.protocols.websocket import FrameReceiver

MOST = 1 << 26
LIMIT = 20.0
WEB_PORT = 8080

Server = Callable[[], AbstractAsyncContextManager[int]]


# Other servers: each echoes, and notes the close code that it got.


@asynccontextmanager
async def by_websockets() -> AsyncIterator[int]:
    async def echo(socket: websockets.asyncio.server.ServerConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    async with websockets.asyncio.server.serve(
        echo, "127.0.0.1", 0, max_size=MOST, compression=None
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def by_aiohttp() -> AsyncIterator[int]:
    async def echo(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        socket = aiohttp.web.WebSocketResponse(compress=False, max_msg_size=MOST)
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    application = aiohttp.web.Application()
    application.router.add_get("/{path:.*}", echo)
    runner = aiohttp.web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


ECHO_BY_WS = """
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 1 << 26 });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => {});
});
process.stdin.on("end", () => process.exit(0)).resume();
"""

# One JSON line for each thing that happens.
CLIENT_BY_WS = """
const WebSocket = require("ws");
const say = (what, more) => console.log(JSON.stringify({ what, ...more }));
const socket = new WebSocket(process.argv[1], { maxPayload: 1 << 26 });
socket.on("open", () => {
  socket.send("text");
  socket.send(Buffer.from([0, 255]));
  socket.send("frag", { fin: false });
  socket.send("ment", { fin: true });
  socket.ping("ping");
});
socket.on("message", (data, binary) => say("message", { hex: data.toString("hex"), binary }));
socket.on("ping", (data) => say("ping", { data: data.toString() }));
socket.on("pong", (data) => say("pong", { data: data.toString() }));
socket.on("close", (code) => say("close", { code }));
socket.on("error", (error) => say("error", { message: error.message }));
"""


@asynccontextmanager
async def script(code: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a script with the npm package ws."""
    try:
        node, folder = await asyncio.to_thread(find_package, "ws")
    except PeerError as error:
        left_out(str(error))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, "-e", code, *arguments, cwd=folder, stdin=pipe, stdout=pipe
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await asyncio.wait_for(process.stdout.readline(), LIMIT)


@asynccontextmanager
async def by_ws() -> AsyncIterator[int]:
    async with script(ECHO_BY_WS) as process:
        yield int(await line(process))


SERVERS: dict[str, Server] = {"websockets": by_websockets, "aiohttp": by_aiohttp, "ws": by_ws}


# The table, played against others: where they differ from it, and nowhere else.

DIFFERENCES = {
    "websockets": {
        "6.4.x": "looks at text when a message is whole",
        "7.1.5": "takes a close within a message for an error",
    },
    "aiohttp": {
        "6.4.x": "looks at text when a message is whole",
        **{
            f"7.7.{code}": "answers 1000, whatever it is told"
            for code in (
                1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                3000, 3999, 4000, 4999,
            )
        },
        **{f"7.9.{code}": "takes a code that is never sent" for code in (1006, 5000, 65535)},
    },
    "ws": {
        "6.4.x": "looks at text when a message is whole",
    },
}  # fmt: skip

WAITS = frozenset(("6.4.x",))
"""Cases in which an end that waits for a whole message waits for ever."""


async def differs(case: Case, port: int) -> bool:
    """Play a case against a server; whether it does something else than the table says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    # The close waits for the echo: some answer a close before what came in front of it.
    open_end = case.close is NORMAL
    writer.write(b"".join(frame.encode(masked=True) for frame in case.frames))
    receiver = FrameReceiver(masked=False)
    heard, pongs = bytearray(), list[bytes]()
    code = None
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1 if case.name in WAITS else LIMIT):
            while code is None:
                if open_end and bytes(heard) == case.data and pongs == case.pongs:
                    open_end = False
                    writer.write(Frame(CLOSE, b"\x03\xe8").encode(masked=True))
                data = await reader.read(1 << 20)
                if not data:
                    break
                for opcode, payload, _ in receiver.receive(data):
                    if opcode == CLOSE:
                        code = int.from_bytes(payload[:2], "big") if payload else 1005
                        break
                    if opcode == PONG:
                        pongs.append(payload)
                    else:
                        heard += payload
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    if code not in case.close:
        return True
    return case.data is not None and (bytes(heard) != case.data or pongs != case.pongs)


@pytest.mark.parametrize("name", SERVERS)
async def test_cases_elsewhere(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the table asks for is no taste of ours: others do it too."""
    caplog.set_level(logging.CRITICAL + 1)
    async with SERVERS[name]() as port:
        found = {case.name for case in CASES + MUCH if await differs(case, port)}
    assert found == set(DIFFERENCES[name])


# A device among others.


@pytest_asyncio.fixture
async def device() -> AsyncIterator[Device]:
    air = Airspace()
    air.add(AccessPoint("lab"))
    settings = {
        "wlan.ssid": "lab",
        "system.cmd.timestamp": "off",
        "stream.auto_close": "0",
        "http.server.enabled": "1",
        "http.server.port": str(WEB_PORT),
    }
    async with Device.simulated(airspace=air, settings=settings) as device:
        assert await ask(device, "network_up")
        yield device


@pytest.mark.parametrize("name", SERVERS)
async def test_their_servers(device: Device, name: str) -> None:
    async with SERVERS[name]() as port:
        assert (await ask(device, f"websocket_client ws://127.0.0.1:{port}/chat"))[-1] == "0"
        for size in (1, 125, 126, 65535, 65536):
            data = bytes(range(256)) * (size // 256) + bytes(size % 256)
            assert await ask(device, f"write 0 {size}", data) == ["Success"]
            assert await read(device, size, piece=65536) == data
        # A ping between the fragments of a message.
        await ask(device, "write -f 0 5", b"hello")
        await ask(device, "write -p 0 4", b"ping")
        await ask(device, "write 0 6", b" world")
        assert await read(device, 11) == b"hello world"
        assert (await ask(device, f"websocket_client -t ws://127.0.0.1:{port}/"))[-1] == "1"
        await ask(device, "write 1 6", "\u00fcml".encode() + b"xx")
        assert await read(device, 6, handle=1) == "\u00fcml".encode() + b"xx"
        assert (await ask(device, "close all"))[-1] == "Success"


def address(device: Device) -> str:
    return f"ws://{device.address}:{WEB_PORT}"


async def test_the_client_of_websockets(device: Device) -> None:
    url = f"{address(device)}/stream"
    async with websockets.asyncio.client.connect(url) as socket:
        assert "permessage-deflate" not in str(socket.response)
        await socket.send("text")
        await socket.send([b"in ", b"fragments"])
        assert await read(device, 16) == b"textin fragments"
        await ask(device, "write -f 0 5", b"hello")
        await ask(device, "write 0 6", b" world")
        assert await socket.recv() == b"hello world"
        await (await socket.ping(b"are you there"))
        await socket.close(4000, "enough")
        assert socket.close_code == 4000
    await stream(device).fill(1, LIMIT)
    assert await ask(device, "poll 0") == ["2"]


async def test_the_client_of_aiohttp(device: Device) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address(device)}/cmdstream".replace("ws:", "http:")) as socket,
    ):
        for number in range(20):
            command = {"id": number, "command": "get wlan.ssid"}
            await socket.send_bytes(msgspec.msgpack.encode(command))
        for number in range(20):
            answer = msgspec.msgpack.decode(await socket.receive_bytes())
            assert answer == {"id": number, "code": 0, "response": "lab\r\n"}
        await socket.close()
        assert socket.close_code == 1000


async def test_the_client_of_ws(device: Device) -> None:
    async with script(CLIENT_BY_WS, f"{address(device)}/stream") as process:
        assert json.loads(await line(process)) == {"what": "pong", "data": "ping"}
        assert await read(device, 14) == b"text\x00\xfffragment"
        await ask(device, "write -f 0 2", b"ab")
        await ask(device, "write -p 0 3", b"hey")
        await ask(device, "write 0 2", b"cd")
        assert json.loads(await line(process)) == {"what": "ping", "data": "hey"}
        assert json.loads(await line(process)) == {
            "what": "message", "hex": b"abcd".hex(), "binary": True,
        }  # fmt: skip
        await ask(device, "close 0")
        assert json.loads(await line(process)) == {"what": "close", "code": 1000}
