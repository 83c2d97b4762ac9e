"""A wireless interface of this machine: whose it is, what its radio can do, whether it stands."""

import contextlib
import os
import socket
import time

from tokay.board.net.netlink import Netlink
from tokay.board.radio import RadioError
from tokay.board.wired.radio import reserve_interface
from tokay.board.wpa.nl80211 import Nl80211
from tokay.protocols.nl80211 import InterfaceType, Wiphy

RESERVE_LIMIT = 5.0
"""Seconds in which a device that was killed has its interface put back."""

_RESERVE_POLL = 0.1


def describe(station: Wiphy, ap: Wiphy, channels: int) -> str:
    """Return what two radios, or one, can be at once."""
    if InterfaceType.AP not in ap.types:
        return "station; no soft AP"
    if station.index != ap.index:
        return "station, and a soft AP on a radio of its own"
    if channels == 0:
        return "station or soft AP, not both at once"
    if channels == 1:
        return "station and soft AP at once, on one channel"
    return f"station and soft AP at once, on {channels} channels"


def wiphy_of(ifname: str) -> Wiphy:
    """Return the radio of an interface. Raises RadioError."""
    try:
        with Nl80211() as kernel:
            interface = kernel.interface(ifname)
            if interface is None:
                known = ", ".join(one.name for one in kernel.interfaces() if one.name) or "none"
                raise RadioError(f"{ifname}: no wireless interface (there is {known})")
            return next(one for one in kernel.wiphys() if one.index == interface.wiphy)
    except OSError as error:
        raise RadioError(f"{ifname}: {error.strerror}") from None


def reserve(ifname: str) -> socket.socket:
    """Take an interface for this device, when one before has put it back. Raises RadioError."""
    until = time.monotonic() + RESERVE_LIMIT
    while True:
        try:
            return reserve_interface(ifname)
        except OSError:
            if time.monotonic() >= until:
                raise RadioError(f"{ifname}: another device has it") from None
        time.sleep(_RESERVE_POLL)


def index_of(ifname: str | None) -> int:
    """Return the number of an interface; 0 for none."""
    return 0 if ifname is None else socket.if_nametoindex(ifname)


def runtime_folder() -> str | None:
    """Return where sockets live: the folder that systemd made for the service, or /run."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given:
        return given
    return "/run" if os.access("/run", os.W_OK) else None


def why_lost(ifname: str, address: str | None) -> str:
    """Return what is wrong with an interface that has joined, or nothing.

    Whether there is a carrier wpa_supplicant tells, which may be about to roam.
    """
    with contextlib.suppress(OSError), Netlink() as kernel:
        facts = kernel.link(ifname)
        if facts is None:
            return f"{ifname} is gone"
        if not facts.up:
            return f"{ifname} was switched off"
        there = {str(fact.address.ip) for fact in kernel.addresses(facts.ifindex)}
        if address is not None and address not in there:
            return f"{ifname} lost its address"
    return ""
