"""The HTTP client: requests by command, and for other plugins.

    client = kernel.plugin(HttpClient)
    interface = await kernel.plugin(Network).need()
    bundle = await client.fetch(interface, "https://example.com/bundle", most=1 << 20)

Errors are OSError; those of connecting and of waiting for an answer are in the log already. A URL
or a header field that cannot be is CommandError, before anything is sent. Redirects are not
followed. Source: docs/protocol/network.md, section 9.
"""

from collections.abc import AsyncIterable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.http_client.commands import (
    http_add_header,
    http_get,
    http_head,
    http_post,
    http_read_status,
)
from tokay.plugins.http_client.fetch import Answer, Fetched, Upgraded, exchange, upgrade
from tokay.plugins.http_client.request import Request
from tokay.plugins.http_client.transfer import http_download, http_upload
from tokay.plugins.http_client.url import SOCKETS, WEB, Target, parse_url
from tokay.plugins.http_client.variables import RETRIES, RETRY_PERIOD
from tokay.plugins.network import Interface
from tokay.plugins.tls import Credentials

__all__ = ["PLUGIN", "Answer", "Fetched", "HttpClient", "Target", "Upgraded", "parse_url"]

Headers = Iterable[tuple[str, str]]


class HttpClient(Plugin):
    """HTTP by command, and for other plugins."""

    name = "http_client"
    variables = (RETRIES, RETRY_PERIOD)
    commands: ClassVar = (
        http_get,
        http_head,
        http_post,
        http_add_header,
        http_read_status,
        http_download,
        http_upload,
    )
    after = ("network", "tcp", "tls")

    __slots__ = ("_kernel",)

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin; nothing is made before it is needed."""
        self._kernel = kernel

    def request(
        self,
        interface: Interface,
        method: str,
        url: str,
        *,
        headers: Headers = (),
        content_type: str = "",
        length: int | None = 0,
        body: AsyncIterable[bytes] | None = None,
        files: Credentials | None = None,
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request; the block has the answer, and its body comes as it is asked for.

        ``method`` is GET, HEAD or POST. ``body`` belongs to a POST: ``length`` bytes, or chunks if
        that is None. ``files`` as for `Tls.connect`. The header of the answer must come within
        `tcp.client.connect_timeout`; the block sets any other limit.
        """
        request = Request(method, parse_url(url, WEB), content_type=content_type, length=length)
        for name, value in headers:
            request.add(name, value)
        return exchange(self._kernel, interface, request, files, body)

    async def fetch(
        self,
        interface: Interface,
        url: str,
        *,
        most: int,
        headers: Headers = (),
        files: Credentials | None = None,
    ) -> Fetched:
        """Get a page whole, of any status. Raises OSError when it has more than ``most`` bytes."""
        async with self.request(interface, "GET", url, headers=headers, files=files) as answer:
            if answer.length is not None and answer.length > most:
                raise OSError(f"{answer.length} bytes are more than {most}")
            body = bytearray()
            async for piece in answer.pieces():
                body += piece
                if len(body) > most:
                    raise OSError(f"more than {most} bytes come")
            return Fetched(answer.status, answer.headers, bytes(body))

    async def upgrade(
        self,
        interface: Interface,
        url: str,
        *,
        headers: Headers,
        files: Credentials | None = None,
    ) -> Answer | Upgraded:
        """Ask the server of a ws or wss URL to switch protocols (RFC 9110, section 7.8).

        ``headers`` has `Connection` and `Upgrade`, and what else that protocol wants.
        """
        request = Request("GET", parse_url(url, SOCKETS))
        for name, value in headers:
            request.add(name, value)
        return await upgrade(self._kernel, interface, request, files)


PLUGIN = HttpClient
