"""A simulated cable: Ethernet without hardware, on loopback addresses.

To a device a cable is a radio with one network, whatever is at its other end. The simulated one is
an airspace of its own with one open access point; devices that share a cable share a network.

    async with Device.simulated(ethernet=True) as device:
        device.cable.pull()
"""

from ipaddress import IPv4Network

from tokay.board.air.access_point import AccessPoint
from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.air.subnet import Subnet

DEFAULT_SUBNET = IPv4Network("127.79.0.0/16")
NAME = "ethernet"


class Cable:
    """A cable that is plugged in, and the network behind it.

    `subnet` lies in 127.0.0.0/8; `locks` as for an `Airspace`. Raises AirspaceError.
    """

    __slots__ = ("airspace", "far_end")

    def __init__(
        self, subnet: IPv4Network | str = DEFAULT_SUBNET, *, locks: AddressLocks | None = None
    ) -> None:
        self.airspace = Airspace(locks=locks)
        self.far_end = self.airspace.add(AccessPoint(NAME, subnet=subnet))

    @property
    def subnet(self) -> Subnet:
        """The network behind the cable: its DHCP server and what can be wrong with it."""
        return self.airspace.subnet(self.far_end)

    def pull(self) -> None:
        """Take the cable out; every device on it loses its link."""
        self.far_end.deauthenticate_all("the cable was pulled")
        self.far_end.power(False)

    def plug(self) -> None:
        """Put the cable back in."""
        self.far_end.power(True)

    def connect(self, mac: str) -> SimulatedRadio:
        """Return a device's end of the cable. Raises ValueError for a MAC address that is none."""
        return SimulatedRadio(self.airspace, mac)
