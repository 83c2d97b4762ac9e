"""The handshake: what is asked, what is answered, and what is not taken."""

import pytest

from tokay.protocols.websocket import (
    HandshakeError,
    accept,
    answer,
    check_answer,
    check_request,
    new_key,
    refusal,
    request,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The example of RFC 6455, section 1.3."""
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPTED
)
ASKED = {
    b"host": b"device",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-key": KEY.encode(),
    b"sec-websocket-version": b"13",
}


def test_the_example_of_the_rfc() -> None:
    assert accept(KEY).encode() == ACCEPTED
    assert answer(KEY).startswith(b"HTTP/1.1 101 ")
    check_answer(answer(KEY), KEY)


def test_a_request() -> None:
    assert request("example.com:81", "/chat?a=b", KEY) == (
        b"GET /chat?a=b HTTP/1.1\r\nHost: example.com:81\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: " + KEY.encode() + b"\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    assert len({new_key() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "head",
    [
        GOOD,
        GOOD.replace(b"websocket", b"WebSocket"),
        GOOD.replace(b": Upgrade", b":keep-alive, upgrade"),
        GOOD.replace(b"Sec-WebSocket", b"SEC-WEBSOCKET"),
        GOOD.replace(b" Switching Protocols", b""),
        GOOD + b"\r\nSec-WebSocket-Extensions:",
        GOOD + b"\r\nServer: some\tserver 1.0",
    ],
)
def test_answers_that_are_taken(head: bytes) -> None:
    check_answer(head, KEY)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"nonsense",
        GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        GOOD.replace(b"HTTP/1.1", b"HTTP/1.10"),
        GOOD.replace(b"101", b"1010"),
        GOOD.replace(b"101", b"+101"),
        GOOD.replace(b"101 Switching Protocols", b"200 OK"),
        GOOD.replace(b"Upgrade: websocket\r\n", b""),
        GOOD.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        GOOD.replace(b"Upgrade: websocket", b"Upgrade: websocket\r\nUpgrade: websocket"),
        GOOD.replace(b"Connection: Upgrade", b"Connection: close"),
        GOOD.replace(b"Connection: Upgrade\r\n", b""),
        GOOD.replace(ACCEPTED, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
        GOOD.replace(ACCEPTED, ACCEPTED.lower()),
        GOOD.replace(ACCEPTED, b""),
        GOOD + b"\r\nSec-WebSocket-Accept: " + ACCEPTED,
        GOOD + b"\r\nSec-WebSocket-Extensions: permessage-deflate",
        GOOD + b"\r\nSec-WebSocket-Protocol: chat",
        GOOD + b"\r\n folded: x",
        GOOD + b"\r\nblank : x",
        GOOD + b"\r\n: x",
        GOOD + b"\r\nx: a\nb",
        GOOD + b"\r\nx: a\rb",
        GOOD + b"\r\nx: a\0b",
        GOOD + b"\r\nno colon",
    ],
)
def test_answers_that_are_not_taken(head: bytes) -> None:
    with pytest.raises(HandshakeError):
        check_answer(head, KEY)


def test_requests() -> None:
    assert check_request("GET", True, ASKED) == KEY
    browser = ASKED | {b"connection": b"keep-alive, Upgrade", b"upgrade": b"WebSocket"}
    assert check_request("GET", True, browser) == KEY
    # What is offered beyond is not taken, and no fault.
    assert check_request("GET", True, ASKED | {b"sec-websocket-extensions": b"x"}) == KEY


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({b"upgrade": b"h2c"}, 426),
        ({b"upgrade": b""}, 426),
        ({b"connection": b"close"}, 400),
        ({b"sec-websocket-key": b""}, 400),
        ({b"sec-websocket-key": b"c2hvcnQ="}, 400),
        ({b"sec-websocket-key": KEY.encode() + b", " + KEY.encode()}, 400),
        ({b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ"}, 400),
        ({b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25\xffZQ=="}, 400),
        ({b"sec-websocket-version": b"8"}, 426),
        ({b"sec-websocket-version": b"13, 8"}, 426),
        ({b"sec-websocket-version": b""}, 426),
    ],
)
def test_requests_that_are_refused(change: dict[bytes, bytes], status: int) -> None:
    with pytest.raises(HandshakeError) as error:
        check_request("GET", True, ASKED | change)
    assert error.value.status == status


def test_other_methods_and_versions() -> None:
    with pytest.raises(HandshakeError) as error:
        check_request("POST", True, ASKED)
    assert error.value.status == 405
    with pytest.raises(HandshakeError) as error:
        check_request("GET", False, ASKED)
    assert error.value.status == 400


def test_a_refusal_tells_the_version() -> None:
    """RFC 6455, section 4.4."""
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in refusal(426)
    assert refusal(503, "No room").endswith(
        b"\r\nContent-Length: 9\r\nConnection: close\r\n\r\nNo room\r\n"
    )
