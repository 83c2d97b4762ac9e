"""The machine format: how a response or a log line is framed on the wire.

A block is a header of nine bytes and a body::

    kind code length CR LF

``kind`` is R for a reply, S for a reply in safe mode, L for a log line; ``code`` is the result
code, one digit; ``length`` is five digits and counts every byte behind the header, the body's own
final CR LF included. An empty body has length 00000 and nothing follows. Hosts read ``length``
bytes and drop the last two without looking, so a body always ends in CR LF.

Source: docs/protocol/command-protocol.md, section 3.2.
"""

from dataclasses import dataclass

CRLF = b"\r\n"
HEADER_SIZE = 9
MAX_BODY = 99_997
"""Bytes of body that five digits can announce, without the final CR LF."""

REPLY = "R"
LOG = "L"
SAFE_REPLY = "S"
KINDS = frozenset((REPLY, LOG, SAFE_REPLY))


class FramingError(ValueError):
    """Bytes that are no header of the machine format."""


def frame(kind: str, code: int, body: bytes) -> bytes:
    """Return one block. ``code`` is 0-9; ``body`` comes without its final CR LF."""
    if not body:
        return b"%c%d00000\r\n" % (kind.encode(), code)
    if len(body) > MAX_BODY:
        message = f"a body of {len(body)} bytes does not fit the header"
        raise FramingError(message)
    return b"%c%d%05d\r\n%b\r\n" % (kind.encode(), code, len(body) + 2, body)


@dataclass(frozen=True, slots=True)
class Block:
    """One block as a host sees it: the body without its final CR LF."""

    kind: str
    code: int
    body: bytes


class BlockReader:
    """Cuts a byte stream into blocks, however the bytes arrive.

    Lines that are no block (the boot text comes bare) are collected in ``bare``.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.bare: list[bytes] = []

    def feed(self, data: bytes) -> list[Block]:
        """Add bytes; return the blocks that they complete."""
        self._buffer += data
        blocks = []
        while (block := self._next()) is not None:
            blocks.append(block)
        return blocks

    def _next(self) -> Block | None:
        buffer = self._buffer
        while True:
            end = buffer.find(CRLF)
            if end < 0:
                return None
            line = bytes(buffer[:end])
            if _is_header(line):
                break
            self.bare.append(line)
            del buffer[: end + 2]
        length = int(line[2:])
        if len(buffer) < HEADER_SIZE + length:
            return None
        body = bytes(buffer[HEADER_SIZE : HEADER_SIZE + length])
        del buffer[: HEADER_SIZE + length]
        return Block(chr(line[0]), line[1] - ord("0"), body[:-2])


def _is_header(line: bytes) -> bool:
    return len(line) == HEADER_SIZE - 2 and chr(line[0]) in KINDS and line[1:].isdigit()
