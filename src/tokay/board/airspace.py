"""The airspace: the simulated radio world, its access points and the networks behind them.

    airspace = Airspace.default()
    airspace.ap("tokay").power(False)

One airspace serves any number of radios on one event loop. Nothing in it is random: BSSIDs
follow from the SSIDs, and DHCP gives addresses in order.
"""

from ipaddress import IPv4Network
from pathlib import Path

from tokay.board.access_point import AccessPoint, AirspaceError, derived_bssid
from tokay.board.claims import Claims, process_claims
from tokay.board.lan import Lan
from tokay.board.radio import mac_text

__all__ = ["AccessPoint", "Airspace", "AirspaceError"]

DEFAULT_SSID = "tokay"
DEFAULT_PASSPHRASE = "tokay-lab"  # noqa: S105 - printed in the manual; it guards nothing


class Airspace:
    """Access points, in the order in which they were added.

    `claims` says which addresses are taken on this machine; without, those of this process.
    """

    def __init__(self, *, claims: Claims | None = None) -> None:
        self._claims = process_claims() if claims is None else claims
        self._access_points: list[AccessPoint] = []
        self._lans: dict[IPv4Network, Lan] = {}

    @classmethod
    def default(cls, *, claims: Claims | None = None) -> "Airspace":
        """Make the airspace of a device that was given none: one WPA2 access point."""
        airspace = cls(claims=claims)
        airspace.add(AccessPoint(DEFAULT_SSID, passphrase=DEFAULT_PASSPHRASE))
        return airspace

    @classmethod
    def load(cls, path: Path | str, *, claims: Claims | None = None) -> "Airspace":
        """Read an airspace file (docs/airspace.md). Raises AirspaceError."""
        from tokay.board.airspace_file import read  # noqa: PLC0415 - only who has a file pays

        airspace = cls(claims=claims)
        for where, make in read(Path(path)):
            try:
                airspace.add(make())
            except AirspaceError as error:
                raise AirspaceError(f"{path}: {where}.{error}") from None
        return airspace

    @property
    def access_points(self) -> tuple[AccessPoint, ...]:
        """All access points, switched off or on."""
        return tuple(self._access_points)

    @property
    def claims(self) -> Claims:
        """Which addresses are taken."""
        return self._claims

    def add(self, access_point: AccessPoint, lan: Lan | None = None) -> AccessPoint:
        """Put an access point on the air, with a network of its own behind it if one is given.

        Raises AirspaceError for a BSSID that is there already, and for a subnet that overlaps
        another without being equal to it.
        """
        taken = {ap.bssid for ap in self._access_points}
        index = 0
        while access_point.bssid in taken:
            if access_point.bssid_given:
                raise AirspaceError(f"bssid: {access_point.bssid} is there already")
            index += 1
            access_point.bssid = derived_bssid(access_point.ssid.encode("latin-1"), index)
        subnet = access_point.subnet
        if subnet not in self._lans:
            for other in self._lans:
                if other.overlaps(subnet):
                    raise AirspaceError(f"subnet: {subnet} overlaps {other}")
            self._lans[subnet] = lan or Lan(subnet, self._claims)
        self._access_points.append(access_point)
        return access_point

    def remove(self, access_point: AccessPoint) -> None:
        """Take an access point off the air; its stations lose their links."""
        access_point.power(False)
        self._access_points.remove(access_point)
        if all(other.subnet != access_point.subnet for other in self._access_points):
            del self._lans[access_point.subnet]

    def ap(self, name: str) -> AccessPoint:
        """Find an access point by SSID (the first of that name) or BSSID. Raises LookupError."""
        raw = name.encode().decode("latin-1")
        for access_point in self._access_points:
            if access_point.ssid == raw or access_point.bssid == name.upper():
                return access_point
        raise LookupError(f"no access point {name!r} in this airspace")

    def lan(self, access_point: AccessPoint) -> Lan:
        """Give the network behind an access point; one for all that have the same subnet."""
        return self._lans[access_point.subnet]

    def deauthenticate(self, mac: str) -> bool:
        """Throw a station off whatever access point it is on; False if it is on none."""
        mac = mac_text(mac)
        return any([ap.deauthenticate(mac) for ap in self._access_points])  # noqa: C419 - all
