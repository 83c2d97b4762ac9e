"""`mdns.service`: which services a device tells of.

One service, or several parted by `;`. Each is the name of one that the device has, or that and
more, parted by commas: type, port, and texts. A name that is none of these is what people see::

    http
    http;telnet
    http,,8080,path=/index.html
    Boiler room,_ipp._tcp.local,631,txtvers=1

Source: docs/protocol/web-and-discovery.md, section 6.1. All but the bare `http` is a decision.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import Text
from tokay.plugins.system import uuid_of

if TYPE_CHECKING:
    from tokay.protocols.mdns import MdnsService

NONE = ("", "none")
MAX_SERVICES = 4
LONGEST_TEXT = 255

_TYPE = re.compile(r"(_[A-Za-z0-9-]{1,15}\._(?:tcp|udp))(?:\.local)?\.?")


class Known(NamedTuple):
    """A service by name: its type, and the variable that has its port."""

    type: str
    variable: str
    port: int


KNOWN = {
    "http": Known("_http._tcp", "http.server.port", 80),
    "https": Known("_https._tcp", "http.server.port", 443),
    "tcp": Known("_gecko-tcp._tcp", "tcp.server.port", 3000),
    "udp": Known("_gecko-udp._udp", "udp.server.port", 3000),
    "telnet": Known("_telnet._tcp", "remote_terminal.port", 2000),
}


class Given(NamedTuple):
    """A service as the setting has it."""

    name: str
    type: str
    port: int | None
    texts: tuple[str, ...]


class Services(Text):
    """The setting. It is kept as it was written."""

    def __init__(self) -> None:
        super().__init__(0, 255)
        self.hint = "|".join(KNOWN) + "|none, or name,type,port,text"

    def check(self, text: str) -> None:
        super().check(text)
        parse(text)


def parse(text: str) -> list[Given]:
    """Return the services of a setting. Raises CommandError."""
    if text.strip().lower() in NONE:
        return []
    pieces = [piece.strip() for piece in text.split(";") if piece.strip()]
    if len(pieces) > MAX_SERVICES:
        raise bad_args(f"{len(pieces)} services are more than {MAX_SERVICES}")
    return [_parse_one(piece) for piece in pieces]


def _parse_one(piece: str) -> Given:
    name, type_, port, *texts = [*(part.strip() for part in piece.split(",")), "", ""][
        : max(3, piece.count(",") + 1)
    ]
    known = KNOWN.get(name.lower())
    if known is not None:
        name = name.lower()
    match = _TYPE.fullmatch(type_)
    if type_ and match is None:
        raise bad_args(f"{type_} is no type of service")
    if known is None and (match is None or not name or len(name.encode()) > 63):
        raise bad_args(f"{name} is none of {', '.join(KNOWN)}, and needs a type")
    if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise bad_args(f"{port} is no port")
    if known is None and not port:
        raise bad_args(f"{name} needs a port")
    return Given(name, match[1] if match else "", int(port) if port else None, tuple(texts))


def offers(kernel: Kernel, text: str, bound: Callable[[int], int]) -> "tuple[MdnsService, ...]":
    """Return what a setting offers; `bound` gives the port that one really became."""
    return tuple(_offer(kernel, given, bound) for given in parse(text))


def _offer(kernel: Kernel, given: Given, bound: Callable[[int], int]) -> "MdnsService":
    from tokay.protocols.mdns import MdnsService  # noqa: PLC0415 - not before it is published

    known = KNOWN.get(given.name)
    type_ = given.type or (known.type if known else "")
    port = given.port
    if port is None and known is not None:
        variable = kernel.variables.table.by_name.get(known.variable)
        port = known.port if variable is None else kernel.variables[variable]
    texts = [text for text in given.texts if text] or _texts(kernel)
    return MdnsService(
        type_,
        bound(port or 0),
        tuple(text.encode("latin-1", "replace")[:LONGEST_TEXT] for text in texts),
        "" if known else given.name,
    )


def _texts(kernel: Kernel) -> list[str]:
    """Return what is told of the device unless the setting has texts of its own."""
    return [
        f"mac={kernel.mac}",
        f"uuid={uuid_of(kernel.mac)}",
        f"version={kernel.profile.version}",
    ]
