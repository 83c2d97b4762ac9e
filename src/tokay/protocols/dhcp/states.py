"""The states of a client, each with what is true in it and nothing else (RFC 2131 figure 5).

    Init -> Selecting -> Requesting -> Bound -> Renewing -> Rebinding -> Init
            Rebooting -----------------^

A state that waits for an answer knows the transaction (`xid`), when the question was sent and
when to send it again. `asked_at` is the clock from which a granted lease counts.
"""

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from tokay.protocols.dhcp.lease import Lease

__all__ = [
    "Bound",
    "Init",
    "Rebinding",
    "Rebooting",
    "Renewing",
    "Requesting",
    "Selecting",
    "State",
]


@dataclass(frozen=True, slots=True)
class Init:
    """No address and none asked for; DISCOVER at `start_at`, never when it is infinite."""

    start_at: float = inf


@dataclass(frozen=True, slots=True)
class Selecting:
    """DISCOVER is out, `attempt` times; the first good offer is taken."""

    retry_at: float
    attempt: int
    xid: int
    started_at: float


@dataclass(frozen=True, slots=True)
class Requesting:
    """The offer was accepted; its server has yet to say so."""

    retry_at: float
    attempt: int
    xid: int
    secs: int
    asked_at: float
    offer: Lease


@dataclass(frozen=True, slots=True)
class Rebooting:
    """An old lease was remembered; someone has yet to confirm it."""

    retry_at: float
    attempt: int
    xid: int
    asked_at: float
    lease: Lease


@dataclass(frozen=True, slots=True)
class Bound:
    """The address is ours, and T1 is ahead."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Renewing:
    """After T1: its server is asked for more time, by unicast."""

    retry_at: float
    xid: int
    asked_at: float
    lease: Lease


@dataclass(frozen=True, slots=True)
class Rebinding:
    """After T2: any server is asked, by broadcast."""

    retry_at: float
    xid: int
    asked_at: float
    lease: Lease


State: TypeAlias = Init | Selecting | Requesting | Rebooting | Bound | Renewing | Rebinding
