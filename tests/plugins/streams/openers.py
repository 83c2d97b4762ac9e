"""Every type of stream that has a connection below it, opened, with a far end to drive.

HTTP and HTTPS are a queued POST: what is written is its body, what is read the answer's. A GET has
no body, so half of what the matrix asks makes no sense for it; and a device serves no such stream,
its own HTTP server keeps its connections to itself. UDP has no connection: nobody waits, nothing is
drained, no end is seen, so its streams have a case of their own in the matrix.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

import pytest
from tests.peers import ADDRESS, Far, ask, call, free_port, soon
from tests.pki import AUTHORITY, client_context, put, server_context
from tests.plugins.http_server.conftest import Web
from tests.plugins.websocket.conftest import FarWebSocket, accept_client, upgrade
from tests.websocket_cases import BINARY, CLOSE, Frame, close

from tokay.device import Device

ANY = "127.0.0.1"
WEB_PORT = 8081
SETTINGS = {
    "stream.auto_close": "0",
    "bus.command.write_timeout": "50",
    "network.tls.ca_cert": "ca.pem",
    "tcp.server.tls_cert": "server.pem",
    "tcp.server.tls_key": "server.key",
    "http.server.enabled": "1",
    "http.server.port": str(WEB_PORT),
    "http.server.tls_cert": "server.pem",
    "http.server.tls_key": "server.key",
}


class FarEnd(Protocol):
    """What a test does with the far end, whatever the bytes are wrapped in."""

    @property
    def unsent(self) -> bool: ...
    def send(self, data: bytes) -> None: ...
    def deaf(self) -> None: ...
    def hear(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    async def take(self, size: int) -> bytes: ...
    async def gone(self) -> None: ...


class End(NamedTuple):
    """An open stream of a device, and its far end."""

    handle: int
    far: FarEnd


Opener = Callable[[Device], "contextlib.AbstractAsyncContextManager[End]"]


class _Wrapped:
    """The far end of a connection that carries bytes within something."""

    def __init__(self, far: Far) -> None:
        self.raw = far

    @property
    def unsent(self) -> bool:
        return self.raw.unsent

    def deaf(self) -> None:
        self.raw.deaf()

    def hear(self) -> None:
        self.raw.hear()

    def close(self) -> None:
        self.raw.close()

    def reset(self) -> None:
        self.raw.reset()

    async def gone(self) -> None:
        await self.raw.gone()


class WebSocketEnd(_Wrapped):
    """Bytes in binary frames. It closes as the protocol wants it."""

    def __init__(self, framed: FarWebSocket) -> None:
        super().__init__(framed.far)
        self._framed = framed
        self._payload = bytearray()
        self._closed = False

    def send(self, data: bytes) -> None:
        self._framed.send(Frame(BINARY, data))

    async def take(self, size: int) -> bytes:
        while len(self._payload) < size and not self._closed:
            for opcode, payload, _ in await self._framed.hear():
                if opcode == CLOSE:
                    self._closed = True
                else:
                    self._payload += payload
        taken = bytes(self._payload[:size])
        del self._payload[:size]
        return taken

    def close(self) -> None:
        self._framed.send(close(1000))
        if not self._framed.client:
            super().close()

    async def gone(self) -> None:
        assert self._closed or await self._framed.closing() == 1000
        self._framed.send(close(1000))
        if not self._framed.client:
            super().close()  # a server goes first
        await super().gone()


class HttpEnd(_Wrapped):
    """A server that takes a body in chunks and answers with one that ends when it closes."""

    def __init__(self, far: Far) -> None:
        super().__init__(far)
        self._payload = bytearray()

    def send(self, data: bytes) -> None:
        self.raw.send(data)

    async def take(self, size: int) -> bytes:
        while len(self._payload) < size:
            length = await self.raw.line(b"\r\n")
            self._payload += await self.raw.take(int(length, 16))
            assert await self.raw.take(2) == b"\r\n"
        taken = bytes(self._payload[:size])
        del self._payload[:size]
        return taken


async def finish(device: Device, kind: str, handle: int) -> None:
    """Ask for the status of a request, until when its stream does not end: a host must hear it."""
    if kind.startswith("HTTP"):
        assert (await ask(device, f"http_read_status {handle}"))[-1] == "200"


@contextlib.asynccontextmanager
async def _server(tls: bool) -> AsyncIterator[tuple[int, "asyncio.Queue[Far]"]]:
    """A server of this machine: its port, and who comes."""
    came: asyncio.Queue[Far] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    context = server_context() if tls else None
    server = await loop.create_server(lambda: Far(came.put_nowait), ANY, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        server.close()


@contextlib.asynccontextmanager
async def client(device: Device, *, tls: bool = False) -> AsyncIterator[End]:
    """A stream that the device opens."""
    async with _server(tls) as (port, came):
        opened = await ask(device, f"{'tlsc' if tls else 'tcpc'} {ANY} {port}")
        yield End(int(opened[-1]), await soon(came.get()))


@contextlib.asynccontextmanager
async def served(device: Device, *, tls: bool = False) -> AsyncIterator[End]:
    """A stream that a client of the device opens."""
    port = free_port()
    command = f"{'tlss' if tls else 'tcps'} start {port}"
    assert (await ask(device, command))[-1] == "Success"
    before = _open(device)
    far = await (_call_secure(port) if tls else call(port))
    try:
        yield End(await _new_stream(device, before), far)
    finally:
        far.transport.abort()


@contextlib.asynccontextmanager
async def http(device: Device, *, tls: bool = False) -> AsyncIterator[End]:
    """A POST whose body goes on, to a server that begins to answer before it ends."""
    scheme = "https" if tls else "http"
    async with _server(tls) as (port, came):
        opened = await ask(device, f"hpo -o {scheme}://{ANY}:{port}/x application/octet-stream")
        handle = int(opened[-1])
        far = await soon(came.get())
        assert await ask(device, f"write {handle} 5", b"begin") == ["Success"]
        assert (await far.line()).startswith(b"POST /x HTTP/1.1\r\n")
        end = HttpEnd(far)
        assert await end.take(5) == b"begin"
        end.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        yield End(handle, end)


@contextlib.asynccontextmanager
async def websocket_client(device: Device, *, tls: bool = False) -> AsyncIterator[End]:
    """A WebSocket that the device opens."""
    scheme = "wss" if tls else "ws"
    async with _server(tls) as (port, came):
        opening = asyncio.ensure_future(ask(device, f"webc {scheme}://{ANY}:{port}/"))
        _, framed = await accept_client(await soon(came.get()))
        while not opening.done():
            await asyncio.sleep(0)
        yield End(int(opening.result()[-1]), WebSocketEnd(framed))


@contextlib.asynccontextmanager
async def websocket_served(device: Device, *, tls: bool = False) -> AsyncIterator[End]:
    """A WebSocket that a client of the device opens."""
    before = _open(device)
    far = await (_call_secure(WEB_PORT) if tls else call(WEB_PORT))
    far.send(upgrade(Web(device, ADDRESS, WEB_PORT), "/stream"))
    assert (await far.line()).startswith(b"HTTP/1.1 101 ")
    try:
        yield End(await _new_stream(device, before), WebSocketEnd(FarWebSocket(far, client=True)))
    finally:
        far.transport.abort()


async def _call_secure(port: int) -> Far:
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    context = client_context(ca=b"")
    await soon(loop.create_connection(lambda: far, ADDRESS, port, ssl=context, server_hostname=ANY))
    return far


def _open(device: Device) -> set[int]:
    return {one.handle for one in device.kernel.streams}


async def _new_stream(device: Device, before: set[int]) -> int:
    for _ in range(1000):
        new = _open(device) - before
        if new:
            return new.pop()
        await asyncio.sleep(0)
    pytest.fail("no stream opened")


async def prepare(device: Device, kind: str) -> None:
    """Join, with the files that a type needs."""
    if kind in SECURE:
        await put(device, "ca.pem", AUTHORITY.pem)
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
    if kind == "WEBS over TLS":
        await ask(device, "set http.server.tls_enabled 1")
    await ask(device, "network_up")


OPENERS: dict[str, Opener] = {
    "TCPC": client,
    "TCPS": served,
    "TLSC": lambda device: client(device, tls=True),
    "TLSS": lambda device: served(device, tls=True),
    "HTTP": http,
    "HTTPS": lambda device: http(device, tls=True),
    "WEBC": websocket_client,
    "WEBS": websocket_served,
    "WEBC over TLS": lambda device: websocket_client(device, tls=True),
    "WEBS over TLS": lambda device: websocket_served(device, tls=True),
}
SECURE = {"TLSC", "TLSS", "HTTPS", "WEBC over TLS", "WEBS over TLS"}
