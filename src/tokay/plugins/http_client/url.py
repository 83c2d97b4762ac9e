"""Where a URL leads. Sources: docs/protocol/network.md, section 9.2; RFC 3986."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from tokay.kernel.results import bad_args

WEB = ("http", "https")
SOCKETS = ("ws", "wss")
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = frozenset(("https", "wss"))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # RFC 3986 section 3.1
_PRINTABLE = re.compile(r"[!-~]*")
# What a name in DNS or an IPv4 address is made of. IPv6 is not there, nor are escapes.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")


class Target(NamedTuple):
    """Where a URL leads. ``path`` is what a request asks for, with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme in _SECURE

    @property
    def authority(self) -> str:
        """What the `Host` field says: the usual port of the scheme is left out."""
        usual = self.port == PORTS[self.scheme]
        return self.host if usual else f"{self.host}:{self.port}"


@lru_cache(maxsize=32)
def parse_url(url: str, schemes: tuple[str, ...] = WEB) -> Target:
    """Return where a URL of one of ``schemes`` leads; without a scheme it is of the first.

    Raises CommandError.
    """
    if not _PRINTABLE.fullmatch(url):
        raise bad_args("a URL has no blanks and no control characters")
    try:
        parts = urlsplit(url if _SCHEME.match(url) else f"{schemes[0]}://{url}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad_args(f"{url} is no URL") from None
    if parts.scheme not in schemes or port == 0 or parts.username is not None:
        raise bad_args(f"{url} is no {schemes[0]} URL")
    if not _HOST.fullmatch(host):
        raise bad_args(f"{host} is no host")
    path = parts.path or "/"
    path = f"{path}?{parts.query}" if parts.query else path
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)
