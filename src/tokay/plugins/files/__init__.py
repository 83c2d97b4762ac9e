"""Files by command. Source: docs/protocol/commands.md, section 4."""

from collections.abc import Sequence
from typing import ClassVar

from tokay.kernel.commands import Call, command
from tokay.kernel.files import Draft, FileWriter, Location, parse_version
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import Listing, bad_args, lines
from tokay.kernel.storage import StoredFile
from tokay.kernel.value_types import integer

BLOCK = 4096
"""Bytes that a file occupies at the least."""


def file_location(call: Call) -> Location:
    """Return where a call wants a file. Raises CommandError."""
    word = call.get("location", Location.EXTENDED)
    try:
        return Location(word)
    except ValueError:
        raise bad_args(f"{word} is no location") from None


def _draft(call: Call) -> Draft:
    rules = call.kernel.profile.files
    flags = rules.valid_flag
    if "-e" in call:
        flags |= rules.essential_flag
    if "-u" in call:
        flags |= rules.unprotected_flag
    kind = call.get("type")
    crc = call.get("crc")
    return Draft(
        call["name"],
        call.number("size", 0, 0xFFFFFFFF),
        version=parse_version(call.get("version", rules.default_version)),
        type=file_type(kind) if kind else rules.default_type,
        flags=flags,
        location=file_location(call),
        crc=call.kernel.files.parse_crc(crc) if crc else None,
    )


def file_type(word: str) -> int:
    """Return a file type as a host writes it. Raises CommandError."""
    # Hosts send 0xFE, 254, and bare FE.
    return integer(word if word.isdigit() or "x" in word.lower() else f"0x{word}", 0, 0xFF)


@command("file_create", "fcr", "name size [-o] [-v version] [-t type] [-c crc]", data="size")
async def file_create(call: Call) -> str | None:
    """Create a file of `size` bytes, which follow the line; with -o they come by stream_write."""
    files = call.kernel.files
    by_stream = "-o" in call
    if by_stream:
        call.without_data()
    draft = files.begin(_draft(call))
    try:
        if by_stream:
            streams = call.kernel.streams
            return str(streams.open(FileWriter(files, draft, streams.close)))
        async for piece in call.pieces(draft.size):
            draft.content += piece
        files.finish(draft)
    except BaseException:
        files.abandon(draft)
        raise
    return None


@command("file_open", "fop", "name [-d] [-l location]")
def file_open(call: Call) -> str:
    """Open a file for reading; the response is the stream's handle."""
    return str(call.kernel.files.open(call["name"]))


@command("file_delete", "fde", "name")
def file_delete(call: Call) -> None:
    """Delete a file."""
    call.kernel.files.delete(call["name"])


@command("file_stat", "fst", "name")
def file_stat(call: Call) -> Listing:
    """Print the details of a file."""
    stored = call.kernel.files.stat(call["name"])
    return lines(
        [
            f"name: {stored.name}",
            f"type: {stored.type:02X}",
            f"flags: {stored.flags:04X}",
            f"size: {stored.size}",
            f"version: {stored.version}",
            f"location: {stored.location}",
            f"crc32: 0x{stored.crc:08X}",
        ]
    )


@command("ls", "ls", "[-v]", safe_mode=True)
def ls(call: Call) -> Listing:
    """List the files; with -v their details too."""
    kernel = call.kernel
    stored = kernel.files.list()
    if "-v" in call:
        return lines(LISTINGS[kernel.profile.files.listing](kernel, stored))
    rows = [f"# {number:2} {file.size:7}  {file.name}" for number, file in enumerate(stored)]
    return lines(["!  #    Size  Filename", *rows])


def _ls_zentrios(_kernel: Kernel, stored: Sequence[StoredFile]) -> list[str]:
    """Columns by the sample of a real device: location and type, flags, handle, size, version."""
    return ["!  # Type  Flags  Hnd    Size    Version  Filename"] + [
        f"# {number:2} {file.location[0]}-{file.type:02X}   {file.flags:04X} {file.handle:4} "
        f"{file.size:7} {file.version:>10}  {file.name}"
        for number, file in enumerate(stored)
    ]


def _ls_gecko4(_kernel: Kernel, stored: Sequence[StoredFile]) -> list[str]:
    """Columns by what the web app reads: 4 type, 5 flags, 8 size, 10 version, 11 name."""
    return ["!  # Loc Perm Type Flags Hnd Blk    Size Pages    Version  Filename"] + [
        f"# {number:2} {file.location[:3]} 0 {file.type:02X} {file.flags:04X} "
        f"{file.handle & 0xFFFF:04X} 0 {file.size:7} {-(-file.size // BLOCK):2} "
        f"{file.version:>10}  {file.name}"
        for number, file in enumerate(stored)
    ]


LISTINGS = {"zentrios": _ls_zentrios, "gecko4": _ls_gecko4}


@command("format_flash", "format", "location mac", safe_mode=True)
def format_flash(call: Call) -> None:
    """Delete every file of a location. The device's own MAC guards against accidents."""
    call.check_mac("mac")
    call.kernel.files.format(file_location(call))


class Files(Plugin):
    """The file commands."""

    name = "files"
    commands: ClassVar = (file_create, file_open, file_delete, file_stat, ls, format_flash)
    safe_mode = True


PLUGIN = Files
