"""Multicast and broadcast between the stations of a simulated network.

A datagram to a group is one call to each handler, on the next turn of the loop: stations that share
a handler (`LinkSockets.open_group`) cost one call together, and no station has a socket.

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
LOOPBACK_BROADCAST = "127.255.255.255"
MAX_DATAGRAM = 9000
"""Octets of the largest datagram that is carried (RFC 6762 section 17)."""


class _GroupMembers:
    """The members of one group and port, and who listens for them."""

    __slots__ = ("by_address", "listeners")

    def __init__(self) -> None:
        self.by_address: dict[str, list[SimulatedGroup]] = {}
        self.listeners: Counter[DatagramHandler] = Counter()


class MulticastMedium:
    """The multicast of one network. ``bridge``: to the machine's other programs, None without."""

    __slots__ = ("_broadcast", "_groups", "bridge")

    def __init__(self, subnet: IPv4Network) -> None:
        self._broadcast = (BROADCAST, str(subnet.broadcast_address))
        self._groups: dict[tuple[str, int], _GroupMembers] = {}
        self.bridge: LoopbackBridge | None = None

    def join(
        self, address: str, group: str, port: int, handler: DatagramHandler
    ) -> "SimulatedGroup":
        """Add a station to a group; the result leaves it again by `close`."""
        member = SimulatedGroup(self, address, group, port, handler)
        members = self._groups.setdefault((group, port), _GroupMembers())
        members.by_address.setdefault(address, []).append(member)
        members.listeners[handler] += 1
        if self.bridge is not None:
            self.bridge.add(self, member)
        return member

    def leave(self, member: "SimulatedGroup") -> None:
        """Remove a station from a group; nothing happens when it has left."""
        members = self._groups.get((member.group, member.port))
        here = members.by_address.get(member.address, []) if members is not None else []
        if members is None or member not in here:
            return
        here.remove(member)
        if not here:
            del members.by_address[member.address]
        members.listeners[member.handler] -= 1
        if not members.listeners[member.handler]:
            del members.listeners[member.handler]
        if not members.by_address:
            del self._groups[member.group, member.port]
        if self.bridge is not None and not here:
            self.bridge.remove(member)

    def send(self, sender: "SimulatedGroup", data: bytes, destination: tuple[str, int]) -> None:
        """Deliver a datagram, here and through the bridge; one over MAX_DATAGRAM is lost."""
        if len(data) > MAX_DATAGRAM:
            return
        host, port = destination
        source = (sender.address, sender.port)
        if host == sender.group or host in self._broadcast:
            self.deliver_to_group(data, source, (sender.group, port))
        elif self.deliver_to_station(data, source, (sender.group, port), host):
            return
        if self.bridge is not None:
            self.bridge.send(sender, data, destination)

    def deliver_to_group(self, data: bytes, source: tuple[str, int], key: tuple[str, int]) -> None:
        """Call each handler of a group with a datagram, on the next turn of the loop."""
        if (members := self._groups.get(key)) is not None:
            for handler in members.listeners:
                asyncio.get_running_loop().call_soon(handler, data, source, True)

    def deliver_to_station(
        self, data: bytes, source: tuple[str, int], key: tuple[str, int], address: str
    ) -> bool:
        """Call the handlers of the station with an address; return False if none has it."""
        members = self._groups.get(key)
        stations = members.by_address.get(address, ()) if members is not None else ()
        for station in stations:
            asyncio.get_running_loop().call_soon(station.handler, data, source, False)
        return bool(stations)


class SimulatedGroup:
    """A `Group` of a simulated network."""

    __slots__ = ("_medium", "address", "group", "handler", "port")

    def __init__(
        self, medium: MulticastMedium, address: str, group: str, port: int, handler: DatagramHandler
    ) -> None:
        self._medium = medium
        self.address = address
        self.group = group
        self.port = port
        self.handler = handler

    def send(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send; see `Group.send`."""
        self._medium.send(self, data, destination)

    def close(self) -> None:
        """Leave; see `Group.close`."""
        self._medium.leave(self)


class LoopbackBridge:
    """The other programs of this machine, for the networks of one airspace."""

    __slots__ = ("_sockets",)

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, int], _BridgeSocket] = {}

    def add(self, medium: MulticastMedium, member: SimulatedGroup) -> None:
        """Open the group's socket for its first member. Without one it stays inside."""
        key = (member.group, member.port)
        port = self._sockets.get(key)
        if port is None:
            try:
                port = self._sockets[key] = _BridgeSocket(*key)
            except OSError:
                return  # a low port, or a machine without multicast on loopback
        port.add(medium, member.address)

    def remove(self, member: SimulatedGroup) -> None:
        """Close the group's socket with its last member."""
        key = (member.group, member.port)
        port = self._sockets.get(key)
        if port is not None and port.remove(member.address):
            del self._sockets[key]

    def send(self, sender: SimulatedGroup, data: bytes, destination: tuple[str, int]) -> None:
        """Send a station's datagram to the other programs, from its address."""
        port = self._sockets.get((sender.group, sender.port))
        if port is not None:
            port.send(sender.address, data, destination)


class _BridgeSocket:
    """The socket of one group and port on the loopback interface. Raises OSError."""

    __slots__ = ("_key", "_socket", "_stations")

    def __init__(self, group: str, port: int) -> None:
        self._key = (group, port)
        self._stations: dict[str, MulticastMedium] = {}
        self._socket = MulticastSocket(LOOPBACK, LOCALHOST, group, port, self._received)

    def add(self, medium: MulticastMedium, address: str) -> None:
        """Receive for a station."""
        self._stations[address] = medium

    def remove(self, address: str) -> bool:
        """Remove a station; return True if it was the last, and the socket is closed."""
        self._stations.pop(address, None)
        if self._stations:
            return False
        self._socket.close()
        return True

    def send(self, source: str, data: bytes, destination: tuple[str, int]) -> None:
        """Send a station's datagram to the other programs, from its address."""
        host, port = destination
        self._socket.send(source, data, (LOOPBACK_BROADCAST if host == BROADCAST else host, port))

    def _received(self, data: bytes, source: tuple[str, int], destination: str) -> None:
        if source[0] in self._stations and source[1] == self._socket.port:
            return  # one of ours: carried already
        if destination in self._stations:
            self._stations[destination].deliver_to_station(data, source, self._key, destination)
        elif destination in (self._key[0], LOOPBACK_BROADCAST, BROADCAST):
            for medium in dict.fromkeys(self._stations.values()):
                medium.deliver_to_group(data, source, self._key)
