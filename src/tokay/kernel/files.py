"""Files: a flat store of named contents with version, type and flags.

A name may hold ``/`` but is never a path: it is a key in the device's storage and nowhere else. A
file that is being written is held in memory and becomes a file at its last byte, whole or not at
all. Source: docs/protocol/commands.md, section 4.

Below the device's own files lie those of the package, the web app: shared by every device of the
process, in no database. One that is deleted is only remembered as deleted, and a file of the
device's own hides the one of the package; a factory reset brings the package's back.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from tokay.kernel.results import bad_args, failed
from tokay.kernel.storage import StoredFile
from tokay.kernel.streams import Stream, StreamType
from tokay.protocols.crc import crc16, crc32

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

FIRMWARE = "sys/"
REMOVED = "file.removed"
"""The fact that names the deleted files of the package, a line each."""
_CRC_BITS = {"crc16": 16, "crc32": 32}
_MAX_VERSION = 255


class Location(StrEnum):
    """Where a file lies."""

    EXTENDED = "extended"
    BULK = "bulk"


class PackagedFile:
    """A read-only file that every device has, loaded when it is first looked at. A `StoredFile`."""

    __slots__ = ("_content", "_load", "flags", "handle", "name", "type", "version")

    location = Location.EXTENDED

    def __init__(
        self, name: str, load: Callable[[], bytes], *, version: str, type: int, flags: int,
        handle: int,
    ) -> None:  # fmt: skip
        self.name, self.version, self.type = name, version, type
        self.flags, self.handle = flags, handle
        self._load = load
        self._content: bytes | None = None

    @property
    def content(self) -> bytes:
        """All of it."""
        if self._content is None:
            self._content = self._load()
        return self._content

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def crc(self) -> int:
        return crc32(self.content)


class Draft:
    """A file to be: what is known before its content. ``crc`` None means unchecked."""

    __slots__ = ("content", "crc", "flags", "location", "name", "replace", "size", "type",
                 "version")  # fmt: skip

    def __init__(
        self,
        name: str,
        size: int,
        *,
        version: str,
        type: int,
        flags: int,
        location: Location = Location.EXTENDED,
        crc: int | None = None,
        replace: bool = False,
    ) -> None:
        self.name, self.size, self.version, self.type = name, size, version, type
        self.flags, self.location, self.crc, self.replace = flags, location, crc, replace
        self.content = bytearray()


class FileStore:
    """The files of one device, under the rules of its profile."""

    __slots__ = ("_changes", "_drafts", "_kernel", "_open", "_package", "_removed")

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._open: dict[str, int] | None = None
        self._drafts: list[Draft] | None = None
        self._package: Mapping[str, PackagedFile] = {}
        self._removed: frozenset[str] = frozenset()
        self._changes = 0

    @property
    def file_changes(self) -> int:
        """A number that is another one once any file has changed."""
        return self._kernel.storage.file_changes + self._changes

    def underlay(self, package: Mapping[str, PackagedFile]) -> None:
        """Put the files of the package below the device's own."""
        self._package = package
        removed = self._kernel.storage.facts().get(REMOVED, "")
        self._removed = frozenset(removed.splitlines())

    def list(self) -> list[StoredFile]:
        """Return every file, by name."""
        own = list(self._kernel.storage.files())
        taken = self._removed.union(file.name for file in own)
        below = [file for name, file in self._package.items() if name not in taken]
        return sorted([*own, *below], key=lambda file: file.name) if below else own

    def find(self, name: str) -> StoredFile | None:
        """Return one file, or None."""
        return self._kernel.storage.stat(name) or self._packaged(name)

    def stat(self, name: str) -> StoredFile:
        """Return one file. Raises CommandError when there is none."""
        found = self.find(name)
        if found is None:
            raise failed(f"no file {name}")
        return found

    def _packaged(self, name: str) -> PackagedFile | None:
        return None if name in self._removed else self._package.get(name)

    def begin(self, draft: Draft) -> Draft:
        """Check that a file may be made and that there is room; its room is kept until the end.

        Raises CommandError: code 7 for a name that cannot be, code 1 for one that is taken.
        """
        rules = self._kernel.profile.files
        self.check_name(draft.name)
        drafts = self._drafts = self._drafts or []
        there = self.find(draft.name) is not None
        if (there and not draft.replace) or any(other.name == draft.name for other in drafts):
            raise failed(f"{draft.name} exists")
        if there:
            self._check_closed(draft.name)
        if draft.size < 1:
            raise failed("a file cannot be empty")
        self._check_room(draft)
        if not there and len(self._kernel.storage.files()) + len(drafts) >= rules.most_files:
            raise failed(f"{rules.most_files} files are there")
        drafts.append(draft)
        return draft

    def grow(self, draft: Draft) -> None:
        """Truncate a file whose size was not known to what it has. Raises CommandError."""
        if len(draft.content) > draft.size:
            draft.size = len(draft.content)
            self._check_room(draft)

    def abandon(self, draft: Draft) -> None:
        """Forget a file that will not be."""
        if self._drafts and draft in self._drafts:
            self._drafts.remove(draft)

    def finish(self, draft: Draft) -> StoredFile:
        """Make the file durable. Raises CommandError when the checksum does not fit."""
        self.abandon(draft)
        content = bytes(draft.content)
        if len(content) != draft.size:
            raise failed(f"{len(content)} of {draft.size} bytes came")
        if draft.crc is not None and draft.crc != self._checksum(content):
            raise failed("the checksum does not fit")
        if draft.replace:
            self._check_closed(draft.name)
        storage = self._kernel.storage
        make = storage.replace if draft.replace else storage.create
        try:
            stored = make(
                draft.name,
                content,
                type=draft.type,
                flags=draft.flags,
                version=draft.version,
                location=draft.location,
            )
        except OSError as error:
            raise failed(str(error)) from error
        self._kernel.log.line("File created")
        return stored

    def open(self, name: str) -> int:
        """Open a file for reading; return the stream's handle."""
        stored = self.stat(name)
        return self._kernel.streams.admit(FileReader(self, stored))

    def delete(self, name: str) -> None:
        """Delete a file that is not open. Raises CommandError."""
        self.stat(name)
        self._check_closed(name)
        storage = self._kernel.storage
        try:
            if name in self._package:
                self._remove([name])
            if storage.stat(name) is not None:
                storage.delete(name)
        except OSError as error:
            raise failed(str(error)) from error
        self._kernel.log.line("File deleted")

    def _remove(self, names: Iterable[str]) -> None:
        """Remember that files of the package were deleted."""
        removed = self._removed.union(names)
        self._kernel.storage.set_facts({REMOVED: "\n".join(sorted(removed))})
        self._removed = removed
        self._changes += 1

    def format(self, location: Location) -> int:
        """Delete every file of a location; return how many there were."""
        if any((self._open or {}).values()):
            raise failed("a file is open")
        below = [f.name for f in self.list() if f is self._package.get(f.name)]
        if location is not PackagedFile.location:
            below = []
        if below:
            self._remove(below)
        return self._kernel.storage.format(location) + len(below)

    def reset(self) -> None:
        """Bring the files of the package back, as a factory reset does."""
        storage = self._kernel.storage
        storage.set_facts({REMOVED: None})
        self._removed = frozenset()
        self._changes += 1
        for name in self._package:
            if storage.stat(name) is not None:
                storage.delete(name)

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return part of a file."""
        packaged = self._package.get(name)
        if packaged is None or self._kernel.storage.stat(name) is not None:
            return self._kernel.storage.read(name, offset, size)
        return packaged.content[offset : offset + size]

    def hold(self, name: str, by: int) -> None:
        """Count one more (or one less) reader of a file."""
        counts = self._open = self._open or {}
        counts[name] = counts.get(name, 0) + by
        if counts[name] <= 0:
            del counts[name]

    def check_name(self, name: str) -> None:
        """Raise CommandError when no file of that name can be made."""
        longest = self._kernel.profile.files.longest_name
        if not 1 <= len(name) <= longest or any(not " " <= char <= "~" for char in name):
            raise bad_args(f"a file name has 1-{longest} printable characters")
        if name.startswith("/") or ".." in name.split("/"):
            raise bad_args(f"{name} is a path: a file has a name, and no folder to leave")
        if name.startswith(FIRMWARE):
            raise failed(f"{FIRMWARE} is the firmware's")

    def parse_crc(self, word: str) -> int:
        """Return a checksum written in hex, with 0x or without; negative ones wrap."""
        bits = _CRC_BITS[self._kernel.profile.files.crc]
        digits = word.removeprefix("-").lower().removeprefix("0x")
        if (
            not digits
            or len(digits) > bits // 4
            or not all(c in "0123456789abcdef" for c in digits)
        ):
            raise bad_args(f"{word} is no checksum")
        number = int(digits, 16)
        return (-number if word.startswith("-") else number) % (1 << bits)

    def _check_closed(self, name: str) -> None:
        if (self._open or {}).get(name):
            raise failed(f"{name} is open")

    def _check_room(self, draft: Draft) -> None:
        """Raise CommandError unless a draft has room beside the files and the other drafts."""
        rules, place = self._kernel.profile.files, draft.location
        size = rules.bulk_size if place is Location.BULK else rules.extended_size
        others = [one for one in self._drafts or () if one.location is place and one is not draft]
        pending = sum(other.size for other in others)
        if self._kernel.storage.used(place) + pending + draft.size > size:
            raise failed("no room")

    def _checksum(self, content: bytes) -> int:
        return crc16(content) if self._kernel.profile.files.crc == "crc16" else crc32(content)


def parse_version(word: str) -> str:
    """Return a version of up to four numbers as four, with dots. Raises CommandError."""
    parts = word.split(".")
    if len(parts) > 4 or not all(
        part.isascii() and part.isdigit() and int(part) <= _MAX_VERSION for part in parts
    ):
        raise bad_args(f"{word} is no version")
    return ".".join([str(int(part)) for part in parts] + ["0"] * (4 - len(parts)))


class FileReader(Stream):
    """A file being read. It closes itself at the end of the file."""

    __slots__ = ("_position", "_store", "_stored")

    type = StreamType.FILE
    auto_close = True
    network = False
    announced = True

    def __init__(self, store: FileStore, stored: StoredFile) -> None:
        super().__init__()
        self._store, self._stored, self._position = store, stored, 0
        self._describe()
        store.hold(stored.name, 1)

    def _describe(self) -> None:
        stored = self._stored
        self.info = f"{stored.name}-{stored.version}  ({stored.size}, {self._position})"

    @property
    def available(self) -> int:
        return self._stored.size - self._position

    @property
    def ended(self) -> bool:
        return True

    def take(self, limit: int) -> bytes:
        data = self._store.read(self._stored.name, self._position, min(limit, self.available))
        self._position += len(data)
        self._describe()
        return data

    def close(self) -> None:
        self._store.hold(self._stored.name, -1)


class FileWriter(Stream):
    """A file being written. It is complete, and the stream closed, at the last byte."""

    __slots__ = ("_close", "_draft", "_store")

    type = StreamType.FILE
    auto_close = False
    network = False

    def __init__(self, store: FileStore, draft: Draft, close: Callable[[Stream], None]) -> None:
        super().__init__()
        self._store, self._draft, self._close = store, draft, close
        self._describe()

    def _describe(self) -> None:
        draft = self._draft
        self.info = f"{draft.name}-{draft.version}  ({draft.size}, {len(draft.content)})"

    @property
    def available(self) -> int:
        return 0

    @property
    def ended(self) -> bool:
        return False

    def take(self, limit: int) -> bytes:
        raise failed("the file is being written")

    async def room(self, timeout: float) -> bool:
        """There always is: room was kept when the file was begun."""
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        draft = self._draft
        if flags or len(draft.content) + len(data) > draft.size:
            raise failed("more bytes than the file is to have")
        draft.content += data
        self._describe()
        if len(draft.content) == draft.size:
            try:
                self._store.finish(draft)
            finally:
                self._close(self)

    def close(self) -> None:
        self._store.abandon(self._draft)
