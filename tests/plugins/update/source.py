"""A source of updates: an HTTPS server with files, and the key that signs them."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.peers import ask

from tokay.device import Device

HOST = "updates.example.com"


class Source:
    """What the server has, and what it was asked for."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.key = Ed25519PrivateKey.generate()
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.port = 0

    def put(
        self, contents: dict[str, bytes], /, *, folder: str = "WGM160P", **changes: Any
    ) -> dict[str, Any]:
        """Offer a bundle; ``changes`` are those of its manifest."""
        manifest = {
            "product": "WGM160P",
            "version": "1.4.0",
            "id": "kitchen",
            "files": [described(name, content) for name, content in contents.items()],
        } | changes
        for name, content in contents.items():
            self.pages[f"/{folder}/{name}"] = content
        self.pages[f"/{folder}/manifest.signed"] = self.signed(json.dumps(manifest).encode())
        return manifest

    def signed(self, content: bytes) -> bytes:
        return self.key.sign(content) + content

    @property
    def public_key(self) -> bytes:
        public = self.key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    async def trusted_by(self, device: Device) -> None:
        """Put the keys on a device and tell it of the source."""
        for name, pem in (
            ("ca.pem", self.authority.cert_pem.bytes()),
            ("ota_key.pem", self.public_key),
        ):
            assert (await ask(device, f"file_create {name} {len(pem)}", pem))[-1] == "Success"
        await ask(device, f"set ota.port {self.port}")
        await ask(device, "save")


def described(name: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Return a file's entry in a manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "size": len(content), "sha256": digest} | more


class _Page(asyncio.Protocol):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if b"\r\n\r\n" not in self._heard:
            return
        path = self._heard.split(b" ")[1].decode()
        self._source.asked.append(path)
        page = self._source.pages.get(path)
        status = b"200 OK" if page is not None else b"404 Not Found"
        body = page or b""
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)
        self._transport.close()


@asynccontextmanager
async def update_source() -> AsyncIterator[Source]:
    """Run a source on this machine."""
    source = Source()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    source.authority.issue_cert(HOST).configure_cert(context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Page(source), "127.0.0.1", 0, ssl=context)
    source.port = server.sockets[0].getsockname()[1]
    try:
        yield source
    finally:
        server.close()
