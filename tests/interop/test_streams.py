"""Streams against socat, ncat and iperf3, as clients and as servers, on loopback."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.interop.peers import Peer
from tests.peers import NET, ask, free_port

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.kernel.open_stream import OpenStream

Get = Callable[[str], Peer]
LIMIT = 20.0
DATA = random.Random(3).randbytes(1 << 20)


@pytest_asyncio.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    air = Airspace(locks=AddressLocks(tmp_path / "claims"))
    air.add(AccessPoint("lab", passphrase="correct horse", subnet=f"{NET}.0/25"))
    settings = {"wlan.ssid": "lab", "wlan.passkey": "correct horse", "stream.auto_close": "0"}
    async with Device.simulated(airspace=air, settings=settings) as device:
        await ask(device, "network_up")
        yield device


@contextlib.asynccontextmanager
async def running(peer: Peer, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, and end it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *peer.command, *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def opened(device: Device, line: str) -> OpenStream:
    """Open a stream, as soon as somebody listens."""
    for _ in range(200):
        response = await device.command(line)
        if response.ok:
            return device.stream(int(response.text))
        await asyncio.sleep(0.02)
    raise AssertionError(response)


async def came(device: Device, handle: int = 0) -> OpenStream:
    """Return a stream that a client opens."""
    async with asyncio.timeout(LIMIT):
        while not any(one.handle == handle for one in device.kernel.streams):
            await asyncio.sleep(0.01)
    return device.stream(handle)


async def all_of(stream: OpenStream) -> bytes:
    got = bytearray()
    while data := await stream.read():
        got += data
    return bytes(got)


async def exactly(stream: OpenStream, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        got += await stream.read(size - len(got))
    return bytes(got)


Words = dict[str, Callable[..., list[str]]]
SERVERS: Words = {
    "socat": lambda port: [f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr", "-"],
    "ncat": lambda port: ["-l", "127.0.0.1", str(port)],
}
CLIENTS: Words = {
    "socat": lambda host, port: ["-", f"TCP:{host}:{port}"],
    "ncat": lambda host, port: [host, str(port)],
}


@pytest.mark.parametrize("program", SERVERS)
async def test_a_tcp_client_of_a_server(device: Device, peer: Get, program: str) -> None:
    port = free_port()
    await ask(device, "set tcp.client.retries 0")
    async with running(peer(program), *SERVERS[program](port)) as process:
        stream = await opened(device, f"tcpc 127.0.0.1 {port}")
        assert process.stdin is not None
        assert process.stdout is not None
        await stream.write(DATA)
        async with asyncio.timeout(LIMIT):
            assert await process.stdout.readexactly(len(DATA)) == DATA
            process.stdin.write(DATA)
            assert await exactly(stream, len(DATA)) == DATA
            stream.close()
            assert await process.stdout.read() == b""
            assert await process.wait() == 0


@pytest.mark.parametrize("program", CLIENTS)
async def test_a_tcp_server_of_a_client(device: Device, peer: Get, program: str) -> None:
    port = free_port()
    await ask(device, f"tcps start {port}")
    async with running(peer(program), *CLIENTS[program](device.address, port)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stream = await came(device)
        async with asyncio.timeout(LIMIT):
            process.stdin.write(DATA)
            assert await exactly(stream, len(DATA)) == DATA
            await stream.write(DATA)
            assert await process.stdout.readexactly(len(DATA)) == DATA
            process.stdin.close()
            assert await all_of(stream) == b""
        assert await ask(device, "poll 0") == ["2"]


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("socat", ["UDP-LISTEN:{port},bind=127.0.0.1", "-"]),
        ("ncat", ["-u", "-l", "127.0.0.1", "{port}"]),
    ],
)
async def test_a_udp_client_of_a_server(
    device: Device, peer: Get, program: str, arguments: list[str]
) -> None:
    port = free_port()
    words = [word.format(port=port) for word in arguments]
    async with running(peer(program), *words) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stream = await opened(device, f"udpc 127.0.0.1 {port}")
        async with asyncio.timeout(LIMIT):
            heard = asyncio.ensure_future(process.stdout.readexactly(5))
            while not heard.done():  # until it listens
                await stream.write(b"hello")
                await asyncio.wait([heard], timeout=0.05)
            assert await heard == b"hello"
            process.stdin.write(b"world")
            assert await stream.read() == b"world"


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("socat", ["-", "UDP:{host}:{port}"]),
        ("ncat", ["-u", "{host}", "{port}"]),
    ],
)
async def test_a_udp_server_of_a_client(
    device: Device, peer: Get, program: str, arguments: list[str]
) -> None:
    port = free_port()
    stream = await opened(device, f"udps start {port}")
    words = [word.format(host=device.address, port=port) for word in arguments]
    async with running(peer(program), *words) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT):
            process.stdin.write(b"hello")
            assert await stream.read() == b"hello"
            await stream.write(b"world")
            assert await process.stdout.readexactly(5) == b"world"


async def test_a_broadcast_of_socat(device: Device, peer: Get) -> None:
    port = free_port()
    stream = await opened(device, f"udpc 255.255.255.255 {port} {port}")
    address = f"UDP-DATAGRAM:255.255.255.255:{port},broadcast,bind={NET}.99"
    async with running(peer("socat"), "-", address) as process:
        assert process.stdin is not None
        process.stdin.write(b"all of you")
        async with asyncio.timeout(LIMIT):
            assert await stream.read() == b"all of you"


async def test_iperf3_through_streams(device: Device, peer: Get) -> None:
    """Its two connections, each passed on from a client of the device to a server."""
    iperf, port, inner = peer("iperf3"), free_port(), free_port()
    await ask(device, f"tcps start {port}")
    copies: list[asyncio.Task[None]] = []

    async def copy(one: OpenStream, other: OpenStream) -> None:
        while data := await one.read():
            await other.write(data)
        other.close()

    async def pass_on() -> None:
        known: set[int] = set()
        while True:
            for stream in tuple(device.kernel.streams):
                if stream.type == "TCPS" and stream.handle not in known:
                    near = device.stream(stream.handle)
                    far = await opened(device, f"tcpc 127.0.0.1 {inner}")
                    known |= {near.handle, far.handle}
                    copies.extend(
                        asyncio.ensure_future(copy(*pair)) for pair in ((near, far), (far, near))
                    )
            await asyncio.sleep(0.01)

    async with running(iperf, "-s", "-1", "-B", "127.0.0.1", "-p", str(inner)):
        passing = asyncio.ensure_future(pass_on())
        words = ("-c", device.address, "-p", str(port), "-n", "20M", "-J")
        try:
            async with asyncio.timeout(LIMIT), running(iperf, *words) as process:
                out, _ = await process.communicate()
        finally:
            for task in (passing, *copies):
                task.cancel()
            await asyncio.gather(passing, *copies, return_exceptions=True)
    report = json.loads(out)
    assert "error" not in report, report["error"]
    # It counts until the last byte is sent, which is before the last one has come.
    assert report["end"]["sum_sent"]["bytes"] >= 20 << 20
    assert report["end"]["sum_received"]["bytes"] > 1 << 20
