"""An access point of the simulated air: what it announces, whom it lets in, who is there."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Network, mac_text
from tokay.board.security import Security

DEFAULT_SUBNET = IPv4Network("127.77.0.0/16")
LOOPBACK = IPv4Network("127.0.0.0/8")
LOCALHOST = IPv4Address("127.0.0.1")

_PSK = re.compile(r"[0-9A-Fa-f]{64}")
_PASSPHRASE = re.compile(r"[ -~]{8,63}")  # IEEE 802.11-2020 annex J.4: 8 to 63 printable ASCII
_WEP_KEY = re.compile(r"[ -~]{5}|[ -~]{13}|[0-9A-Fa-f]{10}|[0-9A-Fa-f]{26}")


class AirspaceError(ValueError):
    """An airspace that cannot be: one line that names the key, and the file if there is one."""


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
    can be reached. Without a `bssid` one is derived from the SSID. Raises AirspaceError.
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
        self._pmk: bytes | None = None
        self._check_passphrase(passphrase)
        self._passphrase = passphrase
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
        self._check_passphrase(passphrase)
        self._passphrase = passphrase
        self._pmk = None

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

    def authenticate(self, request: JoinRequest) -> None:
        """Check security and passkey. Raises JoinError."""
        if request.security is not None and not self.security.accepts(request.security):
            raise JoinError(JoinFailure.BAD_SECURITY)
        if self.security is Security.OPEN:
            return
        if not request.passkey:
            raise JoinError(JoinFailure.NO_PASSKEY)
        if not self._is_key(request.passkey):
            raise JoinError(JoinFailure.WRONG_PASSKEY)

    def admit(self, station: Station) -> None:
        """Associate a station that has authenticated; one with the same address loses its link."""
        self.deauthenticate(station.mac, "another station joined with this address")
        self.stations[station.mac] = station

    def release(self, station: Station) -> None:
        """Forget a station that leaves."""
        if self.stations.get(station.mac) is station:
            del self.stations[station.mac]

    def _is_key(self, passkey: str) -> bool:
        ours = self._passphrase or ""
        if self.security is Security.WEP:
            return hmac.compare_digest(_wep_key(passkey), _wep_key(ours))
        if _PSK.fullmatch(passkey):
            return hmac.compare_digest(bytes.fromhex(passkey), self._psk())
        if not _PASSPHRASE.fullmatch(passkey):
            return False
        if _PSK.fullmatch(ours):
            return hmac.compare_digest(_derive(passkey, self.ssid), self._psk())
        return hmac.compare_digest(passkey.encode(), ours.encode())

    def _psk(self) -> bytes:
        """Give the pre-shared key; 4096 rounds of hashing, so only once and only when needed."""
        if self._pmk is None:
            ours = self._passphrase or ""
            self._pmk = bytes.fromhex(ours) if len(ours) == 64 else _derive(ours, self.ssid)
        return self._pmk

    def _check_passphrase(self, passphrase: str | None) -> None:
        # The value itself stays out of every message.
        if self.security is Security.OPEN:
            if passphrase:
                raise AirspaceError("passphrase: an Open network has none")
        elif not passphrase:
            raise AirspaceError(f"passphrase: missing for {self.security} security")
        elif self.security is Security.WEP:
            if not _WEP_KEY.fullmatch(passphrase):
                raise AirspaceError("passphrase: a WEP key is 5 or 13 characters, 10 or 26 hex")
        elif not (_PASSPHRASE.fullmatch(passphrase) or _PSK.fullmatch(passphrase)):
            raise AirspaceError(
                "passphrase: must be 8 to 63 printable ASCII characters or 64 hex digits"
            )


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


def _derive(passphrase: str, ssid: str) -> bytes:
    """IEEE 802.11-2020 annex J.4.1: PBKDF2-HMAC-SHA1, the SSID for salt, 4096 rounds."""
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid.encode("latin-1"), 4096, 32)


def _wep_key(text: str) -> bytes:
    """Give the key's bytes; anything that is no key at all matches none."""
    if not _WEP_KEY.fullmatch(text):
        return b""
    return bytes.fromhex(text) if len(text) in (10, 26) else text.encode()


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
