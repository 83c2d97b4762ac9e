"""What a resolver tells its owner. `lookup` is the number that `Resolver.query` returned."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import TypeAlias

__all__ = ["DnsFailure", "Event", "LookupFailed", "LookupResolved", "UseTcp"]


class DnsFailure(Enum):
    """Why a name has no address."""

    NXDOMAIN = "there is no such name"
    NODATA = "the name has no IPv4 address"
    SERVFAIL = "the servers failed"
    REFUSED = "the servers refuse to answer"
    TIMEOUT = "no server answered in time"
    NO_SERVER = "no DNS server is known"


@dataclass(frozen=True, slots=True)
class LookupResolved:
    """The addresses of a name, one at least, in the server's order. The lookup is over."""

    lookup: int
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """The lookup is over without an address."""

    lookup: int
    failure: DnsFailure


@dataclass(frozen=True, slots=True)
class UseTcp:
    """An answer did not fit in a datagram: connect to `server`, and send `data` as it is.

    What the connection gives goes to `Resolver.receive_tcp` with `exchange`, in pieces of any
    size; when it cannot be made or ends, `Resolver.failed` must be called. It is of no more use
    once the lookups that wait for it are over, or `receive_tcp` has returned `True`.
    """

    exchange: int
    server: tuple[str, int]
    data: bytes


Event: TypeAlias = LookupResolved | LookupFailed | UseTcp
