"""A radio over an Ethernet interface: the wire is its one network, whatever it is called.

A cable has neither an SSID nor a passphrase, and a device is configured with both. So the wire
answers to every SSID and lets everybody in; what is real is the carrier, and all above it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from tokay.board.air.access_point import derived_bssid
from tokay.board.net.netlink import Monitor, Netlink
from tokay.board.radio import (
    ApConfig,
    ApError,
    JoinError,
    JoinFailure,
    JoinRequest,
    RadioError,
    RadioSettings,
    ScanResult,
    mac_text,
)
from tokay.board.security import Security
from tokay.board.wired.ap_link import WiredApLink
from tokay.board.wired.link import WiredLink
from tokay.protocols.rtnetlink import PROTOCOL, LinkFacts

RSSI = -40
"""The signal of a cable, dBm: what a module reports beside its access point."""

CARRIER_WAIT = 5.0
"""Seconds for two cards to agree on a speed after they are switched on; 1 to 3 are usual."""

_RATE = 144.4
_CHANNEL = 1


class WiredRadio:
    """A `Radio` on the interface `ifname`. Without an `ssid` the wire has the interface's name.

    `ap_ifname` is the interface for a soft AP. Neither may be in use: a machine that has an
    address there must not be cut off.
    Raises RadioError.
    """

    tunable = False

    __slots__ = (
        "_ap",
        "_bssid",
        "_link",
        "_mac",
        "_monitor",
        "_reservation",
        "_ssid",
        "ap_ifname",
        "ifname",
        "on_lost",
        "on_note",
    )

    def __init__(
        self, ifname: str, *, ssid: str | None = None, ap_ifname: str | None = None
    ) -> None:
        self.on_lost: Callable[[str], None] | None = None
        self.on_note: Callable[[str], None] | None = None
        self.ifname = ifname
        self.ap_ifname = ap_ifname
        self._ssid = ssid or ifname
        self._bssid = derived_bssid(self._ssid.encode())
        self._mac = mac_text(usable_interface(ifname).mac.hex())
        if ap_ifname is not None:
            usable_interface(ap_ifname)
        self._reservation: socket.socket | None = None
        self._link: WiredLink | None = None
        self._ap: WiredApLink | None = None
        self._monitor: Monitor | None = None

    @property
    def mac(self) -> str:
        """The interface's own address."""
        return self._mac

    def configure(self, settings: RadioSettings) -> None:
        """Ignore the settings: there is nothing to set up."""

    async def scan(
        self, *, ssid: str | None = None, channel: int | None = None, passive: bool = False
    ) -> list[ScanResult]:
        """Report the wire, under the name that is asked for; nothing without a carrier."""
        if channel not in (None, _CHANNEL) or await self._carrier() is None:
            return []
        return [
            ScanResult(
                ssid=self._ssid if ssid is None else ssid,
                bssid=self._bssid,
                channel=_CHANNEL,
                rssi=RSSI,
                rate=_RATE,
                security=Security.OPEN,
            )
        ]

    async def wait_turn(self) -> None:
        """Return at once; see `Radio.wait_turn`."""

    async def join(self, request: JoinRequest) -> WiredLink:
        """Switch the interface on and attach to it; see `Radio.join`. Raises JoinError."""
        await self.leave()
        facts = await self._carrier()
        await self.leave()  # another join may have ended while this one waited
        if facts is None:
            raise JoinError(JoinFailure.NOT_FOUND)
        try:
            self._reservation = reserve_interface(self.ifname)
            with Netlink() as kernel:
                kernel.clear(facts.ifindex)
            link = WiredLink(self.ifname, facts.ifindex, self._mac, self._bssid)
        except OSError:
            await self.leave()
            raise JoinError(JoinFailure.REFUSED) from None
        self._link = link
        self._monitor = Monitor(self._check_link)
        asyncio.get_running_loop().call_soon(self._check_link)
        return link

    async def start_ap(self, config: ApConfig) -> WiredApLink:
        """Switch the second interface on and attach to it; see `Radio.start_ap`.

        Whoever is plugged in has joined, whatever the passphrase. Raises ApError.
        """
        if self.ap_ifname is None:
            message = f"{self.ifname} has no second interface for a soft AP called {config.ssid}"
            raise ApError(message)
        if self._ap is not None:
            self._ap.close()
        try:
            facts = usable_interface(self.ap_ifname)
            reservation = reserve_interface(self.ap_ifname)
        except RadioError as error:
            raise ApError(str(error)) from None
        except OSError:
            raise ApError(f"{self.ap_ifname}: another device has it") from None
        try:
            with Netlink() as kernel:
                kernel.clear(facts.ifindex)
                kernel.switch_on(facts.ifindex)
            mac = mac_text(facts.mac.hex())
            self._ap = WiredApLink(
                self.ap_ifname,
                facts.ifindex,
                mac,
                max_clients=config.max_clients,
                reservation=reservation,
            )
        except OSError as error:
            reservation.close()
            raise ApError(f"{self.ap_ifname}: {error.strerror}") from None
        return self._ap

    async def wps(self) -> tuple[str, str]:
        """A cable has no button; see `Radio.wps`. Raises JoinError."""
        raise JoinError(JoinFailure.NOT_FOUND)

    async def verify(self, request: JoinRequest) -> None:
        """See whether there is a carrier: nothing else can fail. Raises JoinError."""
        if await self._carrier() is None:
            raise JoinError(JoinFailure.NOT_FOUND)

    async def leave(self) -> None:
        """Close the link. The interface stays on, as a cable stays in."""
        self._release()

    async def close(self) -> None:
        """Close the link; nothing else was changed."""
        await self.leave()

    def rssi(self) -> int | None:
        """Return a good signal while joined."""
        return None if self._link is None else RSSI

    async def _carrier(self) -> LinkFacts | None:
        """Switch the interface on and wait for a carrier; None if none comes."""
        changed = asyncio.Event()
        try:
            monitor = Monitor(changed.set)
        except OSError:
            return None
        try:
            async with asyncio.timeout(CARRIER_WAIT):
                while True:
                    with Netlink() as kernel:
                        facts = kernel.link(self.ifname)
                        if facts is None:
                            return None
                        if facts.carrier:
                            return facts
                        if not facts.up:
                            kernel.switch_on(facts.ifindex)
                            continue
                    changed.clear()
                    await changed.wait()
        except (OSError, TimeoutError):
            return None
        finally:
            monitor.close()

    def _check_link(self) -> None:
        """Close the link if it was lost. Called by the monitor."""
        link = self._link
        if link is None:
            return
        reason = _why_lost(self.ifname, link.address)
        if reason:
            self._release()
            if self.on_lost is not None:
                self.on_lost(reason)

    def _release(self) -> None:
        link, self._link = self._link, None
        monitor, self._monitor = self._monitor, None
        reservation, self._reservation = self._reservation, None
        for held in (monitor, link, reservation):
            if held is not None:
                held.close()


def reserve_interface(ifname: str) -> socket.socket:
    """Take an interface for this device alone, until the socket is closed. Raises OSError.

    Names in the abstract space belong to the network namespace (unix(7)), as interfaces do, and
    go with the process, however it ends.
    """
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        reservation.bind(f"\0tokay-wired-{ifname}")
    except OSError:
        reservation.close()
        raise
    return reservation


def _why_lost(ifname: str, address: str | None) -> str:
    """Return what is wrong with an interface that should be up with an address, or nothing."""
    with contextlib.suppress(OSError), Netlink() as kernel:
        facts = kernel.link(ifname)
        if facts is None:
            return f"{ifname} is gone"
        if not facts.up:
            return f"{ifname} was switched off"
        if not facts.carrier:
            return f"{ifname} has no carrier"
        there = {str(fact.address.ip) for fact in kernel.addresses(facts.ifindex)}
        if address is not None and address not in there:
            return f"{ifname} lost its address"
    return ""


def usable_interface(ifname: str) -> LinkFacts:
    """Return the facts of an interface that a device may have. Raises RadioError."""
    try:
        with Netlink() as kernel:
            facts = kernel.link(ifname)
            if facts is None or facts.loopback or len(facts.mac) != 6:
                found = [it.name for it in kernel.links() if len(it.mac) == 6 and not it.loopback]
                raise RadioError(
                    f"{ifname}: no Ethernet interface here (there is {', '.join(found) or 'none'})"
                )
            for fact in kernel.addresses(facts.ifindex):
                if fact.protocol != PROTOCOL:
                    raise RadioError(
                        f"{ifname}: this machine uses it, as {fact.address}; give the device an "
                        "interface without an address, or use the machine's own with --radio host"
                    )
    except OSError as error:
        raise RadioError(f"{ifname}: {error.strerror}") from None
    return facts
