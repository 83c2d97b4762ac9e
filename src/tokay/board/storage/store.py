"""The storage of a process, and each device's share of it."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from . import sql
from .database import Database, from_sql, to_sql
from .errors import StorageError, as_storage_errors, error_text, os_error_text
from .last_good import LastGood, sync_folder
from .record import DeviceRecord, checksum, encode_mark
from .recovery import open_folder, records

LOCK: Final = "tokay.lock"


class FileRow(NamedTuple):
    """What a directory listing says of a file. The name is a key, never a path."""

    name: str
    size: int
    type: int
    flags: int
    version: str
    location: str
    crc: int
    """CRC-32 of the content (zlib's)."""
    created: int
    """Seconds since 1970."""
    handle: int
    """The lowest number that no other file of the device had; kept when it is replaced."""


class Storage:
    """One database for all devices of a process. Calls may come from any thread.

    ``folder`` is made when it is not there; None keeps everything in memory. ``notes`` says what
    had to be mended at the start, a line each. Raises StorageError, here and everywhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self.notes: list[str] = []
        self.file_changes = 0
        """Counts what was done to files."""
        self._guard = threading.RLock()
        self._pending: list[bytes] | None = None
        self._failed: str | None = None
        self._copy: LastGood | None = None
        self._copy_due = False
        self._lock = -1
        if folder is None:
            self._database = Database(None)
            self._database.prepare()
            self._database.create()
            return
        self._lock = _lock(folder)
        try:
            self._database, self._copy = open_folder(folder, self.notes)
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, sqlite3.Error):
                raise StorageError(f"{folder}: {error_text(error)}") from error
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(os_error_text(error, f"the state folder {folder}")) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def device(self, name: str) -> "DeviceStore":
        """Return a device's share; nothing is stored until something is saved."""
        return DeviceStore(self, name)

    def devices(self) -> list[str]:
        """Return the names of all devices that have something stored, sorted."""
        with self._guard, as_storage_errors():
            return sorted(from_sql(name) for (name,) in self._database.run(sql.NAMES))

    def close(self) -> None:
        """Close the database and let another process have the folder. Safe to call again."""
        with self._guard:
            with as_storage_errors():
                self._database.close()
            if self._copy is not None:
                self._copy.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @contextmanager
    def group(self) -> Iterator[None]:
        """Commit everything saved inside at once: all of it is stored, or none.

        It is durable only when this ends. Do not await inside: other tasks of the thread would
        join the group, and other threads wait for its end.
        """
        with self._guard:
            if self._pending is not None:
                with self._transaction_part():
                    yield
                return
            with as_storage_errors():
                self._pending = []
                try:
                    with self._database.transaction():
                        yield
                        if self._failed is not None:
                            raise StorageError(self._failed)
                    saved = self._pending
                finally:
                    self._pending = self._failed = None
            self._remember(saved)

    @contextmanager
    def _transaction_part(self) -> Iterator[None]:
        """Run as part of a group: a failure here fails the whole, even if caught."""
        if self._failed is not None:
            raise StorageError(self._failed)
        try:
            with as_storage_errors():
                yield
        except (FileExistsError, FileNotFoundError):
            raise  # found out before anything was written
        except BaseException as error:
            self._failed = str(error) or type(error).__name__
            raise

    # For DeviceStore.

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._guard, as_storage_errors():
            return self._database.run(statement, *values).fetchall()

    def _forget(self) -> None:
        """Leave nothing of what was replaced or deleted in any file. Not inside a group.

        The database overwrites it by itself (PRAGMA secure_delete); the WAL is emptied here, and
        the last-good copy written anew.
        """
        with self._guard, as_storage_errors():
            self._database.run(sql.CHECKPOINT)
            if self._copy is not None:
                self._copy_due = True
                self._copy.rewrite(self._database.sequence(), records(self._database))
                self._copy_due = False

    def _write_record(self, record: DeviceRecord) -> None:
        """Write a record as the next save, whatever its sequence. Needs a group."""
        record = record._replace(sequence=self._next())
        body = record.body()
        self._database.put_record(record)
        self._saved(body)

    def _write_file(self, statement: str, *values: object) -> int:
        """Change files as the next save; return how many. Needs a group."""
        self.file_changes += 1
        sequence = self._next()
        count = self._database.run(statement, *values).rowcount
        self._saved(encode_mark(sequence))
        return count

    def _next(self) -> int:
        sequence = self._database.sequence() + 1
        self._database.run(sql.SET_SEQUENCE, sequence)
        return sequence

    def _saved(self, body: bytes) -> None:
        if self._pending is not None and self._copy is not None:
            self._pending.append(body)

    def _remember(self, saved: Sequence[bytes]) -> None:
        """Bring the last-good copy up to what was committed.

        The saves are durable already, so a copy that cannot be written is no failure of theirs:
        it is noted once, and the next save writes the copy anew.
        """
        if self._copy is None or not saved:
            return
        try:
            if self._copy_due or not self._copy.append(saved):
                self._copy_due = True
                with as_storage_errors():
                    self._copy.rewrite(self._database.sequence(), records(self._database))
            self._copy_due = False
        except OSError as error:
            note = (
                str(error)
                if isinstance(error, StorageError)
                else os_error_text(error, "the last good copy")
            )
            self._copy_due = True
            if note not in self.notes:
                self.notes.append(note)


class DeviceStore:
    """What is stored of one device: settings, facts and files."""

    __slots__ = ("_storage", "name")

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self.name = name

    @property
    def file_changes(self) -> int:
        """A number that is another one once any file has changed; for caches."""
        return self._storage.file_changes

    @property
    def _key(self) -> str | bytes:
        return to_sql(self.name)

    def group(self) -> AbstractContextManager[None]:
        """Commit everything stored inside at once, or nothing; see `Storage.group`."""
        return self._storage.group()

    # Settings and facts.

    def settings(self) -> dict[str, str]:
        """Return what was last saved; empty when nothing ever was."""
        return self._texts(sql.SETTINGS)

    def save(self, settings: Mapping[str, str]) -> None:
        """Replace all settings. Durable when this returns; old or new at every moment."""
        wanted = dict(settings)
        with self._storage.group():
            record = self._record()
            if record.settings != wanted:
                self._storage._write_record(record._replace(settings=wanted))

    def facts(self) -> dict[str, str]:
        """Return what Tokay keeps about the device beside its settings."""
        return self._texts(sql.FACTS)

    def set_facts(self, changes: Mapping[str, str | None]) -> None:
        """Change some facts, durably; None removes one."""
        with self._storage.group():
            record = self._record()
            merged = {**record.facts, **changes}
            wanted = {name: value for name, value in merged.items() if value is not None}
            if record.facts != wanted:
                self._storage._write_record(record._replace(facts=wanted))

    def forget(self) -> None:
        """Remove what was replaced or deleted from every file of the storage.

        Raises StorageError. Not inside a group.
        """
        self._storage._forget()

    def erase(self) -> None:
        """Remove the device and all it has."""
        with self._storage.group():
            self._storage._write_record(DeviceRecord(self.name, 0, {}, {}, erased=True))

    # Files.

    def files(self) -> list[FileRow]:
        """Return all files, sorted by name, without their contents."""
        return sorted(_file(row) for row in self._storage._read(sql.FILES, self._key))

    def stat(self, name: str) -> FileRow | None:
        """Return a file without its content; None when there is none of that name."""
        rows = self._storage._read(sql.FILE, self._key, to_sql(name))
        return _file(rows[0]) if rows else None

    def create(
        self,
        name: str,
        content: bytes,
        *,
        type: int,
        flags: int,
        version: str,
        location: str,
        created: int | None = None,
    ) -> FileRow:
        """Store a new file, whole or not at all. ``created`` is now unless it is given.

        Raises FileExistsError when there is one of that name.
        """
        with self._storage.group():
            if self.stat(name) is not None:
                raise FileExistsError(name)
            made = int(time.time()) if created is None else created
            crc = checksum(content)
            file = FileRow(
                name, len(content), type, flags, version, location, crc, made, self._free_handle()
            )
            self._storage._write_file(sql.PUT_FILE, *_row(file), self._key, content)
            return file

    def replace(
        self,
        name: str,
        content: bytes,
        *,
        type: int,
        flags: int,
        version: str,
        location: str,
        created: int | None = None,
    ) -> FileRow:
        """Store a file in place of the one of that name, if there is one: old or new, never less.

        A file that was there keeps its handle.
        """
        with self._storage.group():
            old = self.stat(name)
            about: dict[str, Any] = {"type": type, "flags": flags, "version": version}
            if old is None:
                return self.create(name, content, location=location, created=created, **about)
            made = int(time.time()) if created is None else created
            crc = checksum(content)
            file = FileRow(
                name, len(content), type, flags, version, location, crc, made, old.handle
            )
            row, _size = self._place(name)
            self._storage._write_file(sql.REPLACE_FILE, *_row(file), content, row)
            return file

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``; less at the end, none beyond it.

        Only the pages asked for are read. Raises FileNotFoundError; ValueError for a negative
        offset or size.
        """
        if offset < 0 or size < 0:
            raise ValueError("offset and size cannot be negative")
        with self._storage._guard, as_storage_errors():
            row, length = self._place(name)
            size = min(size, length - offset)
            if size <= 0:
                return b""
            with self._storage._database.blob(row) as blob:
                blob.seek(offset)
                return blob.read(size)

    def delete(self, name: str) -> None:
        """Remove a file. Raises FileNotFoundError."""
        with self._storage.group():
            self._place(name)
            self._storage._write_file(sql.DELETE_FILE, self._key, to_sql(name))

    def format(self, location: str) -> int:
        """Remove all files of a location; return how many there were."""
        with self._storage.group():
            return self._storage._write_file(sql.FORMAT, self._key, to_sql(location))

    def used(self, location: str) -> int:
        """Return how many bytes the files of a location hold."""
        ((size,),) = self._storage._read(sql.USED, self._key, to_sql(location))
        return int(size)

    # Rows.

    def _texts(self, statement: str) -> dict[str, str]:
        rows = self._storage._read(statement, self._key)
        return {from_sql(name): from_sql(value) for name, value in rows}

    def _record(self) -> DeviceRecord:
        return self._storage._database.record(self.name, 0)

    def _place(self, name: str) -> tuple[int, int]:
        rows = self._storage._read(sql.FILE_PLACE, self._key, to_sql(name))
        if not rows:
            raise FileNotFoundError(name)
        row, size = rows[0]
        return int(row), int(size)

    def _free_handle(self) -> int:
        free = 0
        for (handle,) in self._storage._read(sql.HANDLES, self._key):
            if handle != free:
                break
            free += 1
        return free


def _file(row: tuple[Any, ...]) -> FileRow:
    name, size, kind, flags, version, location, crc, created, handle = row
    return FileRow(
        from_sql(name),
        size,
        kind,
        flags,
        from_sql(version),
        from_sql(location),
        crc,
        created,
        handle,
    )


def _row(file: FileRow) -> tuple[object, ...]:
    return tuple(to_sql(field) if isinstance(field, str) else field for field in file)


def _lock(folder: Path) -> int:
    """Take the folder for this process, until the descriptor is closed or the process ends.

    flock, not POSIX locks: those do not keep a process from itself, and are lost as soon as
    anything in the process closes the file.
    """
    descriptor = -1
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in made:
            sync_folder(path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(folder / LOCK, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StorageError(f"the state folder {folder} is in use by another process") from None
    except OSError as error:
        with suppress(OSError):
            os.close(descriptor)
        raise StorageError(os_error_text(error, f"the state folder {folder}")) from error
    return descriptor
