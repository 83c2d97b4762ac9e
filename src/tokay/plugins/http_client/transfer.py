"""Files that come by HTTP, and go: `http_download` and `http_upload`.

A download is a file at its last byte or not at all. Sources: docs/protocol/network.md, sections 9.7
and 9.8; RFC 7578 for the form of an upload.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tokay.kernel.commands import Call, command
from tokay.kernel.files import Draft, FileStore, parse_version
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.kernel.storage import StoredFile
from tokay.plugins.files import file_location, file_type
from tokay.plugins.http_client.commands import CERTIFICATES, certificates
from tokay.plugins.http_client.connect import reason
from tokay.plugins.http_client.fetch import Answer, exchange
from tokay.plugins.http_client.progress import Progress
from tokay.plugins.http_client.request import Request
from tokay.plugins.http_client.url import parse_url
from tokay.plugins.network import Network
from tokay.plugins.tls import Credentials, Tls
from tokay.protocols.crc import crc16, crc32

LIMIT = 3600.0
"""Seconds that a transfer may take in all."""
PIECE = 16 * 1024
"""Bytes of a file that are read and sent at once."""
OK = 200


@command(
    "http_download", "hdo",
    "[-c crc] [-u] [-e] [-i interface] [-n file] [-t type] [-l location] url "
    "[name] [version] [ca_cert]",
    limit=LIMIT,
)  # fmt: skip
async def http_download(call: Call) -> None:
    """Get a page and keep it as a file; one of that name is replaced."""
    files = call.kernel.files
    draft, ca = _draft(call)
    tls = call.kernel.plugin(Tls).files._replace(ca=ca) if ca else None
    word = call.get("crc")
    crc = files.parse_crc(word) if word else None
    files.check_name(draft.name)
    request = Request("GET", parse_url(call["url"]))
    async with _answer(call, request, tls) as answer:
        if answer.status != OK:
            raise failed(f"the server answers {answer.status}")
        draft.size = 1 if answer.length is None else answer.length
        files.begin(draft)
        try:
            progress = Progress(call.kernel, "Downloaded", answer.length)
            async for piece in answer.pieces():
                draft.content += piece
                files.grow(draft)
                progress.add(len(piece))
            if crc is not None and not _fits(call.kernel, draft.content, crc):
                raise failed("the checksum does not fit")
            files.finish(draft)
        finally:
            files.abandon(draft)


@command(
    "http_upload", "hup",
    f"[-i interface] url file [remote_name] {CERTIFICATES}", limit=LIMIT,
)  # fmt: skip
async def http_upload(call: Call) -> None:
    """Post a file, as a form does."""
    files = call.kernel.files
    form = _Form(files, files.stat(call["file"]), call.get("remote_name") or call["file"])
    request = Request(
        "POST", parse_url(call["url"]), content_type=form.content_type, length=form.length
    )
    files.hold(form.name, 1)
    try:
        async with _answer(call, request, certificates(call), form) as answer:
            if answer.status // 100 != 2:
                raise failed(f"the server answers {answer.status}")
    finally:
        files.hold(form.name, -1)


@asynccontextmanager
async def _answer(
    call: Call, request: Request, files: Credentials | None, body: "_Form | None" = None
) -> AsyncIterator[Answer]:
    """Send a request by command; whatever fails is in the log and CommandError."""
    kernel = call.kernel
    interface = await kernel.plugin(Network).need(call.get("interface"))
    kernel.notice("stream_opening", text=request.target.host)
    sent = body.pieces(kernel) if body is not None else None
    answered = False
    try:
        async with exchange(kernel, interface, request, files, sent) as answer:
            answered = True
            yield answer
    except (OSError, CommandError) as error:
        why = reason(error) if isinstance(error, OSError) else error.reason
        if answered:
            kernel.log.line(why[:1].upper() + why[1:])
        else:
            kernel.notice("stream_failed")
        raise failed(why) from error


def _draft(call: Call) -> tuple[Draft, str]:
    """Return the file to be, and the CA file's name. Raises CommandError."""
    rules = call.kernel.profile.files
    words = [call.get(name) for name in ("name", "version", "ca_cert") if name in call]
    if "file" in call:
        words.insert(0, call["file"])  # the web app names it so, behind the URL
    if not words:
        raise CommandError(Result.TOO_FEW_ARGS, "no file name")
    if len(words) > 3:
        raise CommandError(Result.TOO_MANY_ARGS)
    name, version, ca = [*words, "", ""][:3]
    flags = rules.valid_flag
    if "-e" in call:
        flags |= rules.essential_flag
    if "-u" in call:
        flags |= rules.unprotected_flag
    kind = call.get("type")
    draft = Draft(
        name,
        0,
        version=parse_version(version or rules.default_version),
        type=file_type(kind) if kind else rules.default_type,
        flags=flags,
        location=file_location(call),
        replace=True,
    )
    return draft, ca


def _fits(kernel: Kernel, content: bytearray, crc: int) -> bool:
    """Whether a checksum is that of a content.

    The CRC-16 that `http_download` is documented with serves in every profile; where files have a
    CRC-32 that serves too.
    """
    if crc <= 0xFFFF and crc == crc16(content):
        return True
    return kernel.profile.files.crc == "crc32" and crc == crc32(content)


class _Form:
    """A file as the one field of a form (RFC 7578)."""

    def __init__(self, files: FileStore, stored: StoredFile, remote_name: str) -> None:
        if not remote_name.isascii() or not remote_name.isprintable():
            raise bad_args("a file name has printable characters")
        boundary = f"tokay-{secrets.token_hex(12)}"
        # As browsers do it: HTML, multipart/form-data encoding algorithm.
        name = remote_name.replace('"', "%22")
        self.name = stored.name
        self._files, self._size = files, stored.size
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = len(self._head) + self._size + len(self._tail)

    async def pieces(self, kernel: Kernel) -> AsyncIterator[bytes]:
        """Yield the body in pieces that are read as they go."""
        progress = Progress(kernel, "Uploaded", self._size)
        yield self._head
        for offset in range(0, self._size, PIECE):
            piece = self._files.read(self.name, offset, PIECE)
            yield piece
            progress.add(len(piece))
        yield self._tail
