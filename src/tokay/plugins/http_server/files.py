"""Files over HTTP. Source: docs/protocol/web-and-discovery.md, section 1.9.

A path without its leading slash, decoded once, is the name of a file: a key in the device's store
and nothing else, so there is nowhere that dots could lead. What is absent may be there packed, as
`<name>.gz`. Validators and ranges are those of RFC 9110, sections 8.8, 13 and 14.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tokay.kernel.events import SetupPageRequested
from tokay.kernel.storage import StoredFile
from tokay.plugins.http_server import variables as http
from tokay.plugins.http_server.request import Method, Request
from tokay.plugins.http_server.response_head import PLAIN, short
from tokay.plugins.http_server.sources import TWIN, Files, Found
from tokay.plugins.setup import ROOT_FILENAME as SETUP_ROOT

if TYPE_CHECKING:
    from tokay.plugins.http_server.connection import Connection
    from tokay.plugins.http_server.service import Service

TYPES = {
    "css": b"text/css",
    "csv": b"text/csv",
    "gif": b"image/gif",
    "gz": b"application/gzip",
    "html": b"text/html",
    "htm": b"text/html",
    "ico": b"image/x-icon",
    "jpeg": b"image/jpeg",
    "jpg": b"image/jpeg",
    "js": b"text/javascript",
    "json": b"application/json",
    "pdf": b"application/pdf",
    "png": b"image/png",
    "svg": b"image/svg+xml",
    "txt": b"text/plain",
    "xml": b"text/xml",
}
OTHER = b"application/octet-stream"
RECOVERY = ".recovery.html"
PIECE = 64 * 1024
"""Bytes of a file that are in memory at once."""
CREDENTIALS = 0x05
"""The file type of device credentials (docs/protocol/commands.md, section 4.6)."""
_METHODS = b"Allow: GET, HEAD\r\n"
_PACKED = b"Content-Encoding: gzip\r\n"
_UNPRINTABLE = re.compile(r"[^ -~]")
_RANGE = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")


def serve(service: "Service", connection: "Connection", request: Request) -> None:
    """Answer a request for a file."""
    if request.method not in (Method.GET, Method.HEAD):
        connection.fail(405, extra=_METHODS)
        return
    path = request.path
    if not path.startswith("/") or _UNPRINTABLE.search(path) is not None:
        connection.fail(400, "Bad path")
        return
    found = lookup(service, path)
    if path == "/":
        if service.config.setup:
            service.kernel.events.emit(SetupPageRequested())
        if found is None and service.files.find(RECOVERY) is not None:
            connection.answer(302, short(302), PLAIN, f"Location: /{RECOVERY}\r\n".encode())
            return
    if found is None:
        _not_found(service, connection)
    else:
        _send(service, connection, request, found)


def lookup(service: "Service", path: str) -> Found | None:
    """Return the file of a path, None when there is none that may be seen."""
    if path != "/":
        found = service.files.find(path[1:])
        return None if found is None or _secret(service, found.stored) else found
    root = SETUP_ROOT if service.config.setup else http.ROOT_FILENAME
    name = service.kernel.variables[root]
    found = service.files.find(name)
    if found is not None and name.endswith(TWIN):
        # The root file may be a packed one by name, and is sent as what is in it.
        return found._replace(packed=True)
    return found


def unprotected(service: "Service", request: Request) -> bool:
    """Whether a request is for a file that was made with `-u`."""
    if request.method not in (Method.GET, Method.HEAD):
        return False
    found = lookup(service, request.path)
    flag = service.kernel.profile.files.unprotected_flag
    return found is not None and bool(found.stored.flags & flag)


def send_page(
    service: "Service", connection: "Connection", status: int, found: Found, extra: bytes = b""
) -> None:
    """Send a whole file as the page of a status."""
    _, stored, packed = found
    connection.stream(
        status,
        _read(service.files, found, 0, stored.size),
        _type(stored.name.removesuffix(TWIN) if packed else stored.name),
        length=stored.size,
        extra=extra + (_PACKED if packed else b""),
    )


def _secret(service: "Service", stored: StoredFile) -> bool:
    """Whether a file is a private key of the device, which nobody may read."""
    if stored.type == CREDENTIALS:
        return True
    values = service.kernel.variables
    return any(values[variable] == stored.name for variable in values.table.secret_files)


def _not_found(service: "Service", connection: "Connection") -> None:
    page = service.files.find(service.kernel.variables[http.NOTFOUND_FILENAME])
    if page is None:
        connection.fail(404)
    else:
        send_page(service, connection, 404, page)


def _send(service: "Service", connection: "Connection", request: Request, found: Found) -> None:
    _, stored, packed = found
    name = stored.name.removesuffix(TWIN) if packed else stored.name
    tag = b'"%x-%x"' % (stored.crc, stored.size)
    about = b"ETag: %b\r\nCache-Control: no-cache\r\n" % tag
    if packed:
        about += b"Vary: Accept-Encoding\r\n"
    headers = request.headers
    if not _matches(headers.get(b"if-match"), tag, absent=True):
        connection.fail(412)
        return
    if _matches(headers.get(b"if-none-match"), tag, absent=False):
        connection.answer_bare(304, extra=about)
        return
    about += _PACKED + b"Accept-Ranges: bytes\r\n" if packed else b"Accept-Ranges: bytes\r\n"
    status, start, end = 200, 0, stored.size
    if b"range" in headers and headers.get(b"if-range", tag) == tag:
        part = _part(headers[b"range"], stored.size)
        if part is not None:
            status, (start, end) = 206, part
            if start >= end:
                extra = b"Content-Range: bytes */%d\r\n" % stored.size
                connection.answer(416, short(416), PLAIN, extra)
                return
            about += b"Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, stored.size)
    kind = _type(name)
    if end - start > PIECE or request.method is Method.HEAD:
        pieces = _read(service.files, found, start, end)
        connection.stream(status, pieces, kind, length=end - start, extra=about)
    else:
        connection.answer(status, service.files.read(found, start, end - start), kind, about)


def _read(files: Files, found: Found, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = files.read(found, start, min(PIECE, end - start))
        if not piece:
            raise OSError(f"{found.stored.name} became shorter")
        start += len(piece)
        yield piece


def _matches(field: bytes | None, tag: bytes, *, absent: bool) -> bool:
    """Whether a list of tags has this one; ``absent`` is the answer where there is no list."""
    if field is None:
        return absent
    tags = [one.strip().removeprefix(b"W/") for one in field.split(b",")]
    return tag in tags or b"*" in tags


def _part(field: bytes, size: int) -> tuple[int, int] | None:
    """Return start and end of one range; None for what is to be ignored, as several are.

    A start at or behind the end cannot be satisfied.
    """
    match = _RANGE.fullmatch(field.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    if match[2] and int(match[2]) < start:
        return None
    return start, end


def _type(name: str) -> bytes:
    return TYPES.get(name.rpartition(".")[2].lower(), OTHER)
