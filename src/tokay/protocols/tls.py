"""What can be read off the records of a TLS handshake by one who holds no keys.

Two things are of use. Where a record ends: whoever feeds a TLS engine with whole records need not
keep a buffer in the engine for each connection. And how far a handshake came: the last message
that passed, by the numbers that Gecko OS prints as `state`.

Up to TLS 1.2 every message up to ChangeCipherSpec is in the clear, and the one encrypted handshake
record behind it is Finished. In TLS 1.3 all is encrypted behind ServerHello: from there on it can
only be told that the client has answered (RFC 8446 section 2).

Sources: RFC 5246 sections 6.2.1 and 7.4; RFC 8446 sections 4 and 5; docs/protocol/network.md,
section 12.2.
"""

from collections.abc import Iterator
from enum import IntEnum

HEADER = 5
"""Bytes in front of a record's content."""
MAX_CONTENT = 16384 + 2048
"""Bytes of content that a record may have (RFC 5246 section 6.2.3)."""
MAX_KEPT = 1024
"""Bytes of a message that are kept; a ServerHello has its extensions in them."""

_CHANGE_CIPHER_SPEC, _HANDSHAKE, _APPLICATION_DATA = 20, 22, 23
_KINDS = frozenset(range(20, 25))  # 24 is heartbeat
_MAJOR = 3
_SERVER_HELLO = 2
_SUPPORTED_VERSIONS = 43
_TLS13 = b"\x03\x04"
_MESSAGE_HEADER = 4
_SEALED_ALERT = 2 + 1 + 16
"""Bytes of an alert under TLS 1.3: itself, its type, a tag."""


class HandshakeMessage(IntEnum):
    """The last handshake message that passed."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    SERVER_CERTIFICATE = 3
    SERVER_KEY_EXCHANGE = 4
    CERTIFICATE_REQUEST = 5
    SERVER_HELLO_DONE = 6
    CLIENT_CERTIFICATE = 7
    CLIENT_KEY_EXCHANGE = 8
    CERTIFICATE_VERIFY = 9
    CLIENT_CHANGE_CIPHER_SPEC = 10
    CLIENT_FINISHED = 11
    SERVER_CHANGE_CIPHER_SPEC = 12
    SERVER_FINISHED = 13
    FLUSH_BUFFERS = 14
    HANDSHAKE_OVER = 15


_FROM_CLIENT = {
    1: HandshakeMessage.CLIENT_HELLO,
    11: HandshakeMessage.CLIENT_CERTIFICATE,
    15: HandshakeMessage.CERTIFICATE_VERIFY,
    16: HandshakeMessage.CLIENT_KEY_EXCHANGE,
}
_FROM_SERVER = {
    0: HandshakeMessage.HELLO_REQUEST,
    2: HandshakeMessage.SERVER_HELLO,
    11: HandshakeMessage.SERVER_CERTIFICATE,
    12: HandshakeMessage.SERVER_KEY_EXCHANGE,
    13: HandshakeMessage.CERTIFICATE_REQUEST,
    14: HandshakeMessage.SERVER_HELLO_DONE,
}
"""Message types (RFC 5246 section 7.4). Those that are not here have no number of their own."""


def record_size(data: bytes | memoryview, at: int = 0) -> int:
    """Return the bytes of the record that begins at ``at``: 0 while that is not known, -1 if none.

    Only the header is looked at; less than the whole record may be there.
    """
    there = len(data) - at
    if there >= HEADER:
        size = data[at + 3] << 8 | data[at + 4]
        if size <= MAX_CONTENT and data[at + 1] == _MAJOR and data[at] in _KINDS:
            return HEADER + size
        return -1
    if there > 0 and (data[at] not in _KINDS or (there > 1 and data[at + 1] != _MAJOR)):
        return -1
    return 0


class _Messages:
    """Handshake messages of one end, cut from its records; no more is kept of one than is asked."""

    __slots__ = ("_head", "_kept", "_left")

    def __init__(self) -> None:
        self._head = b""
        self._kept = bytearray()
        self._left = -1

    def feed(self, content: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """Yield the type and the first bytes of each message that ends in ``content``."""
        at = 0
        while True:
            if self._left < 0:
                missing = _MESSAGE_HEADER - len(self._head)
                self._head += bytes(content[at : at + missing])
                at += missing
                if len(self._head) < _MESSAGE_HEADER:
                    return
                self._left = int.from_bytes(self._head[1:])
            piece = content[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            self._kept += piece[: MAX_KEPT - len(self._kept)]
            if self._left:
                return
            kind, told = self._head[0], bytes(self._kept)
            self._head, self._left = b"", -1
            self._kept.clear()
            yield kind, told


class HandshakeTracker:
    """How far a handshake came: ``state``, read off the records of both ends."""

    __slots__ = ("_client", "_sealed", "_server", "state", "tls13")

    def __init__(self) -> None:
        self.state = HandshakeMessage.HELLO_REQUEST
        self.tls13 = False
        self._client, self._server = _Messages(), _Messages()
        self._sealed = [False, False]
        """Whether the ChangeCipherSpec of server and client has passed."""

    def feed(self, records: bytes | memoryview, *, client: bool) -> None:
        """Process whole records of one end, in the order in which they passed."""
        while (size := record_size(records)) > 0:
            self._record(records[0], records[HEADER:size], client=client)
            records = records[size:]

    def _record(self, kind: int, content: bytes | memoryview, *, client: bool) -> None:
        if self.tls13:
            # The client's first sealed record, if it is no alert, is its answer to the server's.
            if client and kind == _APPLICATION_DATA and len(content) != _SEALED_ALERT:
                self.state = HandshakeMessage.CLIENT_FINISHED
        elif kind == _CHANGE_CIPHER_SPEC:
            self._sealed[client] = True
            self.state = (
                HandshakeMessage.CLIENT_CHANGE_CIPHER_SPEC
                if client
                else HandshakeMessage.SERVER_CHANGE_CIPHER_SPEC
            )
        elif kind == _HANDSHAKE and self._sealed[client]:
            self.state = (
                HandshakeMessage.CLIENT_FINISHED if client else HandshakeMessage.SERVER_FINISHED
            )
        elif kind == _HANDSHAKE:
            numbers = _FROM_CLIENT if client else _FROM_SERVER
            for message, told in (self._client if client else self._server).feed(content):
                self.state = numbers.get(message, self.state)
                if message == _SERVER_HELLO and not client:
                    self.tls13 = _chooses_tls13(told)


def _chooses_tls13(hello: bytes) -> bool:
    """Return whether a ServerHello chooses TLS 1.3 (RFC 8446 section 4.2.1)."""
    at = 2 + 32
    at += 1 + (hello[at] if at < len(hello) else 0)  # session id
    at += 2 + 1 + 2  # cipher suite, compression, size of the extensions
    while at + 4 <= len(hello):
        kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _SUPPORTED_VERSIONS:
            return hello[at + 4 : at + 4 + size] == _TLS13
        at += 4 + size
    return False
