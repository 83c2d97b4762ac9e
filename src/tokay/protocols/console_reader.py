"""The host's end of a console: blocks, bare lines, echo and prompts taken out of a byte stream.

At the start of a line stands one of these, and ``ConsoleReader`` tells them apart however the bytes
are cut:

============================  =============================================
bytes                         what they are
============================  =============================================
``> `` or ``SAFEMODE> ``      a prompt: dropped, the line goes on behind it
``[RLS]dddddd`` CR LF         the header of a block: ``Block`` with its body
anything up to LF             a bare line: ``Line``
a line that ends in a header  noise, or an echo without end: ``Line``, then the block
============================  =============================================

Bounds: a body has 99,999 bytes at most, a bare line MAX_LINE. What breaks the rules is a ``Fault``:
what was held is dropped, and the reader begins again with what comes next.

Source: docs/protocol/command-protocol.md, section 3.
"""

import re
from typing import NamedTuple

from tokay.protocols.framing import Block

MAX_LINE = 64 * 1024
"""Bytes of a bare line: more than any line of the field, far below what hurts."""

_HEADER = re.compile(rb"([RLS])([0-9])([0-9]{5})\r\n")
_GLUED = re.compile(rb"[RLS][0-9]{6}\r\Z")
_PROMPT = re.compile(rb"(?:(?:SAFEMODE)?> )+")


class Line(NamedTuple):
    """A line outside any block, without its line end."""

    data: bytes


class Fault(NamedTuple):
    """Bytes that break the framing, and why."""

    reason: str


Piece = Block | Line | Fault


class ConsoleReader:
    """Split a byte stream into pieces."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def held(self) -> bytes:
        """The bytes of what is not complete yet."""
        return bytes(self._buffer)

    def clear(self) -> None:
        """Discard what is held."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Piece]:
        """Return the pieces that these bytes complete."""
        buffer = self._buffer
        buffer += data
        pieces: list[Piece] = []
        at = 0
        while at < len(buffer):
            end = self._take(at, pieces)
            if end < 0:
                break
            at = end
        del buffer[:at]
        return pieces

    def _take(self, at: int, pieces: list[Piece]) -> int:
        """Parse one piece; return where the next begins, -1 when more bytes are needed."""
        buffer = self._buffer
        if header := _HEADER.match(buffer, at):
            return self._block(header, pieces)
        if prompt := _PROMPT.match(buffer, at):
            return prompt.end()
        newline = buffer.find(b"\n", at)
        if newline < 0:
            if len(buffer) - at <= MAX_LINE:
                return -1
            pieces.append(Fault(f"a line of more than {MAX_LINE} bytes"))
            return len(buffer)
        if (glued := _GLUED.search(buffer, at, newline)) and glued.start() > at:
            pieces.append(Line(bytes(buffer[at : glued.start()])))
            return glued.start()
        if line := bytes(buffer[at:newline]).rstrip(b"\r"):
            pieces.append(Line(line))
        return newline + 1

    def _block(self, header: "re.Match[bytes]", pieces: list[Piece]) -> int:
        buffer = self._buffer
        start, size = header.end(), int(header[3])
        end = start + size
        if len(buffer) < end:
            return -1
        if size and (size < 2 or buffer[end - 2 : end] != b"\r\n"):
            pieces.append(Fault(f"a body of {size} bytes that does not end in CR LF"))
            return len(buffer)
        body = bytes(buffer[start : end - 2]) if size else b""
        pieces.append(Block(chr(header[1][0]), header[2][0] - 48, body))
        return end
