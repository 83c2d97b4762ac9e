"""Peers that mean no good, at both ends: bounded memory, a defined result, others unaffected."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio
from tests.peers import Far, Peer, ask, free_port, read, soon
from tests.pki import client_context, server_context

from tokay.device import Device
from tokay.plugins.tls.plugin import MAX_HANDSHAKES
from tokay.plugins.tls.transport import TlsTransport
from tokay.protocols.tls import HEADER, MAX_CONTENT
from tokay.testing.clock import turned_loop

GARBAGE = random.Random(1).randbytes(65536)
SSL2_HELLO = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80" + bytes(34)
"""A ClientHello of SSL 2.0, in its own framing."""
SSL3_HELLO = b"\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" + bytes(32) + b"\0\0\x02\x00\x2f\x01\0"
ENDLESS = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16380)
"""A record with the beginning of a ClientHello of 16 MB."""

Play = Callable[[Far], Coroutine[Any, Any, None]]


def hello() -> bytes:
    """Return the ClientHello of a good client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = client_context().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        end.do_handshake()
    return outgoing.read()


@pytest_asyncio.fixture
async def port(device: Device) -> int:
    port = free_port()
    started = await ask(device, f"tls_server start {port} server.pem server.key")
    assert started == ["Success"]
    return port


async def call(device: Device, port: int) -> Far:
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    await soon(loop.create_connection(lambda: far, device.address, port))
    return far


async def good_client(device: Device, port: int) -> Far:
    """Connect as a client should; what it has opened is a stream of the device."""
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    await soon(
        loop.create_connection(
            lambda: far, device.address, port, ssl=client_context(), server_hostname="127.0.0.1"
        )
    )
    return far


def handshakes(device: Device) -> "set[TlsTransport]":
    from tokay.plugins.tls import Tls

    return device.kernel.plugin(Tls)._handshakes


def last_line(device: Device) -> str:
    lines = [one.text for one in device.log if one.text.startswith("Error with TLS")]
    return lines[-1].removeprefix("Error with TLS handshake: ")


async def still_serves(device: Device, port: int) -> None:
    """Check that the next good client is served."""
    far = await good_client(device, port)
    far.send(b"good")
    while not len(device.kernel.streams):
        await asyncio.sleep(0)
    handle = max(one.handle for one in device.kernel.streams)
    assert await read(device, 4, handle) == b"good"
    await ask(device, f"close {handle}")
    await far.gone()


# To a server.


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (GARBAGE, "5032 (state: 0, code: -0x7200)"),
        (b"GET / HTTP/1.1\r\nHost: device\r\n\r\n", "5032 (state: 0, code: -0x7200)"),
        (SSL2_HELLO, "5010 (state: 0, code: -0x6E80)"),
        (SSL3_HELLO, "5010 (state: 1, code: -0x6E80)"),
        (ENDLESS * 4, "5032 (state: 0, code: -0x6C00)"),
    ],
    ids=["64 KiB of garbage", "HTTP", "SSL 2", "SSL 3", "16 MB ClientHello"],
)
async def test_what_is_no_handshake(device: Device, port: int, sent: bytes, line: str) -> None:
    far = await call(device, port)
    far.send(sent)
    await far.gone()
    assert last_line(device) == line
    assert await ask(device, "list") == ["! # Type  Info"]
    assert not handshakes(device)
    await still_serves(device, port)


@pytest.mark.parametrize("size", [0, 1, 5, 100])
async def test_a_client_that_stalls(device: Device, port: int, size: int) -> None:
    far = await call(device, port)
    far.send(hello()[:size])
    begun = turned_loop().time()
    await still_serves(device, port)
    await far.gone()
    assert turned_loop().time() - begun == pytest.approx(4)
    assert last_line(device) == "5031 (state: 0, code: -0x6800)"


async def test_a_client_that_never_finishes(device: Device, port: int) -> None:
    far = await call(device, port)
    far.send(hello())
    await far.until(lambda: far.received)
    begun = turned_loop().time()
    await far.gone()
    assert turned_loop().time() - begun == pytest.approx(4)
    assert last_line(device) == "5031 (state: 6, code: -0x6800)"


async def test_one_byte_a_second(device: Device, port: int) -> None:
    far = await call(device, port)
    for byte in hello():
        if far.ended:
            break
        far.send(bytes([byte]))
        await turned_loop().turn(1)
    assert far.ended
    assert last_line(device) == "5031 (state: 0, code: -0x6800)"
    await still_serves(device, port)


@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
@pytest.mark.parametrize("size", [0, 3, 1000])
async def test_a_client_that_goes_in_the_middle(
    device: Device, port: int, how: str, size: int
) -> None:
    far = await call(device, port)
    far.send(hello()[:size])
    await turned_loop().settle()
    getattr(far, how)()
    await far.gone()
    await turned_loop().settle()
    silent = size == 0 and how != "reset"
    assert last_line(device).startswith("5039 " if silent else "5020 ")
    assert not handshakes(device)
    await still_serves(device, port)


async def test_many_that_stall_keep_nobody_out(device: Device, port: int) -> None:
    fars = await asyncio.gather(*(call(device, port) for _ in range(3 * MAX_HANDSHAKES)))
    await turned_loop().settle()
    assert len(handshakes(device)) == MAX_HANDSHAKES
    await still_serves(device, port)
    for far in fars:
        await far.gone()
    assert not handshakes(device)


async def test_a_record_that_never_ends_takes_no_more_than_a_record(
    device: Device, port: int
) -> None:
    far = await call(device, port)
    far.send(b"\x16\x03\x01\x48\x00")
    far.send(bytes(MAX_CONTENT - 1))
    await turned_loop().settle()
    (transport,) = handshakes(device)
    assert len(transport._held) == HEADER + MAX_CONTENT - 1
    far.send(b"\0")
    await far.gone()


async def test_a_client_without_a_certificate(device: Device) -> None:
    port = free_port()
    await ask(device, f"tls_server start {port} server.pem server.key ca.pem")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await good_client(device, port)
    assert last_line(device) == "5012 (state: 7, code: -0x7480)"


async def test_the_network_goes_while_clients_stall(device: Device, port: int) -> None:
    fars = [await call(device, port) for _ in range(3)]
    await turned_loop().settle()
    await ask(device, "network_down")
    for far in fars:
        await far.gone()
    assert not handshakes(device)


# To a client.


async def stalls(far: Far) -> None:
    await far.until(lambda: far.received)


async def drips(far: Far) -> None:
    await far.until(lambda: far.received)
    for _ in range(60):
        if far.ended:
            return
        far.send(b"\x16")
        await asyncio.sleep(1)


async def sends_garbage(far: Far) -> None:
    far.send(GARBAGE)


async def stops_in_the_middle(far: Far) -> None:
    await far.until(lambda: far.received)
    far.send(b"\x16\x03\x03\x40\x00\x02\x00")


@pytest.mark.parametrize(
    ("play", "line", "takes"),
    [
        (stalls, "5031 (state: 1, code: -0x6800)", 4),
        (drips, "5032 (state: 1, code: -0x7200)", 1),
        (sends_garbage, "5032 (state: 1, code: -0x7200)", 0),
        (stops_in_the_middle, "5031 (state: 1, code: -0x6800)", 4),
    ],
)
async def test_servers(device: Device, play: Play, line: str, takes: float) -> None:
    async with Peer(tls=server_context()) as good, Peer(play) as bad:
        assert (await ask(device, f"tlsc 127.0.0.1 {good.port}"))[-1] == "0"
        begun = turned_loop().time()
        assert (await ask(device, f"tlsc 127.0.0.1 {bad.port}"))[-1] == "Command failed"
        assert last_line(device) == line
        assert turned_loop().time() - begun == pytest.approx(takes)
        # The other stream has seen nothing of it.
        far = await good.next()
        await ask(device, "write 0 5", b"hello")
        assert await far.take(5) == b"hello"


# On an open stream.


@pytest_asyncio.fixture
async def server(device: Device) -> AsyncIterator[Peer]:
    async with Peer(tls=server_context()) as peer:
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "0"
        yield peer


def raw(far: Far) -> asyncio.Transport:
    """Return the connection below TLS: what is written there is not sealed."""
    found: asyncio.Transport = far.transport._ssl_protocol._transport  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    "sent",
    [GARBAGE, b"\x17\x03\x03\x00\x20" + bytes(32), b"\x17\x03\x03\xff\xff" + bytes(65535)],
    ids=["garbage", "a record that is not theirs", "a record that is too long"],
)
async def test_garbage_on_an_open_stream(device: Device, server: Peer, sent: bytes) -> None:
    far = await server.next()
    far.send(b"before")
    await device.kernel.streams.find(0).fill(6, 5)
    raw(far).write(sent)
    await device.kernel.streams.find(0).fill(1 << 30, 5)
    assert await ask(device, "read 0 100") == ["before"]
    assert await ask(device, "poll 0") == ["2"]
    assert await ask(device, "write 0 1", b"x") == ["Command failed"]
    await far.gone()


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_an_end_without_goodbye(device: Device, server: Peer, how: str) -> None:
    far = await server.next()
    far.send(b"before")
    await device.kernel.streams.find(0).fill(6, 5)
    if how == "cut":
        raw(far).close()  # and no close_notify
    else:
        far.reset()
    await device.kernel.streams.find(0).fill(1 << 30, 5)
    assert await ask(device, "read 0 100") == ["before"]
    assert await ask(device, "poll 0") == ["2"]
    await far.gone()
