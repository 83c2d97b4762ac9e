"""websocket_client: the handshake, frames both ways, and how it ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers import LIMIT, Far, Peer, ask, free_port, read, soon, stream
from tests.plugins.websocket.conftest import FarWebSocket, accept_client, echo
from tests.websocket_cases import (
    BINARY,
    CASES,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Case,
    Frame,
    close,
    cont,
    text,
)

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import HIGH_WATER
from tokay.plugins.gpio import Gpio
from tokay.plugins.websocket.connection import CLOSING_LIMIT, LAST_LIMIT
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


ANOTHER_KEY = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class Line:
    """A device and the server at the other end of its stream 0."""

    def __init__(self, device: Device, far: FarWebSocket, asked: bytes, log: list[str]) -> None:
        self.device, self.far = device, far
        self.asked, self.log = asked, log

    async def ask(self, line: str, data: bytes = b"") -> list[str]:
        return await ask(self.device, line, data)

    async def ended(self) -> None:
        await stream(self.device).fill(1 << 40, LIMIT)


async def connect(device: Device, peer: Peer, options: str = "", path: str = "/") -> Line:
    line = f"websocket_client {options} ws://127.0.0.1:{peer.port}{path}"
    opening = asyncio.ensure_future(ask(device, line))
    asked, far = await accept_client(await peer.next())
    return Line(device, far, asked, await soon(_of(opening)))


async def _of(task: "asyncio.Future[list[str]]") -> list[str]:
    return await task


@pytest_asyncio.fixture
async def device(air: Airspace, lab: Settings) -> AsyncIterator[Device]:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "set stream.auto_close 0")
        yield device


@pytest_asyncio.fixture
async def line(device: Device) -> AsyncIterator[Line]:
    async with Peer() as peer:
        yield await connect(device, peer)


# The handshake.


async def test_connecting(device: Device, loops: None) -> None:
    async with Peer() as peer:
        line = await connect(device, peer, path="/chat?room=1")
        port = peer.port
        assert line.log == [
            "[Opening: 127.0.0.1]",
            "Request GET /chat?room=1",
            f"Connecting (HTTP): 127.0.0.1:{port}",
            "HTTP response: 101",
            "[Opened: 0]",
            "0",
        ]
        head = line.asked.decode().split("\r\n")
        assert head[:2] == ["GET /chat?room=1 HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        assert "Sec-WebSocket-Version: 13" in head
        local = line.far.far.address[1]
        assert (await line.ask("list"))[-1].split("\r\n")[1:] == [
            f"# 0 WEBC  127.0.0.1:{port} ({local})"
        ]


@pytest.mark.parametrize("name", ["websocket_client", "webc", "wsc"])
async def test_its_names(device: Device, name: str) -> None:
    async with Peer() as peer:
        opening = asyncio.ensure_future(ask(device, f"{name} 127.0.0.1:{peer.port}/"))
        await accept_client(await peer.next())
        assert (await soon(_of(opening)))[-1] == "0"


@pytest.mark.parametrize("profile", ["gecko-os-2", "wiconnect-2"])
async def test_products_without_it(air: Airspace, lab: Settings, profile: str) -> None:
    async with Device.simulated(profile=profile, airspace=air, settings=lab) as device:
        assert await ask(device, "websocket_client ws://127.0.0.1/") == ["Unknown command"]


async def test_what_comes_with_the_answer(device: Device, loops: None) -> None:
    async with Peer() as peer:
        opening = asyncio.ensure_future(ask(device, f"webc ws://127.0.0.1:{peer.port}/"))
        await accept_client(await peer.next(), text(b"early").encode(masked=False))
        assert (await soon(_of(opening)))[-1] == "0"
        assert await read(device, 5) == b"early"


async def test_an_answer_byte_by_byte(device: Device) -> None:
    async def trickle(far: Far) -> None:
        asked = await far.line()
        held = bytearray()
        far.send = held.extend  # type: ignore[method-assign,assignment]
        far.received += asked
        await accept_client(far, text(b"hi").encode(masked=False))
        for byte in held:
            far.transport.write(bytes((byte,)))
            await asyncio.sleep(0)

    async with Peer(trickle) as peer:
        assert (await ask(device, f"webc ws://127.0.0.1:{peer.port}/"))[-1] == "0"
        assert await read(device, 2) == b"hi"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP response: 404"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP response: 401"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "HTTP response: 200"),
        (b"HTTP/1.1 301 Moved\r\nLocation: ws://elsewhere/\r\n\r\n", "HTTP response: 301"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the server does not speak HTTP/1.1"),
        (ANOTHER_KEY, "the server accepts another key"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "the server upgrades to something else"),
        (b"x" * 20000, "the response header is too long"),
        (b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 4000 + b"\r\n", "the response header is too long"),
    ],
)
async def test_answers_that_are_refused(device: Device, answer: bytes, says: str) -> None:
    async def reply(far: Far) -> None:
        await far.line()
        far.send(answer)

    async with Peer(reply) as peer:
        log = await ask(device, f"webc ws://127.0.0.1:{peer.port}/")
        assert log[-3:] == [says, "[Open failed]", "Command failed"]
        await peer.all[0].gone()
    assert await ask(device, "poll all") == ["None"]


async def test_a_server_that_closes(device: Device, loops: None) -> None:
    async def leave(far: Far) -> None:
        await far.line()
        far.close()

    async with Peer(leave) as peer:
        log = await ask(device, f"webc ws://127.0.0.1:{peer.port}/")
        assert log[-3:] == [
            "the server closed before it answered",
            "[Open failed]",
            "Command failed",
        ]


async def test_a_server_that_says_nothing(device: Device) -> None:
    await ask(device, "set tcp.client.connect_timeout 300")
    async with Peer() as peer:
        begun = turned_loop().time()
        log = await ask(device, f"webc ws://127.0.0.1:{peer.port}/")
        assert turned_loop().time() - begun == pytest.approx(0.3, abs=0.1)
        assert log[-3:] == ["The server does not answer", "[Open failed]", "Command failed"]
        await (await peer.next()).gone()


async def test_a_server_that_is_not_there(device: Device) -> None:
    port = free_port()
    log = await ask(device, f"webc ws://127.0.0.1:{port}/")
    assert log[-3:] == [
        f"127.0.0.1:{port}: Connection refused",
        "[Open failed]",
        "Command failed",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "ftp://x", "ws://", "ws://h:0/", "ws://h:99999/", "ws://h:x/",
        "ws://user:secret@h/", "ws://h/#part", "ws://h/\x7f", "ws://[::1", '"ws://h/a b"',
    ],
)  # fmt: skip
async def test_urls_that_are_none(device: Device, url: str) -> None:
    assert await ask(device, f"webc {url}") == ["Invalid argument"]


# Frames.


async def test_writes_are_binary_frames(line: Line, loops: None) -> None:
    for size in (1, 125, 126, 127, 1000, 65535, 65536):
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        assert await line.ask(f"write 0 {size}", data) == ["Success"]
        got = b""
        while len(got) < size:
            for opcode, piece, _ in await line.far.hear():
                assert opcode == BINARY
                got += piece
        assert got == data


async def test_reads_take_text_and_binary(line: Line, loops: None) -> None:
    line.far.send(text(b"one "), Frame(BINARY, b"two "), text(b"thr", False), cont(b"ee"))
    assert await read(line.device, 13) == b"one two three"
    assert await line.ask("poll 0") == ["0"]


async def test_pings_and_fragments(line: Line) -> None:
    await line.ask("write -p 0 2", b"hi")
    await line.ask("write -f 0 3", b"one")
    await line.ask("write -p 0 125", b"p" * 125)
    await line.ask("write -f 0 3", b"two")
    await line.ask("write 0 5", b"three")
    await line.ask("write 0 1", b"!")
    assert await line.far.hear(6) == [
        (PING, b"hi", True),
        (BINARY, b"one", False),
        (PING, b"p" * 125, True),
        (BINARY, b"two", False),
        (BINARY, b"three", True),
        (BINARY, b"!", True),
    ]
    # A pong is nobody's; a ping is answered.
    line.far.send(Frame(PONG, b"hi"), Frame(PING, b"you"))
    assert await line.far.hear() == [(PONG, b"you", True)]
    assert await line.ask("poll 0") == ["0"]


async def test_pings_that_cannot_be(line: Line) -> None:
    assert await line.ask("write -p 0 126", b"p" * 126) == ["Command failed"]
    assert await line.ask("write -p -f 0 1", b"p") == ["Command failed"]
    assert await line.ask("write 0 1", b"x") == ["Success"]
    assert await line.far.hear() == [(BINARY, b"x", True)]


async def test_text_frames(device: Device) -> None:
    async with Peer() as peer:
        line = await connect(device, peer, "-t")
        greek = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()
        assert await line.ask(f"write 0 {len(greek)}", greek) == ["Success"]
        assert await line.far.hear() == [(TEXT, greek, True)]
        # A character may be cut by a fragment, not by the end of a message.
        assert await line.ask("write -f 0 1", greek[:1]) == ["Success"]
        assert await line.ask("write 0 1", b"x") == ["Command failed"]
        assert await line.ask("write 0 1", greek[1:2]) == ["Success"]
        assert [piece for _, piece, _ in await line.far.hear(2)] == [greek[:1], greek[1:2]]
        assert await line.ask("write 0 1", b"\xff") == ["Command failed"]
        assert await line.ask("write 0 1", greek[:1]) == ["Command failed"]
        assert await line.ask("write 0 1", b"y") == ["Success"]
        assert await line.far.hear() == [(TEXT, b"y", True)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(device: Device, case: Case) -> None:
    """Every case of the table, whole: the device echoes, as a host on its bus would."""
    async with Peer() as peer:
        line = await connect(device, peer)
        ours = stream(device)
        echo(ours)
        line.far.far.send(case.encode(masked=False))
        heard = b""
        pongs = []
        code = None
        while code is None:
            pieces = await line.far.hear()
            assert pieces, "the device went without a close frame"
            for opcode, payload, _ in pieces:
                if opcode == CLOSE:
                    code = int.from_bytes(payload[:2], "big") if payload else 1005
                elif opcode == PONG:
                    pongs.append(payload)
                else:
                    heard += payload
        if case.data is not None:
            assert heard == case.data
            assert pongs == case.pongs
        assert code in case.close
        line.far.far.close()
        await line.far.far.gone()
        ours.on_change = None


# The end.


async def test_closing(line: Line, loops: None) -> None:
    assert await line.ask("close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
    assert await line.far.closing() == 1000
    assert not line.far.far.ended
    line.far.send(text(b"too late"), close(1000))
    line.far.far.half_close()
    await line.far.far.gone()
    assert await line.ask("poll 0") == ["Command failed"]


async def test_the_server_closes(line: Line, loops: None) -> None:
    line.far.send(text(b"last words"), close(1001, b"bye"))
    assert await line.far.closing() == 1001
    assert await line.ask("write 0 1", b"x") == ["Command failed"]
    assert await line.ask("poll 0") == ["1"]
    assert await line.ask("read 0 50") == ["last words"]
    assert await line.ask("poll 0") == ["2"]
    assert await line.ask("close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
    line.far.far.close()
    await line.far.far.gone()


async def test_auto_close(line: Line) -> None:
    await line.ask("set stream.auto_close 1")
    line.far.send(text(b"last words"), close(1000))
    assert await line.far.closing() == 1000
    assert await line.ask("read 0 50") == ["last words"]
    assert await line.ask("read 0 50") == ["[Closed: 0]", ""]
    assert await line.ask("poll 0") == ["Command failed"]


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
async def test_a_server_that_goes_without_a_word(line: Line, loops: None, how: str) -> None:
    getattr(line.far.far, how)()
    await line.ended()
    assert await line.ask("poll 0") == ["2"]
    assert await line.ask("write 0 1", b"x") == ["Command failed"]


async def test_a_server_that_does_not_answer_a_close(line: Line) -> None:
    await line.ask("close 0")
    assert await line.far.closing() == 1000
    await turned_loop().turn(CLOSING_LIMIT - 1)
    assert not line.far.far.ended
    await turned_loop().turn(2)
    await line.far.far.gone()


async def test_a_server_that_stays_after_the_close(line: Line) -> None:
    line.far.send(close(1000))
    assert await line.far.closing() == 1000
    await turned_loop().turn(LAST_LIMIT + 0.1)
    await line.far.far.gone()


async def test_the_network_goes(line: Line, loops: None) -> None:
    await line.ask("network_down")
    assert await line.far.closing() == 1001


async def test_a_fault_leaves_what_had_arrived(line: Line, loops: None) -> None:
    line.far.send(text(b"good"), text(b"bad", False), text(b"nested"))
    assert await line.far.closing() == 1002
    assert await line.ask("read 0 50") == ["goodbad"]
    assert await line.ask("poll 0") == ["2"]


# Much, and slowly.


async def test_a_device_that_does_not_read(line: Line, loops: None) -> None:
    data = bytes(range(256)) * 32768
    line.far.send(Frame(BINARY, data))
    await stream(line.device).fill(HIGH_WATER, LIMIT)
    for _ in range(100):
        await asyncio.sleep(0)
    assert HIGH_WATER <= stream(line.device).available <= HIGH_WATER + 256 * 1024
    assert line.far.far.unsent
    assert await read(line.device, len(data), piece=65536) == data


async def test_many_small_frames_are_one_piece(line: Line) -> None:
    line.far.send(*[Frame(BINARY, b"%d" % (i % 10)) for i in range(5000)])
    await stream(line.device).fill(5000, LIMIT)
    chunks = stream(line.device)._inbox._chunks  # type: ignore[attr-defined]
    assert len(chunks) < 100


async def test_a_server_that_pings_and_does_not_read(line: Line) -> None:
    """Pongs do not pile up: only the latest ping is answered then."""
    line.far.far.deaf()
    transport = stream(line.device).connection.transport  # type: ignore[attr-defined]
    for number in range(200):
        line.far.send(*[Frame(PING, b"%05d" % number + b"x" * 120)] * 500)
        await line.far.far.until(lambda: True)
        for _ in range(10):
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() <= 512 * 1024
    line.far.far.hear()
    last = b""
    while not last.startswith(b"00199"):
        last = (await line.far.hear())[-1][1]


async def test_a_server_that_does_not_read(line: Line) -> None:
    line.far.far.deaf()
    await line.ask("set bus.command.write_timeout 300")
    taken = 0
    while (await line.ask("write 0 65536", bytes(65536)))[-1] == "Success":
        taken += 65536
        assert taken < 64 << 20
    begun = turned_loop().time()
    assert await line.ask("write 0 1", b"!") == ["Command failed"]
    assert turned_loop().time() - begun == pytest.approx(0.3)
    line.far.far.hear()
    got = 0
    while got < taken:
        got += sum(len(piece) for _, piece, _ in await line.far.hear())
    assert got == taken
    assert await line.ask("write 0 1", b"!") == ["Success"]


async def test_a_pin_that_tells_of_data(device: Device) -> None:
    async with Peer() as peer:
        line = await connect(device, peer, "-g 5")
        pins = device.kernel.plugin(Gpio).pins
        assert pins.level(5) == 0
        line.far.send(text(b"x"))
        await stream(device).fill(1, LIMIT)
        assert pins.level(5) == 1
        assert await read(device, 1) == b"x"
        assert pins.level(5) == 0
        await line.ask("close 0")
        assert pins.owner(5) == ""


async def test_giving_up_gives_the_pin_back(device: Device) -> None:
    await ask(device, f"webc -g 5 ws://127.0.0.1:{free_port()}/")
    assert device.kernel.plugin(Gpio).pins.owner(5) == ""
