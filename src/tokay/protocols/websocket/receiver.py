"""WebSocket frames on their way in: bytes to pieces of messages, strictly (RFC 6455, section 5).

A piece of a message is given as soon as it is there, so a message of any length passes through in
constant space; who wants whole messages bounds their length. Control frames are given whole.
"""

import codecs
from collections.abc import Iterator

from tokay.protocols.websocket.frame import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_DATA,
    MAX_CONTROL,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    WebSocketError,
)
from tokay.protocols.websocket.masking import mask

Piece = tuple[int, bytes, bool]
"""Opcode, payload, and whether the message ends here. A continuation has its message's opcode."""

MAX_MESSAGE = (1 << 63) - 1
"""Bytes of a message that is as long as one can be."""

_FINAL = 0x80
_USUAL = _FINAL | BINARY
_FIRST = {opcode: (opcode, False) for opcode in (CONTINUATION, TEXT, BINARY)} | {
    _FINAL | opcode: (opcode, True) for opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)
}
"""What may stand in the first byte of a frame."""

_utf8 = codecs.getincrementaldecoder("utf-8")


class FrameReceiver:
    """Frames of one connection. ``masked``: the other side is a client, and must mask.

    ``max_size``: bytes of the longest message that is taken; None takes any.
    """

    __slots__ = (
        "_final",
        "_head",
        "_key",
        "_masked",
        "_max_size",
        "_opcode",
        "_pending",
        "_remaining",
        "_short",
        "_text",
        "_total",
    )

    def __init__(self, *, masked: bool, max_size: int | None = None) -> None:
        self._masked = masked
        self._max_size = MAX_MESSAGE if max_size is None else max_size
        self._pending = b""
        """The beginning of a frame whose header, or control payload, is not all there."""
        self._opcode = 0
        """What the message is that has begun; 0 between messages."""
        self._final = False
        self._remaining = 0
        """Bytes of the present frame that are still to come."""
        self._key = b""
        self._total = 0
        self._text: codecs.IncrementalDecoder | None = None
        self._head = 6 if masked else 2
        """Bytes of the header of a short frame."""
        self._short = self._head + min(MAX_CONTROL, self._max_size)
        """Bytes of a short frame at most."""

    def read_single(self, data: bytes) -> bytes | None:
        """Return the payload, if the data is one binary message below 64 KiB and nothing else.

        The usual, and quicker than ``receive``, which must be asked when this gives None.
        """
        size, start = len(data), self._head
        if size < start or data[0] != _USUAL or self._remaining or self._opcode or self._pending:
            return None
        second = data[1]
        if second == (size + 122 if self._masked else size - 2) and size <= self._short:
            return mask(data[6:], data[2:6]) if self._masked else data[2:]
        length = size - start - 2
        if (
            second == (0xFE if self._masked else 126)
            and 125 < length <= self._max_size
            and data[2] << 8 | data[3] == length
        ):
            if self._masked:
                return mask(memoryview(data)[8:], data[4:8])
            return data[4:]
        return None

    def receive(self, data: bytes) -> Iterator[Piece]:
        """Yield the pieces in ``data``. Raises WebSocketError behind the last good one.

        All must be taken, up to a close frame or an error: nothing may be received after those.
        """
        if self._pending:
            data = self._pending + data
            self._pending = b""
        at, size = 0, len(data)
        while at < size:
            if self._remaining:
                end = min(at + self._remaining, size)
                yield self._piece(data, at, end)
                at = end
                continue
            start = self._header(data, at, size)
            if start < 0:
                self._pending = data[at:]
                return
            opcode = data[at] & 0xF
            at = start
            if opcode >= CLOSE:
                at += self._remaining
                payload = data[start:at]
                self._remaining = 0
                yield opcode, mask(payload, self._key) if self._masked else payload, True
            elif self._final and not self._remaining:
                yield self._end(b"")

    def _header(self, data: bytes, at: int, size: int) -> int:
        """Take a header; return where its payload begins, -1 when too little is there."""
        if size - at < 2:
            return -1
        second = data[at + 1]
        try:
            opcode, final = _FIRST[data[at]]
        except KeyError:
            raise _fault(data[at]) from None
        if (second >= 0x80) is not self._masked:
            raise WebSocketError(
                PROTOCOL_ERROR, "an unmasked frame" if self._masked else "a masked frame"
            )
        length, start = second & 0x7F, at + 2
        if length > 125:
            if opcode >= CLOSE:
                raise WebSocketError(PROTOCOL_ERROR, "a control frame that is too long")
            length, start = _long(data, start, size, 2 if length == 126 else 8)
            if start < 0:
                return -1
        if opcode < CLOSE:
            self._check_place(opcode, length)
        end = start + 4 if self._masked else start
        if size < (end + length if opcode >= CLOSE else end):
            return -1
        self._key = data[start:end]
        self._remaining = length
        if opcode < CLOSE:
            self._total = length if opcode else self._total + length
            self._opcode = opcode or self._opcode
            self._final = final
        return end

    def _check_place(self, opcode: int, length: int) -> None:
        """Check that a frame may follow the one before, and that its message is not too long."""
        total = length
        if opcode == CONTINUATION:
            if not self._opcode:
                raise WebSocketError(PROTOCOL_ERROR, "a continuation of nothing")
            total += self._total
        elif self._opcode:
            raise WebSocketError(PROTOCOL_ERROR, "a message inside another")
        if total > self._max_size:
            raise WebSocketError(TOO_BIG, f"a message of more than {self._max_size} bytes")

    def _piece(self, data: bytes, at: int, end: int) -> Piece:
        """Return what has come of the present frame, one byte at least."""
        got = end - at
        self._remaining -= got
        if not self._masked:
            payload = data[at:end]
        else:
            key = self._key
            payload = mask(memoryview(data)[at:end], key)
            if got & 3:
                self._key = key[got & 3 :] + key[: got & 3]
        if self._final and not self._remaining:
            return self._end(payload)
        if self._opcode == TEXT:
            self._check_text(payload, final=False)
        return self._opcode, payload, False

    def _end(self, payload: bytes) -> Piece:
        opcode, self._opcode = self._opcode, 0
        if opcode == TEXT:
            self._check_text(payload, final=True)
        return opcode, payload, True

    def _check_text(self, payload: bytes, *, final: bool) -> None:
        """Check text as it comes: a wrong byte is found in the piece that has it."""
        if self._text is None:
            if payload.isascii():
                return
            self._text = _utf8()
        try:
            self._text.decode(payload, final)
        except UnicodeDecodeError:
            raise WebSocketError(INVALID_DATA, "text that is not UTF-8") from None
        if final:
            self._text = None


def _long(data: bytes, start: int, size: int, width: int) -> tuple[int, int]:
    """Return a length of 2 or 8 bytes and where it ends; -1 when it is not all there."""
    if size < start + width:
        return 0, -1
    length = int.from_bytes(data[start : start + width], "big")
    # The shortest form is a must, and the first bit of eight bytes is 0 (section 5.2).
    if length < (126 if width == 2 else 1 << 16) or length >> 63:
        raise WebSocketError(PROTOCOL_ERROR, "a length in the wrong form")
    return length, start + width


def _fault(first: int) -> WebSocketError:
    """Return the error for the first byte of a frame."""
    if first & 0x70:
        return WebSocketError(PROTOCOL_ERROR, "a reserved bit is set")
    opcode = first & 0xF
    if opcode in (CLOSE, PING, PONG):
        return WebSocketError(PROTOCOL_ERROR, "a control frame in fragments")
    return WebSocketError(PROTOCOL_ERROR, f"opcode {opcode}")
