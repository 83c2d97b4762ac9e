"""The lease of each interface that outlives a reboot, while its `*.dhcp.cache_enabled` is on.

Source: docs/protocol/variables.md, sections 7.5 and 7.23.
"""

import contextlib
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import msgspec

from tokay.kernel.kernel import Kernel

if TYPE_CHECKING:
    from tokay.protocols.dhcp import Lease

FACT = "{}.lease"
ENOUGH = 60.0
"""Seconds that a lease must still run to be worth taking up."""


class _Saved(msgspec.Struct):
    """A lease as JSON."""

    bssid: str
    at: float
    """The device's clock when it was saved, seconds since 1970."""
    age: float
    """How old it was then, in seconds."""
    address: str
    netmask: str
    gateway: str | None
    dns: list[str]
    server: str
    lease_time: int
    t1: int
    t2: int

    def lease(self, bound_at: float) -> "Lease":
        """Return the lease as bound at a moment of the loop's clock. Raises ValueError."""
        from tokay.protocols.dhcp import Lease  # noqa: PLC0415 - start-up time is measured

        return Lease(
            address=IPv4Address(self.address),
            netmask=IPv4Address(self.netmask),
            gateway=IPv4Address(self.gateway) if self.gateway else None,
            dns=tuple(IPv4Address(server) for server in self.dns),
            server=IPv4Address(self.server),
            lease_time=self.lease_time,
            t1=self.t1,
            t2=self.t2,
            bound_at=bound_at,
        )


def save(kernel: Kernel, interface: str, bssid: str, lease: "Lease") -> None:
    """Keep the lease of an interface for the next boot."""
    saved = _Saved(
        bssid=bssid,
        at=kernel.clock.rtc,
        age=kernel.clock.monotonic - lease.bound_at,
        address=str(lease.address),
        netmask=str(lease.netmask),
        gateway=str(lease.gateway) if lease.gateway else None,
        dns=[str(server) for server in lease.dns],
        server=str(lease.server),
        lease_time=lease.lease_time,
        t1=lease.t1,
        t2=lease.t2,
    )
    with contextlib.suppress(OSError):
        kernel.storage.set_facts({FACT.format(interface): msgspec.json.encode(saved).decode()})


def load(kernel: Kernel, interface: str, bssid: str) -> "Lease | None":
    """Return an interface's kept lease if it is of that access point and runs long enough."""
    text = kernel.storage.facts().get(FACT.format(interface))
    if text is None:
        return None
    try:
        saved = msgspec.json.decode(text, type=_Saved)
        passed = kernel.clock.rtc - saved.at
        lease = saved.lease(kernel.clock.monotonic - saved.age - passed)
    except (msgspec.DecodeError, ValueError):
        return None
    # A clock that went back was without power: nobody knows how old the lease is.
    if saved.bssid != bssid or passed < 0:
        return None
    return lease if lease.expires_at - kernel.clock.monotonic > ENOUGH else None
