"""Frames out, close frames, and the mask."""

import os
import sys

import pytest
from tests.websocket_cases import Frame
from websockets import speedups

from tokay.protocols.websocket import (
    BINARY,
    NO_CODE,
    TEXT,
    FrameReceiver,
    WebSocketError,
    close_payload,
    frame,
    mask,
    masking,
    parse_close,
)

SIZES = (0, 1, 2, 3, 4, 5, 125, 126, 127, 383, 384, 385, 65535, 65536, 65537, 200001)


def plain(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[at & 3] for at, byte in enumerate(data))


def test_the_examples_of_the_rfc() -> None:
    """RFC 6455, section 5.7."""
    assert frame(TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert frame(TEXT, b"Hel", final=False) == bytes.fromhex("010348656c")
    assert frame(0, b"lo") == bytes.fromhex("80026c6f")
    assert frame(BINARY, bytes(256)) == bytes.fromhex("827e0100") + bytes(256)
    assert frame(BINARY, bytes(65536)) == bytes.fromhex("827f0000000000010000") + bytes(65536)
    assert mask(b"Hello", bytes.fromhex("37fa213d")) == bytes.fromhex("7f9f4d5158")


def test_sizes_without_a_mask() -> None:
    for size in SIZES:
        assert frame(BINARY, bytes(size)) == Frame(BINARY, bytes(size)).encode(False)


async def test_sizes_with_a_mask() -> None:
    for size in SIZES:
        data = os.urandom(size)
        assert (
            b"".join(
                p
                for _, p, _ in FrameReceiver(masked=True).receive(frame(BINARY, data, masked=True))
            )
            == data
        )


def test_every_frame_has_a_key_of_its_own() -> None:
    """RFC 6455, section 5.3: it cannot be foretold."""
    keys = {frame(BINARY, b"x", masked=True)[2:6] for _ in range(100)}
    assert len(keys) == 100


def test_masks() -> None:
    for size in (*SIZES, 384, 1000, 65535, 65536, 200_001):
        data, key = os.urandom(size), os.urandom(4)
        assert mask(data, key) == plain(data, key)
        assert mask(memoryview(data), key) == plain(data, key)


def test_the_c_function_masks() -> None:
    """The fast way is what a usual installation has."""
    assert masking.load_mask() is speedups.apply_mask


def test_without_the_c_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    monkeypatch.setattr(masking, "_function", None)
    for size in (0, 1, 5, 1000, 65536):
        data, key = os.urandom(size), os.urandom(4)
        assert mask(data, key) == plain(data, key)
    assert masking._function is masking.mask_by_integer


def test_close_payloads() -> None:
    assert close_payload() == b""
    assert parse_close(b"") == (NO_CODE, "")
    assert parse_close(close_payload(1000, "bye")) == (1000, "bye")
    # Cut to what fits, and never within a character.
    assert parse_close(close_payload(1000, "\u00e9" * 100)) == (1000, "\u00e9" * 61)


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (b"\x03\xed", 1002), (b"\x00\x00", 1002), (b"\x03\xe8\xff", 1007)],
)
def test_close_payloads_that_cannot_be(payload: bytes, code: int) -> None:
    with pytest.raises(WebSocketError) as error:
        parse_close(payload)
    assert error.value.code == code
