"""The two ends of a wireless network: links of an interface that is joined, or an access point."""

import socket
from collections.abc import Callable, Sequence

from tokay.board.link import ApStation
from tokay.board.radio import mac_text
from tokay.board.security import Security
from tokay.board.wired import packets
from tokay.board.wired.ap_link import WiredApLink
from tokay.board.wired.ethernet import interface_of
from tokay.board.wired.link import WiredLink
from tokay.board.wpa.nl80211 import Nl80211
from tokay.board.wpa.undo import Undo, delete_address
from tokay.protocols import arp, ieee80211

RSSI_UNKNOWN = -100
"""dBm of a station that the driver tells nothing of."""

_MAX_NEIGHBOURS = 256  # hostapd lets in whom there is room for; these are those it let in


class WpaLink(WiredLink):
    """A `Link` on a wireless interface; made by `WpaRadio.join`. Raises OSError."""

    __slots__ = ("_channel", "_security", "_undo")

    def __init__(
        self,
        ifname: str,
        index: int,
        mac: str,
        *,
        bssid: str,
        frequency: int,
        security: Security,
        undo: Undo,
    ) -> None:
        self._undo = undo
        self._security = security
        self._channel = ieee80211.channel_of(frequency) or 1
        super().__init__(ifname, index, mac, mac_text(bssid))

    @property
    def channel(self) -> int:
        """The channel of the access point."""
        return self._channel

    @property
    def security(self) -> Security:
        """The security agreed on."""
        return self._security

    def move(self, bssid: str, frequency: int) -> None:
        """Follow the station to another access point, or to another channel."""
        self._bssid = mac_text(bssid)
        self._channel = ieee80211.channel_of(frequency) or self._channel
        if self._interface is not None and self._open:
            # Switches on the way learn where the station is now.
            mac = bytes.fromhex(self._mac.replace(":", ""))
            packets.send_arp(self._ifname, arp.announcement(mac, self._interface.ip))

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an address, which is taken off the interface however the device ends."""
        wanted = interface_of(address, netmask)
        self._undo.add((self._ifname, wanted), delete_address(self._index, wanted))
        super().configure(address, netmask, gateway, dns)

    def deconfigure(self) -> None:
        """Release the address."""
        had = self._interface
        super().deconfigure()
        if had is not None:
            self._undo.drop((self._ifname, had))


class WpaApLink(WiredApLink):
    """An `ApLink` on an interface that hostapd has; made by `WpaRadio.start_ap`. Raises OSError.

    The stations are those that hostapd has let in.
    """

    __slots__ = ("_associated", "_channel", "_security", "_undo", "on_close")

    def __init__(
        self,
        ifname: str,
        index: int,
        mac: str,
        *,
        channel: int,
        security: Security,
        reservation: socket.socket,
        undo: Undo,
    ) -> None:
        self.on_close: Callable[[], None] | None = None
        """Called when the link is closed: hostapd is to be ended."""
        self._associated: dict[str, float] = {}
        self._undo = undo
        self._channel = channel
        self._security = security
        super().__init__(ifname, index, mac, max_clients=_MAX_NEIGHBOURS, reservation=reservation)

    @property
    def open(self) -> bool:
        """Whether it was not closed."""
        return self._open

    @property
    def channel(self) -> int:
        """The channel."""
        return self._channel

    @channel.setter
    def channel(self, channel: int) -> None:
        self._channel = channel

    @property
    def security(self) -> Security:
        """The security that is announced."""
        return self._security

    @property
    def stations(self) -> Sequence[ApStation]:
        """The associated stations; see `ApLink.stations`."""
        signals = _signals(self._index)
        return [
            ApStation(mac, signals.get(mac, RSSI_UNKNOWN), since)
            for mac, since in self._associated.items()
        ]

    def station_changed(self, mac: str, joined: bool) -> None:
        """Take note of a station that joined or left, and tell whoever wants to know."""
        try:
            mac = mac_text(mac)
        except ValueError:
            return
        if joined:
            self._associated.setdefault(mac, self._loop.time())
        elif self._associated.pop(mac, None) is None:
            return
        self._loop.call_soon(self._report_station, mac, joined)

    def lose_stations(self) -> None:
        """Take everybody for gone: the access point was restarted."""
        for mac in tuple(self._associated):
            self.station_changed(mac, False)

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Take an address, which is taken off the interface however the device ends."""
        wanted = interface_of(address, netmask)
        self._undo.add((self._ifname, wanted), delete_address(self._index, wanted))
        super().configure(address, netmask, gateway, dns)

    def deconfigure(self) -> None:
        """Release the address."""
        had = self._interface
        super().deconfigure()
        if had is not None:
            self._undo.drop((self._ifname, had))

    def close(self) -> None:
        """End the soft AP; see `ApLink`."""
        was_open = self._open
        super().close()
        if was_open and self.on_close is not None:
            self.on_close()

    def _on_station_change(self, mac: bytes, joined: bool) -> None:
        """Pay no attention to who is seen on the network: hostapd knows better."""


def _signals(index: int) -> dict[str, int]:
    """Return the signal of each station at an access point, dBm."""
    try:
        with Nl80211() as kernel:
            found = kernel.stations(index)
    except OSError:
        return {}
    return {mac_text(mac.hex()): one.signal for mac, one in found if one.signal is not None}
