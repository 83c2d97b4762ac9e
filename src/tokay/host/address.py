"""Where a module is: a URL, taken apart.

========================================  ==================================================
``serial:/dev/ttyUSB0?baud=115200``       a serial line; also ``serial:COM3``
``pty:/tmp/module``                       a pseudo-terminal: a line without settings
``tcp://host:2000``                       the remote terminal, raw; ``tcp://:password@host``
``telnet://host:23``                      the same with telnet's negotiation
``rfc2217://host:port?baud=115200``       a serial line behind a server that speaks RFC 2217
``http://user:password@host``             the REST interface; ``https://``
``ws://host``                             the command stream at `/cmdstream`; ``wss://``
========================================  ==================================================

Options of a console (all but the last two): ``break_in`` is the text that leaves stream mode, `$$$`
unless told else; ``stream=1`` begins with it, for a port that may be bridged. Options of a line:
``baud``, ``data`` 5-8, ``parity`` none, odd, even, ``stop`` 1, 2, ``rtscts`` 0, 1. ``insecure=1``
checks no certificate; ``ca=FILE`` trusts that one.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tokay.host.errors import AddressError

PORTS = {
    "tcp": 2000, "telnet": 23, "rfc2217": 2217, "http": 80, "https": 443, "ws": 80, "wss": 443,
}  # fmt: skip
LINES = ("serial", "pty")
_CONSOLE = frozenset(("break_in", "stream"))
_LINE = frozenset(("baud", "data", "parity", "stop", "rtscts"))
_TLS = frozenset(("insecure", "ca"))
_OPTIONS = {
    "serial": _CONSOLE | _LINE,
    "pty": _CONSOLE,
    "tcp": _CONSOLE,
    "telnet": _CONSOLE,
    "rfc2217": _CONSOLE | _LINE,
    "http": frozenset[str](),
    "https": _TLS,
    "ws": frozenset[str](),
    "wss": _TLS,
}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL's parts. ``path`` is of a device file, or of the command stream."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the URL without its password."""
        if self.scheme in LINES:
            return f"{self.scheme}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def number(self, option: str, default: int) -> int:
        """Return an option that is a number. Raises AddressError."""
        value = self.options.get(option, str(default))
        if not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise AddressError(f"{option}={value} is no number")
        return int(value)

    def switch(self, option: str) -> bool:
        """Return an option that is on or off. Raises AddressError."""
        value = self.options.get(option, "0").lower()
        if value not in ("0", "1", "off", "on", "false", "true"):
            raise AddressError(f"{option}={value} is neither on nor off")
        return value in ("1", "on", "true")


def parse_address(url: str) -> Address:
    """Return the parts of a URL; a bare path is a serial line. Raises AddressError."""
    if url.startswith(("/dev/pts/", "/dev/pty")):
        url = f"pty:{url}"
    elif url.startswith("/"):
        url = f"serial:{url}"
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in _OPTIONS:
        raise AddressError(f"{url}: use one of {', '.join(f'{name}:' for name in _OPTIONS)}")
    try:
        if scheme in LINES:
            path, _, query = rest.partition("?")
            address = Address(scheme, path, options=dict(parse_qsl(query, keep_blank_values=True)))
        else:
            address = _network(scheme, url)
    except ValueError as error:
        raise AddressError(f"{scheme}: {error}") from None
    if not (address.host or address.path) or (not address.host and scheme not in LINES):
        raise AddressError(f"{url}: where?")
    for name in address.options:
        if name not in _OPTIONS[scheme]:
            known = ", ".join(sorted(_OPTIONS[scheme])) or "none"
            raise AddressError(f"{scheme} has no option {name}; it has {known}")
    return address


def _network(scheme: str, url: str) -> Address:
    parts = urlsplit(url, scheme)
    path = parts.path if scheme in ("ws", "wss") else ""
    return Address(
        scheme,
        path if path not in ("", "/") else "/cmdstream" if scheme in ("ws", "wss") else "",
        parts.hostname or "",
        parts.port if parts.port is not None else PORTS[scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        dict(parse_qsl(parts.query, keep_blank_values=True)),
    )
