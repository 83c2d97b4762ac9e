"""Packet sockets: receive and send on an interface that has no address (packet(7)).

They are cooked (SOCK_DGRAM): the kernel writes and takes off the Ethernet header. Each is bound
to its interface and one EtherType, and the DHCP one filters in the kernel, so that a busy wire
costs nothing.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from tokay.protocols import arp, ipv4
from tokay.protocols.dhcp import CLIENT_PORT, SERVER_PORT

BROADCAST_MAC = b"\xff" * 6

_ETH_P_IP, _ETH_P_ARP = 0x0800, 0x0806
_MAX_PACKET = 65536
_MAX_A_TURN = 64  # packets read before the loop gets its turn

# linux/if_packet.h, asm-generic/socket.h: not in Python's socket module.
_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_SO_ATTACH_FILTER = 26
_AUXDATA = struct.Struct("=IIIHHHH")
_TP_STATUS_CSUMNOTREADY = 0x8

# Classic BPF on the packet from its IPv4 header on: UDP, not a later fragment, to port 68.
# Source: the code that `tcpdump -dd` gives for "udp dst port 68", less the Ethernet header.
_TO_DHCP_CLIENT = (
    (0x30, 0, 0, 9),  # ldb [9]           protocol
    (0x15, 0, 6, ipv4.UDP),  # jeq #17
    (0x28, 0, 0, 6),  # ldh [6]           fragment offset
    (0x45, 4, 0, 0x1FFF),  # jset #0x1fff
    (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf)  header length
    (0x48, 0, 0, 2),  # ldh [x + 2]       destination port
    (0x15, 0, 1, CLIENT_PORT),  # jeq #68
    (0x06, 0, 0, _MAX_PACKET),  # ret: all of it
    (0x06, 0, 0, 0),  # ret: nothing
)


class DhcpPacketSocket:
    """Receives DHCP messages to port 68, to any address, before the link has one.

    `handler` is called with the payload and the hardware address that it came from. Raises
    OSError.
    """

    __slots__ = ("_handler", "_loop", "_socket")

    def __init__(self, ifname: str, handler: Callable[[bytes, bytes], None]) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._socket = _open()
        try:
            # Deaf until it is bound, so that no packet gets in before the filter.
            _attach(self._socket, _TO_DHCP_CLIENT)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.bind((ifname, _ETH_P_IP))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Close the socket; may be called again."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_MAX_A_TURN):
            try:
                packet, extra, _, sender = self._socket.recvmsg(
                    _MAX_PACKET, socket.CMSG_SPACE(_AUXDATA.size)
                )
            except OSError:  # nothing more, or the interface is down: the monitor tells
                return
            try:
                datagram = ipv4.parse_udp(packet, verify=_is_summed(extra))
            except ipv4.Ipv4Error:
                continue
            if datagram.source_port == SERVER_PORT and self._socket.fileno() >= 0:
                self._handler(datagram.payload, sender[4])


def send_dhcp(
    ifname: str, payload: bytes, source: IPv4Address, destination: IPv4Address, mac: bytes
) -> None:
    """Send a DHCP message to whoever has a hardware address. Raises OSError."""
    packet = ipv4.build_udp(ipv4.Datagram(source, CLIENT_PORT, destination, SERVER_PORT, payload))
    _send(ifname, _ETH_P_IP, packet, mac)


def send_arp(ifname: str, packet: arp.Arp) -> None:
    """Broadcast an ARP packet. Raises OSError."""
    _send(ifname, _ETH_P_ARP, packet.encode(), BROADCAST_MAC)


class ArpSocket:
    """Receives and sends ARP. `handler` is called with each packet. Raises OSError."""

    __slots__ = ("_handler", "_ifname", "_loop", "_socket")

    def __init__(self, ifname: str, handler: Callable[[arp.Arp], None]) -> None:
        self._handler = handler
        self._ifname = ifname
        self._loop = asyncio.get_running_loop()
        self._socket = _open()
        try:
            self._socket.bind((ifname, _ETH_P_ARP))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    def send(self, packet: arp.Arp, mac: bytes = BROADCAST_MAC) -> None:
        """Send a packet, to all or to one; a wire that is not there loses it."""
        with contextlib.suppress(OSError):
            self._socket.sendto(packet.encode(), (self._ifname, _ETH_P_ARP, 0, 0, mac))

    def close(self) -> None:
        """Close the socket; may be called again."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_MAX_A_TURN):
            if self._socket.fileno() < 0:
                return
            try:
                packet = arp.Arp.decode(self._socket.recv(_MAX_PACKET))
            except arp.ArpError:
                continue
            except OSError:
                return
            self._handler(packet)


class FrameSender:
    """Sends IPv4 packets to hardware addresses, whatever the kernel knows of them.

    Raises OSError.
    """

    __slots__ = ("_ifname", "_socket")

    def __init__(self, ifname: str) -> None:
        self._ifname = ifname
        self._socket = _open()

    def send(self, packet: bytes, mac: bytes) -> None:
        """Send a packet; a wire that is not there, or full, loses it."""
        with contextlib.suppress(OSError):
            self._socket.sendto(packet, (self._ifname, _ETH_P_IP, 0, 0, mac))

    def close(self) -> None:
        """Close the socket; may be called again."""
        self._socket.close()


async def is_address_used(
    ifname: str, mac: bytes, address: IPv4Address, *, probes: int, interval: float
) -> bool:
    """Probe for an address, `probes` times, `interval` seconds apart.

    Return whether another host has it. Raises OSError.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        for _ in range(_MAX_A_TURN):
            try:
                packet = arp.Arp.decode(sock.recv(_MAX_PACKET))
            except arp.ArpError:
                continue
            except OSError:
                return
            if arp.contests(packet, mac, address) and not answered.done():
                answered.set_result(None)

    with _open() as sock:
        sock.bind((ifname, _ETH_P_ARP))
        loop.add_reader(sock, read)
        try:
            for _ in range(probes):
                send_arp(ifname, arp.probe(mac, address))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(answered), interval)
                    return True
        finally:
            loop.remove_reader(sock)
    return False


def _open() -> socket.socket:
    """Open a packet socket that is not bound yet. Raises OSError."""
    return socket.socket(
        socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0
    )


def _send(ifname: str, ethertype: int, packet: bytes, mac: bytes) -> None:
    with _open() as sock:
        sock.sendto(packet, (ifname, ethertype, 0, 0, mac))


def _attach(sock: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    """Set a classic BPF filter (socket(7), SO_ATTACH_FILTER)."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in program))
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HP", len(program), ctypes.addressof(code)),
    )


def _is_summed(extra: list[tuple[int, int, bytes]]) -> bool:
    """Return whether the UDP checksum is filled in; a peer on this machine leaves it out."""
    for level, kind, data in extra:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= _AUXDATA.size:
            return not _AUXDATA.unpack_from(data)[0] & _TP_STATUS_CSUMNOTREADY
    return True
