"""What a client tells its owner."""

from dataclasses import dataclass
from typing import TypeAlias

from tokay.protocols.dhcp.lease import Lease

__all__ = ["Event", "LeaseBound", "LeaseExpired", "LeaseRefused", "LeaseRenewed"]


@dataclass(frozen=True, slots=True)
class LeaseBound:
    """The client has an address: configure it."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRenewed:
    """The lease goes on; gateway and DNS may have changed, the address never does."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """A server said no (NAK): an address in use must go. The client starts again by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    """The lease ended: the address must go. The client starts again by itself."""


Event: TypeAlias = LeaseBound | LeaseRenewed | LeaseRefused | LeaseExpired
