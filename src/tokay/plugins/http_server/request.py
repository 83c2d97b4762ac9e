"""A request as it came, and the reply to it: what routes take and give.

The shape is that of the vendor's native API (commands-system, section 9): a page is found by its
exact path, asks for parameters by name, and replies with a type and a body. Text is Latin-1 as
everywhere in the kernel: one character is one byte.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

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


METHODS: Mapping[bytes, Method] = {method.name.encode(): method for method in Method}


class Request:
    """One request. ``target`` is what stood in the request line, an absolute form cut to its path.

    ``headers`` have lower-case names; those that came more than once are joined by commas.
    """

    __slots__ = (
        "body",
        "early",
        "headers",
        "interface",
        "keep_alive",
        "local",
        "method",
        "newest",
        "peer",
        "target",
    )

    def __init__(
        self,
        method: Method,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        *,
        newest: bool,
        interface: "Interface",
        transport: "asyncio.Transport",
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.newest = newest
        """Whether it is HTTP/1.1."""
        self.keep_alive = False
        self.early = b""
        """What came behind the head of an upgrade."""
        self.interface = interface
        self.peer: tuple[str, int] = transport.get_extra_info("peername")[:2]
        self.local: tuple[str, int] = transport.get_extra_info("sockname")[:2]

    @property
    def path(self) -> str:
        """The path, decoded once, without its parameters."""
        return decoded(self.target.partition(b"?")[0])

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


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is made when it is asked for."""

    handler: Handler
    methods: frozenset[Method]


def decoded(raw: bytes) -> str:
    """Return a percent-encoded text, decoded once and whole."""
    return (unquote_to_bytes(raw) if b"%" in raw else raw).decode("latin-1")
