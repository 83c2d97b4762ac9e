"""The handshake over HTTP/1.1 that makes a connection a WebSocket: RFC 6455, section 4.

No extension and no subprotocol is asked for or granted.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

VERSION = "13"
MAX_HEADER = 16 * 1024
"""Bytes of status line and header fields that a server may send."""
END = b"\r\n\r\n"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS = re.compile(rb"HTTP/1\.1 ([1-9]\d\d)(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")


class HandshakeError(Exception):
    """A handshake that fails. ``status``: what HTTP says of it; 0 when it says nothing."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


def new_key() -> str:
    """Return a fresh `Sec-WebSocket-Key`."""
    return base64.b64encode(os.urandom(16)).decode()


def accept(key: str) -> str:
    """Return the `Sec-WebSocket-Accept` that belongs to a key (section 4.2.2)."""
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


# The client's side.


def request(host: str, path: str, key: str) -> bytes:
    """Return the request of a client; ``host`` has its port where that is not the usual one."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {VERSION}\r\n\r\n"
    ).encode()


def read_status(head: bytes) -> int:
    """Return the status of an answer. Raises HandshakeError when it is no HTTP/1.1."""
    line = _STATUS.fullmatch(head.split(b"\r\n", 1)[0])
    if line is None:
        raise HandshakeError("the server does not speak HTTP/1.1")
    return int(line[1])


def check_answer(head: bytes, key: str) -> None:
    """Check an answer up to its empty line (section 4.1). Raises HandshakeError."""
    status = read_status(head)
    if status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise HandshakeError(f"the server answers {status}", status)
    fields: dict[bytes, list[bytes]] = {}
    for line in head.removesuffix(END).split(b"\r\n")[1:]:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise HandshakeError("a header field that is none", status)
        fields.setdefault(field[1].lower(), []).append(field[2].strip(b" \t"))
    if [value.lower() for value in fields.get(b"upgrade", [])] != [b"websocket"]:
        raise HandshakeError("the server upgrades to something else", status)
    if b"upgrade" not in _tokens(fields.get(b"connection", [])):
        raise HandshakeError("the server does not upgrade the connection", status)
    if fields.get(b"sec-websocket-accept") != [accept(key).encode()]:
        raise HandshakeError("the server accepts another key", status)
    for name in (b"sec-websocket-extensions", b"sec-websocket-protocol"):
        if any(fields.get(name, [])):
            raise HandshakeError("the server grants what was not asked for", status)


# The server's side.


def check_request(method: str, newest: bool, fields: Mapping[bytes, bytes]) -> str:
    """Check a client's request; return the key that is to be accepted (section 4.2.1).

    ``newest``: it is HTTP/1.1. ``fields`` have lower-case names, and commas between the values of
    one that came twice. Raises HandshakeError with the status to answer.
    """
    if method != "GET":
        raise HandshakeError("a handshake is a GET", HTTPStatus.METHOD_NOT_ALLOWED)
    if not newest:
        raise HandshakeError("a handshake is HTTP/1.1", HTTPStatus.BAD_REQUEST)
    if b"websocket" not in _tokens([fields.get(b"upgrade", b"")]):
        raise HandshakeError("no upgrade to websocket", HTTPStatus.UPGRADE_REQUIRED)
    if b"upgrade" not in _tokens([fields.get(b"connection", b"")]):
        raise HandshakeError("the connection is not to be upgraded", HTTPStatus.BAD_REQUEST)
    key = fields.get(b"sec-websocket-key", b"").strip(b" \t").decode("latin-1")
    if not _is_key(key):
        raise HandshakeError("not one key of 16 bytes", HTTPStatus.BAD_REQUEST)
    if fields.get(b"sec-websocket-version", b"").strip(b" \t") != VERSION.encode():
        raise HandshakeError("another version", HTTPStatus.UPGRADE_REQUIRED)
    return key


def answer(key: str) -> bytes:
    """Return a server's answer to a good request."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept(key)}\r\n\r\n"
    ).encode()


def refusal(status: int, reason: str = "") -> bytes:
    """Return a server's answer to a request that it refuses; the connection closes behind it."""
    more = ""
    if status == HTTPStatus.UPGRADE_REQUIRED:
        more = f"Upgrade: websocket\r\nSec-WebSocket-Version: {VERSION}\r\n"
    text = reason or HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{more}Content-Type: text/plain\r\n"
        f"Content-Length: {len(text) + 2}\r\nConnection: close\r\n\r\n{text}\r\n"
    ).encode()


def _tokens(values: Iterable[bytes]) -> set[bytes]:
    return {token.strip(b" \t").lower() for value in values for token in value.split(b",")}


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
