"""Files of a module. Source: docs/protocol/commands.md, section 4."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokay.host.errors import CommandFailed, FramingError
from tokay.host.words import quote
from tokay.protocols.crc import crc16, crc32

if TYPE_CHECKING:
    from tokay.host.module import Module

MAX_AT_ONCE = 2048
"""Bytes that `file_create` takes with its line; longer files go through a stream."""
DEFAULT_TYPE, DEFAULT_VERSION = 0xFE, "1.0.0"

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


class FileInfo(NamedTuple):
    """A row of `ls -v`. ``flags`` and ``type`` are numbers, whose meaning is the generation's."""

    name: str
    size: int
    version: str
    type: int
    flags: int


class Files:
    """The files of one module: ``module.files``."""

    def __init__(self, module: "Module") -> None:
        self._module = module

    async def list(self) -> list[FileInfo]:
        """Return what is there, in the module's order."""
        column = (await self._module.dialect()).name_column
        rows = await self._module.listing("ls -v")
        return [_row(row, column) for row in rows if row.startswith("#")]

    async def find(self, name: str) -> FileInfo | None:
        """Return one file, None when it is not there."""
        return next((one for one in await self.list() if one.name == name), None)

    async def read(self, name: str, *, progress: Progress | None = None) -> bytes:
        """Return a file's content. Raises CommandFailed when it is not there."""
        info = await self.find(name) if progress is not None else None
        data = bytearray()
        response = await self._module.command(f"file_open {quote(name)}")
        async with self._module.stream(response) as stream:
            while piece := await stream.read(self._module.max_data):
                data += piece
                if progress is not None:
                    progress(len(data), info.size if info is not None else 0)
        return bytes(data)

    async def write(
        self,
        name: str,
        data: bytes,
        *,
        replace: bool = True,
        type: int = DEFAULT_TYPE,
        version: str = DEFAULT_VERSION,
        essential: bool = False,
        unprotected: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Create a file with its checksum; with ``replace`` one of that name goes first.

        ``unprotected`` lets the HTTP server serve it without a login. A file that could not be
        written whole is not there. Raises CommandFailed.
        """
        if replace:
            await self.delete(name, missing_ok=True)
        by_stream = len(data) > min(MAX_AT_ONCE, self._module.max_data)
        flags = ("-e " if essential else "") + ("-u " if unprotected else "")
        line = await self._create(name, data, flags + ("-o " if by_stream else ""), type, version)
        if not by_stream:
            await self._module.command(line, data)
        else:
            await self._stream(line, data, progress)
        if progress is not None:
            progress(len(data), len(data))

    async def delete(self, name: str, *, missing_ok: bool = False) -> None:
        """Delete a file. Raises CommandFailed when it is not there, unless ``missing_ok``."""
        try:
            await self._module.command(f"file_delete {quote(name)}")
        except CommandFailed as failure:
            if not missing_ok or failure.code != 1:
                raise

    async def sync(
        self, folder: Path, *, prefix: str = "", delete: bool = False, dry_run: bool = False
    ) -> Sequence[tuple[str, str]]:
        """Make the module's files those of a folder; return what was done: (action, name).

        Names are paths within the folder behind ``prefix``. Files whose content is the same are
        left alone. ``delete`` removes what has the prefix and is not in the folder.
        """
        there = {one.name: one for one in await self.list()}
        actions = []
        wanted = {prefix + name: path for name, path in _local_files(folder).items()}
        for name, path in wanted.items():
            content = path.read_bytes()
            old = there.get(name)
            if old is not None and old.size == len(content) and await self.read(name) == content:
                continue
            actions.append(("changed" if old is not None else "added", name))
            if not dry_run:
                await self.write(name, content, type=old.type if old else DEFAULT_TYPE)
        for name in there:
            if delete and name.startswith(prefix) and name not in wanted:
                try:
                    if not dry_run:
                        await self.delete(name)
                except CommandFailed:
                    continue  # it came with the module, and stays
                actions.append(("deleted", name))
        return actions

    async def _create(self, name: str, data: bytes, flags: str, type: int, version: str) -> str:
        dialect = await self._module.dialect()
        crc = f"0x{crc32(data):08X}" if dialect.crc32 else f"0x{crc16(data):04X}"
        if dialect.options_last:
            return (
                f"file_create {quote(name)} {len(data)} {flags}"
                f"-v {version} -t 0x{type:02X} -c {crc}"
            )
        return f"file_create {flags}{quote(name)} {len(data)} {version} 0x{type:02X} {crc}"

    async def _stream(self, line: str, data: bytes, progress: Progress | None) -> None:
        handle = (await self._module.command(line)).number
        size = min(8192, self._module.max_data)
        try:
            for at in range(0, len(data), size):
                piece = data[at : at + size]
                await self._module.command(f"stream_write {handle} {len(piece)}", piece)
                if progress is not None:
                    progress(at + len(piece), len(data))
        except BaseException:
            # Half a file would keep its name from the next try.
            await self._module.ask(f"stream_close {handle}")
            raise


def _local_files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder and its folders, by their path within it."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _row(row: str, column: int) -> FileInfo:
    words = row.split(None, column)
    try:
        if column == 11:  # Gecko OS 4
            kind, flags, size, version = words[4], words[5], words[8], words[10]
        else:
            kind, flags, size, version = words[2].rpartition("-")[2], words[3], words[5], words[6]
        return FileInfo(words[column], int(size), version, int(kind, 16), int(flags, 16))
    except (IndexError, ValueError):
        raise FramingError("a row of `ls -v` that is none", row.encode()) from None
