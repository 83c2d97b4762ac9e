"""What the Linux kernel knows of radios, asked by plain calls: each is answered within it."""

import errno
import os
from collections.abc import Callable
from typing import Self, TypeVar

from tokay.board.net.netlink import NetlinkSocket
from tokay.board.wpa.undo import Step, send_netlink
from tokay.protocols import nl80211
from tokay.protocols.netlink import NetlinkError, NetlinkFlag
from tokay.protocols.nl80211 import Command, InterfaceFacts, StationFacts, Wiphy

_NETLINK_GENERIC = 16  # linux/netlink.h; not in Python's socket module

_T = TypeVar("_T")
_R = TypeVar("_R")


class Nl80211(NetlinkSocket):
    """Questions and changes. Raises OSError; ENOSYS on a machine without Wi-Fi."""

    __slots__ = ("_family",)

    def __init__(self) -> None:
        super().__init__(_NETLINK_GENERIC)
        try:
            self._family = self._find_family()
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def wiphys(self) -> list[Wiphy]:
        """List the radios."""
        answers = self.dump(self._family, self._family, nl80211.wiphy_dump())
        return _read(nl80211.read_wiphys, [answer.body for answer in answers])

    def interfaces(self) -> list[InterfaceFacts]:
        """List the wireless interfaces."""
        answers = self.dump(self._family, self._family, nl80211.body(Command.GET_INTERFACE))
        return [_read(nl80211.read_interface, answer.body) for answer in answers]

    def interface(self, name: str) -> InterfaceFacts | None:
        """Return a wireless interface by name."""
        return next((one for one in self.interfaces() if one.name == name), None)

    def stations(self, ifindex: int) -> list[tuple[bytes, StationFacts]]:
        """Return what is known of the other ends of an interface, with their addresses."""
        body = nl80211.body(Command.GET_STATION, nl80211.on(ifindex))
        answers = self.dump(self._family, self._family, body)
        return [_read(nl80211.read_station, answer.body) for answer in answers]

    def station(self, ifindex: int) -> StationFacts | None:
        """Return what is known of the access point that an interface has joined."""
        return next((facts for _, facts in self.stations(ifindex)), None)

    def region(self) -> str:
        """Return the country whose rules hold."""
        answers = self._ask(nl80211.body(Command.GET_REG))
        return _read(nl80211.read_region, answers)

    def power_save(self, ifindex: int) -> bool:
        """Return whether a station may doze."""
        body = nl80211.body(Command.GET_POWER_SAVE, nl80211.on(ifindex))
        return _read(nl80211.read_power_save, self._ask(body))

    def step(self, body: bytes) -> Step:
        """Return a change as a step that undoes another."""
        return send_netlink(_NETLINK_GENERIC, self._family, body)

    def request(self, body: bytes) -> None:
        """Ask for a change: one of the bodies of `protocols.nl80211`."""
        self.change(self._family, NetlinkFlag(0), body)

    def _ask(self, body: bytes) -> bytes:
        answers = self.change(self._family, NetlinkFlag(0), body)
        if not answers:
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        return answers[0].body

    def _find_family(self) -> int:
        try:
            answers = self.change(nl80211.CONTROL_FAMILY, NetlinkFlag(0), nl80211.family_body())
        except FileNotFoundError:
            raise OSError(errno.ENOSYS, "this machine has no Wi-Fi (nl80211)") from None
        return _read(nl80211.read_family, answers[0].body if answers else b"")


def _read(reader: Callable[[_T], _R], answer: _T) -> _R:
    try:
        return reader(answer)
    except NetlinkError as error:
        raise OSError(errno.EPROTO, str(error)) from None
