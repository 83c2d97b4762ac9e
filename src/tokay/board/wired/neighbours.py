"""Who is at the other end of a wire: stations, and which address each hardware address has.

A wire has no associations. A station is there once it has sent a DHCP message or has spoken of
an address of our network by ARP. One that falls silent is asked whether it is still there, and
has left when it does not answer. No I/O; `now` is in seconds on a clock that never goes back.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

IDLE_AFTER = 30.0
"""Seconds of silence after which a station is asked; a phone's own ARP entries last as long."""
EXPIRE_AFTER = 75.0
"""Seconds of silence after which it has left: it has been asked three times by then."""
ADDRESS_LIFETIME = 300.0
"""Seconds for which somebody who was seen to use an address is taken to use it."""
MAX_ADDRESSES = 4096
"""Addresses that are remembered; a liar on the wire can name no more."""


@dataclass(slots=True)
class Neighbour:
    """A station that is here. `address` is the last it was seen to use."""

    mac: bytes
    since: float
    seen: float
    address: IPv4Address | None = None


class Neighbours:
    """At most `max_stations`. `on_change` is called when one is added (True) or removed."""

    __slots__ = ("_max_stations", "_on_change", "_users", "stations")

    def __init__(self, max_stations: int, on_change: Callable[[bytes, bool], None]) -> None:
        self._max_stations = max_stations
        self._on_change = on_change
        self._users: dict[IPv4Address, tuple[bytes, float]] = {}
        self.stations: dict[bytes, Neighbour] = {}

    def seen(self, mac: bytes, address: IPv4Address | None, now: float) -> bool:
        """Record a message of a station and its address, if any; return whether it is admitted."""
        if len(mac) != 6 or mac[0] & 1:  # a group is nobody (IEEE 802-2014 section 8.2.2)
            return False
        if address is not None:
            self._users.pop(address, None)
            self._users[address] = mac, now
            if len(self._users) > MAX_ADDRESSES:
                del self._users[next(iter(self._users))]
        station = self.stations.get(mac)
        if station is None:
            if len(self.stations) >= self._max_stations:
                return False
            self.stations[mac] = Neighbour(mac, now, now, address)
            self._on_change(mac, True)
            return True
        station.seen = now
        station.address = address or station.address
        return True

    def is_used_by_other(self, address: IPv4Address, but: bytes, now: float) -> bool:
        """Return whether a station other than `but` was recently seen to use an address."""
        mac, seen = self._users.get(address, (but, 0.0))
        return mac != but and now - seen < ADDRESS_LIFETIME

    def check_idle(self, now: float) -> Iterator[tuple[bytes, IPv4Address]]:
        """Remove stations that have left; yield those to be probed, with their addresses."""
        for station in tuple(self.stations.values()):
            silence = now - station.seen
            if silence >= EXPIRE_AFTER:
                self.remove(station.mac)
            elif silence >= IDLE_AFTER and station.address is not None:
                yield station.mac, station.address

    def remove(self, mac: bytes) -> None:
        """Remove a station; nothing happens if it is not here."""
        if self.stations.pop(mac, None) is not None:
            self._on_change(mac, False)

    def clear(self) -> None:
        """Remove all stations and all that is known of addresses."""
        self._users.clear()
        for mac in tuple(self.stations):
            self.remove(mac)
