"""What a user sees when storage fails: one line, never a traceback of SQLite."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# What reading garbage can raise: SQLite's own errors, and Python's when a row that was text
# comes back as a number or as bytes that are not UTF-8.
DAMAGE: Final = (sqlite3.Error, ValueError, TypeError, OverflowError, MemoryError)

# Failures of the machine, not of the database: nothing must be moved aside for these.
_OUTSIDE: Final = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
}
# ... but a page that cannot be read is damage, whoever is to blame.
_UNREADABLE: Final = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}


class StorageError(OSError):
    """Storage cannot do what was asked; the text is one clear line for a user."""


def is_damage(error: BaseException) -> bool:
    """Return whether an error raised while reading means that the database is damaged."""
    if isinstance(error, StorageError):
        return False
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code in _UNREADABLE or code & 0xFF not in _OUTSIDE
    return isinstance(error, DAMAGE)


def error_text(error: sqlite3.Error) -> str:
    """Return the one line that a user sees for an error of SQLite."""
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return "the storage is closed"
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "no space left on the storage"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "the storage is in use by another process"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"the storage cannot be written: {error}"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return "the database is damaged; it is repaired at the next start"
        case _:
            return f"the storage failed: {error}"


def os_error_text(error: OSError, what: str) -> str:
    """Return the one line that a user sees when ``what`` cannot be written or read."""
    if error.errno is None:
        return f"{what} cannot be used: {error}"
    return f"{what} cannot be written: {os.strerror(error.errno)}"


@contextmanager
def as_storage_errors() -> Iterator[None]:
    """Turn every error of SQLite into a `StorageError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(error_text(error)) from error
