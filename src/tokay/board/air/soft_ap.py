"""A soft AP in an airspace: an access point like others, but a device answers for its network.

The network is a free /24 of 127.78.0.0/16 and up, and the device is its first host. The address
that the device is configured with cannot be had: sockets of a simulated link live on loopback.
Which /24 is tried first follows from the MAC, so that it is mostly the same after a reboot and
the leases of before hold.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from tokay.board.air.access_point import AccessPoint, AirspaceError, AssociatedStation
from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.subnet import Subnet
from tokay.board.link import BROADCAST, ApStation
from tokay.board.radio import ApConfig, ApError, JoinError, JoinFailure

NETWORKS = IPv4Network("127.78.0.0/16")
"""Where the networks of soft APs lie."""
RSSI = -40
"""The signal of a soft AP, dBm: whoever tries one stands beside it."""
_CHANNEL = 6
_LOCAL_BIT = 0x02  # IEEE 802-2014 section 8.2.2


class SoftApSubnet(Subnet):
    """The network behind a soft AP. The device is at its gateway, and answers DHCP."""

    def __init__(self, subnet: IPv4Network, locks: AddressLocks) -> None:
        super().__init__(subnet, locks)
        self._assigned.add(int(self.gateway))
        self.on_dhcp: Callable[[bytes], None] | None = None
        """Called with each DHCP message that a station sends to the device."""

    @property
    def own_dns(self) -> IPv4Address | None:
        """None: the device answers DNS on a socket."""
        return None

    def handle_dhcp(self, datagram: bytes, destination: str, now: float) -> list[bytes]:
        """Pass a message to the device, which answers by its link."""
        if self.on_dhcp is not None and destination in (BROADCAST, str(self.gateway)):
            asyncio.get_running_loop().call_soon(self.on_dhcp, datagram)
        return []

    def in_use(self, address: IPv4Address) -> bool:
        """Return whether an address is in use; a free one is locked for the station to come."""
        return self._in_use(address)

    def release(self, address: IPv4Address) -> None:
        """Release an address of `acquire`; the device keeps its own until `close`."""
        if address != self.gateway:
            super().release(address)

    def close(self) -> None:
        """Release every address."""
        for number in tuple(self._assigned):
            super().release(IPv4Address(number))
        self._offered.clear()


class SoftAccessPoint(AccessPoint):
    """An access point that lets in so many stations and no more, and tells who comes and goes."""

    on_station: Callable[[str, bool], None] | None = None
    max_clients = 0

    def admit(self, station: AssociatedStation) -> None:
        """Associate a station. Raises JoinError when there are enough."""
        if len(self.stations.keys() - {station.mac}) >= self.max_clients:
            raise JoinError(JoinFailure.REFUSED)
        super().admit(station)
        self._notify(station.mac, True)

    def release(self, station: AssociatedStation) -> None:
        """Remove a station that leaves."""
        here = self.stations.get(station.mac) is station
        super().release(station)
        if here:
            self._notify(station.mac, False)

    def deauthenticate(self, mac: str, reason: str = "deauthenticated by the access point") -> bool:
        """Deauthenticate a station; return False if it is not here."""
        gone = super().deauthenticate(mac, reason)
        if gone:
            self._notify(mac, False)
        return gone

    def _notify(self, mac: str, joined: bool) -> None:
        if self.on_station is not None:
            self.on_station(mac, joined)


class SoftApLink(LoopbackLink):
    """An `ApLink` in an airspace; made by `SimulatedRadio.start_ap`. Raises ApError."""

    __slots__ = ("_airspace", "_ap", "_ap_subnet", "_since", "on_station")

    def __init__(
        self, airspace: Airspace, mac: str, config: ApConfig, channel: int | None = None
    ) -> None:
        self.on_station: Callable[[str, bool], None] | None = None
        self._airspace = airspace
        self._since: dict[str, float] = {}
        bssid = ap_mac(mac)
        subnet = _free_subnet(airspace, bytes.fromhex(mac.replace(":", ""))[-1])
        self._ap_subnet = SoftApSubnet(subnet, airspace.locks)
        try:
            self._ap = SoftAccessPoint(
                config.ssid.encode("latin-1"),
                bssid=bssid,
                channel=channel or config.channel or _CHANNEL,
                passphrase=config.passkey.encode("latin-1") or None,
                rssi=RSSI,
                subnet=subnet,
                hidden=config.hidden,
                uplink=False,
            )
            airspace.add(self._ap, self._ap_subnet)
        except (AirspaceError, UnicodeEncodeError) as error:
            self._ap_subnet.close()
            raise ApError(str(error)) from None
        self._ap.max_clients = config.max_clients
        self._ap.on_station = self._on_station
        super().__init__(bssid, self._ap, self._ap_subnet, lambda _link, _reason: None)
        self._ap_subnet.on_dhcp = self._deliver

    @property
    def network(self) -> IPv4Interface:
        """The address and network really taken; see `ApLink.network`."""
        if self.address is None:
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        return IPv4Interface((self._ap_subnet.gateway, self._ap_subnet.network.prefixlen))

    @property
    def stations(self) -> Sequence[ApStation]:
        """Who has joined; see `ApLink.stations`."""
        return [ApStation(mac, RSSI, self._since[mac]) for mac in self._ap.stations]

    def move(self, channel: int) -> None:
        """Go to another channel, as the radio must that has joined a network there."""
        self._ap.channel = channel

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take the network's first address, whatever is asked for; see `ApLink.configure`."""
        if not self.up:
            raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))
        self._address = self._ap_subnet.gateway
        self.use_dns((self._address,))

    def in_use(self, address: IPv4Address) -> bool:
        """Return whether an address is in use; see `ApLink.in_use`."""
        return self._ap_subnet.in_use(address)

    def send_datagram(
        self, datagram: bytes, destination: str = BROADCAST, mac: bytes = b""
    ) -> None:
        """Send a DHCP message to a station, or to all; see `ApLink.send_datagram`."""
        if not self.up:
            return
        for station in tuple(self._ap.stations.values()):
            if isinstance(station, LoopbackLink) and (
                not mac or station.mac == mac.hex(":").upper()
            ):
                station.receive_dhcp(datagram)

    def close(self) -> None:
        """End the access point; see `ApLink`."""
        if self.up:
            self._airspace.remove(self._ap)
            super().close()
            self._ap_subnet.on_dhcp = None
            self._ap_subnet.close()

    def _on_station(self, mac: str, joined: bool) -> None:
        if joined:
            self._since[mac] = self._loop.time()
        else:
            self._since.pop(mac, None)
        self._loop.call_soon(self._notify, mac, joined)

    def _notify(self, mac: str, joined: bool) -> None:
        if self.on_station is not None:
            self.on_station(mac, joined)


def ap_mac(mac: str) -> str:
    """Return the soft AP's address for a station's address: the local bit is flipped."""
    return f"{int(mac[:2], 16) ^ _LOCAL_BIT:02X}{mac[2:]}"


def _free_subnet(airspace: Airspace, first: int) -> IPv4Network:
    """Find a /24 whose first host nobody has, and claim that. Raises ApError."""
    taken = {access_point.subnet for access_point in airspace.access_points}
    for number in range(256):
        start = NETWORKS.network_address + ((first + number) % 256 << 8)
        subnet = IPv4Network((start, 24))
        if not any(subnet.overlaps(other) for other in taken) and airspace.locks.acquire(start + 1):
            return subnet
    raise ApError(f"no free network in {NETWORKS}")
