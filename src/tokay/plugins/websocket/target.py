"""Where a WebSocket URL leads: RFC 6455, section 3."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from tokay.kernel.results import bad_args

_PORTS = {"ws": 80, "wss": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # RFC 3986 section 3.1


class Target(NamedTuple):
    """The parts of a URL."""

    host: str
    port: int
    path: str
    tls: bool

    @property
    def authority(self) -> str:
        """The host for the `Host` field: with its port where that is not the usual one."""
        usual = _PORTS["wss" if self.tls else "ws"]
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def parse_url(url: str) -> Target:
    """Return the parts of a ws or wss URL; one without a scheme is ws. Raises CommandError."""
    if not all("!" <= char <= "~" for char in url):
        raise bad_args("a URL has no blanks and no control characters")
    try:
        parts = urlsplit(url if _SCHEME.match(url) else f"ws://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise bad_args(f"{url} is no URL") from None
    if parts.scheme not in _PORTS or not host or port == 0 or parts.username is not None:
        raise bad_args(f"{url} is no ws or wss URL")
    if parts.fragment:
        raise bad_args("a WebSocket URL has no fragment")
    path = parts.path or "/"
    return Target(
        host,
        port or _PORTS[parts.scheme],
        f"{path}?{parts.query}" if parts.query else path,
        parts.scheme == "wss",
    )
