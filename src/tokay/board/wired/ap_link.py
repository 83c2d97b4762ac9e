"""A soft AP on an Ethernet interface: whoever is plugged in has joined.

The kernel has the address, so what stations send to port 67 comes through a plain UDP socket.
What goes back is a frame made here: a client without an address cannot be asked by ARP where it
is (RFC 2131 section 4.1).

No address may be waited for, so the wire is asked ahead: with each address that the DHCP server
is about to offer, about the next ones too. An answer that comes too late for the first client
is the client's to find (RFC 2131 section 3.1, DHCPDECLINE).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Interface

from tokay.board.link import BROADCAST, ApStation
from tokay.board.net.bound_sockets import BoundSockets
from tokay.board.net.netlink import Monitor, Netlink
from tokay.board.net.sockets import no_address
from tokay.board.radio import mac_text
from tokay.board.wired import packets
from tokay.board.wired.ethernet import EthernetLink, in_use_error, interface_of
from tokay.board.wired.neighbours import Neighbours
from tokay.protocols import arp, ipv4
from tokay.protocols.dhcp import CLIENT_PORT, SERVER_PORT

RSSI = -40
CHECK_INTERVAL = 15.0
"""Seconds between two looks at who has fallen silent."""
PROBES_AHEAD = 8
"""Addresses beyond the one in question that the wire is asked about."""
REPROBE_INTERVAL = 1.0
"""Seconds after which an address is asked about again: a port of a switch that has just come up
drops frames at first (RFC 5227 section 2.1.1 asks for one to two)."""

_MAX_A_TURN = 256  # datagrams: leases of one turn are written at once
_MAX_ASKED = 4096  # addresses whose time of asking is remembered
_RECEIVE_BUFFER = 1 << 20  # a crowd that comes while leases are written
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h; more than net.core.rmem_max, with CAP_NET_ADMIN
_MAX_DATAGRAM = 65536
_NOBODY = IPv4Address(0)
_EVERYBODY = IPv4Address(BROADCAST)
# RFC 2131, figure 1.
_YIADDR, _GIADDR, _CHADDR = slice(16, 20), slice(24, 28), slice(28, 34)
_HLEN = 2
_NO_RELAY = bytes(4)


class WiredApLink(EthernetLink):
    """An `ApLink` on an Ethernet interface; made by `WiredRadio.start_ap`. Raises OSError."""

    __slots__ = (
        "_arp",
        "_frames",
        "_hardware",
        "_idle_timer",
        "_monitor",
        "_neighbours",
        "_probed",
        "_requester",
        "_reservation",
        "_server",
        "on_datagram",
        "on_station",
    )

    def __init__(
        self, ifname: str, index: int, mac: str, *, max_clients: int, reservation: socket.socket
    ) -> None:
        super().__init__(ifname, index, mac)
        self.on_datagram: Callable[[bytes], None] | None = None
        self.on_station: Callable[[str, bool], None] | None = None
        self._hardware = bytes.fromhex(mac.replace(":", ""))
        self._neighbours = Neighbours(max_clients, self._on_station_change)
        self._requester = b""
        self._probed: dict[IPv4Address, float] = {}
        self._server: socket.socket | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._frames = packets.FrameSender(ifname)
        try:
            self._arp = packets.ArpSocket(ifname, self._receive_arp)
            try:
                self._monitor = Monitor(self._check_carrier)
            except OSError:
                self._arp.close()
                raise
        except OSError:
            self._frames.close()
            raise
        self._reservation = reservation

    @property
    def bssid(self) -> str:
        """The interface's own address."""
        return self._mac

    @property
    def network(self) -> IPv4Interface:
        """The address and network; see `ApLink.network`."""
        if self._interface is None:
            raise no_address()
        return self._interface

    @property
    def stations(self) -> Sequence[ApStation]:
        """The stations seen lately; see `ApLink.stations`."""
        return [
            ApStation(mac_text(mac.hex()), RSSI, station.since)
            for mac, station in self._neighbours.stations.items()
        ]

    # The address.

    async def verify_free(self, address: str) -> None:
        """Probe by ARP; see `Link.verify_free`."""
        wanted = interface_of(address, BROADCAST).ip
        if not self._open:
            raise no_address()
        if await packets.is_address_used(
            self._ifname, self._hardware, wanted, probes=2, interval=0.15
        ):
            raise in_use_error(address)

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Add the address to the interface; see `ApLink.configure`. There is no gateway."""
        if not self._open:
            raise no_address()
        wanted = interface_of(address, netmask)
        if wanted == self._interface:
            return
        self.deconfigure()
        with Netlink() as kernel:
            kernel.add_address(self._index, wanted)
            try:
                self._server = self._open_server()
            except OSError as error:
                kernel.delete_address(self._index, wanted)
                raise OSError(error.errno, f"port {SERVER_PORT}: {error.strerror}") from None
        self._interface = wanted
        self._sockets = BoundSockets(str(wanted.ip), self._ifname, network=wanted.network)
        self._arp.send(arp.announcement(self._hardware, wanted.ip))
        self._probe_ahead(wanted.network.network_address + 1)

    def deconfigure(self) -> None:
        """Close the listeners and take the address off the interface."""
        if self._interface is None:
            return
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None
        if self._server is not None:
            self._loop.remove_reader(self._server)
            self._server.close()
            self._server = None
        with contextlib.suppress(OSError), Netlink() as kernel:  # gone with its interface
            kernel.delete_address(self._index, self._interface)
        self._interface = None
        self._probed.clear()

    def in_use(self, address: IPv4Address) -> bool:
        """Return whether a station was seen to use an address; see `ApLink.in_use`.

        The station whose message is being answered may: it is asking for its own.
        """
        self._probe_ahead(address)
        return self._neighbours.is_used_by_other(address, self._requester, self._loop.time())

    async def resolve(self, name: str) -> list[str]:
        """Return a literal address; there is no DNS here. See `Link.resolve`."""
        with contextlib.suppress(AddressValueError):
            return [str(IPv4Address(name))]
        raise socket.gaierror(socket.EAI_NONAME, f"{name}: no such name on this network")

    def close(self) -> None:
        """End the soft AP; see `ApLink`."""
        if not self._open:
            return
        self._open = False
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.deconfigure()
        self._monitor.close()
        self._arp.close()
        self._frames.close()
        self._reservation.close()

    # DHCP.

    def send_datagram(
        self, datagram: bytes, destination: str = BROADCAST, mac: bytes = b""
    ) -> None:
        """Send a DHCP message; see `ApLink.send_datagram`."""
        if self._interface is None or self._server is None:
            return
        if datagram[_GIADDR] != _NO_RELAY:  # to the relay's own port (RFC 2131 section 4.1)
            with contextlib.suppress(OSError):
                self._server.sendto(datagram, (destination, SERVER_PORT))
            return
        to = _EVERYBODY
        if destination != BROADCAST:
            to = IPv4Address(destination)
        elif mac:
            to = IPv4Address(datagram[_YIADDR])
        packet = ipv4.build_udp(
            ipv4.Datagram(self._interface.ip, SERVER_PORT, to, CLIENT_PORT, datagram)
        )
        self._frames.send(packet, mac if len(mac) == 6 else packets.BROADCAST_MAC)

    def _open_server(self) -> socket.socket:
        """Open port 67 for broadcasts and for what is sent to us alone. Raises OSError."""
        sock = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._ifname.encode())
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            sock.bind(("", SERVER_PORT))
        except OSError:
            sock.close()
            raise
        self._loop.add_reader(sock, self._receive_dhcp)
        return sock

    def _receive_dhcp(self) -> None:
        for _ in range(_MAX_A_TURN):
            if self._server is None:
                return
            try:
                datagram = self._server.recv(_MAX_DATAGRAM)
            except OSError:
                return
            if len(datagram) < _CHADDR.stop or self.on_datagram is None:
                continue
            mac = datagram[_CHADDR] if datagram[_HLEN] == 6 else b""
            # Behind a relay it is the relay's station, not ours.
            if datagram[_GIADDR] == _NO_RELAY and not self._neighbours.seen(
                mac, None, self._loop.time()
            ):
                continue  # an access point that is full lets nobody in
            self._requester = mac
            try:
                self.on_datagram(datagram)
            finally:
                self._requester = b""

    # ARP.

    def _receive_arp(self, packet: arp.Arp) -> None:
        if self._interface is None or packet.sender_mac == self._hardware:
            return
        # Other networks may share the wire; who is on those is not our station.
        if packet.sender in self._interface.network and packet.sender != self._interface.ip:
            self._neighbours.seen(packet.sender_mac, packet.sender, self._loop.time())

    def _probe_ahead(self, first: IPv4Address) -> None:
        """Probe for an address and the next ones, unless that was done a moment ago."""
        if self._interface is None:
            return
        now, network = self._loop.time(), self._interface.network
        for address in (first + ahead for ahead in range(PROBES_AHEAD + 1)):
            if address not in network:
                return
            asked = self._probed.pop(address, -REPROBE_INTERVAL)
            due = now - asked >= REPROBE_INTERVAL
            self._probed[address] = now if due else asked
            if len(self._probed) > _MAX_ASKED:
                del self._probed[next(iter(self._probed))]
            if due:
                self._arp.send(arp.probe(self._hardware, address))

    # Stations.

    def _on_station_change(self, mac: bytes, joined: bool) -> None:
        if joined and self._idle_timer is None and self._open:
            self._idle_timer = self._loop.call_later(CHECK_INTERVAL, self._check_idle)
        self._loop.call_soon(self._report_station, mac_text(mac.hex()), joined)

    def _report_station(self, mac: str, joined: bool) -> None:
        if self._open and self.on_station is not None:
            self.on_station(mac, joined)

    def _check_idle(self) -> None:
        self._idle_timer = None
        own = self._interface.ip if self._interface is not None else _NOBODY
        for mac, address in self._neighbours.check_idle(self._loop.time()):
            self._arp.send(arp.Arp(arp.REQUEST, self._hardware, own, bytes(6), address), mac)
        if self._neighbours.stations:
            self._idle_timer = self._loop.call_later(CHECK_INTERVAL, self._check_idle)

    def _check_carrier(self) -> None:
        """Remove all stations if the carrier is lost. Called by the monitor."""
        with contextlib.suppress(OSError), Netlink() as kernel:
            facts = kernel.link(self._ifname)
            if facts is None or not facts.carrier:
                self._neighbours.clear()
                self._probed.clear()
