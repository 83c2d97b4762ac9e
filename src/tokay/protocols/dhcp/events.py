"""What a client tells its owner."""

from dataclasses import dataclass
from typing import TypeAlias

from tokay.protocols.dhcp.lease import Lease

__all__ = ["Bound", "Event", "Expired", "Refused", "Renewed"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The client has an address: configure it."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Renewed:
    """The lease goes on; gateway and DNS may have changed, the address never does."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Refused:
    """A server said no (NAK): an address in use must go. The client starts again by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The lease ended: the address must go. The client starts again by itself."""


Event: TypeAlias = Bound | Renewed | Refused | Expired
