"""tls_server: its streams, its files, whom it lets in, and how it comes back."""

import asyncio
import ssl

import pytest
from tests.peers import Far, ask, free_port, read, soon
from tests.pki import AUTHORITY, RSA_AUTHORITY, STRANGER, Identity, client_context, put

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.tls.transport import TlsTransport
from tokay.testing.clock import TurnedLoop

START = "server.pem server.key"
BAD_FILE = "Error with TLS handshake: 5033 (state: 0, code: -0x3E00)"


@pytest.fixture
def port() -> int:
    return free_port()


async def call(
    device: Device,
    port: int,
    identity: Identity | None = None,
    *,
    context: ssl.SSLContext | None = None,
) -> Far:
    """Connect to the device; it answers for the name of the test certificates."""
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    made = loop.create_connection(
        lambda: far, device.address, port,
        ssl=context or client_context(identity), server_hostname="127.0.0.1",
    )  # fmt: skip
    await soon(made)
    return far


async def opened(device: Device, count: int = 1) -> None:
    """Wait until so many streams are open."""
    while len(device.kernel.streams) != count:
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    if isinstance(loop, TurnedLoop):
        await loop.settle()


async def test_clients_are_streams(device: Device, port: int, loops: None) -> None:
    assert await ask(device, f"tls_server start {port} {START}") == ["Success"]
    fars = []
    for count in (1, 2):
        fars.append(await call(device, port))
        await opened(device, count)
    rows = (await ask(device, "list"))[-1].split("\r\n")[1:]
    here = f"{device.address}:{port}"
    for number, (row, far) in enumerate(zip(rows, fars, strict=True)):
        host, local = far.transport.get_extra_info("sockname")
        assert row == f"# {number} TLSS  {here} {host}:{local}"
    fars[1].send(b"to one")
    assert await read(device, 6, 1) == b"to one"
    assert await ask(device, "write 0 5", b"hello") == ["Success"]
    assert await fars[0].take(5) == b"hello"
    assert await ask(device, "tlss stop") == ["[Closed: 0]", "[Closed: 1]", "Success"]
    for far in fars:
        await far.gone()
    with pytest.raises(ConnectionRefusedError):
        await call(device, port)


async def test_files_of_the_variables(device: Device, port: int) -> None:
    assert (await ask(device, f"tlss start {port}"))[-1] == "Command failed"
    await ask(device, "set tcp.server.tls_cert server.pem")
    await ask(device, "set tcp.server.tls_key server.key")
    assert (await ask(device, f"tlss start {port}"))[-1] == "Success"
    await call(device, port)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ("", "no server certificate is set"),
        ("nope.pem server.key", "no file nope.pem"),
        ("server.pem nope.key", "no file nope.key"),
        ("server.pem other.key", "server.pem, other.key: key values mismatch"),
        ("server.key server.key", "server.key, server.key: not what it should be"),
        ("server.pem server.key nope.pem", "no file nope.pem"),
    ],
)
async def test_files_that_cannot_be_used(
    device: Device, port: int, files: str, reason: str
) -> None:
    await put(device, "other.key", STRANGER.good.key)
    seen = await ask(device, f"tlss start {port} {files}")
    assert seen == [reason, BAD_FILE, "Command failed"]
    # It is not half started.
    assert (await ask(device, f"tlss start {port} {START}"))[-1] == "Success"


async def test_clients_must_show_a_certificate(device: Device, port: int) -> None:
    await ask(device, f"tlss start {port} {START} ca.pem")
    await call(device, port, AUTHORITY.issue("me.lab"))
    await opened(device)
    for bad, line in (
        (STRANGER.good, "5035 (state: 7, code: -0x2700)"),
        (AUTHORITY.expired, "5036 (state: 7, code: -0x2700)"),
    ):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await call(device, port, bad)
        assert device.log[-1].text == f"Error with TLS handshake: {line}"
    assert len(device.kernel.streams) == 1


@pytest.mark.parametrize("version", ["10", "11", "12", "13"])
async def test_versions(device: Device, port: int, version: str) -> None:
    await put(device, "rsa.pem", RSA_AUTHORITY.good.cert)
    await put(device, "rsa.key", RSA_AUTHORITY.good.key)
    await ask(device, f"set network.tls.version {version}")
    seen = await ask(device, f"tlss start {port} rsa.pem rsa.key")
    old = {"10": "TLS 1.0", "11": "TLS 1.1"}.get(version)
    assert seen == ([f"{old} is asked for: it is not safe"] if old else []) + ["Success"]
    far = await call(device, port, context=client_context(ca=RSA_AUTHORITY.pem, old=True))
    names = {"10": "TLSv1", "11": "TLSv1.1", "12": "TLSv1.2", "13": "TLSv1.3"}
    assert far.transport.get_extra_info("ssl_object").version() == names[version]


async def test_nothing_in_common(device: Device, port: int) -> None:
    await ask(device, f"tlss start {port} {START}")
    new = client_context()
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        await call(device, port, context=new)
    assert device.log[-1].text == "Error with TLS handshake: 5010 (state: 1, code: -0x6E80)"
    odd = client_context()
    odd.maximum_version = ssl.TLSVersion.TLSv1_2
    odd.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await call(device, port, context=odd)
    assert device.log[-1].text == "Error with TLS handshake: 5010 (state: 1, code: -0x7380)"


async def test_a_client_that_does_not_trust_us(device: Device, port: int) -> None:
    await ask(device, f"tlss start {port} {START}")
    done: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()

    def settled(_: TlsTransport, error: OSError | None) -> None:
        done.set_result(error)

    # The loop's own client leaves without a word.
    client = TlsTransport(
        client_context(ca=STRANGER.pem), asyncio.Protocol, settled, limit=5, host="127.0.0.1"
    )
    await asyncio.get_running_loop().create_connection(lambda: client, device.address, port)
    assert str(await done) == "Error with TLS handshake: 5035 (state: 3, code: -0x2700)"
    while not device.log[-1].text.startswith("Error"):
        await asyncio.sleep(0)
    assert device.log[-1].text == "Error with TLS handshake: 5018 (state: 6, code: -0x7780)"


async def test_it_comes_back_with_the_network(device: Device, port: int) -> None:
    await ask(device, f"tlss start {port} {START}")
    await call(device, port)
    await opened(device)
    await ask(device, "network_restart")
    assert not len(device.kernel.streams)
    await call(device, port)
    await opened(device)


async def test_no_more_clients_than_it_may_have(device: Device, port: int) -> None:
    await ask(device, "set tcp.server.max_clients 1")
    await ask(device, f"tlss start {port} {START}")
    first = await call(device, port)
    await opened(device)
    second = await call(device, port)
    await second.gone()
    first.send(b"still here")
    assert await read(device, 10) == b"still here"


async def test_it_starts_by_itself(air: Airspace, lab: dict[str, str], port: int) -> None:
    lab |= {
        "tcp.server.auto_start": "1",
        "tcp.server.tls_enabled": "1",
        "tcp.server.port": str(port),
        "tcp.server.tls_cert": "server.pem",
        "tcp.server.tls_key": "server.key",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        # The files are not there yet: said, and nobody listens.
        assert BAD_FILE in await ask(device, "network_up")
        with pytest.raises(ConnectionRefusedError):
            await call(device, port)
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
        for _ in range(2):
            await ask(device, "network_restart")
            await call(device, port)
            await opened(device)
            assert "TLSS" in (await ask(device, "list"))[-1]
        assert (await ask(device, "tcps stop"))[-1] == "Command failed"
        assert (await ask(device, "tlss stop"))[-1] == "Success"


async def test_a_device_is_the_client_of_another(
    device: Device, air: Airspace, lab: dict[str, str], port: int
) -> None:
    async with Device.simulated(airspace=air, settings=lab, name="client") as client:
        await ask(client, "network_up")
        await ask(device, f"tlss start {port} {START}")
        assert (await ask(client, f"tlsc {device.address} {port}"))[-1] == "0"
        await opened(device)
        await ask(client, "write 0 5", b"hello")
        assert await read(device, 5) == b"hello"
        await ask(client, "close 0")
        await device.kernel.streams.find(0).fill(1, 5)
        assert await ask(device, "poll 0") == ["2"]


async def test_what_is_no_action(device: Device) -> None:
    for line, code in (("tlss", 4), ("tlss begin", 7), ("tlss start 0", 7), ("tlss stop", 1)):
        assert (await device.command(line)).code == code


async def test_a_server_without_memory(device: Device, air: Airspace, port: int) -> None:
    await ask(device, f"tlss start {port} {START}")
    air.do("lab", "tls_malloc", handshakes=1)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await call(device, port)
    assert [one.text for one in device.log[-2:]] == [
        "TLS malloc failed",
        "Error with TLS handshake: 5035",
    ]
    await call(device, port)
