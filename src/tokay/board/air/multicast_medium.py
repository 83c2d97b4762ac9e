"""Multicast and broadcast between the stations of a simulated network.

A datagram to a group is one call to each handler, on the next turn of the loop: stations that share
a handler (`MulticastSockets.open_group`) cost one call together, and no station has a socket.

``LoopbackBridge`` connects such networks to the other programs of the machine: one socket on the
loopback interface for each group and port, however many stations there are. What those programs
send to the group or to a station's address is delivered here, and what stations send goes out
there.
"""

import asyncio
from collections import Counter
from ipaddress import IPv4Network

from tokay.board.link import BROADCAST, DatagramHandler
from tokay.board.net.multicast_groups import MulticastSocket

LOOPBACK, LOCALHOST = "lo", "127.0.0.1"
EVERYBODY = "127.255.255.255"
LARGEST = 9000
"""Octets of the largest datagram that is carried (RFC 6762 section 17)."""


class _GroupMembers:
    """The members of one group and port, and who listens for them."""

    __slots__ = ("by_address", "listeners")

    def __init__(self) -> None:
        self.by_address: dict[str, list[SimulatedGroup]] = {}
        self.listeners: Counter[DatagramHandler] = Counter()


class MulticastMedium:
    """The multicast of one network. ``outside`` is None unless the machine is to hear it."""

    __slots__ = ("_broadcast", "_rooms", "outside")

    def __init__(self, subnet: IPv4Network) -> None:
        self._broadcast = (BROADCAST, str(subnet.broadcast_address))
        self._rooms: dict[tuple[str, int], _GroupMembers] = {}
        self.outside: LoopbackBridge | None = None

    def join(self, address: str, group: str, port: int, heard: DatagramHandler) -> "SimulatedGroup":
        """Let a station into a group."""
        member = SimulatedGroup(self, address, group, port, heard)
        room = self._rooms.setdefault((group, port), _GroupMembers())
        room.by_address.setdefault(address, []).append(member)
        room.listeners[heard] += 1
        if self.outside is not None:
            self.outside.add(self, member)
        return member

    def leave(self, member: "SimulatedGroup") -> None:
        """Let a station go; nothing happens when it is gone."""
        room = self._rooms.get((member.group, member.port))
        here = room.by_address.get(member.address, []) if room is not None else []
        if room is None or member not in here:
            return
        here.remove(member)
        if not here:
            del room.by_address[member.address]
        room.listeners[member.heard] -= 1
        if not room.listeners[member.heard]:
            del room.listeners[member.heard]
        if not room.by_address:
            del self._rooms[member.group, member.port]
        if self.outside is not None and not here:
            self.outside.remove(member)

    def send(self, sender: "SimulatedGroup", data: bytes, destination: tuple[str, int]) -> None:
        """Carry a station's datagram."""
        if len(data) > LARGEST:
            return
        host, port = destination
        source = (sender.address, sender.port)
        if host == sender.group or host in self._broadcast:
            self.hear(data, source, (sender.group, port))
        elif self.hear_alone(data, source, (sender.group, port), host):
            return
        if self.outside is not None:
            self.outside.send(sender, data, destination)

    def hear(self, data: bytes, source: tuple[str, int], key: tuple[str, int]) -> None:
        """Let everybody in a group hear a datagram."""
        if (room := self._rooms.get(key)) is not None:
            for heard in room.listeners:
                asyncio.get_running_loop().call_soon(heard, data, source, True)

    def hear_alone(
        self, data: bytes, source: tuple[str, int], key: tuple[str, int], address: str
    ) -> bool:
        """Let the station with an address hear a datagram; False if none has it."""
        room = self._rooms.get(key)
        members = room.by_address.get(address, ()) if room is not None else ()
        for member in members:
            asyncio.get_running_loop().call_soon(member.heard, data, source, False)
        return bool(members)


class SimulatedGroup:
    """A `Group` of a simulated network."""

    __slots__ = ("_ether", "address", "group", "heard", "port")

    def __init__(
        self, ether: MulticastMedium, address: str, group: str, port: int, heard: DatagramHandler
    ) -> None:
        self._ether = ether
        self.address = address
        self.group = group
        self.port = port
        self.heard = heard

    def send(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send; see `Group.send`."""
        self._ether.send(self, data, destination)

    def close(self) -> None:
        """Leave; see `Group.close`."""
        self._ether.leave(self)


class LoopbackBridge:
    """The other programs of this machine, for the networks of one airspace."""

    __slots__ = ("_ports",)

    def __init__(self) -> None:
        self._ports: dict[tuple[str, int], _BridgeSocket] = {}

    def add(self, ether: MulticastMedium, member: SimulatedGroup) -> None:
        """Open the group's socket for its first member. Without one it stays inside."""
        key = (member.group, member.port)
        port = self._ports.get(key)
        if port is None:
            try:
                port = self._ports[key] = _BridgeSocket(*key)
            except OSError:
                return  # a low port, or a machine without multicast on loopback
        port.add(ether, member.address)

    def remove(self, member: SimulatedGroup) -> None:
        """Close the group's socket with its last member."""
        key = (member.group, member.port)
        port = self._ports.get(key)
        if port is not None and port.remove(member.address):
            del self._ports[key]

    def send(self, sender: SimulatedGroup, data: bytes, destination: tuple[str, int]) -> None:
        """Say what a station says, from its address."""
        port = self._ports.get((sender.group, sender.port))
        if port is not None:
            port.send(sender.address, data, destination)


class _BridgeSocket:
    """The socket of one group and port on the loopback interface. Raises OSError."""

    __slots__ = ("_key", "_socket", "_stations")

    def __init__(self, group: str, port: int) -> None:
        self._key = (group, port)
        self._stations: dict[str, MulticastMedium] = {}
        self._socket = MulticastSocket(LOOPBACK, LOCALHOST, group, port, self._received)

    def add(self, ether: MulticastMedium, address: str) -> None:
        """Stand for a station."""
        self._stations[address] = ether

    def remove(self, address: str) -> bool:
        """Forget a station; True if it was the last, and the socket is closed."""
        self._stations.pop(address, None)
        if self._stations:
            return False
        self._socket.close()
        return True

    def send(self, source: str, data: bytes, destination: tuple[str, int]) -> None:
        """Say what a station says, from its address."""
        host, port = destination
        self._socket.send(source, data, (EVERYBODY if host == BROADCAST else host, port))

    def _received(self, data: bytes, source: tuple[str, int], destination: str) -> None:
        if source[0] in self._stations and source[1] == self._socket.port:
            return  # one of ours: carried already
        if destination in self._stations:
            self._stations[destination].hear_alone(data, source, self._key, destination)
        elif destination in (self._key[0], EVERYBODY, BROADCAST):
            for ether in dict.fromkeys(self._stations.values()):
                ether.hear(data, source, self._key)
