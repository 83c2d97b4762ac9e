"""Names that resolve badly: what a network's DNS can be made to do.

This works where names are resolved (`Link.resolve`), above any wire: a time-out, a lie, a denial
and an answer that is never whole look the same to a device either way.
"""

import asyncio
import fnmatch
import socket
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address

from tokay.board.air.errors import AirspaceError


class DnsFault(Enum):
    """What happens to a name."""

    TIMEOUT = auto()
    """Nobody answers; who asks must give up by itself."""
    NXDOMAIN = auto()
    """There is no such name."""
    TRUNCATE = auto()
    """The answer is cut short, and the server takes no TCP by which to get the whole."""
    LIE = auto()
    """It resolves to the address of the rule."""


@dataclass(frozen=True, slots=True)
class DnsFaultRule:
    """A fault, and the names that it applies to: patterns as of a shell, without case.

    `address` is what a lie says. Raises AirspaceError.
    """

    fault: DnsFault
    names: tuple[str, ...] = ("*",)
    address: str = ""

    def __post_init__(self) -> None:
        if self.fault is DnsFault.LIE:
            try:
                IPv4Address(self.address)
            except ValueError as error:
                raise AirspaceError(f"address: {error}") from None

    def matches(self, name: str) -> bool:
        """Return whether the rule applies to a name in lower case without a final dot."""
        return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in self.names)

    async def resolve(self, name: str) -> list[str]:
        """Resolve a name with the fault applied. Raises socket.gaierror, or never returns."""
        match self.fault:
            case DnsFault.TIMEOUT:
                await asyncio.get_running_loop().create_future()
            case DnsFault.LIE:
                return [self.address]
            case DnsFault.TRUNCATE:
                raise socket.gaierror(socket.EAI_AGAIN, f"{name}: the answer is cut short")
            case DnsFault.NXDOMAIN:
                pass
        raise socket.gaierror(socket.EAI_NONAME, f"{name}: no such name")
