"""A serial port that speaks RFC 2217, from the client's end of the wire."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from tokay.board.serial import LineSettings, open_port
from tokay.board.serial.rfc2217 import MAX_ANSWERS, Rfc2217Port
from tokay.protocols.telnet import escape

LIMIT = 10
GREETING = b"\xff\xfb\x03\xff\xfb\x01\xff\xfb\x00\xff\xfd\x00"
BAUD = b"\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0"
BAUD_ANSWER = b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0"
SUSPEND, RESUME = b"\xff\xfa\x2c\x08\xff\xf0", b"\xff\xfa\x2c\x09\xff\xf0"
RTS_OFF, RTS_ON = b"\xff\xfa\x2c\x05\x0c\xff\xf0", b"\xff\xfa\x2c\x05\x0b\xff\xf0"


class Ear:
    def __init__(self) -> None:
        self.heard = bytearray()
        self.drains = 0
        self._changed = asyncio.Event()

    def feed(self, data: bytes) -> None:
        self.heard += data
        self._changed.set()

    def drained(self) -> None:
        self.drains += 1
        self._changed.set()

    async def until(self, met: Callable[[], bool]) -> None:
        while not met():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), LIMIT)

    async def hears(self, data: bytes) -> None:
        await self.until(lambda: len(self.heard) >= len(data))
        assert self.heard == data
        self.heard.clear()


class Client:
    """A host that knows every byte it sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def reads(self, data: bytes) -> None:
        assert await asyncio.wait_for(self._reader.readexactly(len(data)), LIMIT) == data

    async def some(self) -> bytes:
        return await self._reader.read(1 << 16)

    async def reads_to_the_end(self) -> bytes:
        return await asyncio.wait_for(self._reader.read(), LIMIT)

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@pytest.fixture
async def port() -> AsyncIterator[Rfc2217Port]:
    port = await open_port("rfc2217:127.0.0.1:0")
    assert isinstance(port, Rfc2217Port)
    yield port
    port.close()
    await asyncio.sleep(0)


@pytest.fixture
def ear(port: Rfc2217Port) -> Ear:
    ear = Ear()
    port.attach(ear)
    return ear


async def connect(port: Rfc2217Port) -> Client:
    assert port.description.startswith("rfc2217://127.0.0.1:")
    client = Client(
        *await asyncio.open_connection("127.0.0.1", int(port.description.rsplit(":", 1)[1]))
    )
    await client.reads(GREETING)
    return client


@pytest.fixture
async def client(port: Rfc2217Port) -> AsyncIterator[Client]:
    client = await connect(port)
    yield client
    await client.leave()


async def test_every_byte_goes_both_ways(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    every = bytes(range(256))
    client.send(escape(every))
    await ear.hears(every)
    port.write(every)
    await client.reads(escape(every))


async def test_a_setting_is_confirmed(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    client.send(b"before" + BAUD + b"after")
    await client.reads(BAUD_ANSWER)
    await ear.hears(b"beforeafter")
    assert port.line.baud == 9600


async def test_a_client_that_wants_silence(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    client.send(SUSPEND + b"x")
    await ear.hears(b"x")
    port.write(b"one \xff ")
    port.write(b"two")
    assert port.backlog == 9
    client.send(BAUD)
    await client.reads(BAUD_ANSWER)
    drains = ear.drains
    client.send(RESUME)
    await client.reads(b"one \xff\xff two")
    await ear.until(lambda: ear.drains > drains)
    assert port.backlog == 0


async def test_rts_counts_with_flow_control_on(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    client.send(RTS_OFF + b"x")
    await ear.hears(b"x")
    await client.reads(b"\xff\xfa\x2c\x69\x0c\xff\xf0")
    port.write(b"through")
    await client.reads(b"through")
    port.configure(LineSettings(flow=True))
    port.write(b"held")
    assert port.backlog == 4
    client.send(RTS_ON)
    await client.reads(b"\xff\xfa\x2c\x69\x0b\xff\xf0held")
    client.send(RTS_OFF + b"x")
    await ear.hears(b"x")
    port.write(b"again")
    port.configure(LineSettings())
    await client.reads(b"\xff\xfa\x2c\x69\x0c\xff\xf0again")


async def test_purging_what_was_held(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    client.send(SUSPEND + b"x")
    await ear.hears(b"x")
    port.write(b"old")
    client.send(b"\xff\xfa\x2c\x0c\x01\xff\xf0" + RESUME + b"y")
    await ear.hears(b"y")
    port.write(b"new")
    await client.reads(b"\xff\xfa\x2c\x70\x01\xff\xf0new")


async def test_the_next_client_begins_anew(port: Rfc2217Port, ear: Ear) -> None:
    first = await connect(port)
    first.send(SUSPEND + RTS_OFF + BAUD + b"x\xff\xfa\x2c")
    await ear.hears(b"x")
    port.write(b"for the first")
    second = Client(
        *await asyncio.open_connection("127.0.0.1", int(port.description.rsplit(":", 1)[1]))
    )
    assert await second.reads_to_the_end() == b""
    await second.leave()
    await first.leave()
    await ear.until(lambda: ear.drains > 0)
    assert port.backlog == 0
    third = await connect(port)
    assert port.line.baud == 115200
    third.send(b"hello")
    await ear.hears(b"hello")
    port.write(b"hello")
    await third.reads(b"hello")
    await third.leave()


async def test_a_client_that_asks_and_never_reads(
    port: Rfc2217Port, ear: Ear, client: Client
) -> None:
    """The answers are bounded: it is read no more, and goes on when it has read."""
    assert port._transport is not None
    wire = port._transport.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    questions = 40_000
    client.send(BAUD * questions + b"done")
    async with asyncio.timeout(LIMIT):
        while not port._replies_blocked:
            await asyncio.sleep(0.001)
    assert port.backlog < MAX_ANSWERS + 300_000
    assert not ear.heard
    for _ in range(100):
        await client.reads(BAUD_ANSWER * (questions // 100))
    await ear.hears(b"done")


async def test_garbage(port: Rfc2217Port, ear: Ear, client: Client) -> None:
    garbage = bytes(range(240, 256)) * 4096
    client.send(garbage + b"\xff\xf0" + b"\xff\xfa\x2c" + bytes(100_000) + b"\xff\xf0.")
    await ear.until(lambda: ear.heard.endswith(b"."))
    client.send(b"\xff\xfa\x2c\x00\xff\xf0")
    async with asyncio.timeout(LIMIT):
        while b"Tokay" not in await client.some():
            pass


async def test_negotiation_waits_with_the_bytes(port: Rfc2217Port) -> None:
    client = await connect(port)
    client.send(BAUD + b"early")
    ear = Ear()
    port.attach(ear)
    await ear.hears(b"early")
    await client.reads(BAUD_ANSWER)
    await client.leave()
