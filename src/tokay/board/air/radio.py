"""A station in an airspace: no hardware, no privileges, no time but what is asked for."""

import asyncio
from collections.abc import Callable

from tokay.board.air.access_point import AccessPoint
from tokay.board.air.airspace import Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.soft_ap import SoftApLink
from tokay.board.radio import (
    ApConfig,
    JoinError,
    JoinFailure,
    JoinRequest,
    RadioOptionError,
    RadioSettings,
    ScanResult,
    mac_text,
)

WPS_POLL_INTERVAL = 1.0
"""Seconds between two looks for a pushed button."""


class SimulatedRadio:
    """A `Radio` in range of the access points of an airspace.

    `scan_time` and `join_time` are seconds on the loop's clock, 0 or more; a turn of the loop
    passes at any rate. Raises ValueError for a MAC address that is none.
    """

    tunable = False

    __slots__ = (
        "_airspace",
        "_ap",
        "_join_time",
        "_link",
        "_mac",
        "_scan_time",
        "on_lost",
        "on_note",
    )

    def __init__(
        self, airspace: Airspace, mac: str, *, scan_time: float = 0.0, join_time: float = 0.0
    ) -> None:
        self.on_lost: Callable[[str], None] | None = None
        self.on_note: Callable[[str], None] | None = None
        self._airspace = airspace
        self._mac = mac_text(mac)
        self._scan_time = scan_time
        self._join_time = join_time
        self._link: LoopbackLink | None = None
        self._ap: SoftApLink | None = None

    @property
    def mac(self) -> str:
        """The station's address."""
        return self._mac

    def configure(self, settings: RadioSettings) -> None:
        """Ignore the settings: there is nothing to set up."""

    async def scan(
        self, *, ssid: str | None = None, channel: int | None = None, passive: bool = False
    ) -> list[ScanResult]:
        """Look for networks, strongest first; see `Radio.scan`."""
        await asyncio.sleep(self._scan_time)
        found = [
            ap.beacon(ssid)
            for ap in self._airspace.access_points
            if ap.in_range
            and not self._is_own(ap)
            and ssid in (None, ap.ssid)
            and channel in (None, ap.channel)
        ]
        return sorted(found, key=lambda network: -network.rssi)

    async def wait_turn(self) -> None:
        """Take turns with the other stations of the airspace; see `Radio.wait_turn`."""
        await self._airspace.turnstile.enter()

    async def join(self, request: JoinRequest) -> LoopbackLink:
        """Associate and authenticate, once; see `Radio.join`. Raises JoinError."""
        await self.leave()
        access_point = await self._authenticate(request)
        # Another join on this radio may have ended while this one waited; the later one counts.
        await self.leave()
        subnet = self._airspace.subnet(access_point)
        link = LoopbackLink(self._mac, access_point, subnet, self._on_drop)
        access_point.admit(link)
        self._link = link
        if self._ap is not None:
            self._ap.move(link.channel)
        return link

    async def start_ap(self, config: ApConfig) -> SoftApLink:
        """Put a soft AP into the airspace; see `Radio.start_ap`. Raises ApError."""
        if self._ap is not None:
            self._ap.close()
            self._ap = None
        channel = self._link.channel if self._link is not None and self._link.up else None
        self._ap = SoftApLink(self._airspace, self._mac, config, channel)
        return self._ap

    async def wps(self) -> tuple[str, str]:
        """Wait for a pushed button; see `Radio.wps`."""
        while True:
            for access_point in self._airspace.access_points:
                credentials = access_point.wps_credentials()
                if access_point.powered and credentials is not None:
                    return credentials
            await asyncio.sleep(WPS_POLL_INTERVAL)

    async def verify(self, request: JoinRequest) -> None:
        """Try credentials without joining; see `Radio.verify`. Raises JoinError."""
        await self._authenticate(request)

    async def leave(self) -> None:
        """Leave the network and close the link; see `Radio.leave`."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    async def close(self) -> None:
        """Close the link; nothing else was changed."""
        await self.leave()

    def rssi(self) -> int | None:
        """Return the joined access point's signal in dBm, None if not joined."""
        return self._link.rssi if self._link is not None and self._link.up else None

    async def _authenticate(self, request: JoinRequest) -> AccessPoint:
        """Find the access point that is asked for, and pass its authentication."""
        candidates = [
            ap
            for ap in self._airspace.access_points
            if ap.matches(request) and not self._is_own(ap)
        ]
        await asyncio.sleep(self._join_time)
        if not candidates:
            raise JoinError(JoinFailure.NOT_FOUND)
        access_point = _best(candidates, request)
        if not access_point.in_range:
            raise JoinError(JoinFailure.TIMEOUT)  # it went off while it was being asked
        try:
            await access_point.authenticate(request, self._mac)
        except JoinError:
            if access_point.in_range:
                raise
        if not access_point.in_range:
            raise JoinError(JoinFailure.TIMEOUT)
        return access_point

    def _is_own(self, access_point: AccessPoint) -> bool:
        """Return whether it is this radio's own soft AP, which it does not scan."""
        return self._ap is not None and access_point.bssid == self._ap.bssid

    def _on_drop(self, link: LoopbackLink, reason: str) -> None:
        # Someone who left before the news came does not want it.
        if link is self._link:
            self._link = None
            if self.on_lost is not None:
                self.on_lost(reason)


def open_simulated(options: str, mac: str) -> SimulatedRadio:
    """Return a radio in a default airspace of its own. Raises RadioOptionError for any options."""
    if options:
        raise RadioOptionError("use simulated, which has no options")
    return SimulatedRadio(Airspace.default(), mac)


def _best(candidates: list[AccessPoint], request: JoinRequest) -> AccessPoint:
    """Choose the strongest, of those with the asked security if there are any."""
    return max(
        candidates,
        key=lambda ap: (request.security is None or ap.security.accepts(request.security), ap.rssi),
    )
