"""The last-good copy: settings and facts once more, where damage to the database cannot reach.

A text file of lines, one for each save: the CRC-32 of the record's body, a space, the body. The
last line of a device counts. A change of files leaves a mark, its sequence alone: files are not
copied, but that the database has lost one is noticed.

A save appends a line and syncs it, so it costs the same however many devices there are; when the
file has grown well beyond what it must hold, it is written anew beside itself and renamed. Each
line stands alone: damage loses the lines it hit, no others, and an editor can read what is left.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .record import DeviceRecord, checksum, encode_mark, parse, parse_mark

_SLACK: Final = 1 << 20
"""Bytes the file may grow beyond twice its size after the last rewrite."""


class LastGoodRecord:
    """The newest whole line of one device."""

    __slots__ = ("body", "erased", "sequence")

    def __init__(self, body: bytes, record: DeviceRecord) -> None:
        self.body = body
        self.sequence = record.sequence
        self.erased = record.erased


class LastGood:
    """The copy in a folder. Methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, LastGoodRecord] = {}
        """What `load` found; the caller forgets it when it has compared."""
        self.damaged = 0
        """How many lines could not be read. A torn last line is no damage but a power cut."""
        self.torn = False
        self._marked = 0
        self.exists = False
        self._descriptor = -1
        self._end = 0
        self._limit = 0

    @property
    def sequence(self) -> int:
        """The newest save that the copy knows."""
        return max(self._marked, *(line.sequence for line in self.lines.values()), 0)

    def load(self) -> None:
        """Read all lines that are whole."""
        try:
            with self.path.open("rb") as file:
                self.exists = True
                for raw in file:
                    self._parse_line(raw)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            self.exists = True
            self.damaged += 1

    def resume(self) -> None:
        """Go on appending to the file that `load` has read whole."""
        self.close()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._end = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._limit = 2 * self._end + _SLACK

    def rewrite(self, sequence: int, records: Iterable[DeviceRecord]) -> None:
        """Write the copy anew, so that at every moment the old one or the new one is there."""
        building = self.path.with_name(self.path.name + ".building")
        with contextlib.suppress(FileNotFoundError):
            building.unlink()
        descriptor = os.open(
            building, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            with os.fdopen(os.dup(descriptor), "wb", buffering=1 << 16) as file:
                file.write(_line(encode_mark(sequence)))
                for record in records:
                    file.write(_line(record.body()))
            os.fsync(descriptor)
            building.rename(self.path)
            sync_folder(self.path.parent)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(FileNotFoundError):
                building.unlink()
            raise
        self.close()
        self._descriptor = descriptor
        self._end = os.lseek(descriptor, 0, os.SEEK_END)
        self._limit = 2 * self._end + _SLACK

    def append(self, bodies: Iterable[bytes]) -> bool:
        """Append a line for each body, durably. Returns False when a rewrite is due."""
        data = b"".join(map(_line, bodies))
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._descriptor, data[done:], self._end + done)
            os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(data)
        return self._end <= self._limit

    def close(self) -> None:
        """Close the file; nothing is pending."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _parse_line(self, raw: bytes) -> None:
        if not raw.endswith(b"\n"):
            self.torn = True
            return
        try:
            body = raw[9:-1]
            if raw[8:9] != b" " or int(raw[:8], 16) != checksum(body):
                raise ValueError
            sequence = parse_mark(body)
            if sequence is not None:
                self._marked = max(self._marked, sequence)
                return
            record = parse(body)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damaged += 1
            return
        known = self.lines.get(record.device)
        if known is None or known.sequence <= record.sequence:
            self.lines[record.device] = LastGoodRecord(body, record)


def _line(body: bytes) -> bytes:
    return b"%08x %s\n" % (checksum(body), body)


def sync_folder(folder: Path) -> None:
    """Make renames within a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
