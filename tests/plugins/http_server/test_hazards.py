"""Requests that mean harm. Each is sent whole and byte by byte: the answer is the same, the
connection ends, and the next client is served."""

import re
from collections.abc import Iterator

import pytest
from tests.plugins.http_server.conftest import Serve, Web

from tokay.plugins.http_server.limits import MAX_BODY, MAX_HEAD, MAX_HEADERS, MAX_TARGET

GET = b"GET /command/ver HTTP/1.1\r\n"
POST = b"POST /command HTTP/1.1\r\n"
CALL = b'{"command":"ver"}'
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def one_chunk(size: bytes) -> bytes:
    return CHUNKED + size + b"\r\n" + CALL + b"\r\n0\r\n\r\n"


HAZARDS: dict[str, tuple[bytes, int]] = {
    # Chunk sizes: 0x11 is right.
    "chunk size with a plus": (one_chunk(b"+11"), 400),
    "chunk size with a minus": (one_chunk(b"-11"), 400),
    "chunk size with 0x": (one_chunk(b"0x11"), 400),
    "chunk size with an underscore": (one_chunk(b"1_1"), 400),
    "chunk size behind a blank": (one_chunk(b" 11"), 400),
    "chunk size before a blank": (one_chunk(b"11 "), 400),
    "chunk size of no digits": (one_chunk(b""), 400),
    "chunk size beyond 64 bits": (one_chunk(b"1" + b"0" * 16), 400),
    "chunk size too large": (CHUNKED + b"%x\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1), 413),
    "chunk longer than it says": (CHUNKED + b"1\r\nxx\r\n0\r\n\r\n", 400),
    "chunks with bare line feeds": (CHUNKED + b"1\nx\n0\n\n", 400),
    # Characters.
    "NUL in a value": (GET + b"A: a\0b\r\n\r\n", 400),
    "CR in a value": (GET + b"A: a\rb\r\n\r\n", 400),
    "LF in a value": (GET + b"A: a\nb\r\n\r\n", 400),
    "NUL in a name": (GET + b"A\0: a\r\n\r\n", 400),
    "blank before the colon": (GET + b"A : a\r\n\r\n", 400),
    "no name": (GET + b": a\r\n\r\n", 400),
    "no colon": (GET + b"A\r\n\r\n", 400),
    "folded line": (GET + b"A: a\r\n b\r\n\r\n", 400),
    "folded line with a tab": (GET + b"A: a\r\n\tb\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare line feed behind a header": (GET + b"A: a\nB: b\r\n\r\n", 400),
    # Lengths.
    "two lengths": (POST + b"Content-Length: 17\r\nContent-Length: 17\r\n\r\n" + CALL, 400),
    "two other lengths": (POST + b"Content-Length: 17\r\nContent-Length: 0\r\n\r\n" + CALL, 400),
    "listed lengths": (POST + b"Content-Length: 17, 17\r\n\r\n" + CALL, 400),
    "negative length": (POST + b"Content-Length: -17\r\n\r\n" + CALL, 400),
    "length with a plus": (POST + b"Content-Length: +17\r\n\r\n" + CALL, 400),
    "length in hex": (POST + b"Content-Length: 0x11\r\n\r\n" + CALL, 400),
    "length with an underscore": (POST + b"Content-Length: 1_7\r\n\r\n" + CALL, 400),
    "empty length": (POST + b"Content-Length: \r\n\r\n" + CALL, 400),
    "length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "length too large": (POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
    "length before chunked": (
        POST + b"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
    ),
    "chunked before length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 17\r\n\r\n0\r\n\r\n", 400,
    ),
    "coding that is not known": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked by another name": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked behind another": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n11\r\n" + CALL + b"\r\n0\r\n\r\n", 400,
    ),
    "chunked in a header of its own": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"11\r\n" + CALL + b"\r\n0\r\n\r\n", 400,
    ),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    # Request lines.
    "version by prefix": (b"GET / HTTP/1.10\r\n\r\n", 400),
    "version with a tail": (b"GET / HTTP/1.1x\r\n\r\n", 400),
    "version of one number": (b"GET / HTTP/1\r\n\r\n", 400),
    "version in lower case": (b"GET / http/1.1\r\n\r\n", 400),
    "version of another protocol": (b"GET / HTTPS/1.1\r\n\r\n", 400),
    "version 0.9": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "version 2.0": (b"GET / HTTP/2.0\r\n\r\n", 505),
    "HTTP/2 by prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "raw blank in the target": (b"GET /command/get all HTTP/1.1\r\n\r\n", 400),
    "raw bytes in the target": (b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", 400),
    "raw NUL in the target": (b"GET /\0 HTTP/1.1\r\n\r\n", 400),
    "unknown method": (b"FETCH / HTTP/1.1\r\n\r\n", 400),
    "method of other servers": (b"PURGE / HTTP/1.1\r\n\r\n", 501),
    "authority form": (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", 501),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, 400),
    "long target": (b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\n\r\n", 414),
    "endless target": (b"GET /" + b"a" * MAX_HEAD * 2, 431),
    "endless header": (GET + b"A: " + b"a" * MAX_HEAD * 2, 431),
    "endless name": (GET + b"A" * MAX_HEAD * 2, 431),
    "long header": (GET + b"A: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
    "many headers": (GET + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431),
    "10,000 headers": (GET + b"A: b\r\n" * 10_000 + b"\r\n", 431),
    "two hosts": (GET + b"Host: a\r\nHost: b\r\n\r\n", 400),
    "listed hosts": (GET + b"Host: a, b\r\n\r\n", 400),
    # Targets that lead nowhere: served like any other name.
    "encoded NUL": (b"GET /a%00.txt HTTP/1.1\r\n\r\n", 400),
    "encoded line end in a command": (b"GET /command/ver%0d%0areboot HTTP/1.1\r\n\r\n", 400),
    "encoded dots": (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", 404),
    "dots encoded twice": (b"GET /%252e%252e/etc/passwd HTTP/1.1\r\n\r\n", 404),
    "absolute form of elsewhere": (b"GET http://10.0.0.1/etc HTTP/1.1\r\n\r\n", 404),
    "target without a slash": (b"GET command/ver HTTP/1.1\r\n\r\n", 400),
    "upgrade with a body": (
        b"POST /command HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 17\r\n\r\n" + CALL, 400,
    ),
    "expectation": (POST + b"Expect: wonders\r\nContent-Length: 17\r\n\r\n", 417),
}  # fmt: skip


def pieces(raw: bytes) -> Iterator[bytes]:
    """Give the bytes one by one; the long middle of a long one in larger bits, for time's sake."""
    ends = 300
    for start in range(min(len(raw), ends)):
        yield raw[start : start + 1]
    for start in range(ends, len(raw), 997):
        yield raw[start : start + 997]


@pytest.mark.parametrize("name", HAZARDS)
async def test_hazards(web: Web, name: str) -> None:
    raw, status = HAZARDS[name]
    for split in ([raw], list(pieces(raw))):
        got = await web.say(*split)
        assert int(got.split(b" ")[1]) == status, got
        assert got.count(b"HTTP/1.1 ") == 1, got
        assert b"\r\nConnection: close\r\n" in got
        assert (await web.command("ver"))["code"] == 0


async def test_what_looks_odd_and_is_right(web: Web) -> None:
    good = [
        GET + b"\r\n",  # without a host: hosts are small
        b"GET /command/ver HTTP/1.0\r\n\r\n",
        b"\r\n\r\n" + GET + b"\r\n",
        b"GET http://elsewhere:8080/command/ver HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET HTTPS://x/command/ver HTTP/1.1\r\n\r\n",
        GET + b"A: " + b"a" * (MAX_HEAD // 2) + b"\r\n\r\n",
        GET + b"A:no blank\r\nB:\t tabs \t\r\nC:\r\n\r\n",
        GET + b"A: \xff\xfe\r\n\r\n",
        one_chunk(b"11"),
        one_chunk(b"00011;x=y"),
    ]
    for raw in good:
        for split in ([raw], list(pieces(raw))):
            got = await web.say(*split)
            assert got.startswith(b"HTTP/1.1 200 OK\r\n"), (raw, got)


async def test_nothing_is_remembered_of_a_bad_request(web: Web) -> None:
    """Requests behind one that was refused are not carried out."""
    evil = b"GET /command/set%20wlan.ssid%20evil HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"
    for name in (
        "chunk size with a plus",
        "two lengths",
        "length before chunked",
        "bare line feeds",
    ):
        got = await web.say(HAZARDS[name][0] + evil)
        assert got.count(b"HTTP/1.1 ") == 1
    assert (await web.command("get wlan.ssid"))["response"] == "lab\r\n"


async def test_requests_sent_ahead(web: Web) -> None:
    """They are answered in order, as long as the client asks to go on."""
    keep = b"Connection: keep-alive\r\n\r\n"
    kept = GET + keep
    raw = kept * 3 + GET + b"\r\n" + kept * 3
    for split in ([raw], list(pieces(raw))):
        got = await web.say(*split)
        assert got.count(b"HTTP/1.1 200 OK") == 4
        assert got.count(b"Connection: close") == 1
    slow = b"GET /command/ping%20127.0.0.1 HTTP/1.1\r\n" + keep
    got = await web.say(slow + kept + slow + GET + b"\r\n")
    ids = [int(part.split(b",")[0]) for part in got.split(b'{"id":')[1:]]
    assert ids == list(range(ids[0], ids[0] + 4))
    # A bad one behind them is refused in its turn.
    got = await web.say(slow + kept + b"nonsense\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"200", b"400"]
    # No more than so many.
    got = await web.say(slow + kept * 1000)
    assert 1 <= got.count(b"HTTP/1.1 200 OK") <= 100


async def test_the_answer_to_one_who_says_no_more(web: Web) -> None:
    """A client may close its half behind its requests, as `nc -N` does."""
    client = await web.connect()
    kept = GET + b"Connection: keep-alive\r\n\r\n"
    client.send(b"GET /command/ping%20127.0.0.1 HTTP/1.1\r\nConnection: keep-alive\r\n\r\n" + kept)
    client.far.transport.write_eof()
    assert (await client.rest()).count(b"HTTP/1.1 200 OK") == 2


async def test_a_refusal_reaches_a_client_that_still_sends(web: Web) -> None:
    client = await web.connect()
    client.send(POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000)
    answer = await client.answer()
    assert answer.status == 413
    await client.far.gone()


async def test_expectations(web: Web) -> None:
    client = await web.connect()
    client.send(POST + b"Expect: 100-continue\r\nContent-Length: 17\r\n\r\n")
    assert (await client.answer()).status == 100
    client.send(CALL)
    assert (await client.answer()).json["code"] == 0
    client = await web.connect()
    client.send(POST + b"Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n")
    assert (await client.answer()).status == 413


async def test_hazards_on_a_shared_door(serve: Serve) -> None:
    """Byte by byte on uvloop's own transports is another road: see the interop tests."""
    async with serve({"http.server.cors_origin": "http://x"}) as web:
        got = await web.say(*pieces(GET + b"A : b\r\n\r\n"))
        assert got.startswith(b"HTTP/1.1 400 ")
