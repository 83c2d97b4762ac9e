"""One open database: its connection, its rows, and how far they can be trusted."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import sql
from .errors import DAMAGE, StorageError, is_damage
from .record import DeviceRecord, checksum

_NEWEST_BELIEVED: Final = 1000
"""A schema version above this is not a newer Tokay but damage to the header."""


class DatabaseCheck(NamedTuple):
    """What a database holds that is whole, read from its first row to its last."""

    reason: str | None
    """Why the database cannot be trusted; None when it can."""
    sequence: int
    devices: Mapping[str, int]
    """The checksum of each device whose settings and facts are whole."""
    broken: frozenset[str]
    """Devices whose rows are there but not as they were saved."""


def to_sql(text: str) -> str | bytes:
    """Return what is bound for a text: itself, or bytes when UTF-8 cannot spell it.

    Settings that came over a UART may hold any bytes, which Python keeps as lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_sql(value: object) -> str:
    """Return the text that `to_sql` bound. Raises TypeError when it is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    raise TypeError("a text was expected")


class Database:
    """A connection, and the few statements that more than one caller needs.

    Raises sqlite3.Error; who calls turns it into a `StorageError`.
    """

    def __init__(self, path: Path | None) -> None:
        name = ":memory:" if path is None else f"{path.absolute().as_uri()}?mode=rw"
        self._connection = sqlite3.connect(
            name, timeout=0, isolation_level=None, check_same_thread=False, uri=path is not None
        )

    def prepare(self) -> None:
        """Take the database: the first statement that looks into the file."""
        for statement in sql.CONNECTION:
            self.run(statement)

    def run(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Run one statement of `sql` with its values bound."""
        return self._connection.execute(statement, values)

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement of `sql` for each row of values."""
        self._connection.executemany(statement, rows)

    def close(self) -> None:
        """Close the connection; SQLite empties the WAL unless the file was moved meanwhile."""
        self._connection.close()

    def create(self) -> None:
        """Lay out an empty database."""
        with self.transaction():
            for statement in sql.SCHEMA:
                self.run(statement)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, durably, or nothing of it."""
        self.run(sql.BEGIN)
        try:
            yield
            self.run(sql.COMMIT)
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self.run(sql.ROLLBACK)
            raise

    def blob(self, row: int) -> sqlite3.Blob:
        """Open the content of a file for reading a part of it."""
        return self._connection.blobopen("file", "content", row, readonly=True)

    # Sequence, settings, facts.

    def sequence(self) -> int:
        """Return the number of the last save."""
        (value,) = self.run(sql.SEQUENCE).fetchone() or ("",)
        if not isinstance(value, int) or not 0 <= value < 1 << 62:
            raise ValueError("the sequence of saves is not a number that can be")
        return value

    def texts(self, statement: str, device: str) -> dict[str, str]:
        """Return the settings or the facts of a device."""
        rows = self.run(statement, to_sql(device))
        return {from_sql(name): from_sql(value) for name, value in rows}

    def record(self, device: str, sequence: int) -> DeviceRecord:
        """Return the record of a device from its rows."""
        return DeviceRecord(
            device, sequence, self.texts(sql.SETTINGS, device), self.texts(sql.FACTS, device)
        )

    def whole_record(self, device: str) -> DeviceRecord | None:
        """Return the record of a device if its rows are as they were saved, else None."""
        try:
            sequence, expected = self.run(sql.DEVICE, to_sql(device)).fetchone()
            record = self.record(device, sequence)
            return record if checksum(record.body()) == expected else None
        except DAMAGE as error:
            if not is_damage(error):
                raise
            return None

    def put_record(self, record: DeviceRecord) -> None:
        """Write a whole record in place of whatever the device had. Needs a transaction."""
        device = to_sql(record.device)
        settings = [(device, to_sql(n), to_sql(v)) for n, v in record.settings.items()]
        facts = [(device, to_sql(n), to_sql(v)) for n, v in record.facts.items()]
        self.run(sql.DELETE_SETTINGS, device)
        self.run(sql.DELETE_FACTS, device)
        if record.erased:
            self.run(sql.DELETE_DEVICE, device)
            self.run(sql.DELETE_FILES, device)
            return
        self.run_many(sql.PUT_SETTING, settings)
        self.run_many(sql.PUT_FACT, facts)
        self.run(sql.PUT_DEVICE, device, record.sequence, checksum(record.body()))

    # Trust.

    def check(self) -> DatabaseCheck:
        """Read everything and say what of it is whole.

        Raises StorageError when the database was written by a newer Tokay, and sqlite3.Error
        when the machine, not the database, is at fault.
        """
        reasons: list[str] = []
        sequence = 0
        with _collect_damage(reasons):
            self._check_owner(reasons)
        with _collect_damage(reasons):
            verdict = str(self.run(sql.CHECK).fetchone()[0])
            if verdict != "ok":
                reasons.append(verdict.splitlines()[-1])
        with _collect_damage(reasons):
            sequence = self.sequence()
        devices: dict[str, int] = {}
        broken: set[str] = set()
        for name in self._scan(sql.DEVICE_NAMES, reasons):
            with _collect_damage(reasons):
                device = from_sql(name)
                record = self.whole_record(device)
                if record is None:
                    broken.add(device)
                    reasons.append(f"the settings of {device} do not match their checksum")
                else:
                    devices[device] = checksum(record.body())
                    sequence = max(sequence, record.sequence)
        for row in self._scan(sql.FILE_IDS, reasons):
            if self.whole_file(row) is None:
                reasons += ["the content of a file does not match its checksum"]
        return DatabaseCheck(reasons[0] if reasons else None, sequence, devices, frozenset(broken))

    def file_rows(self) -> list[int]:
        """Return the rows of all files that can still be found."""
        return self._scan(sql.FILE_IDS, [])

    def whole_file(self, row: int) -> tuple[Any, ...] | None:
        """Return a file's row in the order of `sql.PUT_FILE` if it is whole, else None."""
        try:
            found: tuple[Any, ...] | None = self.run(sql.WHOLE_FILE, row).fetchone()
            if found is None:
                return None
            name, size, kind, flags, version, location, crc, created, handle, device, data = found
            for text in (name, version, location, device):
                from_sql(text)
            numbers = all(isinstance(n, int) for n in (kind, flags, created, handle))
            whole = numbers and len(data) == size and checksum(data) == crc
        except DAMAGE as error:
            if not is_damage(error):
                raise
            return None
        return found if whole else None

    def _scan(self, statements: Sequence[str], reasons: list[str]) -> list[Any]:
        """Return the first column of every row that any of the statements reaches."""
        found: dict[Any, None] = {}
        for statement in statements:
            before = len(found)
            count = 0
            with _collect_damage(reasons):
                for (value,) in self.run(statement):
                    found[value] = None
                    count += 1
            if before and count != len(found):
                reasons.append("an index does not match its table")
        return list(found)

    def _check_owner(self, reasons: list[str]) -> None:
        ours = self.run(sql.GET_APPLICATION).fetchone()[0] == sql.APPLICATION
        version = self.run(sql.GET_VERSION).fetchone()[0]
        if ours and version != sql.VERSION:
            check_version(version)
        if not ours or version != sql.VERSION:
            reasons.append("it is not a database of Tokay")


def check_version(version: int) -> None:
    """Raise StorageError if a schema version is that of a newer Tokay."""
    if sql.VERSION < version <= _NEWEST_BELIEVED:
        raise StorageError(
            f"the database was written by a newer Tokay (schema {version}, this one knows "
            f"{sql.VERSION}); it was left as it is"
        )


def check_file_version(path: Path) -> None:
    """Refuse a database of a newer schema by its header alone, so that it is never touched.

    The places are those of https://www.sqlite.org/fileformat.html, section 1.3. Raises OSError.
    """
    with path.open("rb") as file:
        header = file.read(72)
    if header[:16] == b"SQLite format 3\0" and header[68:72] == sql.APPLICATION.to_bytes(4, "big"):
        check_version(int.from_bytes(header[60:64], "big"))


def build(
    path: Path, sequence: int, records: Iterable[DeviceRecord], files: Iterable[Sequence[object]]
) -> None:
    """Write a new database of records and files, whole and durable when this returns."""
    path.touch(0o600)
    database = Database(path)
    try:
        database.prepare()
        database.create()
        with database.transaction():
            for record in records:
                database.put_record(record)
            database.run(sql.SET_SEQUENCE, sequence)
            database.run_many(sql.PUT_FILE, files)
        database.run(sql.CHECKPOINT).fetchone()  # closing would swallow that the disk is full
    finally:
        database.close()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _collect_damage(reasons: list[str]) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        if not is_damage(error):
            raise
        reasons.append(str(error))
