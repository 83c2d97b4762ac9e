"""What the Linux kernel knows of interfaces, addresses and routes: a routing netlink socket.

The kernel answers within the system call, so a question is a plain call of some microseconds;
only news arrives by itself, at a `Monitor`. Why not pyroute2: its plain interface cannot be
used inside a running event loop and its asynchronous one not on uvloop (0.9.7: "cannot open a
UDP handle, invalid family 16"), and importing it takes as long as a whole start of `tokay run`.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Interface
from typing import Self

from tokay.protocols.netlink import (
    DONE,
    ERROR,
    NetlinkError,
    NetlinkFlag,
    NetlinkMessage,
    encode_request,
    error_number,
    parse_messages,
)
from tokay.protocols.rtnetlink import (
    PROTOCOL,
    AddressFacts,
    LinkFacts,
    NetlinkType,
    RouteFacts,
    address_body,
    default_route_body,
    link_body,
    read_address,
    read_default_route,
    read_link,
)

METRIC = 0x5400
"""The metric of our routes. The machine's own are better, so that it never sends through a
device's interface by accident; our sockets are bound to theirs and find ours."""

_GROUP_LINK, _GROUP_IPV4_IFADDR = 0x1, 0x10
_MAX_MESSAGE = 65536
_TIMEOUT = 5.0  # seconds; the kernel answers at once, or something is very wrong


class NetlinkSocket:
    """Questions and changes of one family, to be used with ``with``.

    Raises OSError, as the kernel says.
    """

    __slots__ = ("_sequence", "_socket")

    def __init__(self, family: int) -> None:
        self._socket = _open(family, 0)
        self._socket.settimeout(_TIMEOUT)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; may be called again."""
        self._socket.close()

    def dump(self, kind: int, wanted: int, body: bytes) -> list[NetlinkMessage]:
        """Ask for all there is of a kind."""
        sent = self._send(kind, NetlinkFlag.DUMP, body)
        found: list[NetlinkMessage] = []
        while True:
            for answer in self._receive(sent):
                if answer.kind in (DONE, ERROR):
                    _check(answer)
                    return found
                if answer.kind == wanted:
                    found.append(answer)

    def change(self, kind: int, flags: NetlinkFlag, body: bytes) -> list[NetlinkMessage]:
        """Ask for a change or for one thing; return what came before the acknowledgement."""
        sent = self._send(kind, flags | NetlinkFlag.ACK, body)
        found: list[NetlinkMessage] = []
        while True:
            for answer in self._receive(sent):
                if answer.kind == ERROR:
                    _check(answer)
                    return found
                found.append(answer)

    def _send(self, kind: int, flags: NetlinkFlag, body: bytes) -> int:
        self._sequence += 1
        self._socket.send(encode_request(kind, flags, self._sequence, body))
        return self._sequence

    def _receive(self, sequence: int) -> Iterator[NetlinkMessage]:
        try:
            for answer in parse_messages(self._socket.recv(_MAX_MESSAGE)):
                if answer.sequence == sequence:
                    yield answer
        except NetlinkError as error:
            raise OSError(errno.EPROTO, str(error)) from None


class Netlink(NetlinkSocket):
    """Interfaces, addresses and routes."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_ROUTE)

    def links(self) -> list[LinkFacts]:
        """List the interfaces."""
        answers = self.dump(NetlinkType.GETLINK, NetlinkType.NEWLINK, link_body())
        return [read_link(answer.body) for answer in answers]

    def link(self, name: str) -> LinkFacts | None:
        """Return an interface by name."""
        return next((link for link in self.links() if link.name == name), None)

    def addresses(self, index: int) -> list[AddressFacts]:
        """List the IPv4 addresses of an interface, the first one first."""
        answers = self.dump(NetlinkType.GETADDR, NetlinkType.NEWADDR, address_body())
        facts = (read_address(answer.body) for answer in answers)
        return [fact for fact in facts if fact is not None and fact.ifindex == index]

    def default_routes(self) -> list[RouteFacts]:
        """List the default routes of the main table, best first."""
        answers = self.dump(NetlinkType.GETROUTE, NetlinkType.NEWROUTE, default_route_body())
        routes = (read_default_route(answer.body) for answer in answers)
        return sorted((route for route in routes if route is not None), key=lambda it: it.metric)

    def switch_on(self, index: int) -> None:
        """Switch an interface on; one that is on stays so."""
        self.change(NetlinkType.NEWLINK, NetlinkFlag(0), link_body(index, up=True))

    def switch_off(self, index: int) -> None:
        """Switch an interface off; one that is off stays so."""
        self.change(NetlinkType.NEWLINK, NetlinkFlag(0), link_body(index, up=False))

    def add_address(self, index: int, address: IPv4Interface) -> None:
        """Add an address to an interface, marked as ours."""
        body = address_body(index, address, METRIC)
        self.change(NetlinkType.NEWADDR, NetlinkFlag.CREATE | NetlinkFlag.REPLACE, body)

    def delete_address(self, index: int, address: IPv4Interface) -> None:
        """Take an address off; the routes that need it go with it."""
        self.change(NetlinkType.DELADDR, NetlinkFlag(0), address_body(index, address, METRIC))

    def add_default_route(self, index: int, gateway: IPv4Address, source: IPv4Address) -> None:
        """Route through a gateway what is not on the link."""
        body = default_route_body(index, gateway, source, METRIC)
        self.change(NetlinkType.NEWROUTE, NetlinkFlag.CREATE | NetlinkFlag.REPLACE, body)

    def clear(self, index: int) -> None:
        """Take off every address that a run of Tokay left behind."""
        for fact in self.addresses(index):
            if fact.protocol == PROTOCOL:
                with contextlib.suppress(OSError):  # somebody else was faster
                    self.delete_address(index, fact.address)


class Monitor:
    """Calls `handler` on a turn of the loop whenever an interface or an address may have changed.

    What changed must be asked for: news that came too fast is lost (netlink(7), ENOBUFS), and
    the kernel's present answer is always the truth.
    """

    __slots__ = ("_loop", "_on_change", "_socket")

    def __init__(self, handler: Callable[[], None]) -> None:
        self._on_change = handler
        self._loop = asyncio.get_running_loop()
        self._socket = _open(socket.NETLINK_ROUTE, _GROUP_LINK | _GROUP_IPV4_IFADDR)
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Stop monitoring; may be called again."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        while True:
            try:
                self._socket.recv(_MAX_MESSAGE)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
        self._on_change()


def _open(family: int, groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
    sock.bind((0, groups))
    return sock


def _check(answer: NetlinkMessage) -> None:
    if number := error_number(answer.body):
        raise OSError(number, os.strerror(number))
