"""Where the server's files come from: the device's own, then what other plugins provide."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tokay.kernel.storage import StoredFile

TWIN = ".gz"
LARGEST = 64 * 1024
"""Bytes of a file whose content is remembered."""
MAX_BYTES = 256 * 1024
MAX_NAMES = 64
"""What is remembered of one service, until no client is left."""


class FileSource(Protocol):
    """Files by name. Those of the device and its package are one."""

    @property
    def file_changes(self) -> int:
        """A number that is another one once any file has changed."""

    def find(self, name: str) -> StoredFile | None:
        """Return one file's row."""

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return part of a file's content. Raises FileNotFoundError."""


class Found(NamedTuple):
    """A file and where it comes from. ``packed``: it is the ``.gz`` twin of what was asked for."""

    source: FileSource
    stored: StoredFile
    packed: bool = False


class Files:
    """The files of all sources; what is asked for again and again is remembered for a while."""

    __slots__ = ("_contents", "_found", "_held", "_sources", "_stamp")

    def __init__(self, sources: Sequence[FileSource]) -> None:
        self._sources = sources
        self._stamp = 0
        self.forget()

    def forget(self) -> None:
        """Remember nothing."""
        self._found: dict[str, Found | None] = {}
        self._contents: dict[str, bytes] = {}
        self._held = 0

    def find(self, name: str) -> Found | None:
        """Return the file of a name, or its twin; the first source wins.

        Source: docs/protocol/web-and-discovery.md, section 1.9.
        """
        stamp = sum([source.file_changes for source in self._sources])
        if stamp != self._stamp:
            self.forget()
            self._stamp = stamp
        try:
            return self._found[name]
        except KeyError:
            if len(self._found) >= MAX_NAMES:
                self.forget()
            found = self._found[name] = self._find(name) if name else None
            return found

    def read(self, found: Found, start: int, size: int) -> bytes:
        """Return part of a file that was found. Raises FileNotFoundError."""
        stored = found.stored
        if start or size != stored.size or size > LARGEST:
            return found.source.read(stored.name, start, size)
        content = self._contents.get(stored.name)
        if content is None:
            content = found.source.read(stored.name, 0, size)
            if self._held + size > MAX_BYTES:
                self._contents.clear()
                self._held = 0
            self._contents[stored.name] = content
            self._held += size
        return content

    def _find(self, name: str) -> Found | None:
        for source in self._sources:
            if (stored := source.find(name)) is not None:
                return Found(source, stored)
            if (stored := source.find(name + TWIN)) is not None:
                return Found(source, stored, packed=True)
        return None
