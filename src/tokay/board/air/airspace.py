"""The airspace: the simulated radio world, its access points and the networks behind them.

    airspace = Airspace.default()
    airspace.ap("tokay").power(False)

One airspace serves any number of radios on one event loop. Nothing in it is left to chance: BSSIDs
follow from the SSIDs, DHCP gives addresses in order, and the random numbers of a script have a
seed.
"""

import asyncio
import functools
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokay.board.air.access_point import AccessPoint, AirspaceError, derived_bssid
from tokay.board.air.address_lock import AddressLocks, process_address_locks
from tokay.board.air.multicast_medium import LoopbackBridge
from tokay.board.air.subnet import Subnet
from tokay.board.air.turnstile import Turnstile
from tokay.board.radio import mac_text, next_mac

if TYPE_CHECKING:
    from tokay.board.air.fault_script import FaultScript

__all__ = ["AccessPoint", "Airspace", "AirspaceError"]

DEFAULT_SSID = "tokay"
DEFAULT_PASSPHRASE = "tokay-lab"  # noqa: S105 - printed in the manual; it guards nothing


class Airspace:
    """Access points, in the order in which they were added.

    `locks` says which addresses are taken on this machine; without, those of this process.
    """

    def __init__(self, *, locks: AddressLocks | None = None) -> None:
        self._locks = process_address_locks() if locks is None else locks
        self._access_points: list[AccessPoint] = []
        self._subnets: dict[IPv4Network, Subnet] = {}
        self._macs: set[str] = set()
        self.turnstile = Turnstile()
        """Where stations that want to join wait for their turn."""
        self._script: FaultScript | None = None
        self._seed = 0
        self._started: tuple[asyncio.AbstractEventLoop, float] | None = None
        self._bridge: LoopbackBridge | None = None

    @classmethod
    def default(cls, *, locks: AddressLocks | None = None) -> "Airspace":
        """Make the airspace of a device that was given none: one WPA2 access point."""
        airspace = cls(locks=locks)
        airspace.add(AccessPoint(DEFAULT_SSID, passphrase=DEFAULT_PASSPHRASE))
        return airspace

    @classmethod
    def load(cls, path: Path | str, *, locks: AddressLocks | None = None) -> "Airspace":
        """Read an airspace file (docs/airspace.md). Raises AirspaceError."""
        from tokay.board.air.airspace_file import read  # noqa: PLC0415 - only who has a file pays

        airspace = cls(locks=locks)
        table = read(Path(path))
        airspace.seed = table.seed
        where = ""
        try:
            for index, row in enumerate(table.access_point):
                where = f"access_point[{index}]"
                airspace.add(row.make())
            for index, event in enumerate(table.event):
                where = f"event[{index}]"
                airspace.script.add(event)
        except AirspaceError as error:
            raise AirspaceError(f"{path}: {where}.{error}") from None
        return airspace

    @property
    def access_points(self) -> tuple[AccessPoint, ...]:
        """All access points, switched off or on."""
        return tuple(self._access_points)

    @property
    def locks(self) -> AddressLocks:
        """The locks on addresses of this machine."""
        return self._locks

    def add(self, access_point: AccessPoint, subnet: Subnet | None = None) -> AccessPoint:
        """Put an access point on the air; ``subnet`` is the network behind it, if not a plain one.

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
        network = access_point.subnet
        if network not in self._subnets:
            for other in self._subnets:
                if other.overlaps(network):
                    raise AirspaceError(f"subnet: {network} overlaps {other}")
            self._subnets[network] = subnet or Subnet(network, self._locks)
            self._subnets[network].multicast.bridge = self._bridge
        access_point.seed = self._seed
        self._access_points.append(access_point)
        if self._script is not None:
            self._listen_to(access_point)
        return access_point

    def remove(self, access_point: AccessPoint) -> None:
        """Take an access point off the air; its stations lose their links."""
        access_point.power(False)
        self._access_points.remove(access_point)
        if all(other.subnet != access_point.subnet for other in self._access_points):
            del self._subnets[access_point.subnet]

    def ap(self, name: str) -> AccessPoint:
        """Find an access point by SSID (the first of that name) or BSSID. Raises LookupError."""
        raw = name.encode().decode("latin-1")
        for access_point in self._access_points:
            if access_point.ssid == raw or access_point.bssid == name.upper():
                return access_point
        raise LookupError(f"no access point {name!r} in this airspace")

    def subnet(self, access_point: AccessPoint) -> Subnet:
        """Return the network behind an access point; those of one subnet share it."""
        return self._subnets[access_point.subnet]

    def acquire_mac(self, mac: str) -> str:
        """Reserve a hardware address for a station; return it, or the next that is free.

        Addresses that follow from names have 24 bits: of 10,000 names a dozen share theirs. It goes
        on by two, because the one between is that of the same station's Ethernet port.
        """
        mac = mac_text(mac)
        while mac in self._macs:
            mac = next_mac(next_mac(mac))
        self._macs.add(mac)
        return mac

    def release_mac(self, mac: str) -> None:
        """Release an address of `acquire_mac`."""
        self._macs.discard(mac)

    def deauthenticate(self, mac: str) -> bool:
        """Deauthenticate a station wherever it has joined; return False if nowhere."""
        mac = mac_text(mac)
        return any([ap.deauthenticate(mac) for ap in self._access_points])  # noqa: C419 - all

    @property
    def multicast_outside(self) -> bool:
        """Whether multicast reaches other programs of this machine too. False at first.

        Set it before a device joins. Two runs of a test that receive each other's multicast rename
        them, so `tokay run` has it on, and a test that wants it says so.
        """
        return self._bridge is not None

    @multicast_outside.setter
    def multicast_outside(self, on: bool) -> None:
        self._bridge = LoopbackBridge() if on else None
        for subnet in self._subnets.values():
            subnet.multicast.bridge = self._bridge

    # The script.

    @property
    def seed(self) -> int:
        """The seed of the random numbers of what is added from now on."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed
        for access_point in self._access_points:
            access_point.seed = seed
        if self._script is not None:
            self._script.seed = seed

    @property
    def log(self) -> list[str]:
        """What happened, one line each: seconds, access point, what. Kept for scripts only."""
        return [] if self._script is None else list(self._script.log_lines)

    def event(self, at: float, ap: str, do: str, **keys: Any) -> None:
        """Add an event to the script, `at` seconds after its start (docs/airspace.md).

        Raises AirspaceError.
        """
        from tokay.board.air.fault_events import make_event  # noqa: PLC0415 - only who has a script pays

        self.script.add(make_event({"at": at, "ap": ap, "do": do, **keys}))

    def do(self, ap: str, do: str, **keys: Any) -> None:
        """Apply a fault now. Raises AirspaceError."""
        from tokay.board.air.fault_events import make_event  # noqa: PLC0415 - only who has a script pays

        self.script.apply(make_event({"ap": ap, "do": do, **keys}))

    def start(self, elapsed: float = 0.0) -> None:
        """Start the script's clock, on the running loop. The first device does so as it boots.

        What was due ``elapsed`` seconds ago or later happens at once, in its order.
        """
        if self._started is None:
            loop = asyncio.get_running_loop()
            self._started = (loop, loop.time() - elapsed)
            if self._script is not None:
                self._script.start(*self._started)

    def stop(self) -> None:
        """Drop the events to come."""
        if self._script is not None:
            self._script.stop()

    @property
    def script(self) -> "FaultScript":
        """The script; asking for it begins the log."""
        if self._script is None:
            from tokay.board.air.fault_script import FaultScript  # noqa: PLC0415 - only who has a script pays

            self._script = FaultScript(self._find)
            self._script.seed = self._seed
            if self._started is not None:
                self._script.start(*self._started)
            for access_point in self._access_points:
                self._listen_to(access_point)
        return self._script

    def _listen_to(self, access_point: AccessPoint) -> None:
        access_point.on_log = functools.partial(self.script.write, _text(access_point.ssid))

    def _find(self, name: str) -> tuple[AccessPoint, Subnet]:
        try:
            access_point = self.ap(name)
        except LookupError as error:
            raise AirspaceError(f"ap: {error}") from None
        return access_point, self.subnet(access_point)


def _text(ssid: str) -> str:
    return ssid.encode("latin-1").decode(errors="backslashreplace")
