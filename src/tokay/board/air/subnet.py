"""The network behind simulated access points: one subnet, its DHCP server, its addresses.

The server is the protocol machine of `tokay.protocols.dhcp`, and this is the one place where
it touches the simulation. It lives at the gateway, the subnet's first address, which has no
sockets of its own: DHCP messages reach it by a call, and answers go back the same way.

An address is claimed on this machine before it is offered. So two processes that start at the
same moment never offer the same one; finding out later would cost each loser a DHCPDECLINE
and a wait of ten seconds (RFC 2131 section 3.1 (5)).
"""

import asyncio
import errno
import os
import weakref
from dataclasses import replace
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.errors import AirspaceError
from tokay.board.air.multicast_medium import MulticastMedium
from tokay.board.link import BROADCAST

if TYPE_CHECKING:
    from tokay.board.air.dhcp_faults import DhcpFaults, RogueDhcpServer
    from tokay.protocols import dhcp

# A DISCOVER tries a bounded number of addresses; another fleet on this machine may hold more
# than that in a row, so the same question is put again, enough to walk any /8.
_MAX_ROUNDS = 1 << 18

LEASE_TIME = 86_400
"""Seconds that a lease lasts, unless `dhcp_lease` says otherwise."""


class Subnet:
    """A subnet of 127.0.0.0/8 shared by the stations of one or more access points."""

    def __init__(self, subnet: IPv4Network, locks: AddressLocks) -> None:
        self.network = subnet
        self.gateway = subnet.network_address + 1
        self.tcp_redirects: dict[tuple[str, int], int] = {}
        """Where a station's low port really listens, so that stations find one another's."""
        self.udp_redirects: dict[tuple[str, int], int] = {}
        self.multicast = MulticastMedium(subnet)
        """What carries multicast between the stations."""
        self.locks = locks
        self._offered: set[int] = set()
        self._assigned: set[int] = set()
        self._found_in_use = False
        self._faults: DhcpFaults | None = None
        self._rogue: RogueDhcpServer | None = None
        self._duplicates = 0
        self._duplicate_addresses: set[int] = set()
        # Offers that nobody took up are still claimed when the airspace is thrown away.
        # At the end of the program the kernel frees them, and their file may be closed before.
        weakref.finalize(self, _release_all, locks, self._assigned).atexit = False

    @cached_property
    def _server(self) -> "dhcp.DhcpServer":
        """The DHCP server, made for the first station."""
        from tokay.protocols import dhcp  # noqa: PLC0415 - a device that joins nothing needs none

        return dhcp.DhcpServer(
            dhcp.ServerConfig(
                address=self.gateway,
                netmask=self.network.netmask,
                gateway=self.gateway,
                dns=(self.gateway,),
                pool_first=self.gateway + 1,
                pool_last=self.network.broadcast_address - 1,
                lease_time=LEASE_TIME,
            ),
            in_use=self._in_use,
        )

    @property
    def own_dns(self) -> IPv4Address | None:
        """The DNS server of the network, which has no socket: the machine's resolver."""
        return self.gateway

    def handle_dhcp(self, datagram: bytes, destination: str, now: float) -> list[bytes]:
        """Pass a station's message to the DHCP server; return the answers to that station.

        An answer that the server broadcasts goes to its client alone: every other station's
        client would drop it for its `xid`, and a fleet that joins at once would drop millions.
        """
        answers: list[bytes] = []
        if self._rogue is not None and destination in (BROADCAST, str(self._rogue.address)):
            answers += self._query_server(self._rogue.server, datagram, now)
        if destination in (BROADCAST, str(self.gateway)):
            faulty = None
            if self._faults is not None:
                faulty = self._faults.answer(datagram, self._server, now)
            answers += self._query_server(self._server, datagram, now) if faulty is None else faulty
        return answers

    # What a script does to DHCP. All of it lasts until `dhcp_normal`.

    def is_assigned(self, address: IPv4Address) -> bool:
        """Return whether an address of this network is assigned or offered."""
        return address == self.gateway or int(address) in self._assigned

    def dhcp_silent(self) -> None:
        """Make the server answer nothing."""
        self._make_faults().silent = True

    def dhcp_nak(self) -> None:
        """Make the server refuse every REQUEST, of new stations and of those that renew."""
        self._make_faults().refusing = True

    def dhcp_exhausted(self) -> None:
        """Make the server have no address for stations without a lease."""
        self._make_faults().exhausted = True

    def dhcp_lease(self, seconds: int) -> None:
        """Set the lease time from now on, seconds, at least 4. Raises AirspaceError."""
        try:
            config = replace(self._server.config, lease_time=seconds)
        except ValueError as error:
            raise AirspaceError(f"seconds: {error}") from None
        now = _now()
        saved = self._server.export(now)
        self._server = type(self._server)(config, in_use=self._in_use)
        self._server.restore(saved, now)

    def dhcp_duplicate(self, addresses: int = 1) -> None:
        """Make the next offered addresses that stations take be in use already."""
        self._duplicates = addresses

    def dhcp_rogue(
        self,
        *,
        gateway: str | None = None,
        dns: str | None = None,
        lie: str | None = None,
        lease: int = 3600,
    ) -> None:
        """Add a second server, faster than the first; see `RogueDhcpServer`."""
        self._rogue = self.make_rogue(gateway=gateway, dns=dns, lie=lie, lease=lease)

    def make_rogue(
        self, *, gateway: str | None, dns: str | None, lie: str | None, lease: int
    ) -> "RogueDhcpServer":
        """Return a second server without adding it. Raises AirspaceError."""
        from tokay.board.air.dhcp_faults import RogueDhcpServer  # noqa: PLC0415 - only who has a script pays

        return RogueDhcpServer(
            self.network, self._in_use, gateway=gateway, dns=dns, lie=lie, lease_time=lease
        )

    def dhcp_normal(self) -> None:
        """End every fault of DHCP."""
        self._faults = self._rogue = None
        self._duplicates = 0
        if self._server.config.lease_time != LEASE_TIME:
            self.dhcp_lease(LEASE_TIME)
        while self._duplicate_addresses:
            number = self._duplicate_addresses.pop()
            self._assigned.discard(number)
            self.locks.release(IPv4Address(number))

    def forged_address(self, address: str | None) -> str | None:
        """Return the address of every name for a station of a rogue server; None for others."""
        if self._rogue is None or address is None:
            return None
        return self._rogue.lie if self._rogue.has_leased(IPv4Address(address), _now()) else None

    def _make_faults(self) -> "DhcpFaults":
        from tokay.board.air.dhcp_faults import DhcpFaults  # noqa: PLC0415 - only who has a script pays

        if self._faults is None:
            self._faults = DhcpFaults()
        return self._faults

    def _query_server(self, server: "dhcp.DhcpServer", datagram: bytes, now: float) -> list[bytes]:
        for _ in range(_MAX_ROUNDS):
            self._found_in_use = False
            answers = server.receive(datagram, now)
            if answers or not self._found_in_use:
                return [answer.data for answer in answers]
        return []

    # Addresses.

    def acquire(self, address: IPv4Address) -> None:
        """Assign an address to a station. Raises OSError as `Link.configure`."""
        number = int(address)
        if address not in self.network or address in (
            self.network.network_address,
            self.network.broadcast_address,
        ):
            raise OSError(
                errno.EADDRNOTAVAIL, f"{address} is no station's address in {self.network}"
            )
        if number in self._offered:
            self._offered.remove(number)
            if self._duplicates:
                self._duplicates -= 1
                self._duplicate_addresses.add(number)
                raise OSError(errno.EADDRINUSE, f"{address}: {os.strerror(errno.EADDRINUSE)}")
        elif address != self.gateway and self.locks.acquire(address):
            self._assigned.add(number)
        else:
            raise OSError(errno.EADDRINUSE, f"{address}: {os.strerror(errno.EADDRINUSE)}")

    def release(self, address: IPv4Address) -> None:
        """Release an address of `acquire`."""
        self._assigned.discard(int(address))
        self.locks.release(address)

    def _in_use(self, address: IPv4Address) -> bool:
        """Return whether an address is in use; lock a free one for the offer to come."""
        number = int(address)
        if number in self._offered:
            return False
        rogue = self._rogue
        if (rogue is not None and address == rogue.address) or not self.locks.acquire(address):
            self._found_in_use = True
            return True
        self._offered.add(number)
        self._assigned.add(number)
        return False


def _now() -> float:
    """Return the loop's time; 0 before there is a loop, when there is no lease yet."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0


def _release_all(locks: AddressLocks, held: set[int]) -> None:
    for number in held:
        locks.release(IPv4Address(number))
