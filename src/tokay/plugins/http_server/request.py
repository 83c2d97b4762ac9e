"""A request as it came, and the reply to it: what routes take and give.

The shape is that of the vendor's native API (docs/protocol/commands.md, section 9): a page is found
by its exact path, asks for parameters by name, and replies with a type and a body. Text is Latin-1
as everywhere in the kernel: one character is one byte.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from tokay.kernel.results import CommandError
from tokay.kernel.tokenizer import split

if TYPE_CHECKING:
    import asyncio

    from tokay.plugins.network import Interface


class Method(IntEnum):
    """The methods a page can have, with the numbers of the native API."""

    GET = 0
    POST = 1
    HEAD = 2
    DELETE = 3
    OPTIONS = 4
    PUT = 5


COMMAND = b"/command/"
UNFIT = re.compile(rb"[\r\n\0]")
"""What no command line has in it."""
METHODS: Mapping[bytes, Method] = {method.name.encode(): method for method in Method}


class Head:
    """What stood above a body. ``headers`` have lower-case names; repeated ones are joined.

    ``target`` is that of the request line, an absolute form cut to its path. Heads are shared by
    requests that came in the same bytes, so nothing in one may change.
    """

    __slots__ = ("headers", "keep_alive", "line", "method", "newest", "path", "target", "words")

    def __init__(
        self, method: Method, target: bytes, headers: dict[bytes, bytes], *, newest: bool
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.newest = newest
        """Whether it is HTTP/1.1."""
        options = {one.strip() for one in headers.get(b"connection", b"").lower().split(b",")}
        self.keep_alive = b"keep-alive" in options and b"close" not in options
        """Whether the client asked to keep the connection."""
        self.path = decoded(target.partition(b"?")[0])
        """The path, decoded once, without its parameters."""
        self.line: bytes | None = None
        """The command line that the target holds."""
        if target.startswith(COMMAND):
            # Two published apps write a blank as +, as forms do.
            self.line = decoded(target[len(COMMAND) :].replace(b"+", b" ")).encode("latin-1")
        self.words = _words(self.line)
        """The words of the line, where it falls into any."""


class Request:
    """One request."""

    __slots__ = (
        "body", "early", "head", "headers", "interface", "keep_alive", "method", "path", "target",
        "transport",
    )  # fmt: skip

    def __init__(
        self, head: Head, body: bytes, interface: "Interface", transport: "asyncio.Transport"
    ) -> None:
        self.head = head
        self.method = head.method
        self.target = head.target
        self.path = head.path
        self.headers = head.headers
        self.keep_alive = head.keep_alive
        self.body = body
        self.early = b""
        """What came behind the head of an upgrade."""
        self.interface = interface
        self.transport = transport

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        return self.transport.get_extra_info("peername")[:2]  # type: ignore[no-any-return]

    @property
    def local(self) -> tuple[str, int]:
        """Address and port of the device."""
        return self.transport.get_extra_info("sockname")[:2]  # type: ignore[no-any-return]

    @property
    def query(self) -> str:
        """What stands behind the question mark, as it came."""
        return self.target.partition(b"?")[2].decode("latin-1")

    def param(self, name: str) -> str | None:
        """Return a parameter, of the path or of a form in the body; None when there is none."""
        form = self.headers.get(b"content-type", b"").startswith(_FORM)
        for text in (self.query, self.body.decode("latin-1") if form else ""):
            for key, value in parse_qsl(text, keep_blank_values=True, encoding="latin-1"):
                if key == name:
                    return value
        return None


def _words(line: bytes | None) -> list[str]:
    if line is None or UNFIT.search(line) is not None:
        return []
    try:
        return split(line.decode("latin-1"))
    except CommandError:
        return []


_FORM = b"application/x-www-form-urlencoded"


@dataclass(slots=True)
class Reply:
    """What a page answers. ``body`` in pieces has no length that is known: it goes in chunks.

    ``type`` empty sends no Content-Type.
    """

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], "Reply | str | bytes | Awaitable[Reply | str | bytes]"]
Taker = Callable[[Request, "asyncio.Transport", bytes], None]
"""Takes a connection over at its upgrade: the request, the transport, what came behind it."""


class Page(NamedTuple):
    """A page that is made when it is asked for."""

    handler: Handler
    methods: frozenset[Method]


def decoded(raw: bytes) -> str:
    """Return a percent-encoded text, decoded once and whole."""
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode("latin-1")
