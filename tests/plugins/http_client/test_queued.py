"""Requests that wait: http_get, http_head and http_post, their header fields and their bodies."""

import asyncio
from collections.abc import Callable

import pytest
from tests.peers import LIMIT, Far, Peer, ask, read, stream

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.results import Response
from tokay.plugins.http_client.request import MAX_HEADER
from tokay.testing.clock import turned_loop

Here = Callable[..., Device]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
JSON = "application/json"


async def open_(device: Device, peer: Peer, command: str, *more: str) -> Far:
    """Open a queued request; return the far end of its connection."""
    seen = await ask(device, " ".join([f"{command} -o 127.0.0.1:{peer.port}/x", *more]))
    assert seen[-2:] == ["[Opened: 0]", "0"]
    return await peer.next()


async def read_status(device: Device, far: Far, answer: bytes, end: bytes = b"\r\n\r\n") -> str:
    """Ask for the status; return what came before the server answers."""
    asked = asyncio.ensure_future(device.command("http_read_status 0"))
    sent = await far.line(end)
    far.send(answer)
    assert (await asked).ok
    return sent.decode("latin-1")


def head(peer: Peer, method: str, *fields: str) -> str:
    lines = [f"{method} /x HTTP/1.1", f"Host: 127.0.0.1:{peer.port}", "Connection: Close", *fields]
    return "".join(f"{line}\r\n" for line in [*lines, ""])


@pytest.mark.parametrize("method", ["get", "head"])
async def test_a_queued_request(here: Here, loops: None, method: str) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, f"http_{method}")
        assert await ask(device, 'had 0 X-Words "two words"') == ["Success"]
        assert await ask(device, "had 0 accept */*") == ["Success"]
        assert not far.received
        assert await read_status(device, far, HELLO) == head(
            peer, method.upper(), "X-Words: two words", "accept: */*"
        )
        assert await ask(device, "hre 0") == ["200"]
        assert await ask(device, "http_read 0") == ["200"]
        assert await read(device, 5 if method == "get" else 0) == (
            b"hello" if method == "get" else b""
        )
        assert await ask(device, "poll 0") == ["2"]


async def test_chunks_are_what_is_written(here: Here, loops: None) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        assert await ask(device, "write 0 7", b"a\r\nb\0\xff0") == ["Success"]
        assert (
            await far.line()
            == head(peer, "POST", f"Content-Type: {JSON}", "Transfer-Encoding: chunked").encode()
        )
        assert await far.take(12) == b"7\r\na\r\nb\0\xff0\r\n"
        assert await ask(device, "write 0 300", b"x" * 300) == ["Success"]
        assert await far.line(b"\r\n") == b"12c\r\n"
        assert await far.take(302) == b"x" * 300 + b"\r\n"
        assert await read_status(device, far, OK, b"0\r\n\r\n") == "0\r\n\r\n"
        assert (await ask(device, "write 0 1", b"x"))[-1] == "Command failed"


@pytest.mark.parametrize(
    ("option", "header"), [("-l 7", ""), ("-o -l 7", ""), ("-o", "had 0 content-length 7")]
)
async def test_a_length(here: Here, option: str, header: str) -> None:
    async with Peer() as peer, here() as device:
        seen = await ask(device, f"http_post {option} 127.0.0.1:{peer.port}/x {JSON}")
        assert seen[-1] == "0"
        far = await peer.next()
        if header:
            assert await ask(device, header) == ["Success"]
        assert await ask(device, "write 0 3", b"abc") == ["Success"]
        # What is too much or too little is told, and nothing of it is lost.
        assert await ask(device, "write 0 5", b"defgh") == ["Command failed"]
        assert await ask(device, "hre 0") == ["Command failed"]
        assert await ask(device, "write 0 4", b"defg") == ["Success"]
        sent = await read_status(device, far, OK, b"defg")
        assert sent == head(peer, "POST", f"Content-Type: {JSON}", "Content-Length: 7") + "abcdefg"


@pytest.mark.parametrize(
    ("line", "fields", "end"),
    [
        ("http_post {} x-www-form-urlencoded", "Content-Length: 0", ""),
        ("http_post -l 0 {} x-www-form-urlencoded", "Content-Length: 0", ""),
        ("http_post -o {} x-www-form-urlencoded", "Transfer-Encoding: chunked", "0\r\n\r\n"),
    ],
)
async def test_an_empty_body(here: Here, line: str, fields: str, end: str) -> None:
    async with Peer() as peer, here() as device:
        asked = asyncio.ensure_future(device.command(line.format(f"127.0.0.1:{peer.port}/x")))
        far = await peer.next()
        if "-" in line.split()[1]:
            await asked
            asked = asyncio.ensure_future(device.command("hre 0"))
        kind = "Content-Type: x-www-form-urlencoded"
        expected = head(peer, "POST", kind, fields) + end
        assert await far.take(len(expected)) == expected.encode()
        far.send(OK)
        assert (await asked).ok


async def test_the_header_of_the_response(here: Here) -> None:
    answer = b"HTTP/1.1 201 Created\r\nLocation: /x/1\r\nX:\r\nx: \xe9\r\nContent-Length: 0\r\n\r\n"
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_get")
        await read_status(device, far, answer)
        assert (await device.command("hre -h 0")).data == (
            b"201\r\nLocation: /x/1\r\nX: \r\nx: \xe9\r\nContent-Length: 0"
        )


# What hosts and servers do wrong.


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("X y", "1", 7),
        ("", "1", 7),
        ("X:", "1", 7),
        ("X\r\nY", "1", 7),
        ("X", "1\r\nY: 2", 7),
        ("X", "1\nY: 2", 7),
        ("X", "1\r", 7),
        ("X", "a\0b", 7),
        ("X", "\x7f", 7),
        ("X\xe9", "1", 7),
        ("Content-Length", "5", 7),
        ("Transfer-Encoding", "chunked", 7),
        ("X", "y" * MAX_HEADER, 1),
    ],
)
async def test_a_bad_header_field(here: Here, name: str, value: str, code: int) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_get")
        line = f'http_add_header 0 "{name}" "{value}"'.encode("latin-1")
        assert (await device.command(line)).code == code
        assert await read_status(device, far, OK) == head(peer, "GET")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Length", "+5"),
        ("Content-Length", "5, 5"),
        ("Content-Length", "-1"),
        ("Content-Length", "9" * 20),
        ("Content-Length", ""),
        ("Transfer-Encoding", "gzip"),
        ("Transfer-Encoding", "chunked, gzip"),
    ],
)
async def test_a_bad_length_of_a_body(here: Here, name: str, value: str) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        assert (await device.command(f'http_add_header 0 {name} "{value}"')).code == 7
        sent = await read_status(device, far, OK, b"0\r\n\r\n")
        assert sent.count("Transfer-Encoding") == 1
        assert "Content-Length" not in sent


@pytest.mark.parametrize("kind", ['"a/b\r\nX: y"', '"a\nX: y"'])
async def test_a_bad_content_type(here: Here, kind: str) -> None:
    async with here() as device:
        response = await device.command(f"http_post 127.0.0.1 {kind}".encode())
        assert response.code == 7
        assert not response.log


async def test_header_fields_that_can_be_there_once(here: Here) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        for line in ("Host a.example", "Connection Keep-Alive", "Content-Type a/b", "x 1", "X 2"):
            assert await ask(device, f"had 0 {line}") == ["Success"]
        assert await read_status(device, far, OK, b"0\r\n\r\n") == (
            "POST /x HTTP/1.1\r\nHost: a.example\r\nConnection: Keep-Alive\r\nContent-Type: a/b\r\n"
            "x: 1\r\nX: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )


async def test_header_fields_come_too_late(here: Here) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        assert await ask(device, "write 0 1", b"x") == ["Success"]
        assert await ask(device, "had 0 X 1") == ["Command failed"]
        assert "X: 1" not in (await read_status(device, far, OK, b"0\r\n\r\n"))
        assert await ask(device, "had 0 X 1") == ["Command failed"]


async def test_other_streams(here: Here) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, f"tcp_client 127.0.0.1 {peer.port}")
        for line in ("had 0 X 1", "hre 0", "had 1 X 1", "hre 1", "hre x", "hre 8", "hre -1"):
            assert await ask(device, line) == ["Command failed"]


async def test_a_get_takes_no_body(here: Here) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_get")
        assert await ask(device, "write 0 3", b"abc") == ["Command failed"]
        assert await read_status(device, far, OK) == head(peer, "GET")


async def test_a_server_that_answers_before_it_was_asked_all(here: Here, loops: None) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with Peer() as peer, here() as device:
        await ask(device, "set stream.auto_close 1")
        far = await open_(device, peer, "http_post", "-l 100", JSON)
        assert await ask(device, "write 0 3", b"abc") == ["Success"]
        far.send(refusal)
        await far.gone()
        assert await ask(device, "write 0 3", b"abc") == ["Command failed"]
        assert await ask(device, "hre 0") == ["HTTP response: 413", "413"]
        assert await ask(device, "read 0 10") == ["no"]
        assert await ask(device, "poll 0") == ["[Closed: 0]", "Command failed"]


@pytest.mark.parametrize("written", [False, True])
async def test_a_server_that_leaves_before_it_was_asked(here: Here, written: bool) -> None:
    """The handle stays until the host has heard of it."""
    async with Peer() as peer, here() as device:
        await ask(device, "set stream.auto_close 1")
        far = await open_(device, peer, "http_post", JSON)
        if written:
            assert await ask(device, "write 0 3", b"abc") == ["Success"]
        far.close()
        await turned_loop().settle()
        assert await ask(device, "poll 0") == ["0"]
        assert (await ask(device, "hre 0"))[-1] == "Command failed"
        assert (await ask(device, "poll 0"))[-1] == "Command failed"


async def test_an_empty_answer_keeps_its_handle_until_it_is_touched(here: Here) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, "set stream.auto_close 1")
        far = await open_(device, peer, "http_get")
        asked = asyncio.ensure_future(device.command("hre 0"))
        await far.line()
        far.send(OK)
        response = await asked
        assert [*response.log, response.text] == ["HTTP response: 200", "200"]
        assert await ask(device, "read 0 10") == ["[Closed: 0]", ""]


async def test_a_server_that_takes_its_time(here: Here) -> None:
    """A status that does not come in time can be asked for again."""
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_get")
        begun = turned_loop().time()
        assert await ask(device, "hre 0") == ["No response in time", "Command failed"]
        assert turned_loop().time() - begun == pytest.approx(5)
        assert await ask(device, "poll 0") == ["0"]
        far.send(HELLO)
        assert await ask(device, "hre 0") == ["HTTP response: 200", "200"]
        assert await read(device, 5) == b"hello"


async def test_an_answer_that_is_none(here: Here) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_get")
        asked = asyncio.ensure_future(device.command("hre 0"))
        await far.line()
        far.send(b"SMTP ready\r\n")
        response = await asked
        assert response.text == "Command failed"
        assert len(response.log) == 1
        await far.gone()
        assert await ask(device, "poll 0") == ["2"]
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]


async def test_a_server_that_does_not_read(here: Here) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        far.deaf()
        answers: list[Response] = []
        while not answers or answers[-1].ok:
            assert len(answers) < 400
            answers.append(
                await turned_loop().turn_until(device.command("write 0 65536", bytes(65536)))
            )
        # The host is told; the device holds no more than a little.
        transport = stream(device)._transport  # type: ignore[attr-defined]
        assert transport.get_write_buffer_size() < 3 * 65536
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
        await turned_loop().turn(11)
        far.hear()
        await far.gone()


async def test_the_network_goes_while_a_request_waits(here: Here, air: Airspace) -> None:
    async with Peer() as peer, here() as device:
        far = await open_(device, peer, "http_post", JSON)
        air.ap("lab").power(False)
        await far.gone()
        assert await ask(device, "hre 0") == ["Command failed"]


async def test_a_body_both_ways(here: Here, loops: None) -> None:
    """An echo server that answers while it is still written to."""

    async def play(far: Far) -> None:
        await far.line()
        far.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            size = int(await far.line(b"\r\n"), 16)
            data = await far.take(size + 2)
            far.send(b"%x\r\n%b" % (size, data))
            if not size:
                return

    async with Peer(play) as peer, here() as device:
        await open_(device, peer, "http_post", JSON)
        for text in (b"one", b"and two"):
            assert await ask(device, f"write 0 {len(text)}", text) == ["Success"]
            assert await read(device, len(text)) == text
        assert await ask(device, "hre 0") == ["HTTP response: 200", "Chunked response", "200"]
        await stream(device).fill(1, LIMIT)
        assert await ask(device, "poll 0") == ["2"]
