"""Reading responses: what every one of them may be, whole and byte by byte, and what none may."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.plugins.http_client.response import (
    MAX_FIELDS,
    MAX_FRAMING,
    MAX_HEADER,
    ResponseError,
    ResponseReader,
)

START = b"HTTP/1.1 200 OK\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    for byte in data:
        yield bytes((byte,))


WAYS = [whole, bytewise]


class Read:
    """A response, read to where it ends or breaks."""

    def __init__(self, pieces: Iterator[bytes], *, end: bool = True, head: bool = False) -> None:
        self.body = b""
        self.error = ""
        self.reader = ResponseReader(self._take, bodiless=head)
        try:
            for piece in pieces:
                self.reader.feed(piece)
            if end:
                self.reader.end()
        except ResponseError as error:
            self.error = str(error)

    def _take(self, piece: bytes) -> None:
        self.body += piece


# What breaks off, and how much of the body came before.
HAZARDS: dict[str, tuple[bytes, bytes]] = {
    # Chunk sizes (RFC 9112 section 7.1).
    "signed": (CHUNKED + b"+5\r\nhello\r\n", b""),
    "negative": (CHUNKED + b"-5\r\nhello\r\n", b""),
    "underscore": (CHUNKED + b"1_0\r\nhello\r\n", b""),
    "0x": (CHUNKED + b"0x5\r\nhello\r\n", b""),
    "huge": (CHUNKED + b"1" + b"0" * 16 + b"\r\nhello\r\n", b""),
    "blank before": (CHUNKED + b" 5\r\nhello\r\n", b""),
    "blank behind": (CHUNKED + b"5 \r\nhello\r\n", b""),
    "no digits": (CHUNKED + b"\r\nhello\r\n", b""),
    "other digits": (CHUNKED + b"\xb2\r\nhe\r\n", b""),
    "line feed alone": (CHUNKED + b"5\nhello\r\n", b""),
    "too few bytes": (CHUNKED + b"5\r\nhel\r\n0\r\n\r\n", b"hel\r\n"),
    "too many bytes": (CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", b"hello"),
    "second size": (CHUNKED + b"5\r\nhello\r\n-1\r\n", b"hello"),
    "line feed in an extension": (CHUNKED + b'5;a="\n"\r\nhello\r\n', b""),
    # How long the body is (section 6.3).
    "length and chunks": (
        START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"",
    ),
    "chunks and length": (
        START + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"",
    ),
    "length twice": (START + b"Content-Length: 5\r\n" * 2 + b"\r\nhello", b""),
    "two lengths": (START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b""),
    "list of lengths": (START + b"Content-Length: 5, 5\r\n\r\nhello", b""),
    "signed length": (START + b"Content-Length: +5\r\n\r\nhello", b""),
    "negative length": (START + b"Content-Length: -5\r\n\r\nhello", b""),
    "length in hex": (START + b"Content-Length: 0x5\r\n\r\nhello", b""),
    "length with underscore": (START + b"Content-Length: 1_0\r\n\r\nhello", b""),
    "empty length": (START + b"Content-Length:\r\n\r\nhello", b""),
    "huge length": (START + b"Content-Length: 99999999999999999999\r\n\r\nhello", b""),
    "another coding": (START + b"Transfer-Encoding: gzip\r\n\r\nhello", b""),
    "two codings": (START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b""),
    "chunked twice": (START + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", b""),
    "nearly chunked": (START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b""),
    # Header fields (section 5).
    "CR in a value": (START + b"X: a\rY: b\r\nContent-Length: 0\r\n\r\n", b""),
    "LF in a value": (START + b"X: a\nY: b\r\nContent-Length: 0\r\n\r\n", b""),
    "NUL in a value": (START + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", b""),
    "folded": (START + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", b""),
    "blank in a name": (START + b"X y: a\r\nContent-Length: 0\r\n\r\n", b""),
    "blank behind a name": (START + b"Content-Length : 0\r\n\r\n", b""),
    "no name": (START + b": a\r\nContent-Length: 0\r\n\r\n", b""),
    "no colon": (START + b"X\r\nContent-Length: 0\r\n\r\n", b""),
    "long line": (START + b"X: " + b"x" * MAX_HEADER + b"\r\n\r\n", b""),
    "long name": (START + b"x" * MAX_HEADER + b": x\r\n\r\n", b""),
    "long reason": (b"HTTP/1.1 200 " + b"x" * MAX_HEADER + b"\r\n\r\n", b""),
    "too many": (START + b"X: 1\r\n" * (MAX_FIELDS + 1) + b"\r\n", b""),
    "no end": (START + b"X: 1\r\nX:", b""),
    # The status line (section 4).
    "garbage before": (b"\x00\x01" + START + b"Content-Length: 0\r\n\r\n", b""),
    "blank before it": (b" " + START + b"Content-Length: 0\r\n\r\n", b""),
    "HTTP/0.9": (b"<html>hello</html>", b""),
    "HTTP/0.9 by name": (b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "HTTP/2": (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "HTTP/2 frames": (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05", b""),
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "lower case": (b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "two digits": (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "four digits": (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "status 099": (b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "no status": (b"HTTP/1.1 \r\nContent-Length: 0\r\n\r\n", b""),
    "a request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    # What is not the answer.
    "endless interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, b""),
    "interim answers alone": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3, b""),
    "an upgrade": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello", b"",
    ),
    "an upgrade to nothing": (b"HTTP/1.1 101 Switching\r\n\r\nhello", b""),
    # What breaks off.
    "nothing": (b"", b""),
    "half a status line": (b"HTTP/1.1 2", b""),
    "half a body": (START + b"Content-Length: 10\r\n\r\nhello", b"hello"),
    "half a chunk": (CHUNKED + b"a\r\nhello", b"hello"),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", b"hello"),
    "half a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX: 1\r\n", b"hello"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hazard", HAZARDS)
def test_a_hazard(hazard: str, way: type) -> None:
    data, body = HAZARDS[hazard]
    read = Read(way(data))
    assert read.error
    assert not read.reader.complete
    # The parser may see the rest of a wrong chunk for body until it knows better.
    assert read.body.startswith(body[:3])
    assert len(read.body) <= len(data)


def endless(start: bytes, more: bytes, pieces: int = 1000) -> Iterator[bytes]:
    yield start
    for _ in range(pieces):
        yield more


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"", b"\r\n"),
        (START, b"X: 1\r\n"),
        (START + b"X: ", b"xxxx" * 16),
        (b"HTTP/1.1 ", b"xxxx" * 16),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (CHUNKED, b"0" * 64),
        (CHUNKED + b"5;", b"a=b;" * 16),
        (CHUNKED + b"5;a=", b"bbbb" * 16),
        (CHUNKED + b'5;a="', b"bbbb" * 16),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"X: 1\r\n" * 10),
        (CHUNKED + b"5\r\nhello\r\n0\r\nX: ", b"1" * 64),
    ],
)
def test_what_never_ends(start: bytes, more: bytes) -> None:
    """Nothing is taken for ever without a byte of body."""
    seen = 0

    def count() -> Iterator[bytes]:
        nonlocal seen
        for piece in endless(start, more, 40_000):
            seen += len(piece)
            yield piece

    read = Read(count(), end=False)
    assert read.error
    assert seen <= MAX_HEADER + MAX_FRAMING + 128


def test_what_may_go_on_for_ever() -> None:
    """Chunks of one byte have more framing than body, and yet are no attack."""
    read = Read(endless(CHUNKED, b"1\r\nx\r\n", 40_000), end=False)
    assert not read.error
    assert read.body == b"x" * 40_000


def test_the_longest_header_and_the_most_fields() -> None:
    fields = b"X: 1\r\n" * MAX_FIELDS
    long = START + b"X: ".ljust(MAX_HEADER - len(START) - 4, b"x") + b"\r\n\r\n"
    assert len(long) == MAX_HEADER
    for data in (START + fields + b"\r\n", long):
        for way in WAYS:
            read = Read(way(data + b"hello"))
            assert (read.error, read.body) == ("", b"hello")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (START + b"Content-Length: 5\r\n\r\n", 200),
        (CHUNKED, 200),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", 404),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + CHUNKED, 200),
    ],
)
def test_the_answer_to_head(answer: bytes, status: int, way: type) -> None:
    read = Read(way(answer), head=True)
    assert (read.error, read.reader.status, read.reader.complete) == ("", status, True)


@pytest.mark.parametrize("way", WAYS)
def test_header_fields(way: type) -> None:
    read = Read(
        way(
            b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  b c \r\nx-a:\r\n"
            b"Y: \xe9\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\nTrailer: x\r\n\r\n"
        )
    )
    assert not read.error
    assert read.reader.headers == [
        ("X-A", "b c"), ("x-a", ""), ("Y", "\xe9"), ("Transfer-Encoding", "CHUNKED"),
    ]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_behind_the_body_is_nobodys(way: type) -> None:
    other = b"HTTP/1.1 500 No\r\nX: y\r\nContent-Length: 3\r\n\r\nbad"
    length = START + b"Content-Length: 5\r\n\r\nhello"
    for behind in (b"\0", b"\r\n" * 99, other):
        for answer in (length, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"):
            read = Read(way(answer + behind))
            assert (read.error, read.body, read.reader.status) == ("", b"hello", 200)
            assert len(read.reader.headers) == 1


@pytest.mark.parametrize("announced", [b"Upgrade: h2, h2c\r\nConnection: Upgrade, close\r\n", b""])
def test_a_server_that_could_upgrade(announced: bytes) -> None:
    """Apache says so in ordinary answers (RFC 9110 section 7.8)."""
    read = Read(whole(START + announced + b"Content-Length: 5\r\n\r\nhello"))
    assert (read.error, read.body) == ("", b"hello")


@pytest.mark.parametrize("way", WAYS)
def test_an_upgrade(way: type) -> None:
    early = b"\x81\x05hello" * 5000
    reader = ResponseReader(lambda _: None, upgrade=True)
    answer = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    for piece in way(answer + early):
        reader.feed(piece)
    assert (reader.status, reader.complete, reader.early) == (101, True, early)


STARTS = [
    b"", START, START + b"\r\n", START + b"Content-Length: 20\r\n\r\n",
    CHUNKED, CHUNKED + b"5\r\nhello\r\n",
]  # fmt: skip


@given(st.binary(max_size=200), st.sampled_from(STARTS))
def test_anything(data: bytes, start: bytes) -> None:
    """However bytes come, what is read of them is the same, and only ResponseError is raised."""
    one, many = Read(whole(start + data)), Read(bytewise(start + data))
    assert (one.reader.status, one.reader.headers) == (many.reader.status, many.reader.headers)
    assert bool(one.error) == bool(many.error)
    assert one.body == many.body
