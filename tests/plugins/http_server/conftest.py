"""A device that serves, and clients that send it exactly these bytes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import pytest
from tests.peers import ADDRESS, Far, ask, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.plugin import PluginType
from tokay.testing.clock import TurnedLoop

PORT = 8081
PATIENCE = 2.0
"""Real seconds for the rest of an answer whose head is there."""
HERE = {"http.server.enabled": "1", "http.server.port": str(PORT)}


class Answer(NamedTuple):
    """An answer taken apart. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection to the server."""

    def __init__(self, far: Far) -> None:
        self.far = far

    def send(self, data: bytes) -> None:
        self.far.send(data)

    async def rest(self) -> bytes:
        """Return all that comes until the server closes."""
        await self.far.gone()
        taken = bytes(self.far.received)
        self.far.received.clear()
        return taken

    async def _come(self, size: int) -> None:
        """Wait in real time for what the kernel sends when it sees fit (BBR paces)."""
        loop = asyncio.get_running_loop()
        until = time.monotonic() + PATIENCE
        while len(self.far.received) < size and time.monotonic() < until:
            await (loop.settle() if isinstance(loop, TurnedLoop) else asyncio.sleep(0.001))

    async def answer(self, *, head: bool = False) -> Answer:
        """Return the next answer."""
        far = self.far
        await far.until(lambda: b"\r\n\r\n" in far.received or far.ended)
        assert b"\r\n\r\n" in far.received, bytes(far.received)
        top = await far.line()
        lines = top.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        names = [line.split(":")[0].lower() for line in lines[1:] if line]
        assert len(set(names)) == len(names), names
        status = int(lines[0].split(" ")[1])
        body = b""
        if head or status in (204, 304) or status < 200:
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await self.far.line(b"\r\n"), 16):
                body += await self.far.take(size)
                assert await self.far.take(2) == b"\r\n"
            assert await self.far.take(2) == b"\r\n"
        elif "content-length" in headers:
            size = int(headers["content-length"])
            await self._come(size)
            body = await self.far.take(size)
        else:
            body = await self.rest()
        exact = dict(line.split(": ", 1) for line in lines[1:] if line)
        return Answer(status, {k.lower(): v for k, v in exact.items()}, body, top + body)


class Web:
    """A device and its server."""

    def __init__(self, device: Device, address: str, port: int = PORT) -> None:
        self.device = device
        self.address, self.port = address, port
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        loop = asyncio.get_running_loop()
        _, far = await loop.create_connection(
            lambda: Far(lambda _far: None), self.address, self.port
        )
        client = Client(far)
        self.clients.append(client)
        return client

    async def say(self, *pieces: bytes) -> bytes:
        """Send bytes on a connection of their own; return all that comes until it is closed."""
        client = await self.connect()
        for piece in pieces:
            if not client.far.ended:
                client.send(piece)
            await asyncio.sleep(0)
        return await client.rest()

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | str | None = None
    ) -> Answer:
        """Send one request; return its answer."""
        client = await self.connect()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.address}:{self.port}", *headers]
        raw = body.encode() if isinstance(body, str) else body
        if raw is not None:
            lines.append(f"Content-Length: {len(raw)}")
        client.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (raw or b""))
        answer = await client.answer(head=method == "HEAD")
        if answer.status != 101 and answer.headers.get("connection") != "keep-alive":
            assert await client.rest() == b""
        return answer

    async def get(self, target: str, *headers: str) -> Answer:
        return await self.ask("GET", target, *headers)

    async def command(self, line: str, data: str | None = None, flags: int | None = None) -> Any:
        """Run a command by POST; return the JSON of the answer."""
        call: dict[str, Any] = {"command": line}
        if data is not None:
            call["data"] = data
        if flags is not None:
            call["flags"] = flags
        answer = await self.ask("POST", "/command", body=json.dumps(call))
        assert answer.status == 200, answer
        assert answer.headers["content-type"] == "application/json"
        return answer.json

    async def file(self, name: str, content: bytes, options: str = "") -> None:
        """Make a file on the device."""
        line = f'file_create "{name}" {len(content)} {options}'
        assert (await ask(self.device, line, content))[-1] == "Success"

    async def set(self, name: str, value: str) -> None:
        assert (await ask(self.device, f'set {name} "{value}"'))[-1] == "Set OK"


Serve = Callable[..., AbstractAsyncContextManager[Web]]


@pytest.fixture
def serve(air: Airspace, lab: dict[str, str]) -> Serve:
    """Make a device that serves on WLAN; settings by name, underscores for dots."""

    @asynccontextmanager
    async def make(
        settings: Mapping[str, str] | None = None,
        *,
        profile: str = "gecko-os-4",
        plugins: tuple[PluginType, ...] = (),
        up: str = "network_up",
        address: str = ADDRESS,
    ) -> AsyncIterator[Web]:
        device = Device.simulated(
            profile=profile, airspace=air, settings=lab | HERE | dict(settings or {}),
            plugins=plugins,
        )  # fmt: skip
        async with device:
            assert (await ask(device, up))[-1] == "Success"
            web = Web(device, address)
            try:
                yield web
            finally:
                for client in web.clients:
                    client.far.transport.abort()
                await soon(asyncio.sleep(0))

    return make


@pytest.fixture
async def web(serve: Serve) -> AsyncIterator[Web]:
    async with serve() as made:
        yield made


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no file: the pages of the package have tests of their own."""
    monkeypatch.setattr("tokay.plugins.webapp.pages", lambda *_: {})
