"""The network behind simulated access points: one subnet, its DHCP server, its addresses.

The server is the protocol machine of `tokay.protocols.dhcp`, and this is the one place where
it touches the simulation. It lives at the gateway, the subnet's first address, which has no
sockets of its own: DHCP messages reach it by a call, and answers go back the same way.

An address is claimed on this machine before it is offered. So two processes that start at the
same moment never offer the same one; finding out later would cost each loser a DHCPDECLINE
and a wait of ten seconds (RFC 2131 section 3.1 (5)).
"""

import errno
import os
import weakref
from ipaddress import IPv4Address, IPv4Network

from tokay.board.claims import Claims
from tokay.protocols import dhcp

# A DISCOVER tries a bounded number of addresses; another fleet on this machine may hold more
# than that in a row, so the same question is put again, enough to walk any /8.
_MOST_ROUNDS = 1 << 18


class Lan:
    """A subnet of 127.0.0.0/8 shared by the stations of one or more access points."""

    def __init__(self, subnet: IPv4Network, claims: Claims) -> None:
        self.subnet = subnet
        self.gateway = subnet.network_address + 1
        self.redirects: dict[tuple[str, int], int] = {}
        """Where a station's low port really listens, so that stations find one another's."""
        self._claims = claims
        self._offered: set[int] = set()
        self._held: set[int] = set()
        self._met_taken = False
        self._server = dhcp.Server(
            dhcp.ServerConfig(
                address=self.gateway,
                netmask=subnet.netmask,
                gateway=self.gateway,
                dns=(self.gateway,),
                pool_first=self.gateway + 1,
                pool_last=subnet.broadcast_address - 1,
            ),
            in_use=self._in_use,
        )
        # Offers that nobody took up are still claimed when the airspace is thrown away.
        weakref.finalize(self, _free_all, claims, self._held)

    def exchange(self, datagram: bytes, destination: str, now: float) -> list[bytes]:
        """Give the DHCP server a station's message; return its answers to that station.

        An answer that the server broadcasts goes to its client alone: every other station's
        client would drop it for its `xid`, and a fleet that joins at once would drop millions.
        """
        if destination not in ("255.255.255.255", str(self.gateway)):
            return []
        for _ in range(_MOST_ROUNDS):
            self._met_taken = False
            answers = self._server.receive(datagram, now)
            if answers or not self._met_taken:
                return [answer.data for answer in answers]
        return []

    def acquire(self, address: IPv4Address) -> None:
        """Take an address for a station. Raises OSError as `Link.configure`."""
        number = int(address)
        if address not in self.subnet or address in (
            self.subnet.network_address,
            self.subnet.broadcast_address,
        ):
            raise OSError(
                errno.EADDRNOTAVAIL, f"{address} is no station's address in {self.subnet}"
            )
        if number in self._offered:
            self._offered.remove(number)
        elif address != self.gateway and self._claims.take(address):
            self._held.add(number)
        else:
            raise OSError(errno.EADDRINUSE, f"{address}: {os.strerror(errno.EADDRINUSE)}")

    def release(self, address: IPv4Address) -> None:
        """Give back what `acquire` took."""
        self._held.discard(int(address))
        self._claims.free(address)

    def _in_use(self, address: IPv4Address) -> bool:
        """Answer the server, and keep for it what it is about to offer."""
        number = int(address)
        if number in self._offered:
            return False
        if not self._claims.take(address):
            self._met_taken = True
            return True
        self._offered.add(number)
        self._held.add(number)
        return False


def _free_all(claims: Claims, held: set[int]) -> None:
    for number in held:
        claims.free(IPv4Address(number))
