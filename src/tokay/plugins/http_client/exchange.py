"""One request and its response over a connection; the body is a stream.

httptools parses; here are the bounds. Source: commands-network, section 9; RFC 9112.
"""

import asyncio
import re
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args
from tokay.kernel.streams import StreamType
from tokay.plugins.network import Interface, TcpStream

HTTP_PORT = 80
MOST_HEADER = 16 * 1024
"""Bytes of status line and header fields that a server may send."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # RFC 3986 section 3.1


class Target(NamedTuple):
    """Where a URL leads."""

    host: str
    port: int
    path: str


def parse_url(url: str) -> Target:
    """Return the parts of an http URL; one without a scheme is http. Raises CommandError."""
    if not all("!" <= char <= "~" for char in url):
        raise bad_args("a URL has no blanks and no control characters")
    try:
        parts = urlsplit(url if _SCHEME.match(url) else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise bad_args(f"{url} is no URL") from None
    if parts.scheme != "http" or not host or port == 0 or parts.username is not None:
        raise bad_args(f"{url} is no http URL")
    path = parts.path or "/"
    return Target(host, port or HTTP_PORT, f"{path}?{parts.query}" if parts.query else path)


class HttpStream(TcpStream):
    """The body of a response. ``answered`` is done once the header fields are there."""

    __slots__ = ("_complete", "_header_size", "_parser", "answered", "chunked", "status")

    def __init__(self, kernel: Kernel, interface: Interface, target: Target) -> None:
        super().__init__(kernel, interface, StreamType.HTTP, f"{target.host}:{target.port}")
        self._parser = httptools.HttpResponseParser(self)
        self._header_size = 0
        self._complete = False
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.chunked = False

    def request(self, method: str, target: Target) -> None:
        """Send a request that has no body."""
        host = target.host if target.port == HTTP_PORT else f"{target.host}:{target.port}"
        self.write(
            f"{method} {target.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )

    # From the connection.

    def data_received(self, data: bytes) -> None:
        # The parser sees no more at once than the header may still take.
        while data and not self.answered.done():
            room = MOST_HEADER - self._header_size
            if not room:
                self._fail("the response header is too long")
                return
            head, data = data[:room], data[room:]
            self._header_size += len(head)
            self._feed(head)
        self._feed(data)
        self._kernel.streams.arrived(self)

    def _feed(self, data: bytes) -> None:
        if self._complete or not data:
            return  # what comes behind the body is nobody's
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))
        except httptools.HttpParserUpgrade:
            self._fail("the server speaks another protocol now")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self._fail("the server closed before it answered")
        super().connection_lost(exc)

    # From the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Hear of a header field."""
        if name.lower() == b"transfer-encoding" and b"chunked" in value.lower():
            self.chunked = True

    def on_headers_complete(self) -> None:
        """Hear that the body begins."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.answered.done():
            self.status = status
            self.answered.set_result(None)

    def on_body(self, body: bytes) -> None:
        """Hear of a piece of the body, with its transfer coding taken off."""
        if not self._complete:
            self._inbox.put(body)

    def on_message_complete(self) -> None:
        """Hear that the body is whole."""
        if self.status:
            self._complete = True
            self._end()

    def _fail(self, reason: str) -> None:
        if not self.answered.done():
            self.answered.set_exception(OSError(reason))
            self.answered.exception()
        self._complete = True
        self._end()
        self.close()
