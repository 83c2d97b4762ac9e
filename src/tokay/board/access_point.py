"""An access point of the simulated air: what it announces, whom it lets in, who is there."""

import hashlib
import hmac
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

from tokay.board.airspace_error import AirspaceError
from tokay.board.handshake import Party, nonce, shake
from tokay.board.passkey import check_passphrase, wep_key
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Network, mac_text
from tokay.board.security import Security
from tokay.protocols import wpa

__all__ = ["AccessPoint", "AirspaceError", "Station", "derived_bssid", "host_key"]

DEFAULT_SUBNET = IPv4Network("127.77.0.0/16")
LOOPBACK = IPv4Network("127.0.0.0/8")
LOCALHOST = IPv4Address("127.0.0.1")


class Station(Protocol):
    """What an access point knows of a station that has joined it."""

    @property
    def mac(self) -> str:
        """The station's address."""

    def drop(self, reason: str) -> None:
        """Hear that the access point has ended the association."""


class AccessPoint:
    """One BSS. What it announces may be changed at any time, and the next scan or join sees it.

    `ssid` is text, sent as UTF-8, or the bytes themselves: 1 to 32 of them. `channel` is 1 to 14,
    `rssi` -100 to 0 dBm. `security` is WPA2-AES if there is a passphrase and else Open, unless
    given. `passphrase` is 8 to 63 printable ASCII characters or a PSK in 64 hex
    digits; for WEP a key of 5 or 13 characters, or of 10 or 26 hex digits. `subnet` lies in
    127.0.0.0/8; access points with the same one share a network and its DHCP server. `hosts` maps
    names to addresses. `uplink` tells whether names and addresses beyond this machine's loopback
    can be reached. `handshake_timeout` is the seconds after which a station with a wrong passphrase
    is sent away, 0 to 60; real access points take about 3. Without a `bssid` one is derived from
    the SSID. Raises AirspaceError.
    """

    def __init__(
        self,
        ssid: str | bytes,
        *,
        bssid: str | None = None,
        channel: int = 6,
        security: Security | None = None,
        passphrase: str | None = None,
        rssi: int = -48,
        subnet: IPv4Network | str = DEFAULT_SUBNET,
        hidden: bool = False,
        hosts: Mapping[str, str] | None = None,
        uplink: bool = True,
        handshake_timeout: float = 0.0,
    ) -> None:
        raw = ssid.encode() if isinstance(ssid, str) else ssid
        if not 1 <= len(raw) <= 32:
            raise AirspaceError("ssid: must be 1 to 32 bytes")
        if not 1 <= channel <= 14:
            raise AirspaceError(f"channel: must be 1 to 14, not {channel}")
        self.ssid = raw.decode("latin-1")
        self.bssid_given = bssid is not None
        self.bssid = derived_bssid(raw) if bssid is None else _bssid(bssid)
        self.channel = channel
        self.security = security or (Security.WPA2_AES if passphrase else Security.OPEN)
        self.hidden = hidden
        self.subnet = _subnet(subnet)
        self.hosts = {host_key(name): _host(name, at) for name, at in (hosts or {}).items()}
        self.uplink = uplink
        self.stations: dict[str, Station] = {}
        """Who has joined, by MAC address. Changed by `admit` and `release` only."""
        self._on = True
        self._handshakes = 0
        if not 0 <= handshake_timeout <= 60:
            raise AirspaceError(f"handshake_timeout: must be 0 to 60 s, not {handshake_timeout}")
        self.handshake_timeout = handshake_timeout
        check_passphrase(self.security, passphrase)
        self._passphrase = passphrase or ""
        self.rssi = rssi

    def __repr__(self) -> str:
        return f"AccessPoint({self.ssid!r}, bssid={self.bssid!r}, channel={self.channel})"

    @property
    def rssi(self) -> int:
        """The signal at every station, dBm, -100 to 0."""
        return self._rssi

    @rssi.setter
    def rssi(self, dbm: int) -> None:
        if not -100 <= dbm <= 0:
            raise AirspaceError(f"rssi: must be -100 to 0 dBm, not {dbm}")
        self._rssi = dbm

    @property
    def powered(self) -> bool:
        """Whether the access point is on the air."""
        return self._on

    def power(self, on: bool) -> None:
        """Switch on or off. Off, it leaves the air and every station loses its link."""
        self._on = on
        if not on:
            for mac in tuple(self.stations):
                self.deauthenticate(mac, "the access point went off")

    def deauthenticate(self, mac: str, reason: str = "deauthenticated by the access point") -> bool:
        """Throw a station out; False if it is not here. It may join again."""
        station = self.stations.pop(mac_text(mac), None)
        if station is None:
            return False
        station.drop(reason)
        return True

    def set_passphrase(self, passphrase: str | None) -> None:
        """Change the passphrase; stations that have joined stay. Raises AirspaceError."""
        check_passphrase(self.security, passphrase)
        self._passphrase = passphrase or ""

    def beacon(self, probe: str | None = None) -> Network:
        """Give what a scan shows; a hidden SSID only to a probe that names it."""
        named = not self.hidden or probe == self.ssid
        slow = self.security in (Security.WEP, Security.WPA_TKIP, Security.WPA2_TKIP)
        return Network(
            ssid=self.ssid if named else "",
            bssid=self.bssid,
            channel=self.channel,
            rssi=self._rssi,
            rate=54.0 if slow else 144.4,  # 802.11n allows no TKIP and no WEP (11.8.4)
            security=self.security,
            hidden=self.hidden,
        )

    def matches(self, request: JoinRequest) -> bool:
        """Whether this is one of the access points that a request means."""
        return (
            self._on
            and request.ssid in (self.ssid, "" if request.bssid else self.ssid)
            and (request.bssid is None or mac_text(request.bssid) == self.bssid)
            and request.channel in (None, self.channel)
        )

    async def authenticate(self, request: JoinRequest, mac: str) -> None:
        """Agree on security and check the passkey, as far as the air would. Raises JoinError.

        A station that asks for another security type does not get as far as a key.
        """
        asked = self.security if request.security is None else request.security
        if not self.security.accepts(asked):
            raise JoinError(JoinFailure.BAD_SECURITY)
        if self.security is Security.OPEN:
            return
        if not request.passkey:
            raise JoinError(JoinFailure.NO_PASSKEY)
        suite = self.security.suite(asked)
        if suite is None:
            # Shared-key authentication: the access point sees at once that the answer is wrong.
            theirs, ours = wep_key(request.passkey), wep_key(self._passphrase)
            if theirs is None or ours is None or not hmac.compare_digest(theirs, ours):
                raise JoinError(JoinFailure.WRONG_PASSKEY)
            return
        ssid = self.ssid.encode("latin-1")
        try:
            theirs = wpa.pmk(request.passkey, ssid)
        except wpa.WpaError:
            raise JoinError(JoinFailure.WRONG_PASSKEY) from None
        self._handshakes += 1
        us = Party(self.bssid, wpa.pmk(self._passphrase, ssid), nonce(self.bssid, self._handshakes))
        them = Party(mac, theirs, nonce(mac, self._handshakes))
        await shake(us, them, suite, self.handshake_timeout)

    def admit(self, station: Station) -> None:
        """Associate a station that has authenticated; one with the same address loses its link."""
        self.deauthenticate(station.mac, "another station joined with this address")
        self.stations[station.mac] = station

    def release(self, station: Station) -> None:
        """Forget a station that leaves."""
        if self.stations.get(station.mac) is station:
            del self.stations[station.mac]


def derived_bssid(ssid: bytes, index: int = 0) -> str:
    """Give a locally administered unicast address that is always the same for an SSID.

    `index` tells apart the access points of one SSID.
    """
    digest = bytearray(hashlib.sha256(b"%d:%s" % (index, ssid)).digest()[:6])
    digest[0] = digest[0] & 0xFC | 0x02
    return digest.hex(":").upper()


def host_key(name: str) -> str:
    """Give the form in which host names are compared: no case, no final dot."""
    return name.removesuffix(".").lower()


def _bssid(text: str) -> str:
    try:
        return mac_text(text)
    except ValueError as error:
        raise AirspaceError(f"bssid: {error}") from None


def _subnet(text: IPv4Network | str) -> IPv4Network:
    try:
        subnet = IPv4Network(text)
    except ValueError as error:
        raise AirspaceError(f"subnet: {error}") from None
    if not subnet.subnet_of(LOOPBACK) or LOCALHOST in subnet:
        raise AirspaceError(f"subnet: must be in {LOOPBACK} without {LOCALHOST}, not {subnet}")
    if subnet.prefixlen > 30:
        raise AirspaceError(f"subnet: {subnet} has no room for a gateway and a station")
    return subnet


def _host(name: str, address: str) -> str:
    try:
        return str(IPv4Address(address))
    except ValueError as error:
        raise AirspaceError(f"hosts.{name}: {error}") from None
