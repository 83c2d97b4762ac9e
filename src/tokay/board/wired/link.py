"""The link of a wired radio: a real Ethernet interface with an address of the device's own.

Without an address it talks DHCP through packet sockets. With one, the kernel has the address
and a default route, and a plain UDP socket receives from the DHCP server; the packet socket is
closed. What is sent for DHCP is always built here: a message may need to leave with no source
address, or to a server whose hardware address the kernel has not learnt, at the moment before the
address goes.
"""

import contextlib
import socket
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Interface

from tokay.board.link import BROADCAST
from tokay.board.net.bound_sockets import BoundSockets
from tokay.board.net.dns_client import DnsClient
from tokay.board.net.netlink import Netlink
from tokay.board.net.sockets import no_address
from tokay.board.wired import packets
from tokay.board.wired.ethernet import EthernetLink, in_use_error, interface_of
from tokay.protocols import arp
from tokay.protocols.dhcp import CLIENT_PORT, SERVER_PORT

# RFC 5227 asks for three probes, one to two seconds apart, on wires of hundreds of hosts. A
# device has ten seconds for all of DHCP (wlan.dhcp.timeout), and a neighbour answers in
# milliseconds; udhcpc and dhcpcd ask about as long by default as all of ours together.
PROBES = 3
PROBE_INTERVAL = 0.15

_NOBODY = IPv4Address(0)
_CIADDR = slice(12, 16)  # RFC 2131, figure 1
_MAX_DATAGRAM = 65536


class WiredLink(EthernetLink):
    """A `Link` on an Ethernet interface; made by `WiredRadio.join`. Raises OSError."""

    __slots__ = ("_bssid", "_dhcp_port", "_dhcp_socket", "_dns", "_server", "on_datagram")

    def __init__(self, ifname: str, index: int, mac: str, bssid: str) -> None:
        super().__init__(ifname, index, mac)
        self.on_datagram: Callable[[bytes], None] | None = None
        self._bssid = bssid
        self._dns: DnsClient | None = None
        self._dhcp_socket: socket.socket | None = None
        self._server = packets.BROADCAST_MAC
        self._dhcp_port: packets.DhcpPacketSocket | None = packets.DhcpPacketSocket(
            ifname, self._receive_packet
        )

    @property
    def bssid(self) -> str:
        """An address that stands for the wire."""
        return self._bssid

    # DHCP.

    def send_datagram(self, datagram: bytes, destination: str = BROADCAST) -> None:
        """Send a DHCP message; see `Link.send_datagram`."""
        if not self._open:
            return
        # A client that has its address fills it in, and sends from it (RFC 2131, 4.1).
        source = IPv4Address(datagram[_CIADDR]) if len(datagram) >= _CIADDR.stop else _NOBODY
        # Unicast goes back to where the server's last word came from: the server or its router.
        mac = packets.BROADCAST_MAC if destination == BROADCAST else self._server
        with contextlib.suppress(OSError):  # lost on the wire
            packets.send_dhcp(self._ifname, datagram, source, IPv4Address(destination), mac)

    def _receive_packet(self, datagram: bytes, mac: bytes) -> None:
        if self._open and self.on_datagram is not None:
            self._server = mac
            self.on_datagram(datagram)

    def _receive_datagram(self) -> None:
        assert self._dhcp_socket is not None  # noqa: S101 - closed with its reader
        try:
            datagram, (_, port) = self._dhcp_socket.recvfrom(_MAX_DATAGRAM)
        except OSError:
            return
        if self._open and port == SERVER_PORT and self.on_datagram is not None:
            self.on_datagram(datagram)

    # The address.

    async def verify_free(self, address: str) -> None:
        """Probe by ARP; see `Link.verify_free`."""
        wanted = interface_of(address, BROADCAST).ip
        if not self._open:
            raise no_address()
        mac = bytes.fromhex(self._mac.replace(":", ""))
        if await packets.is_address_used(
            self._ifname, mac, wanted, probes=PROBES, interval=PROBE_INTERVAL
        ):
            raise in_use_error(address)

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Add an address and a default route to the interface; see `Link.configure`.

        Name servers are this link's own affair: the machine's are left as they are.
        """
        if not self._open:
            raise no_address()
        wanted = interface_of(address, netmask)
        router = interface_of(gateway, BROADCAST).ip
        servers = [interface_of(server, BROADCAST).ip for server in dns.split(",") if server]
        with Netlink() as kernel:
            self._install(kernel, wanted, router)
            if wanted != self._interface:
                if self._interface is not None:
                    # A second address of one subnet goes when the first does: put it back.
                    self.deconfigure()
                    self._install(kernel, wanted, router)
                self._use_address(wanted)
        if self._dns is not None:
            self._dns.use_servers([server for server in servers if server != _NOBODY])

    def deconfigure(self) -> None:
        """Close the listeners and take the address off the interface."""
        if self._interface is None:
            return
        if self._dns is not None:
            self._dns.close()
            self._dns = None
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None
        if self._dhcp_socket is not None:
            self._loop.remove_reader(self._dhcp_socket)
            self._dhcp_socket.close()
            self._dhcp_socket = None
        with contextlib.suppress(OSError), Netlink() as kernel:  # gone with its interface
            kernel.delete_address(self._index, self._interface)
        self._interface = None
        if self._open and self._dhcp_port is None:
            with contextlib.suppress(OSError):
                self._dhcp_port = packets.DhcpPacketSocket(self._ifname, self._receive_packet)

    def _install(self, kernel: Netlink, wanted: IPv4Interface, router: IPv4Address) -> None:
        kernel.add_address(self._index, wanted)
        try:
            if router not in (_NOBODY, wanted.ip):
                kernel.add_default_route(self._index, router, wanted.ip)
        except OSError:
            if wanted != self._interface:
                kernel.delete_address(self._index, wanted)
            raise

    def _use_address(self, address: IPv4Interface) -> None:
        self._interface = address
        self._sockets = BoundSockets(str(address.ip), self._ifname, network=address.network)
        self._dns = DnsClient(self._sockets.open_udp, self._sockets.connect_tcp)
        self._open_dhcp_socket()
        with contextlib.suppress(OSError):
            mac = bytes.fromhex(self._mac.replace(":", ""))
            packets.send_arp(self._ifname, arp.announcement(mac, address.ip))

    def _open_dhcp_socket(self) -> None:
        """Replace the packet socket by a UDP socket, if the port is free.

        The kernel would answer the server's unicast with "port unreachable" otherwise. It is
        bound to no address, because a refusal is broadcast (RFC 2131, 4.3.2).
        """
        sock = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._ifname.encode())
            sock.bind(("", CLIENT_PORT))
        except OSError:
            sock.close()  # another client has the port; the packet socket goes on
            return
        self._dhcp_socket = sock
        self._loop.add_reader(sock, self._receive_datagram)
        self._close_dhcp_port()

    def _close_dhcp_port(self) -> None:
        if self._dhcp_port is not None:
            self._dhcp_port.close()
            self._dhcp_port = None

    # Names.

    def flush_dns(self) -> None:
        """Empty the cache; see `Link.flush_dns`."""
        if self._dns is not None:
            self._dns.flush()

    async def resolve(self, name: str) -> list[str]:
        """Resolve through the name servers of the lease; see `Link.resolve`."""
        with contextlib.suppress(AddressValueError):
            return [str(IPv4Address(name))]
        if self._dns is None:
            raise no_address()
        return await self._dns.resolve(name)

    def close(self) -> None:
        """End the link; see `Link.close`."""
        if self._open:
            self._open = False
            self._close_dhcp_port()
            self.deconfigure()
