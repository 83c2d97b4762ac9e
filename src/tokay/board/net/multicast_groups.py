"""Multicast and broadcast on a real interface: one socket for a group, a port and an interface.

The socket is bound to no address, since what is sent to a group comes to none of ours; bound to
the interface instead (SO_BINDTODEVICE), it receives nothing of others. IP_PKTINFO tells for each
datagram whether it was sent to us or to the group, and says what address ours come from.

None of this needs a privilege on Linux 5.7 or later but a port under 1024. The loopback interface
carries multicast too, though it has no such flag and no route says so, once a socket names it as
the interface of its multicast (IP_MULTICAST_IF).
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from tokay.board.link import BROADCAST, DatagramHandler
from tokay.board.net.sockets import bind_low, new_socket

MAX_A_TURN = 64
"""Datagrams that are read before others have their turn."""
TTL = 255
"""RFC 6762 section 11, RFC 4795 section 2.5: who wants to can see that no router was between."""
MAX_DATAGRAM = 9000
"""Octets of the largest datagram that is read (RFC 6762 section 17); of others there is a part."""

# linux/in.h: not in Python's socket module.
_IP_PKTINFO, _IP_MULTICAST_ALL = 8, 49
_PKTINFO = struct.Struct("=i4s4s")
_MREQN = struct.Struct("=4s4si")
_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
    (socket.SOL_SOCKET, socket.SO_BROADCAST, 1),
    (socket.IPPROTO_IP, _IP_PKTINFO, 1),
    (socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0),
    (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1),
    (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL),
    (socket.IPPROTO_IP, socket.IP_TTL, TTL),
)

Received = Callable[[bytes, tuple[str, int], str], None]


class MulticastSocket:
    """The socket of a group, with `received` called for each datagram: data, source, destination.

    ``group_only``: another program of this machine may serve the same address, and what is sent to
    that alone is left to it. Raises OSError.
    """

    __slots__ = ("_index", "_loop", "_received", "_sock", "port")

    def __init__(
        self,
        ifname: str,
        address: str,
        group: str,
        port: int,
        received: Received,
        *,
        group_only: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._index = socket.if_nametoindex(ifname)
        with new_socket(socket.SOCK_DGRAM, group or BROADCAST, port) as sock:
            for level, option, value in _OPTIONS:
                sock.setsockopt(level, option, value)
            with contextlib.suppress(PermissionError):  # before Linux 5.7
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ifname.encode())
            self.port = bind_low(sock, group if group_only else "", port)
            if group:
                own = _MREQN.pack(bytes(4), socket.inet_aton(address), self._index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
                joined = socket.inet_aton(group) + own[4:]
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
            self._sock = sock
        self._loop.add_reader(sock, self._read)

    def send(self, source: str, data: bytes, destination: tuple[str, int]) -> None:
        """Send from an address of this machine."""
        info = _PKTINFO.pack(self._index, socket.inet_aton(source), bytes(4))
        with contextlib.suppress(OSError):  # lost on the wire
            self._sock.sendmsg([data], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, destination)

    def close(self) -> None:
        """Leave the group. May be called again."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> None:
        for _ in range(MAX_A_TURN):
            if self._sock.fileno() < 0:
                return
            try:
                data, extra, _, source = self._sock.recvmsg(
                    MAX_DATAGRAM, socket.CMSG_SPACE(_PKTINFO.size)
                )
            except OSError:  # nothing more, or the interface is down
                return
            self._received(data, source, _destination(extra))


class InterfaceGroup:
    """A `Group` on a real interface. Raises OSError."""

    __slots__ = ("_address", "_handler", "_socket")

    def __init__(
        self,
        ifname: str,
        address: str,
        group: str,
        port: int,
        handler: DatagramHandler,
        *,
        group_only: bool = False,
    ) -> None:
        self._address = address
        self._handler = handler
        self._socket = MulticastSocket(
            ifname, address, group, port, self._receive, group_only=group_only
        )

    @property
    def port(self) -> int:
        """The port really bound."""
        return self._socket.port

    def send(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send from the link's address; see `Group.send`."""
        self._socket.send(self._address, data, destination)

    def close(self) -> None:
        """Leave the group; see `Group.close`."""
        self._socket.close()

    def _receive(self, data: bytes, source: tuple[str, int], destination: str) -> None:
        self._handler(data, source, destination != self._address)


def _destination(extra: list[tuple[int, int, bytes]]) -> str:
    for level, kind, value in extra:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO) and len(value) == _PKTINFO.size:
            return socket.inet_ntoa(_PKTINFO.unpack(value)[2])
    return ""
