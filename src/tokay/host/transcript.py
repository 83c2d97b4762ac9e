r"""Transcripts of a wire: JSON lines, one for each piece of bytes.

The first line says what it is, each other one what came when from whom::

    {"tokay_transcript": 1, "port": "/dev/ttyUSB0", "started": "2026-11-30T12:00:00+00:00"}
    {"time": 0.00125, "from": "host", "data": "get wlan.mac\r\n"}
    {"time": 0.00210, "from": "module", "data": "4C:55:CC:10:78:9B\r\n"}

``time`` is in seconds from the start; ``data`` has one character for each byte (Latin-1).
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, NamedTuple

from tokay.host.channel import HOST, MODULE

MAX_LINE = 4 * 1024 * 1024


class TranscriptError(ValueError):
    """A file that is no transcript."""


class Piece(NamedTuple):
    """Bytes that came at once. ``sender`` is `host` or `module`."""

    time: float
    sender: str
    data: bytes


class TranscriptWriter:
    """Writes a transcript to a text file; ``flush`` brings it there."""

    def __init__(self, file: IO[str], port: str) -> None:
        self._file = file
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({"tokay_transcript": 1, "port": port, "started": started})

    def add(self, time: float, sender: str, data: bytes) -> None:
        """Add a piece; ``time`` in seconds from the start."""
        text = data.decode("latin-1")
        self._write({"time": round(time, 6), "from": sender, "data": text})

    def flush(self) -> None:
        """Bring what was added to the file."""
        self._file.flush()

    def _write(self, fields: dict[str, object]) -> None:
        self._file.write(json.dumps(fields) + "\n")


def read_transcript(lines: Iterable[str]) -> Iterator[Piece]:
    """Yield the pieces of a transcript. Raises TranscriptError."""
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise TranscriptError(f"line {number} is too long")
        try:
            fields = json.loads(line)
            if number == 1:
                if fields["tokay_transcript"] != 1:
                    raise TranscriptError("a transcript of another version")
                continue
            sender, data = fields["from"], fields["data"].encode("latin-1")
            time = float(fields["time"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, TranscriptError):
                raise
            raise TranscriptError(f"line {number} is no line of a transcript") from None
        if sender not in (HOST, MODULE):
            raise TranscriptError(f"line {number}: bytes of {sender}")
        yield Piece(time, sender, data)


class Exchange(NamedTuple):
    """What the host sent at one go, and what the module answered up to the next."""

    sent: bytes
    answer: bytes


def exchanges(pieces: Iterable[Piece]) -> list[Exchange]:
    """Return a transcript as a dialogue; what the module says first answers nothing."""
    found: list[Exchange] = []
    sent, answer = bytearray(), bytearray()
    for piece in pieces:
        if piece.sender == HOST and answer:
            found.append(Exchange(bytes(sent), bytes(answer)))
            sent.clear()
            answer.clear()
        (sent if piece.sender == HOST else answer).extend(piece.data)
    if sent or answer:
        found.append(Exchange(bytes(sent), bytes(answer)))
    return found
