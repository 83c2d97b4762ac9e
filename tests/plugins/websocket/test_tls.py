"""wss: the same frames over TLS, as a client and as a server."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers import ADDRESS, Far, ask, read, soon, stream
from tests.pki import AUTHORITY, Authority, Identity, put, server_context
from tests.plugins.http_server.conftest import Web
from tests.plugins.websocket.conftest import (
    FarWebSocket,
    accept_client,
    echo,
    upgrade,
)
from tests.websocket_cases import BINARY, CASES, PING, PONG, Case, Frame, close, text

from tokay.board.air.airspace import Airspace
from tokay.device import Device

PORT = 8443
Settings = dict[str, str]


class TlsPeer:
    """A TLS server on this machine."""

    def __init__(self, identity: Identity | None = None) -> None:
        self._context = server_context(identity)

    async def __aenter__(self) -> "TlsPeer":
        self.all: asyncio.Queue[Far] = asyncio.Queue()
        self.fars: list[Far] = []
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Far(self._came), "127.0.0.1", 0, ssl=self._context
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for far in self.fars:
            far.transport.abort()
        await asyncio.sleep(0)

    def _came(self, far: Far) -> None:
        self.fars.append(far)
        self.all.put_nowait(far)


@pytest_asyncio.fixture
async def device(air: Airspace, lab: Settings) -> AsyncIterator[Device]:
    settings = {
        "network.tls.ca_cert": "ca.pem",
        "stream.auto_close": "0",
        "http.server.enabled": "1",
        "http.server.port": str(PORT),
        "http.server.tls_enabled": "1",
        "http.server.tls_cert": "server.pem",
        "http.server.tls_key": "server.key",
    }
    async with Device.simulated(airspace=air, settings=lab | settings) as device:
        await put(device, "ca.pem", AUTHORITY.pem)
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
        await ask(device, "network_up")
        yield device


async def _of(task: "asyncio.Future[list[str]]") -> list[str]:
    return await task


async def test_a_client(device: Device, loops: None) -> None:
    async with TlsPeer() as peer:
        line = f"webc wss://127.0.0.1:{peer.port}/chat"
        opening = asyncio.ensure_future(ask(device, line))
        asked, far = await accept_client(await soon(peer.all.get()))
        assert await soon(_of(opening)) == [
            "[Opening: 127.0.0.1]",
            "Request GET /chat",
            f"Connecting (https): 127.0.0.1:{peer.port}",
            "Starting TLS",
            "HTTP response: 101",
            "[Opened: 0]",
            "0",
        ]
        assert f"\r\nHost: 127.0.0.1:{peer.port}\r\n".encode() in asked
        assert await ask(device, "write 0 5", b"hello") == ["Success"]
        assert await far.hear() == [(BINARY, b"hello", True)]
        far.send(text(b"world"), Frame(PING, b"you"))
        assert await far.hear() == [(PONG, b"you", True)]
        assert await read(device, 5) == b"world"
        data = bytes(range(256)) * 4096
        far.send(Frame(BINARY, data))
        assert await read(device, len(data), piece=65536) == data
        far.send(close(1000))
        assert await far.closing() == 1000
        assert await ask(device, "poll 0") == ["2"]
        far.far.close()


async def test_a_server_that_is_not_known(device: Device) -> None:
    async with TlsPeer(AUTHORITY.elsewhere) as peer:
        log = await ask(device, f"webc wss://127.0.0.1:{peer.port}/")
    assert log[-2:] == ["[Open failed]", "Command failed"]
    assert any(line.startswith("Error with TLS handshake") for line in log), log


async def test_files_may_be_named(device: Device) -> None:
    """The line has its own CA, beside which `network.tls` does not count."""
    other = Authority()
    await put(device, "other.pem", other.pem)
    async with TlsPeer(other.issue("127.0.0.1")) as peer:
        line = f"webc wss://127.0.0.1:{peer.port}/"
        assert (await ask(device, line))[-1] == "Command failed"
        opening = asyncio.ensure_future(ask(device, f"{line} other.pem"))
        await soon(peer.all.get())
        await accept_client(peer.fars[-1])
        assert (await soon(_of(opening)))[-1] == "0"
        assert (await ask(device, f"{line} nothing.pem"))[-1] == "Command failed"


async def test_tls_where_none_is_spoken(device: Device) -> None:
    async with TlsPeer() as peer:
        log = await ask(device, f"webc ws://127.0.0.1:{peer.port}/")
        assert log[-2:] == ["[Open failed]", "Command failed"]


async def over_tls() -> FarWebSocket:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    context.check_hostname = False
    loop = asyncio.get_running_loop()
    _, far = await soon(
        loop.create_connection(lambda: Far(lambda _far: None), ADDRESS, PORT, ssl=context)
    )
    return FarWebSocket(far, client=True)


async def served(device: Device) -> FarWebSocket:
    far = await over_tls()
    far.far.send(upgrade(Web(device, ADDRESS, PORT), "/stream"))
    assert (await far.far.line()).startswith(b"HTTP/1.1 101 ")
    return far


@pytest.mark.parametrize("case", CASES[::7], ids=lambda case: case.name)
async def test_a_server(device: Device, case: Case) -> None:
    far = await served(device)
    echo(stream(device))
    far.far.send(case.encode(masked=True))
    assert await far.closing() in case.close
    far.far.close()
    await far.far.gone()


async def test_the_host_closes(device: Device, loops: None) -> None:
    far = await served(device)
    await ask(device, "close 0")
    assert await far.closing() == 1000
    far.send(close(1000))
    await far.far.gone()
