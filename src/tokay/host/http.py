"""One HTTP request over a connection of its own: the modules close each after its answer.

An answer ends where its length, its last chunk or the connection does; MAX_ANSWER bounds it.

Sources: RFC 9112; docs/protocol/web-and-discovery.md, section 1.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tokay.host.address import Address
from tokay.host.channel import HOST, MODULE, Trace
from tokay.host.errors import Disconnected, FramingError
from tokay.host.network_channel import connect_error

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer: a body of 99,997 bytes in base64 and JSON many times over."""
MAX_HEAD = 64 * 1024
END = b"\r\n\r\n"


class Answer(NamedTuple):
    """An HTTP answer: its status and body."""

    status: int
    body: bytes


def authorization(address: Address) -> str:
    """Return the header line that logs in, or nothing."""
    if not (address.user or address.password):
        return ""
    token = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
    return f"Authorization: Basic {token}\r\n"


def host_name(address: Address) -> str:
    """Return what stands in the `Host` field."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return host if address.port in (80, 443) else f"{host}:{address.port}"


def tls_context(address: Address) -> ssl.SSLContext | None:
    """Return how to speak TLS with a module, None for schemes without."""
    if address.scheme not in ("https", "wss"):
        return None
    context = ssl.create_default_context(cafile=address.options.get("ca"))
    if address.switch("insecure"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection. Raises Disconnected."""
    try:
        return await asyncio.open_connection(
            address.host, address.port, ssl=tls_context(address), limit=MAX_HEAD
        )
    except OSError as error:
        raise connect_error(address, error) from None


class Reader(Protocol):
    """What an answer is read from; errors as of ``asyncio.StreamReader``."""

    async def read(self, n: int = -1, /) -> bytes:
        """Return some bytes, nothing at the end."""

    async def readexactly(self, n: int, /) -> bytes:
        """Return so many bytes. Raises IncompleteReadError."""

    async def readuntil(self, separator: bytes, /) -> bytes:
        """Return bytes up to a separator and with it. Raises LimitOverrunError."""


class _Writer(Protocol):
    async def send(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """Disconnect."""


class _Socket:
    """One plain connection without transport and protocol: a request is three system calls."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._sock, data)

    def close(self) -> None:
        self._sock.close()

    async def read(self, n: int = -1, /) -> bytes:
        if not self._held:
            await self._more()
        return self._take(len(self._held) if n < 0 else n)

    async def readexactly(self, n: int, /) -> bytes:
        while len(self._held) < n:
            if not await self._more():
                raise asyncio.IncompleteReadError(bytes(self._held), n)
        return self._take(n)

    async def readuntil(self, separator: bytes, /) -> bytes:
        while (at := self._held.find(separator)) < 0:
            if len(self._held) > MAX_HEAD:
                raise asyncio.LimitOverrunError("no separator", len(self._held))
            if not await self._more():
                raise asyncio.IncompleteReadError(bytes(self._held), None)
        return self._take(at + len(separator))

    async def _more(self) -> bool:
        data = await self._loop.sock_recv(self._sock, 65536)
        self._held += data
        return bool(data)

    def _take(self, n: int) -> bytes:
        data = bytes(self._held[:n])
        del self._held[:n]
        return data


class _TlsWriter:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.close = writer.close

    async def send(self, data: bytes) -> None:
        self._writer.write(data)


async def _open(address: Address) -> tuple[Reader, _Writer]:
    """Return a connection for one request. Raises Disconnected."""
    if address.scheme == "https":
        reader, writer = await connect(address)
        return reader, _TlsWriter(writer)
    error = OSError("no address")
    try:
        infos = await _resolve(address)
    except OSError as failure:
        raise connect_error(address, failure) from None
    for family, kind, protocol, _, where in infos:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, where)
        except OSError as failure:
            sock.close()
            error = failure
        except BaseException:
            sock.close()
            raise
        else:
            plain = _Socket(sock)
            return plain, plain
    raise connect_error(address, error)


async def _resolve(address: Address) -> Sequence[tuple[Any, ...]]:
    """Return the socket addresses of a host; one that is a number needs no thread."""
    host, port, kind = address.host, address.port, socket.SOCK_STREAM
    try:
        return socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)


async def request(
    address: Address, method: str, path: str, body: bytes = b"", trace: Trace | None = None
) -> Answer:
    """Return the answer to a request. Raises Disconnected and FramingError."""
    reader, writer = await _open(address)
    try:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host_name(address)}\r\n{authorization(address)}"
            "Accept: application/json\r\nConnection: close\r\n"
        )
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        sent = head.encode() + b"\r\n" + body
        received = bytearray()
        try:
            await writer.send(sent)
            return await _answer(reader, received)
        except (OSError, EOFError) as error:
            raise Disconnected(f"{address}: {error}") from None
        finally:
            if trace is not None:
                now = asyncio.get_running_loop().time()
                trace(now, HOST, sent)
                trace(now, MODULE, bytes(received))
    finally:
        writer.close()


async def read_head(reader: "Reader") -> bytes:
    """Return an answer's head with its empty line. Raises FramingError, OSError and EOFError."""
    try:
        return await reader.readuntil(END)
    except asyncio.LimitOverrunError:
        raise FramingError("an HTTP head without end") from None


async def _answer(reader: "Reader", received: bytearray) -> Answer:
    head = await read_head(reader)
    received += head
    first, *lines = head[: -len(END)].split(b"\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise FramingError("what answers is no HTTP server", head)
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in lines)
    }
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = await _chunks(reader)
    elif (length := fields.get(b"content-length")) is not None:
        if not length.isdigit() or int(length) > MAX_ANSWER:
            raise FramingError("an HTTP answer without a length that counts", head)
        body = await reader.readexactly(int(length))
    else:
        body = await _to_the_end(reader)
    received += body
    return Answer(int(words[1]), body)


async def _chunks(reader: "Reader") -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";", 1)[0], 16)
        except ValueError:
            raise FramingError("a chunk without a length", line) from None
        if size < 0 or len(body) + size > MAX_ANSWER:
            raise FramingError(f"an answer of more than {MAX_ANSWER} bytes")
        chunk = await reader.readexactly(size + 2)
        if not size:
            return bytes(body)
        body += chunk[:-2]


async def _to_the_end(reader: "Reader") -> bytes:
    body = bytearray()
    while piece := await reader.read(65536):
        body += piece
        if len(body) > MAX_ANSWER:
            raise FramingError(f"an answer of more than {MAX_ANSWER} bytes")
    return bytes(body)
