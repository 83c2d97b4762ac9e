"""All the SQL of storage.

Every row names its device, so that each row that survives damage says by itself what it is.
"""

from typing import Final

APPLICATION: Final = 0x546F6B61
"""``PRAGMA application_id``: "Toka"; tells our database from any other (see file(1))."""
VERSION: Final = 1
"""``PRAGMA user_version``: the schema. A higher one was written by a newer Tokay."""

SCHEMA: Final = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL)",
    """CREATE TABLE device (
        name TEXT PRIMARY KEY NOT NULL,
        sequence INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE setting (
        device TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (device, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE fact (
        device TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (device, name)
    ) WITHOUT ROWID""",
    # The content comes last: listing files then never walks through it.
    """CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        type INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        version TEXT NOT NULL,
        location TEXT NOT NULL,
        crc INTEGER NOT NULL,
        created INTEGER NOT NULL,
        handle INTEGER NOT NULL,
        content BLOB NOT NULL,
        UNIQUE (device, name)
    )""",
    "INSERT INTO state VALUES (1, 0)",
)

# One owner: the lock on the database is held for as long as it is open, and the WAL's index
# stays on the heap, so that there is no -shm file to go stale or to run out of space under a
# memory map. No memory map of the database either: a truncated one must be an error, not SIGBUS.
CONNECTION: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",
)
CHECKPOINT: Final = "PRAGMA wal_checkpoint(TRUNCATE)"
CHECK: Final = "PRAGMA quick_check(1)"
GET_APPLICATION: Final = "PRAGMA application_id"
GET_VERSION: Final = "PRAGMA user_version"
BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"

SEQUENCE: Final = "SELECT sequence FROM state WHERE one = 1"
SET_SEQUENCE: Final = "UPDATE state SET sequence = ? WHERE one = 1"

DEVICES: Final = "SELECT name, sequence, checksum FROM device ORDER BY name"
NAMES: Final = "SELECT name FROM device UNION SELECT DISTINCT device FROM file"
PUT_DEVICE: Final = "INSERT OR REPLACE INTO device VALUES (?, ?, ?)"
DELETE_DEVICE: Final = "DELETE FROM device WHERE name = ?"

SETTINGS: Final = "SELECT name, value FROM setting WHERE device = ?"
DELETE_SETTINGS: Final = "DELETE FROM setting WHERE device = ?"
PUT_SETTING: Final = "INSERT INTO setting VALUES (?, ?, ?)"

FACTS: Final = "SELECT name, value FROM fact WHERE device = ?"
DELETE_FACTS: Final = "DELETE FROM fact WHERE device = ?"
PUT_FACT: Final = "INSERT OR REPLACE INTO fact VALUES (?, ?, ?)"
DELETE_FACT: Final = "DELETE FROM fact WHERE device = ? AND name = ?"

FILES: Final = """SELECT name, size, type, flags, version, location, crc, created, handle
    FROM file WHERE device = ? ORDER BY name"""
FILE: Final = """SELECT name, size, type, flags, version, location, crc, created, handle
    FROM file WHERE device = ? AND name = ?"""
FILE_PLACE: Final = "SELECT id, size FROM file WHERE device = ? AND name = ?"
HANDLES: Final = "SELECT handle FROM file WHERE device = ? ORDER BY handle"
PUT_FILE: Final = """INSERT INTO file
    (name, size, type, flags, version, location, crc, created, handle, device, content)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
REPLACE_FILE: Final = """UPDATE file SET name = ?, size = ?, type = ?, flags = ?, version = ?,
    location = ?, crc = ?, created = ?, handle = ?, content = ? WHERE id = ?"""
DELETE_FILE: Final = "DELETE FROM file WHERE device = ? AND name = ?"
DELETE_FILES: Final = "DELETE FROM file WHERE device = ?"
FORMAT: Final = "DELETE FROM file WHERE device = ? AND location = ?"
USED: Final = "SELECT coalesce(sum(size), 0) FROM file WHERE device = ? AND location = ?"

# Four ways through the same rows: a damaged page stops each of them somewhere else.
FILE_IDS: Final = (
    "SELECT id FROM file NOT INDEXED ORDER BY id",
    "SELECT id FROM file NOT INDEXED ORDER BY id DESC",
    "SELECT id FROM file ORDER BY device, name",
    "SELECT id FROM file ORDER BY device DESC, name DESC",
)
WHOLE_FILE: Final = """SELECT name, size, type, flags, version, location, crc, created, handle,
    device, content FROM file NOT INDEXED WHERE id = ?"""
DEVICE_NAMES: Final = (
    "SELECT name FROM device ORDER BY name",
    "SELECT name FROM device ORDER BY name DESC",
)
DEVICE: Final = "SELECT sequence, checksum FROM device WHERE name = ?"
