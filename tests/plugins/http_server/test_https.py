"""HTTPS: with files that are named, with a certificate of the device's own, with client ones."""

import asyncio
import socket
import ssl

import pytest
import trustme
from cryptography import x509
from tests import peers
from tests.plugins.http_server.conftest import Serve, Web

from tokay.plugins.http_server.certificate import CERT, KEY

TLS = {"http.server.tls_enabled": "1"}


def offered(web: Web, context: ssl.SSLContext, request: bytes, name: str = "") -> bytes:
    """Ask as a client in a thread of its own does; return the answer."""
    with (
        socket.create_connection((web.address, web.port), 10) as sock,
        context.wrap_socket(sock, server_hostname=name or web.address) as secure,
    ):
        secure.sendall(request)
        got = b""
        while piece := secure.recv(65536):
            got += piece
        return got


async def ask(web: Web, context: ssl.SSLContext, path: str = "/command/ver") -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    return await asyncio.to_thread(offered, web, context, request)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


async def provide(web: Web, ca: trustme.CA) -> None:
    """Put certificate and key on the device, and restart its network."""
    leaf = ca.issue_cert(web.address)
    await web.file("cert.pem", leaf.cert_chain_pems[0].bytes())
    await web.file("key.pem", leaf.private_key_pem.bytes())
    await web.file("ca.pem", ca.cert_pem.bytes())


FILES = {"http.server.tls_cert": "cert.pem", "http.server.tls_key": "key.pem"}


async def restart(web: Web) -> list[str]:
    await peers.ask(web.device, "network_restart")
    return [entry.text for entry in web.device.log][-8:]


async def test_with_its_own_files(serve: Serve, ca: trustme.CA) -> None:
    async with serve() as web:
        await provide(web, ca)
        for name, value in (TLS | FILES).items():
            await web.set(name, value)
        log = await restart(web)
        assert f"HTTPS and REST API server listening on port: {web.port}" in log
        got = await ask(web, trusting(ca))
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert (await ask(web, trusting(ca), "/key.pem")).startswith(b"HTTP/1.1 404 ")
        assert (await ask(web, trusting(ca), "/cert.pem")).startswith(b"HTTP/1.1 200 ")


async def test_client_certificates(serve: Serve, ca: trustme.CA) -> None:
    async with serve() as web:
        await provide(web, ca)
        for name, value in (TLS | FILES | {"http.server.tls_ca_cert": "ca.pem"}).items():
            await web.set(name, value)
        await restart(web)
        context = trusting(ca)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask(web, context)
        ca.issue_cert("client@example.org").configure_cert(context)
        assert (await ask(web, context)).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_certificate_of_its_own(serve: Serve) -> None:
    async with serve(TLS) as web:
        storage = web.device.kernel.storage
        pem = storage.read(CERT, 0, 65536)
        context = ssl.create_default_context(cadata=pem.decode())
        assert (await ask(web, context)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert (await ask(web, context, f"/{KEY}")).startswith(b"HTTP/1.1 404 ")
        # The same again after the network was lost.
        await restart(web)
        assert storage.read(CERT, 0, 65536) == pem
        assert (await ask(web, context)).startswith(b"HTTP/1.1 200 OK\r\n")


def named(pem: bytes) -> list[str]:
    """Return the names in a certificate."""
    cert = x509.load_pem_x509_certificate(pem)
    found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


async def test_its_certificate_carries_the_names_it_answers_to(serve: Serve) -> None:
    async with serve(TLS) as web:
        kernel = web.device.kernel
        storage, digits = kernel.storage, kernel.mac.replace(":", "")[-3:]
        first = storage.read(CERT, 0, 65536)
        assert named(first)[:2] == [f"gecko_os-{digits}.local", f"gecko_os-{digits}"]
        assert named(first)[2:] == ["gecko-os.com"]
        # Anew when the name changes, and only then; a client that trusts it finds the name.
        await web.set("mdns.name", "lamp.local")
        await restart(web)
        second = storage.read(CERT, 0, 65536)
        assert named(second)[:2] == ["lamp.local", "lamp"]
        context = ssl.create_default_context(cadata=second.decode())
        for name in ("lamp.local", "LAMP.local", "lamp", "gecko-os.com", web.address):
            got = await asyncio.to_thread(
                offered, web, context, b"GET /command/ver HTTP/1.1\r\nHost: x\r\n\r\n", name
            )
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        await restart(web)
        assert storage.read(CERT, 0, 65536) == second


async def test_a_certificate_that_somebody_put_there_stays(serve: Serve, ca: trustme.CA) -> None:
    async with serve(TLS) as web:
        leaf = ca.issue_cert(web.address)
        await peers.ask(web.device, f"file_delete {CERT}")
        await web.file(CERT, leaf.cert_chain_pems[0].bytes())
        await peers.ask(web.device, f"file_delete {KEY}")
        await web.file(KEY, leaf.private_key_pem.bytes())
        await web.set("mdns.name", "lamp")
        await restart(web)
        assert (await ask(web, trusting(ca))).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_port_443_stands_in_for_80(serve: Serve) -> None:
    async with serve(TLS | {"http.server.port": "80"}) as web:
        logged = next(one.text for one in web.device.log if "listening on port: " in one.text)
        assert int(logged.rpartition(" ")[2]) in (443, 8443)


async def test_files_that_are_not_there(serve: Serve) -> None:
    async with serve(TLS | FILES) as web:
        log = [entry.text for entry in web.device.log]
        assert "HTTP server failed: no file cert.pem" in log
        with pytest.raises(ConnectionRefusedError):
            await web.connect()


async def test_plain_text_on_a_secure_port(serve: Serve) -> None:
    async with serve(TLS) as web:
        got = await web.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/" not in got
