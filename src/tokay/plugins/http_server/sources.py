"""Where the server's files come from: the device's own, then what other plugins provide."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tokay.kernel.storage import StoredFile

TWIN = ".gz"


class FileSource(Protocol):
    """Files by name. Those of the device and its package are one."""

    def find(self, name: str) -> StoredFile | None:
        """Return one file's row."""

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return part of a file's content. Raises FileNotFoundError."""


class Found(NamedTuple):
    """A file and where it comes from. ``packed``: it is the ``.gz`` twin of what was asked for."""

    source: FileSource
    stored: StoredFile
    packed: bool = False


def find(sources: Iterable[FileSource], name: str) -> Found | None:
    """Return the file of a name, or its twin (section 1.9); the first source that has one wins."""
    if not name:
        return None
    for source in sources:
        if (stored := source.find(name)) is not None:
            return Found(source, stored)
        if (stored := source.find(name + TWIN)) is not None:
            return Found(source, stored, packed=True)
    return None
