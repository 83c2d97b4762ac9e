"""A POST whose answer nobody reads: it is sent, and the connection closed when something comes."""

import asyncio
from typing import cast

from tokay.kernel.kernel import Kernel
from tokay.plugins.http_client import Target
from tokay.plugins.network import Interface
from tokay.plugins.tcp import CONNECT_TIMEOUT
from tokay.plugins.tls import Tls


class _Post(asyncio.Protocol):
    """One request. ``over`` is done when the server has answered or closed."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self.over.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()


async def post(kernel: Kernel, interface: Interface, target: Target, body: bytes) -> None:
    """Send a body as JSON. Takes `tcp.client.connect_timeout` twice at most. Raises OSError."""
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    request = head.encode("ascii") + body
    limit = kernel.variables[CONNECT_TIMEOUT] / 1000
    if target.secure:
        transport, sent = await kernel.plugin(Tls).connect(
            interface, lambda: _Post(request), target.host, target.port, limit=limit
        )
    else:
        async with asyncio.timeout(limit):
            transport, sent = await interface.connect_tcp(
                lambda: _Post(request), target.host, target.port
            )
    try:
        async with asyncio.timeout(limit), interface.while_up():
            await sent.over.wait()
    finally:
        transport.abort()
