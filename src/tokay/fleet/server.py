"""The server that comes with Tokay: what a fleet talks to until it talks to yours.

HTTP and HTTPS answer every request with a line of JSON, TCP echoes. ``delay`` is the time that an
answer takes, ``capacity`` how many requests are worked on at once: the others queue, as they would
at a server that is not large enough. The server process ends with its standard input.
"""

import asyncio
import os
import signal
import ssl
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

import httptools
import msgspec

HOST = "127.0.0.1"
BACKLOG = 4096
MAX_BODY = 1 << 20


class Settings(msgspec.Struct):
    """How the server is. Without a certificate there is no HTTPS."""

    delay: float = 0.0
    capacity: int = 0
    certificate: str = ""
    key: str = ""
    host: str = HOST


class Ports(msgspec.Struct):
    """Where it listens; 0 for none."""

    http: int
    https: int
    tcp: int


class Server:
    """The server, on the running loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers: list[asyncio.Server] = []
        self._busy = 0
        self._queue: deque[_HttpConnection] = deque()
        self.requests = 0

    async def start(self) -> Ports:
        """Listen; return where. Raises OSError."""
        context = _context(self._settings)
        http = await self._listen(lambda: _HttpConnection(self), None)
        https = await self._listen(lambda: _HttpConnection(self), context) if context else 0
        tcp = await self._listen(_Echo, None)
        return Ports(http, https, tcp)

    async def _listen(self, factory: Any, context: ssl.SSLContext | None) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            factory, self._settings.host, 0, backlog=BACKLOG, ssl=context
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.close()

    def asked(self, connection: "_HttpConnection") -> None:
        """Work on a request, or let it wait."""
        self.requests += 1
        if self._settings.capacity and self._busy >= self._settings.capacity:
            self._queue.append(connection)
        else:
            self._work(connection)

    def _work(self, connection: "_HttpConnection") -> None:
        if not self._settings.delay:
            connection.answer(self.requests)
            return
        self._busy += 1
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.delay, self._done, connection)

    def _done(self, connection: "_HttpConnection") -> None:
        self._busy -= 1
        connection.answer(self.requests)
        if self._queue:
            self._work(self._queue.popleft())


class _HttpConnection(asyncio.Protocol):
    """One HTTP connection, of one request after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._keep_alive = False
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._size = MAX_BODY + 1
        if self._size > MAX_BODY and self._transport is not None:
            self._transport.abort()

    def on_message_complete(self) -> None:
        self._keep_alive = self._parser.should_keep_alive()
        self._size = 0
        self._server.asked(self)

    def answer(self, number: int) -> None:
        """Send the answer, if somebody is still there."""
        if self._transport is None or self._transport.is_closing():
            return
        body = b'{"request": %d}\n' % number
        connection = b"keep-alive" if self._keep_alive else b"close"
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\nConnection: %b\r\n\r\n%b" % (len(body), connection, body)
        )
        if not self._keep_alive:
            self._transport.close()


class _Echo(asyncio.Protocol):
    """One TCP connection, whose bytes come back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "server.pem"
        chain.touch(0o600)
        chain.write_text(settings.certificate + settings.key, "ascii")
        context.load_cert_chain(chain)
    return context


class ServerProcess:
    """The server in a process of its own, so that it takes no time of the devices'."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, settings: Settings) -> Ports:
        """Start it; return where it listens. Raises OSError."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        process.stdin.write(msgspec.json.encode(settings) + b"\n")
        line = await process.stdout.readline()
        try:
            return msgspec.json.decode(line, type=Ports)
        except msgspec.DecodeError:
            raise OSError("the server that comes with Tokay does not start") from None

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    settings = msgspec.json.decode(await reader.readline(), type=Settings)
    server = Server(settings)
    ports = await server.start()
    os.write(1, msgspec.json.encode(ports) + b"\n")
    await reader.read()
    server.close()


if __name__ == "__main__":
    from tokay.fleet.shard.program import loop_factory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main())
