"""http_get against servers of every kind: good ones, slow ones, and those that send nonsense."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.peers import LIMIT, Far, Peer, ask, free_port, get, read, stream

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.streams import HIGH_WATER
from tokay.plugins.http_client.response import MAX_HEADER
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
Play = Callable[[Far], Awaitable[None]]

FAILED = ["[Open failed]", "Command failed"]
A_READ = 256 * 1024
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def says(*pieces: bytes, close: bool = False) -> Any:
    """Return a server that answers a request with these bytes."""

    async def play(far: Far) -> None:
        await far.line()
        for piece in pieces:
            if not far.ended:
                far.send(piece)
            await asyncio.sleep(0)
        if close:
            far.close()

    return play


async def whole(device: Device, handle: int = 0) -> bytes:
    """Read a body to its end, as a host does: until poll says 2."""
    got = b""
    while True:
        await stream(device, handle).fill(1, LIMIT)
        *_, polled = await ask(device, f"poll {handle}")
        if polled == "2":
            return got
        *_, piece = await ask(device, f"read {handle} 1000")
        got += piece.encode("latin-1")


def start(port: int, path: str = "/", host: str = "127.0.0.1") -> list[str]:
    """Return what is seen before the server has answered."""
    return [f"[Opening: {host}]", f"Request GET {path}", f"Connecting (HTTP): {host}:{port}"]


# Answers, what is seen of them, and the body.
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS: dict[str, tuple[bytes, bool, list[str], bytes]] = {
    "length": (HELLO, False, ["HTTP response: 200"], b"hello"),
    "chunked": (
        CHUNKED + b"5\r\nhello\r\n8;a=b\r\n, world!\r\n0\r\nTrailer: x\r\n\r\n", False,
        ["HTTP response: 200", "Chunked response"], b"hello, world!",
    ),
    "until close": (
        b"HTTP/1.1 200 OK\r\n\r\nhello", True, ["HTTP response: 200"], b"hello",
    ),
    "HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold", True,
        ["HTTP response: 200"], b"old",
    ),
    "empty": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False, ["HTTP response: 200"], b"",
    ),
    "empty chunked": (
        CHUNKED + b"0\r\n\r\n", False, ["HTTP response: 200", "Chunked response"], b"",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", False, ["HTTP response: 204"], b""),
    "304": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", False,
        ["HTTP response: 304"], b"",
    ),
    "404": (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", False,
        ["HTTP response: 404"], b"none",
    ),
    "500 without a reason": (
        b"HTTP/1.1 500\r\nContent-Length: 4\r\n\r\noops", False, ["HTTP response: 500"], b"oops",
    ),
    "302 is not followed": (
        b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", False,
        ["HTTP response: 302"], b"",
    ),
    "100 before": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, False, ["HTTP response: 200"], b"hello",
    ),
    "103 before": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 3 + HELLO, False,
        ["HTTP response: 200"], b"hello",
    ),
    "more than announced": (HELLO + b" and more", False, ["HTTP response: 200"], b"hello"),
    "two answers": (HELLO + HELLO, False, ["HTTP response: 200"], b"hello"),
    "one answer behind another's chunks": (
        CHUNKED + b"3\r\none\r\n0\r\n\r\n" + HELLO, False,
        ["HTTP response: 200", "Chunked response"], b"one",
    ),
    "cut short": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", True,
        ["HTTP response: 200"], b"hello",
    ),
    "chunks cut short": (
        CHUNKED + b"5\r\nhello\r\n64\r\nand", True,
        ["HTTP response: 200", "Chunked response"], b"helloand",
    ),
    "chunks that break off in nonsense": (
        CHUNKED + b"5\r\nhello\r\nzz\r\n", False,
        ["HTTP response: 200", "Chunked response"], b"hello",
    ),
    "a chunk without its line end": (
        CHUNKED + b"5\r\nhello0\r\n\r\n", False,
        ["HTTP response: 200", "Chunked response"], b"hello",
    ),
    "an empty body that breaks off": (
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", False,
        ["HTTP response: 200", "Chunked response"], b"",
    ),
    "blanks behind a chunk size": (
        CHUNKED + b"5 \r\nhello\r\n1 ;x\r\n,\r\n1\t\r\n \r\n5 \t ;y\r\nworld\r\n0 \r\n\r\n", False,
        ["HTTP response: 200", "Chunked response"], b"hello, world",
    ),
    "longest header": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: ".ljust(MAX_HEADER - 4, b"x")
        + b"\r\n\r\nhello", False, ["HTTP response: 200"], b"hello",
    ),
}  # fmt: skip


BROKEN = {
    "cut short": "The server closed before the body was complete",
    "chunks cut short": "The server closed before the body was complete",
    "chunks that break off in nonsense": "Invalid character in chunk size",
    "a chunk without its line end": "Expected LF after chunk data",
    "an empty body that breaks off": "Invalid character in chunk size",
}
"""What the log says of a body that is not whole."""


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer(here: Callable[..., Device], loops: None, answer: str) -> None:
    text, close, seen, body = ANSWERS[answer]
    async with Peer(says(text, close=close)) as peer, here() as device:
        await ask(device, "network_up")
        where = f"127.0.0.1:{peer.port}"
        lines = await ask(device, f"http_get {where}")
        assert [line for line in lines if line not in BROKEN.values()] == [
            *start(peer.port), *seen, "[Opened: 0]", "0",
        ]  # fmt: skip
        assert await whole(device) == body
        logged = [entry.text for entry in device.kernel.log.entries]
        assert [line for line in logged if line in BROKEN.values()] == [
            line for name, line in BROKEN.items() if name == answer
        ]
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]


@pytest.mark.parametrize("answer", [name for name in ANSWERS if name != "longest header"])
async def test_an_answer_byte_by_byte(here: Callable[..., Device], answer: str) -> None:
    text, close, seen, body = ANSWERS[answer]
    pieces = [bytes((byte,)) for byte in text]
    async with Peer(says(*pieces, close=close)) as peer, here() as device:
        await ask(device, "network_up")
        lines = (await ask(device, f"http_get 127.0.0.1:{peer.port}"))[3:]
        assert [line for line in lines if line not in BROKEN.values()] == [
            *seen, "[Opened: 0]", "0",
        ]  # fmt: skip
        assert await whole(device) == body


LONG = b"HTTP/1.1 200 OK\r\nX: ".ljust(MAX_HEADER - 3, b"x") + b"\r\n\r\n"
REFUSALS: dict[str, tuple[list[bytes], bool]] = {
    "header too long": ([LONG], True),
    "header too long, bit by bit": (
        [LONG[at : at + 1000] for at in range(0, len(LONG), 1000)], True,
    ),
    "header without end": ([b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 20], False),
    "endless interim answers": ([b"HTTP/1.1 100 Continue\r\n\r\n" * 1000], False),
    "garbage": ([b"\x00\xff\x16\x03\x01 what?"], False),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.0\r\n"], False),
    "a request": ([b"GET / HTTP/1.1\r\n\r\n"], False),
    "bad length": ([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"], False),
    "two lengths": ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"], False),
    "101": ([b"HTTP/1.1 101 \r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"], True),
    "closed": ([], True),
    "closed in the header": ([b"HTTP/1.1 200 OK\r\nContent-Le"], True),
    "closed after an interim answer": ([b"HTTP/1.1 100 Continue\r\n\r\n"], True),
}  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_no_answer(here: Callable[..., Device], loops: None, refusal: str) -> None:
    pieces, close = REFUSALS[refusal]
    async with Peer(says(*pieces, close=close)) as peer, here() as device:
        await ask(device, "network_up")
        seen = await ask(device, f"http_get 127.0.0.1:{peer.port}")
        assert seen[:3] == start(peer.port)
        assert seen[-2:] == FAILED
        assert len(seen) == 6  # one line says why
        assert await ask(device, "poll all") == ["None"]
        far = await peer.next()
        await far.gone()  # nothing is left open


async def test_a_server_that_resets(here: Callable[..., Device], loops: None) -> None:
    async def play(far: Far) -> None:
        await far.line()
        far.reset()

    async with Peer(play) as peer, here() as device:
        assert (await ask(device, f"http_get 127.0.0.1:{peer.port}"))[-2:] == FAILED


async def test_a_server_that_never_answers(here: Callable[..., Device]) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, "network_up")
        for limit, line in ((5.0, "tcp.client.connect_timeout"), (0.75, "")):
            begun = turned_loop().time()
            seen = await ask(device, f"http_get 127.0.0.1:{peer.port}")
            assert seen == [*start(peer.port), "No response in time", *FAILED]
            assert turned_loop().time() - begun == pytest.approx(limit)
            far = await peer.next()
            await far.gone()
            if line:
                await ask(device, f"set {line} 750")


async def test_nobody_listens(here: Callable[..., Device]) -> None:
    port = free_port()
    async with here() as device:
        await ask(device, "network_up")
        refused = f"127.0.0.1:{port}: Connection refused"
        assert await ask(device, f"http_get 127.0.0.1:{port}") == [
            *start(port), *[refused] * 4, *FAILED,
        ]  # fmt: skip
        await ask(device, "set http.client.retries 1")
        await ask(device, "set http.client.retry_period 2500")
        begun = turned_loop().time()
        assert await ask(device, f"http_get 127.0.0.1:{port}") == [
            *start(port), *[refused] * 2, *FAILED,
        ]  # fmt: skip
        assert turned_loop().time() - begun == pytest.approx(2.5)


async def test_a_name_that_does_not_resolve(here: Callable[..., Device], air: Airspace) -> None:
    air.ap("lab").uplink = False
    async with here() as device:
        await ask(device, "network_up")
        seen = await ask(device, "http_get nowhere.lab")
        assert seen[:3] == start(80, host="nowhere.lab")
        assert seen[-2:] == FAILED


async def test_the_network_goes_before_the_answer(
    here: Callable[..., Device], air: Airspace
) -> None:
    async with Peer() as peer, here() as device:
        asked = asyncio.ensure_future(device.command(f"http_get 127.0.0.1:{peer.port}"))
        far = await peer.next()
        await far.line()
        begun = turned_loop().time()
        air.ap("lab").power(False)
        answer = await asked
        assert answer.text == "Command failed"
        assert answer.log[-1] == "[Open failed]"
        assert turned_loop().time() == begun
        await far.gone()


async def test_a_reboot_before_the_answer(here: Callable[..., Device]) -> None:
    async with Peer() as peer, here() as device:
        asked = asyncio.ensure_future(device.command(f"http_get 127.0.0.1:{peer.port}"))
        far = await peer.next()
        await far.line()
        device.reboot()
        assert (await asked).text == "Command failed"
        await far.gone()


async def test_eight_streams_and_the_ninth(here: Callable[..., Device]) -> None:
    async with Peer(says(HELLO)) as peer, here() as device:
        line = f"http_get 127.0.0.1:{peer.port}"
        assert [(await ask(device, line))[-1] for _ in range(8)] == list("01234567")
        assert await ask(device, line) == ["No streams available", "Command failed"]


# The request.


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        ("{}", "/", "{}"),
        ("http://{}", "/", "{}"),
        ("HTTP://{}/", "/", "{}"),
        ("{}/a/b.html", "/a/b.html", "{}"),
        ("{}/a?x=1&y=%20", "/a?x=1&y=%20", "{}"),
        ("{}?x=1", "/?x=1", "{}"),
        ("{}/a#part", "/a", "{}"),
        ("{}//a", "//a", "{}"),
        ("{}/get?from=http://other.example/", "/get?from=http://other.example/", "{}"),
    ],
)
async def test_a_request(here: Callable[..., Device], url: str, path: str, host: str) -> None:
    async with Peer() as peer, here() as device:
        where = f"127.0.0.1:{peer.port}"
        asked = asyncio.ensure_future(device.command(f"http_get {url.format(where)}"))
        far = await peer.next()
        assert (
            await far.line()
            == (
                f"GET {path} HTTP/1.1\r\nHost: {host.format(where)}\r\nConnection: Close\r\n\r\n"
            ).encode()
        )
        far.send(HELLO)
        assert (await asked).ok


async def test_the_name_is_told_to_the_server(here: Callable[..., Device], air: Airspace) -> None:
    air.ap("lab").hosts["www.lab"] = "127.0.0.1"
    async with Peer() as peer, here() as device:
        asked = asyncio.ensure_future(device.command(f"http_get www.lab:{peer.port}/x"))
        far = await peer.next()
        assert f"\r\nHost: www.lab:{peer.port}\r\n".encode() in await far.line()
        far.send(HELLO)
        answer = await asked
        assert list(answer.log[-5:]) == [
            *start(peer.port, "/x", "www.lab"), "HTTP response: 200", "[Opened: 0]",
        ]  # fmt: skip
        (listing,) = await ask(device, "list")
        assert f"\r\n# 0 HTTP  www.lab:{peer.port} (" in listing


BAD_URLS = [
    "http://",
    "http:///path",
    "/path",
    "?x=1",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "ws://127.0.0.1/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:http/",
    "http://user@127.0.0.1/",
    "http://user:word@127.0.0.1/",
    "http://[::1/",
    "http://[::1]/",
    "http://exam%70le.com/",
    "http://a;b/",
    "https://127.0.0.1:0/",
    "http://127.0.0.1/\x7f",
    "http://127.0.0.1/\xe9",
    '"http://127.0.0.1/a b"',
    '"127.0.0.1/ HTTP/1.1\\r\\nX: y"',
]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_a_bad_url(here: Callable[..., Device], url: str) -> None:
    async with here() as device:
        response = await device.command(f"http_get {url}".encode("latin-1"))
        assert response.code == 7
        assert not response.log
        assert await get(device, "wlan.join.result") == ["0"]  # the radio was not asked


async def test_arguments(here: Callable[..., Device]) -> None:
    async with here() as device:
        assert (await device.command("http_get")).code == 4
        assert (await device.command("http_get -x 127.0.0.1")).code == 6


# Much, and slowly.


@pytest.mark.parametrize("coding", ["length", "chunked", "until close"])
async def test_five_megabytes_in_little_memory(
    here: Callable[..., Device], loops: None, coding: str
) -> None:
    line = bytes(range(256)) * 16
    lines = 5 * 256

    async def play(far: Far) -> None:
        await far.line()
        if coding == "length":
            far.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(line) * lines))
        else:
            far.send(CHUNKED if coding == "chunked" else b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(lines):
            far.send(b"%x\r\n%b\r\n" % (len(line), line) if coding == "chunked" else line)
            await far.until(lambda: not far.unsent)
        if coding == "chunked":
            far.send(b"0\r\n\r\n")
        far.close()

    async with Peer(play) as peer, here() as device:
        assert (await ask(device, f"http_get 127.0.0.1:{peer.port}"))[-1] == "0"
        most = 0
        for number in range(lines // 16):
            await stream(device).fill(HIGH_WATER, LIMIT)
            most = max(most, stream(device).available)
            assert await read(device, 16 * len(line), piece=65536) == line * 16, number
        assert HIGH_WATER < most <= HIGH_WATER + A_READ
        await stream(device).fill(1, LIMIT)
        assert await ask(device, "poll 0") == ["2"]


async def test_a_server_is_stopped_by_a_host_that_does_not_read(
    here: Callable[..., Device],
) -> None:
    async def play(far: Far) -> None:
        await far.line()
        far.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 24) + bytes(1 << 24))

    async with Peer(play) as peer, here() as device:
        await ask(device, f"http_get 127.0.0.1:{peer.port}")
        await turned_loop().settle()
        assert stream(device).available <= HIGH_WATER + A_READ
        assert (await peer.next()).unsent
        await ask(device, "close 0")


async def test_a_body_that_trickles(here: Callable[..., Device]) -> None:
    async with (
        Peer(says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")) as peer,
        here() as device,
    ):
        await ask(device, f"http_get 127.0.0.1:{peer.port}")
        far = await peer.next()
        assert await ask(device, "poll 0") == ["0"]
        assert await ask(device, "read 0 10") == [""]
        for byte in (b"a", b"b", b"c"):
            far.send(byte)
            await turned_loop().turn(60)  # the limit is for the header alone
            assert await ask(device, "poll 0") == ["1"]
            assert await ask(device, "read 0 10") == [byte.decode()]
        assert await ask(device, "poll 0") == ["2"]


async def test_auto_close_once_the_body_is_read(here: Callable[..., Device]) -> None:
    """Older hosts poll until `Command failed` (docs/protocol/network.md, section 6.2)."""
    async with Peer(says(HELLO)) as peer, here() as device:
        await ask(device, "set stream.auto_close 1")
        await ask(device, f"http_get 127.0.0.1:{peer.port}")
        await stream(device).fill(5, LIMIT)
        assert await ask(device, "poll 0") == ["1"]
        assert await ask(device, "read 0 1000") == ["hello"]
        assert await ask(device, "poll 0") == ["[Closed: 0]", "Command failed"]
        far = await peer.next()
        await far.gone()


async def test_a_response_is_not_written_to(here: Callable[..., Device]) -> None:
    async with Peer(says(HELLO)) as peer, here() as device:
        await ask(device, f"http_get 127.0.0.1:{peer.port}")
        far = await peer.next()
        await ask(device, "write 0 1", b"x")
        await ask(device, "close 0")
        await far.gone()
