"""Storage: settings, facts and files that survive a power cut, for every device of a process.

One SQLite database in one folder (WAL, ``synchronous=FULL``), and a last-good copy of the
settings and facts beside it. What `DeviceStore.save` and its like return from is on the disk;
what they did not return from is there wholly or not at all. What a folder holds, and how each
kind of damage to it is mended, is told in `recovery`.
"""

from .errors import StorageError
from .store import DeviceStore, FileRow, Storage

__all__ = ["DeviceStore", "FileRow", "Storage", "StorageError"]
