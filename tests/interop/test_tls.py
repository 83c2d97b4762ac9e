"""TLS streams against OpenSSL's own programs, stunnel, and sslyze."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.interop.peers import Peer
from tests.peers import ask, free_port, read
from tests.pki import AUTHORITY, NAME, RSA_AUTHORITY, STRANGER, Identity, put

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.kernel.profile import load
from tokay.plugins.network import Network
from tokay.plugins.tls import Credentials, Tls
from tokay.plugins.tls.ciphers import CIPHERS, Cipher

Get = Callable[[str], Peer]
LIMIT = 20.0
HOST = "127.0.0.1"
DATA = bytes(range(256)) * 400
GOOD = RSA_AUTHORITY.good
PROTOCOLS = {"10": "TLSv1", "11": "TLSv1.1", "12": "TLSv1.2", "13": "TLSv1.3"}
OPTIONS = {"10": "-tls1", "11": "-tls1_1", "12": "-tls1_2", "13": "-tls1_3"}


@contextlib.asynccontextmanager
async def a_device(profile: str = "gecko-os-4", **settings: str) -> AsyncIterator[Device]:
    """Give a device that has joined, with the files of the authority."""
    air = Airspace()
    air.add(AccessPoint("lab", subnet=f"127.{100 + os.getpid() % 100}.0.0/24", uplink=False))
    air.ap("lab").hosts.update({NAME: HOST, "fax.lab": HOST})
    given = {name.replace("__", "."): value for name, value in settings.items()}
    given |= {"wlan.ssid": "lab", "wlan.security": "open", "system.cmd.timestamp": "off"}
    given |= {"tcp.client.retries": "0", "stream.auto_close": "1"}
    async with Device.simulated(profile=profile, airspace=air, settings=given) as device:
        await put(device, "ca.pem", RSA_AUTHORITY.pem)
        await put(device, "cert.pem", GOOD.cert)
        await put(device, "cert.key", GOOD.key)
        await ask(device, "network_up")
        yield device


@contextlib.asynccontextmanager
async def running(*command: str, listens: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, until it listens on a port if one is given, and end it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT):
            while listens and not await asyncio.to_thread(is_open, listens):
                assert process.returncode is None
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def is_open(port: int) -> bool:
    """Whether somebody listens: looked up, for a connection would be one of the test's."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in Path("/proc/net/tcp").read_text("ascii")


def write(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def identity(folder: Path, one: Identity) -> list[str]:
    return [
        "-cert", write(folder, "cert.pem", one.cert), "-key", write(folder, "key.pem", one.key)
    ]  # fmt: skip


async def said(process: asyncio.subprocess.Process, text: bytes) -> bytes:
    """Return what a program says, up to a text."""
    assert process.stdout is not None
    heard = b""
    async with asyncio.timeout(LIMIT):
        while text not in heard:
            piece = await process.stdout.read(65536)
            assert piece, heard
            heard += piece
    return heard


def tell(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)


# Our client, OpenSSL's server.


@contextlib.asynccontextmanager
async def s_server(
    peer: Get, folder: Path, one: Identity, *options: str
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    port = free_port()
    command = [
        *peer("openssl").command, "s_server", "-accept", f"{HOST}:{port}", "-quiet", "-no_ticket",
        "-cipher", "ALL:@SECLEVEL=0", *identity(folder, one), *options,
    ]  # fmt: skip
    async with running(*command, listens=port) as process:
        yield port, process


@pytest.mark.parametrize("version", PROTOCOLS)
async def test_our_client_speaks_every_version(peer: Get, tmp_path: Path, version: str) -> None:
    async with (
        s_server(peer, tmp_path, GOOD, OPTIONS[version]) as (port, process),
        a_device(network__tls__version=version, network__tls__ca_cert="ca.pem") as device,
    ):
        assert (await ask(device, f"tls_client {NAME} {port}"))[-1] == "0"
        tell(process, b"hello\n")
        assert await read(device, 6) == b"hello\n"
        await ask(device, "write 0 4", b"bye\n")
        assert b"bye\n" in await said(process, b"bye\n")


@pytest.mark.parametrize(
    ("one", "host", "options", "line"),
    [
        (STRANGER.good, NAME, [], "5035 (state: 3, code: -0x2700)"),
        (RSA_AUTHORITY.expired, NAME, [], "5036 (state: 3, code: -0x2700)"),
        (RSA_AUTHORITY.elsewhere, NAME, [], "5037 (state: 3, code: -0x2700)"),
        (GOOD, "fax.lab", [], "5037 (state: 3, code: -0x2700)"),
        (GOOD, NAME, ["-tls1_3"], "5010 (state: 1, code: -0x6E80)"),
        (GOOD, NAME, ["-cipher", "ECDHE-RSA-CHACHA20-POLY1305"], "5010 (state: 1, code: -0x7380)"),
        (GOOD, NAME, ["-Verify", "1", "-verify_return_error"], "5014 (state: 11, code: -0x7580)"),
    ],
)
async def test_our_client_refuses(
    peer: Get, tmp_path: Path, one: Identity, host: str, options: list[str], line: str
) -> None:
    async with (
        s_server(peer, tmp_path, one, *options) as (port, _),
        a_device(network__tls__ca_cert="ca.pem") as device,
    ):
        seen = await ask(device, f"tls_client {host} {port}")
        assert seen[-3:] == [
            f"Error with TLS handshake: {line}",
            "[Open failed]",
            "Command failed",
        ]


async def test_our_client_shows_its_certificate(peer: Get, tmp_path: Path) -> None:
    ca = write(tmp_path, "ca.pem", RSA_AUTHORITY.pem)
    options = ["-Verify", "2", "-verify_return_error", "-CAfile", ca]
    async with s_server(peer, tmp_path, GOOD, *options) as (port, process), a_device() as device:
        line = f"tls_client {NAME} {port} ca.pem cert.pem cert.key"
        assert (await ask(device, line))[-1] == "0"
        tell(process, b"x")
        assert await read(device, 1) == b"x"


# OpenSSL's client, our server.


def s_client(peer: Get, device: Device, port: int, *options: str) -> list[str]:
    return [
        *peer("openssl").command, "s_client", "-connect", f"{device.address}:{port}",
        "-cipher", "ALL:@SECLEVEL=0", "-no_ticket", "-ign_eof", *options,
    ]  # fmt: skip


@pytest.mark.parametrize("version", PROTOCOLS)
async def test_our_server_speaks_every_version(peer: Get, version: str) -> None:
    port = free_port()
    async with a_device(network__tls__version=version) as device:
        assert (await ask(device, f"tls_server start {port} cert.pem cert.key"))[-1] == "Success"
        async with running(*s_client(peer, device, port)) as process:
            heard = await said(process, b"Verify return code")
            assert f"Protocol  : {PROTOCOLS[version]}".encode() in heard or version == "13"
            assert f"New, {PROTOCOLS[version]}".encode() in heard or version != "13"
            tell(process, b"hello\n")
            while not len(device.kernel.streams):
                await asyncio.sleep(0.01)
            assert await read(device, 6) == b"hello\n"
            await ask(device, "write 0 4", b"bye\n")
            await said(process, b"bye\n")
            await ask(device, "close 0")
            async with asyncio.timeout(LIMIT):
                assert await process.wait() == 0


@pytest.mark.parametrize(
    ("options", "ours"),
    [
        (["-tls1_3"], "5010 (state: 1, code: -0x6E80)"),
        (["-tls1"], "5010 (state: 1, code: -0x6E80)"),
        (["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"], "5010 (state: 1, code: -0x7380)"),
        (["-verify_return_error", "-verify", "1"], "5018 (state: 6, code: -0x7780)"),
    ],
)
async def test_our_server_refuses(peer: Get, options: list[str], ours: str) -> None:
    port = free_port()
    async with a_device() as device:
        await ask(device, f"tls_server start {port} cert.pem cert.key")
        async with running(*s_client(peer, device, port, *options)) as process:
            async with asyncio.timeout(LIMIT):
                assert await process.wait() != 0
        lines = [one.text for one in device.log]
        assert f"Error with TLS handshake: {ours}" in lines
        assert not len(device.kernel.streams)


@pytest.mark.parametrize(
    ("one", "ours"),
    [
        (GOOD, None),
        (STRANGER.good, "5035 (state: 7, code: -0x2700)"),
        (None, "5012 (state: 7, code: -0x7480)"),
    ],
    ids=["known", "unknown", "none"],
)
async def test_our_server_wants_certificates(
    peer: Get, tmp_path: Path, one: Identity | None, ours: str | None
) -> None:
    port = free_port()
    async with a_device() as device:
        await ask(device, f"tls_server start {port} cert.pem cert.key ca.pem")
        options = identity(tmp_path, one) if one else []
        async with running(*s_client(peer, device, port, *options)) as process:
            if ours is None:
                await said(process, b"Verify return code")
            else:
                async with asyncio.timeout(LIMIT):
                    assert await process.wait() != 0
                assert f"Error with TLS handshake: {ours}" in [one.text for one in device.log]


# stunnel, at either end.


def stunnel(peer: Get, folder: Path, lines: list[str]) -> list[str]:
    head = ["foreground = yes", "pid =", "syslog = no", "debug = 5", "[tokay]"]
    path = write(folder, "stunnel.conf", "\n".join([*head, *lines, ""]).encode())
    return [*peer("stunnel4").command, path]


async def moved(device: Device, far: socket.socket) -> None:
    """Check that what goes in at one end comes out at the other, both ways."""
    loop = asyncio.get_running_loop()
    sending = asyncio.ensure_future(loop.sock_sendall(far, DATA))
    async with asyncio.timeout(LIMIT):
        while not len(device.kernel.streams):
            await asyncio.sleep(0.01)
        assert await read(device, len(DATA)) == DATA
        await sending
        for at in range(0, len(DATA), 20480):
            piece = DATA[at : at + 20480]
            assert (await ask(device, f"write 0 {len(piece)}", piece)) == ["Success"]
        got = b""
        while len(got) < len(DATA):
            got += await loop.sock_recv(far, 65536)
        assert got == DATA
        await ask(device, "close 0")
        assert await loop.sock_recv(far, 1) == b""


async def test_stunnel_in_front_of_a_server(peer: Get, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    port = free_port()
    with socket.create_server((HOST, 0)) as behind:
        behind.setblocking(False)
        lines = [
            f"accept = {HOST}:{port}", f"connect = {HOST}:{behind.getsockname()[1]}",
            f"cert = {write(tmp_path, 'both.pem', GOOD.cert + GOOD.key)}",
        ]  # fmt: skip
        async with (
            running(*stunnel(peer, tmp_path, lines), listens=port),
            a_device(network__tls__ca_cert="ca.pem") as device,
        ):
            assert (await ask(device, f"tls_client {NAME} {port}"))[-1] == "0"
            async with asyncio.timeout(LIMIT):
                far, _ = await loop.sock_accept(behind)
            with far:
                await moved(device, far)


async def test_stunnel_in_front_of_a_client(peer: Get, tmp_path: Path) -> None:
    port, local = free_port(), free_port()
    async with a_device() as device:
        await ask(device, f"tls_server start {port} cert.pem cert.key")
        lines = [
            "client = yes", f"accept = {HOST}:{local}", f"connect = {device.address}:{port}",
            f"CAfile = {write(tmp_path, 'ca.pem', RSA_AUTHORITY.pem)}", "verifyChain = yes",
            f"checkHost = {NAME}",
        ]  # fmt: skip
        async with running(*stunnel(peer, tmp_path, lines), listens=local):
            with socket.socket() as far:
                far.setblocking(False)
                await asyncio.get_running_loop().sock_connect(far, (HOST, local))
                await moved(device, far)


# sslyze: what is really spoken is what the table says.


class Deaf(asyncio.Protocol):
    """A service that says nothing."""


def scanned(host: str, port: int) -> dict[str, set[str]]:
    """Return the suites that a server takes, by version."""
    from sslyze.plugins.scan_commands import ScanCommand
    from sslyze.scanner.models import ServerScanRequest
    from sslyze.scanner.scanner import Scanner
    from sslyze.server_setting import ServerNetworkLocation

    names = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3")
    scanner = Scanner()
    scanner.queue_scans(
        [
            ServerScanRequest(
                ServerNetworkLocation(NAME, port, ip_address=host),
                scan_commands={ScanCommand(f"{name}_cipher_suites") for name in names},
            )
        ]
    )
    (report,) = scanner.get_results()
    assert report.scan_result is not None, report.connectivity_error_trace
    taken = {}
    for name in names:
        attempt = getattr(report.scan_result, f"{name}_cipher_suites")
        assert attempt.result is not None, attempt.error_trace
        suites = (one.cipher_suite for one in attempt.result.accepted_cipher_suites)
        taken[name] = {suite.openssl_name for suite in suites}
    return taken


def declared(profile: str, version: int, *, ecdsa: bool) -> dict[str, set[str]]:
    """Return the same as the table has it."""
    rules = load(profile)
    floor = min(rules.tls_floor, version)

    def here(one: Cipher, of: int) -> bool:
        if of == 13:
            return one.least == 13
        sign = "ECDSA" in one.exchange
        return one.name in rules.tls_ciphers and one.least <= of and sign == ecdsa

    return {"ssl_2_0": set(), "ssl_3_0": set()} | {
        f"tls_1_{of - 10}": (
            {one.name for one in CIPHERS if here(one, of)} if floor <= of <= version else set()
        )
        for of in (10, 11, 12, 13)
    }


@pytest.mark.parametrize(
    ("profile", "version", "authority"),
    [
        ("gecko-os-4", 12, RSA_AUTHORITY),
        ("gecko-os-4", 12, AUTHORITY),
        ("gecko-os-4", 13, RSA_AUTHORITY),
        ("gecko-os-4", 11, RSA_AUTHORITY),
        ("gecko-os-4", 10, RSA_AUTHORITY),
        ("gecko-os-2", 12, RSA_AUTHORITY),
        ("zentrios-3", 12, RSA_AUTHORITY),
        ("zentrios-3", 12, AUTHORITY),
        ("wiconnect-2", 12, RSA_AUTHORITY),
    ],
)
async def test_sslyze_reports_the_table(profile: str, version: int, authority: object) -> None:
    one = AUTHORITY.good if authority is AUTHORITY else GOOD
    async with a_device(profile, network__tls__version=str(version)) as device:
        await put(device, "cert.pem", one.cert)
        await put(device, "cert.key", one.key)
        interface = await device.kernel.plugin(Network).need()
        files = Credentials(cert="cert.pem", key="cert.key")
        serving = device.kernel.plugin(Tls).serve(Deaf, files)
        listener = await interface.listen_tcp(serving, 0)
        try:
            found = await asyncio.to_thread(scanned, device.address, listener.port)
        finally:
            listener.close()
    assert found == declared(profile, version, ecdsa=authority is AUTHORITY)
