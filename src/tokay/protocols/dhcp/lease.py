"""What a client is given, and what it refuses to be given.

A lease is read from an OFFER (what the server would give) and again from the ACK (what it
gave). Both come from whoever answered first on an open network, so this is where hostile or
careless servers are met. The rule: refuse what would break the device or someone else - an
address that is no host's, a server without a name, a lease too short to renew - and repair
what has an evident meaning - absent masks, renewal times out of order.
"""

import math
from dataclasses import dataclass
from ipaddress import IPv4Address

from tokay.protocols.dhcp.codec import INFINITE, DhcpMessage

__all__ = ["Lease", "is_host", "read_lease"]

_DEFAULT_LEASE_SECONDS = 3600  # option 51 absent, as dhcpcd and udhcpc take it
# Below this there are no whole seconds with 0 < T1 < T2 < lease, and a server that gave no time
# would have the client renew as fast as the wire goes.
_MIN_LEASE_SECONDS = 4
_MAX_DNS = 8  # a stranger does not decide how many servers each look-up tries


@dataclass(frozen=True, slots=True)
class Lease:
    """An address on loan.

    `lease_time`, `t1` and `t2` are seconds from `bound_at`, a moment of the caller's clock:
    when the request was first sent, so that the client never believes in its lease longer
    than the server does (RFC 2131 section 4.4.1). A `lease_time` of `INFINITE` never ends.
    """

    address: IPv4Address
    netmask: IPv4Address
    gateway: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    server: IPv4Address
    lease_time: int
    t1: int
    t2: int
    bound_at: float

    @property
    def renew_at(self) -> float:
        """When to ask the server for more time, `inf` for never."""
        return math.inf if self.lease_time == INFINITE else self.bound_at + self.t1

    @property
    def rebind_at(self) -> float:
        """When to ask any server for more time, `inf` for never."""
        return math.inf if self.lease_time == INFINITE else self.bound_at + self.t2

    @property
    def expires_at(self) -> float:
        """When the address must no longer be used, `inf` for never."""
        return math.inf if self.lease_time == INFINITE else self.bound_at + self.lease_time


def read_lease(message: DhcpMessage, bound_at: float) -> Lease | None:
    """Read the lease in an OFFER or ACK; `None` when it should be ignored."""
    address, server, lease_time = message.yiaddr, message.server_id, message.lease_time
    if lease_time is None:
        lease_time = _DEFAULT_LEASE_SECONDS
    netmask = message.netmask
    if netmask is None or not _is_netmask(netmask):
        netmask = _classful_netmask(address)
    if (
        server is None
        or not is_host(server)
        or server == address
        or not is_host(address, netmask)
        or lease_time < _MIN_LEASE_SECONDS
    ):
        return None
    t1, t2 = message.t1, message.t2
    # Both or neither: half of a server's nonsense is still nonsense.
    if t1 is None or t2 is None or not 0 < t1 < t2 < lease_time:
        t1, t2 = lease_time // 2, lease_time * 7 // 8  # RFC 2131 section 4.4.5
    return Lease(
        address=IPv4Address(address),
        netmask=IPv4Address(netmask),
        gateway=next((IPv4Address(a) for a in message.routers if is_host(a)), None),
        dns=tuple(IPv4Address(a) for a in message.dns if is_host(a))[:_MAX_DNS],
        server=IPv4Address(server),
        lease_time=lease_time,
        t1=t1,
        t2=t2,
        bound_at=bound_at,
    )


def is_host(address: int, netmask: int = INFINITE) -> bool:
    """Return whether an address can belong to one host of the network that the mask gives.

    127.0.0.0/8 can: simulated links live on loopback.
    """
    if not 0x01000000 <= address < 0xE0000000:  # "this network" below; multicast, class E above
        return False
    host_bits = ~netmask & 0xFFFFFFFF
    # /31 and /32 have no network and no broadcast address (RFC 3021).
    return host_bits <= 1 or 0 < address & host_bits < host_bits


def _is_netmask(mask: int) -> bool:
    host_bits = ~mask & 0xFFFFFFFF
    return mask != 0 and host_bits & (host_bits + 1) == 0


def _classful_netmask(address: int) -> int:
    """Return what hosts assumed before masks were announced (RFC 950); as dhcpcd does."""
    if address < 0x80000000:
        return 0xFF000000
    return 0xFFFF0000 if address < 0xC0000000 else 0xFFFFFF00
