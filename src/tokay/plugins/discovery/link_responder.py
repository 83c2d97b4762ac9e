"""What answers on one medium, for every device of this process that is on it.

Devices on one simulated network share a ``Wire``: one responder, one decoding of each datagram and
one timer, whether there are ten of them or ten thousand. A real interface has a wire of its own.
Each device sends from its own address.

A wire is made for its first member and goes with its last.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from ipaddress import IPv4Address

from tokay.board.link import Link, MulticastGroup
from tokay.protocols import llmnr, mdns, netbios
from tokay.protocols.dns import QR, DnsError, DnsMessage
from tokay.protocols.timer_pump import TimerPump

MAX_REPLIES = 200
"""Answers a second by LLMNR and NetBIOS together: a flood of questions gets no flood back."""
LOCAL = ".local"

_wires: dict[object, "LinkResponder"] = {}


class Member:
    """One device on a wire. ``on_name`` is called with the name that it got, if another."""

    __slots__ = ("_wire", "address", "groups", "key", "link", "mac", "name", "on_name")

    def __init__(self, wire: "LinkResponder", link: Link, address: str) -> None:
        self._wire = wire
        self.link = link
        self.address = IPv4Address(address)
        self.mac = bytes.fromhex(link.mac.replace(":", ""))
        self.groups: dict[int, MulticastGroup] = {}
        self.key: int | None = None
        self.name = ""
        self.on_name: Callable[[str], None] | None = None

    def publish(self, name: str, offers: tuple[mdns.MdnsService, ...]) -> str:
        """Claim a name and tell of services; return the name tried for.

        Raises DnsError when it cannot be one, and nothing when LLMNR or NetBIOS cannot be had.
        """
        return self._wire.publish(self, mdns.MdnsHost(name, self.address, offers))

    async def resolve(self, name: str) -> str:
        """Return the address of a `.local` name. The caller sets the time limit."""
        return await self._wire.resolve(self, name)

    async def browse(self, type: str, seconds: float) -> list[mdns.ServiceInstance]:
        """Return the services of a type that are heard of in some time. Raises DnsError."""
        return await self._wire.browse(self, type, seconds)

    def close(self) -> None:
        """Withdraw the host with a goodbye (RFC 6762 section 10.1)."""
        self._wire.leave(self)


def join(link: Link, address: str) -> Member:
    """Put a device on the wire of its link. Raises OSError."""
    loop = asyncio.get_running_loop()
    wire = _wires.get(link.medium)
    if wire is None or wire.loop is not loop:
        wire = _wires[link.medium] = LinkResponder(loop, link.medium, link.mac)
    return wire.join(link, address)


class LinkResponder:
    """The responders of one medium."""

    def __init__(self, loop: asyncio.AbstractEventLoop, medium: object, seed: str) -> None:
        self.loop = loop
        self._medium = medium
        self._members: dict[str, Member] = {}
        self._by_key: dict[int, Member] = {}
        self._by_label: dict[bytes, Member] = {}
        self._responder = mdns.MdnsResponder(random.Random(seed))  # noqa: S311
        self._asking: dict[mdns.MdnsLookup | mdns.MdnsBrowse, asyncio.Future[str] | None] = {}
        self._pump = TimerPump(loop, self._responder, self._process)
        self._replies = (0.0, 0)

    # Members.

    def join(self, link: Link, address: str) -> Member:
        """Add a device to the link. Raises OSError."""
        member = Member(self, link, address)
        try:
            member.groups[mdns.PORT] = link.open_group(mdns.GROUP, mdns.PORT, self._hear_mdns)
        except OSError:
            self._end_if_empty()
            raise
        self._members[address] = member
        return member

    def publish(self, member: Member, host: mdns.MdnsHost) -> str:
        """Publish a device's names."""
        member.key = self._responder.add(host, self.loop.time())
        self._by_key[member.key] = member
        for group, port, heard in (
            (llmnr.GROUP, llmnr.PORT, self._hear_llmnr),
            ("", netbios.PORT, self._hear_netbios),
        ):
            # Without its port (which is low, or somebody else's) a service is not there.
            with contextlib.suppress(OSError):
                member.groups[port] = member.link.open_group(group, port, heard)
        self._pump.pump()
        return self._responder.name(member.key)

    def leave(self, member: Member) -> None:
        """Remove a device; a no-op when it is not there."""
        if self._members.get(str(member.address)) is not member:
            return
        if member.key is not None:
            self._responder.remove(member.key, self.loop.time())
            self._pump.pump()
            del self._by_key[member.key]
            self._forget_label(member)
        del self._members[str(member.address)]
        for group in member.groups.values():
            group.close()
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._members:
            return
        self._pump.stop()
        if _wires.get(self._medium) is self:
            del _wires[self._medium]

    # Asking.

    async def resolve(self, member: Member, name: str) -> str:
        """Query until an answer arrives."""
        lookup = mdns.MdnsLookup(name, self.loop.time())
        answer: asyncio.Future[str] = self.loop.create_future()
        self._asking[lookup] = answer
        try:
            while True:
                if lookup.is_due(self.loop.time()):
                    self._ask(member, lookup.question())
                pause = lookup.get_timer() - self.loop.time()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        return await asyncio.shield(answer)
        finally:
            del self._asking[lookup]

    async def browse(self, member: Member, type: str, seconds: float) -> list[mdns.ServiceInstance]:
        """Browse for a fixed time."""
        browse = mdns.MdnsBrowse(type, self.loop.time())
        self._asking[browse] = None
        end = self.loop.time() + seconds
        try:
            while (now := self.loop.time()) < end:
                if browse.is_due(now):
                    self._ask(member, browse.question())
                await asyncio.sleep(min(browse.get_timer(), end) - now)
        finally:
            del self._asking[browse]
        return browse.instances()

    def _ask(self, member: Member, question: bytes) -> None:
        group = member.groups.get(mdns.PORT)
        if group is not None:
            group.send(question, (mdns.GROUP, mdns.PORT))

    # Hearing.

    def _is_neighbour(self, source: tuple[str, int]) -> bool:
        """Whether a sender is on the link, as all must be (RFC 6762 section 11)."""
        for member in self._members.values():
            return source[1] > 0 and member.link.on_link(source[0])
        return False

    def _hear_mdns(self, data: bytes, source: tuple[str, int], group: bool) -> None:
        if not self._is_neighbour(source) or self._is_known(data, source):
            return
        try:
            message = DnsMessage.decode(data)
        except DnsError:
            return
        if message.flags & QR and source[1] == mdns.PORT:
            self._learn(message)
        self._responder.receive(message, source, self.loop.time(), group)
        self._pump.pump()

    def _is_known(self, data: bytes, source: tuple[str, int]) -> bool:
        """Whether it is news to nobody: a device here has said it, whose address is no other's.

        Devices of one process share the responder, which gives no two of them the same name.
        """
        member = self._members.get(source[0])
        if member is None or member.link is self._medium or source[1] != mdns.PORT:
            return False
        if len(data) > 10 and not data[2] & 0x80:
            return data[8:10] != b"\0\0"  # a probe: it has authorities
        return not self._asking

    def _learn(self, message: DnsMessage) -> None:
        for asker, answer in self._asking.items():
            if isinstance(asker, mdns.MdnsBrowse):
                asker.receive(message)
            elif answer is not None and not answer.done():
                for address in asker.receive(message)[:1]:
                    answer.set_result(str(address))

    def _hear_llmnr(self, data: bytes, source: tuple[str, int], group: bool) -> None:
        # What is sent to one alone by UDP is to be ignored (RFC 4795 section 2.4).
        if not group or not self._is_neighbour(source):
            return
        asked: list[Member] = []

        def find(label: bytes) -> IPv4Address | None:
            member = self._by_label.get(label)
            if member is None:
                return None
            asked.append(member)
            return member.address

        self._reply(llmnr.PORT, asked, llmnr.answer(data, find), source)

    def _hear_netbios(self, data: bytes, source: tuple[str, int], group: bool) -> None:
        if not self._is_neighbour(source):
            return
        asked: list[Member] = []

        def find(label: bytes) -> netbios.NetbiosStation | None:
            member = self._by_label.get(label.removesuffix(LOCAL.encode()))
            if member is None or not _fits(member.name):
                return None
            asked.append(member)
            return netbios.NetbiosStation(member.name, member.address, member.mac)

        # Who was asked alone is known on a real interface, where there is one device.
        alone = None
        if not group and len(self._members) == 1:
            (member,) = self._members.values()
            if member.name and _fits(member.name):
                asked.append(member)
                alone = netbios.NetbiosStation(member.name, member.address, member.mac)
        self._reply(netbios.PORT, asked, netbios.answer(data, find, alone), source)

    def _reply(
        self, port: int, asked: list[Member], reply: bytes | None, source: tuple[str, int]
    ) -> None:
        if reply is None or not asked:
            return
        since, count = self._replies
        now = self.loop.time()
        if now - since >= 1.0:
            since, count = now, 0
        self._replies = since, count + 1
        group = asked[-1].groups.get(port)
        if count < MAX_REPLIES and group is not None:
            group.send(reply, source)

    # The responder.

    def _process(self) -> None:
        for event in self._responder.events():
            self._named(event)
        for out in self._responder.datagrams_to_send():
            member = self._by_key.get(out.key)
            if member is not None:
                to = out.destination or (mdns.GROUP, mdns.PORT)
                member.groups[mdns.PORT].send(out.data, to)

    def _named(self, event: mdns.NameEstablished) -> None:
        member = self._by_key.get(event.key)
        if member is None:
            return
        self._forget_label(member)
        changed = event.changed and member.name != event.name
        member.name = event.name
        if "." not in event.name:
            self._by_label.setdefault(event.name.lower().encode(), member)
        if changed and member.on_name is not None:
            member.on_name(event.name)

    def _forget_label(self, member: Member) -> None:
        label = member.name.lower().encode()
        if self._by_label.get(label) is member:
            del self._by_label[label]


def _fits(name: str) -> bool:
    """Whether a name is short enough for NetBIOS; `.local` counts.

    Source: docs/protocol/web-and-discovery.md, section 6.2.
    """
    return len(name + LOCAL) <= netbios.MAX_NAME
