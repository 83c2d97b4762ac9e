"""Who is on the soft AP, and who was a moment ago.

A client that goes out of range says nothing, so one that is gone stays listed for
`softap.idle_timeout`. Source: docs/protocol/network.md, section 4.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tokay.board.link import ApLink, ApStation

MAX_GONE = 32
"""Clients that are remembered after they have gone."""


class ApClient(NamedTuple):
    """A listed client. ``gone_at``: when it went, on the loop's clock, or None while it is here."""

    mac: str
    rssi: int
    since: float
    gone_at: float | None


class ApClients:
    """The clients of one run of the soft AP."""

    __slots__ = ("_gone", "_here", "_link")

    def __init__(self, link: ApLink) -> None:
        self._link = link
        self._here: dict[str, ApStation] = {}
        self._gone: dict[str, ApClient] = {}

    def changed(self, mac: str, now: float) -> None:
        """Called when a station has joined or left."""
        before = self._here
        self._here = {station.mac: station for station in self._link.stations}
        for one in before.values():
            if one.mac not in self._here:
                self._gone.pop(one.mac, None)
                self._gone[one.mac] = ApClient(one.mac, one.rssi, one.since, now)
        for one_mac in self._here:
            self._gone.pop(one_mac, None)
        while len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def listed(self, now: float, idle_timeout: float) -> Iterator[ApClient]:
        """Return the stations present, and those that left at most ``idle_timeout`` seconds ago."""
        here = self._link.stations
        macs = {one.mac for one in here}
        for one in here:
            yield ApClient(one.mac, one.rssi, one.since, None)
        for client in self._gone.values():
            if client.mac not in macs and now - (client.gone_at or 0) < idle_timeout:
                yield client
