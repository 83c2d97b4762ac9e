"""Opening a state folder: check what is there, and make the best of it.

What a folder holds:

- ``tokay.db``, ``tokay.db-wal``: the database.
- ``tokay.last-good``: settings and facts once more (`last_good`).
- ``tokay.lock``: held by the process that uses the folder.
- ``tokay.db.building``: a new database half written; worth nothing.
- ``tokay.db.new``: a new database, complete. Its name is the decision to use it: whoever finds
  it puts it in place, after a power cut as well as before.
- ``*.damaged-1``, ``-2``, ...: what was damaged, as it was found. Never deleted, never read.

The rules, by what is found of the database:

==========================  ==================================================================
missing, no last-good copy  a new folder: begin empty
whole                       use it
missing, damaged, older     build a new one: for each device the newer of its record in the
than the copy               database, if its checksum is right, and in the copy; and every file
                            whose row can be read and whose CRC is right
of a newer schema           refuse, touch nothing
a symbolic link             refuse: what it leads to may be whole, but cannot be kept so
==========================  ==================================================================

A database is damaged when ``PRAGMA quick_check`` says so, when it has not our tables, when a
device or a file does not match its checksum, or when the copy, at the same sequence, knows a
device that it does not. It is older when the copy knows a later save: a WAL was cut short, or an
old file was put back. (The other way round is an everyday power cut: the copy comes second.)
"""

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from . import sql
from .database import Database, DatabaseCheck, build, check_file_version, from_sql
from .errors import StorageError, is_damage
from .last_good import LastGood, sync_folder
from .record import DeviceRecord, checksum, parse

DATABASE: Final = "tokay.db"
LAST_GOOD: Final = "tokay.last-good"
_NAMED: Final = 3
"""So many names are spelled out in a note; of the rest only the number."""


def open_folder(folder: Path, notes: list[str]) -> tuple[Database, LastGood]:
    """Open the database and the last-good copy of a folder; say in ``notes`` what was mended.

    Raises StorageError, OSError or sqlite3.Error when the folder cannot be used at all.
    """
    return _OpenProcedure(folder, notes).run()


class _OpenProcedure:
    def __init__(self, folder: Path, notes: list[str]) -> None:
        self.folder = folder
        self.notes = notes
        self.path = folder / DATABASE
        self.new = folder / (DATABASE + ".new")
        self.building = folder / (DATABASE + ".building")
        self.copy = LastGood(folder / LAST_GOOD)

    def run(self) -> tuple[Database, LastGood]:
        for suffix in ("", "-wal", "-journal"):
            _sibling(self.building, suffix).unlink(missing_ok=True)
        if _kind(self.new):
            self._move_database_aside()
            self._put_in_place()
            self.notes.append("a repair that had been interrupted was completed")
        self._check_refusals()
        self._load_copy()

        database, survey, reason = self._inspect()
        try:
            if reason is not None:
                database = self._rebuild(database, survey, reason)
                survey = database.check()
            if database is None or survey.reason is not None:
                raise StorageError(f"the database cannot be repaired: {survey.reason}")
            self._renew_copy(database, survey)
        except BaseException:
            self.copy.close()
            if database is not None:
                database.close()
            raise
        self.copy.lines = {}
        return database, self.copy

    def _check_refusals(self) -> None:
        for path in (self.path, self.copy.path):
            if path.is_symlink():
                raise StorageError(f"{path} is a symbolic link; put the file itself there")
        if self.path.is_file():
            check_file_version(self.path)

    def _load_copy(self) -> None:
        self.copy.load()
        if self.copy.damaged:
            aside = _move_aside(self.copy.path)
            lines = "1 line" if self.copy.damaged == 1 else f"{self.copy.damaged} lines"
            self.notes.append(
                f"the last good copy of the settings was damaged ({lines}): it is kept as {aside}"
            )

    def _inspect(self) -> tuple[Database | None, DatabaseCheck, str | None]:
        """Open and read what is there; the reason is why it cannot be used as it is."""
        nothing = DatabaseCheck(None, 0, {}, frozenset())
        for suffix in ("-wal", "-journal"):
            beside = _sibling(self.path, suffix)
            # Tokay never leaves a rollback journal: replaying one would bring back old pages.
            if _kind(beside) not in ("", "file") or (suffix == "-journal" and _kind(beside)):
                self.notes.append(f"{beside.name} was out of place: it is {_move_aside(beside)}")
        kind = _kind(self.path)
        if not kind:
            begun = self.copy.lines or self.copy.damaged or _kind(_sibling(self.path, "-wal"))
            if not begun:
                self._create()
                database = self._connect()
                return database, database.check(), None
            return None, nothing, "it was missing"
        if kind != "file":
            return None, nothing, f"a {kind} was in its place"
        if not self.path.stat().st_size:
            return None, nothing, "it was empty"
        database = Database(self.path)
        try:
            database.prepare()
            survey = database.check()
        except BaseException as error:
            # Closing a damaged database in place could take its WAL away: `_rebuild` moves first.
            if is_damage(error):
                return database, nothing, str(error)
            database.close()
            raise
        return database, survey, survey.reason or self._find_loss(survey)

    def _find_loss(self, survey: DatabaseCheck) -> str | None:
        """Compare with the copy: a WAL cut short or a vanished row breaks no page."""
        if self.copy.sequence > survey.sequence:
            return "it had lost its last saves"
        if self.copy.sequence != survey.sequence or self.copy.damaged or self.copy.torn:
            return None
        for device, line in self.copy.lines.items():
            if not line.erased and survey.devices.get(device) != checksum(line.body):
                return f"the settings of {device} were lost"
        return None

    # Mending.

    def _create(self) -> None:
        """Make an empty folder's files; the copy first, so that a database never lacks one."""
        self.copy.rewrite(0, ())
        self.copy.exists = True
        build(self.building, 0, (), ())
        self.building.rename(self.new)
        self._put_in_place()

    def _rebuild(self, old: Database | None, survey: DatabaseCheck, reason: str) -> Database:
        records, told = self._best_records(old, survey)
        erased = {record.device for record in records if record.erased}
        rows = old.file_rows() if old is not None else []
        saved = [0]

        def files() -> Iterator[Sequence[Any]]:
            seen: set[tuple[object, object]] = set()
            for row in rows:
                file = old.whole_file(row) if old is not None else None
                if file is None or (file[9], file[0]) in seen or from_sql(file[9]) in erased:
                    continue
                seen.add((file[9], file[0]))
                saved[0] += 1
                yield file

        try:
            build(self.building, max(survey.sequence, self.copy.sequence), records, files())
            self.building.rename(self.new)
            sync_folder(self.folder)
            # The old connection is still open: SQLite then leaves a moved database and its WAL
            # as they are, where closing it in place would write the one into the other.
            aside = self._move_database_aside()
        finally:
            if old is not None:
                old.close()
        self._put_in_place()
        kept = f": it is kept as {aside}" if aside else ""
        self.notes.append(f"the database could not be used ({reason}){kept}")
        self.notes.extend(told)
        if rows or reason != "it was missing":
            lost = len(rows) - saved[0]
            self.notes.append(f"{saved[0]} files were recovered, {lost} were found damaged")
        return self._connect()

    def _connect(self) -> Database:
        database = Database(self.path)
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise
        return database

    def _best_records(
        self, old: Database | None, survey: DatabaseCheck
    ) -> tuple[list[DeviceRecord], list[str]]:
        """Return the newest whole record of each device, and what to say about it."""
        records: list[DeviceRecord] = []
        from_copy: list[str] = []
        for device in survey.devices.keys() | self.copy.lines.keys():
            record = old.whole_record(device) if old and device in survey.devices else None
            line = self.copy.lines.get(device)
            if line and (record is None or line.sequence > record.sequence):
                record = parse(line.body)
                if not record.erased:
                    from_copy.append(device)
            if record is not None:
                records.append(record)
        told = []
        if from_copy:
            told.append(f"the settings of {_names(from_copy)} were taken from the last good copy")
        lost = survey.broken - {record.device for record in records}
        if lost:
            told.append(f"the settings of {_names(lost)} were lost: factory settings")
        if not records:
            told.append("no settings could be recovered: every device has factory settings")
        return records, told

    def _renew_copy(self, database: Database, survey: DatabaseCheck) -> None:
        """Make the copy say what the database says; go on appending if it does already."""
        lines = {
            device: checksum(line.body)
            for device, line in self.copy.lines.items()
            if not line.erased
        }
        sound = self.copy.exists and not self.copy.damaged and not self.copy.torn
        try:
            if sound and lines == survey.devices:
                self.copy.resume()
                return
            if not self.copy.exists:
                self.notes.append("the last good copy of the settings was missing: written anew")
            self.copy.rewrite(survey.sequence, records(database))
        except OSError as error:
            # The database alone is whole; a later save tries again.
            self.notes.append(f"the last good copy cannot be written: {error.strerror}")

    # Names in the folder.

    def _move_database_aside(self) -> str:
        """Move the database and what belongs to it out of the way; return its new name."""
        aside = _move_aside(self.path) if _kind(self.path) else ""
        for suffix in ("-wal", "-shm", "-journal"):
            beside = _sibling(self.path, suffix)
            if _kind(beside):
                _move_aside(beside, _sibling(self.folder / aside, suffix) if aside else None)
        return aside

    def _put_in_place(self) -> None:
        self.new.rename(self.path)
        sync_folder(self.folder)


def records(database: Database) -> Iterator[DeviceRecord]:
    """Return the record of every device, one after the other."""
    for name, sequence, _checksum in database.run(sql.DEVICES).fetchall():
        yield database.record(from_sql(name), sequence)


def _kind(path: Path) -> str:
    """Return what is there: empty for nothing, a file, a directory, a symbolic link, ..."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symbolic link" if stat.S_ISLNK(mode) else "special file"


def _sibling(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _move_aside(path: Path, wanted: Path | None = None) -> str:
    """Rename to ``wanted`` or the first free ``.damaged-`` number; return the new name."""
    target = wanted
    number = 0
    while target is None or _kind(target) or _kind(_sibling(target, "-wal")):
        number += 1
        target = _sibling(path, f".damaged-{number}")
    path.rename(target)
    return target.name


def _names(devices: Sequence[str] | frozenset[str]) -> str:
    named = sorted(devices)
    if len(named) <= _NAMED:
        return ", ".join(named)
    return f"{', '.join(named[:_NAMED])} and {len(named) - _NAMED} more"
