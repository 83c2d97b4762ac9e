"""What the kernel asks of storage: settings, facts and files of one device, durable and atomic.

Storage is the board's; this is its shape as seen from here. Every method may raise the board's
``StorageError``, an OSError whose text is one clear line.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol


class StoredFile(Protocol):
    """A file's row. ``type`` and ``flags`` are numbers of the profile's generation."""

    @property
    def name(self) -> str:
        """The key; never a path."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def type(self) -> int:
        """0-255."""

    @property
    def flags(self) -> int:
        """Bits, 0-0xFFFF."""

    @property
    def version(self) -> str:
        """Four numbers with dots."""

    @property
    def location(self) -> str:
        """`extended`, `bulk` or `internal`."""

    @property
    def crc(self) -> int:
        """CRC-32 of the content."""

    @property
    def handle(self) -> int:
        """A small number that stays the same while the file exists."""


class DeviceStorage(Protocol):
    """What is kept for one device."""

    @property
    def file_changes(self) -> int:
        """A number that is another one once any file has changed; for caches."""

    def group(self) -> AbstractContextManager[None]:
        """Store all that is stored inside at once: all of it or, when it raises, nothing."""

    def settings(self) -> dict[str, str]:
        """Return what was last saved."""

    def save(self, settings: Mapping[str, str]) -> None:
        """Replace all settings, durably and at once."""

    def facts(self) -> dict[str, str]:
        """Return what the device knows of itself."""

    def set_facts(self, changes: Mapping[str, str | None]) -> None:
        """Change facts; None removes one."""

    def forget(self) -> None:
        """Remove what was replaced or deleted from every file of the storage."""

    def files(self) -> Sequence[StoredFile]:
        """Return every file by name."""

    def stat(self, name: str) -> StoredFile | None:
        """Return one file's row."""

    def create(
        self,
        name: str,
        content: bytes,
        *,
        type: int,
        flags: int,
        version: str,
        location: str,
    ) -> StoredFile:
        """Add a file. Raises FileExistsError."""

    def replace(
        self,
        name: str,
        content: bytes,
        *,
        type: int,
        flags: int,
        version: str,
        location: str,
    ) -> StoredFile:
        """Add a file, or put it in the place of the old one."""

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return part of a file's content. Raises FileNotFoundError."""

    def delete(self, name: str) -> None:
        """Remove a file. Raises FileNotFoundError."""

    def format(self, location: str) -> int:
        """Remove every file of a location; return how many there were."""

    def used(self, location: str) -> int:
        """Return how many bytes a location's files hold."""
