"""An access point of the simulated air: what it announces, whom it lets in, who is there."""

import asyncio
import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Protocol

from tokay.board.air.errors import AirspaceError
from tokay.board.air.traffic_shaping import PLAIN, Shape
from tokay.board.passkey import check_passphrase, passkey_text, wep_key
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, ScanResult, mac_text
from tokay.board.security import Sae, Security
from tokay.protocols import wpa

if TYPE_CHECKING:
    from tokay.board.air.dns_faults import DnsFaultRule

__all__ = ["AccessPoint", "AirspaceError", "AssociatedStation", "derived_bssid", "normalize_host"]

DEFAULT_SUBNET = IPv4Network("127.77.0.0/16")
LOOPBACK = IPv4Network("127.0.0.0/8")
LOCALHOST = IPv4Address("127.0.0.1")
WPS_SESSION = 120.0
"""Seconds that a pushed WPS button holds."""
OUT_OF_RANGE = -100
"""dBm. At this signal an access point is out of range, and its stations lose their link."""


class AssociatedStation(Protocol):
    """What an access point knows of a station that has joined it."""

    @property
    def mac(self) -> str:
        """The station's address."""

    def disassociated(self, reason: str) -> None:
        """Called by the access point when it has ended the association."""


class AccessPoint:
    """One BSS. What it announces may be changed at any time, and the next scan or join sees it.

    `ssid` is text, sent as UTF-8, or the bytes themselves: 1 to 32 of them. `channel` is 1 to 14,
    `rssi` -100 to 0 dBm. `security` is WPA2-AES if there is a passphrase and else Open, unless
    given. `passphrase` is text, sent as UTF-8, or bytes: 8 to 63 of them, or a PSK in 64 hex
    digits; for WEP a key of 5 or 13 bytes, or of 10 or 26 hex digits. `subnet` lies in
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
        passphrase: str | bytes | None = None,
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
        self.hosts = {normalize_host(name): _host(name, at) for name, at in (hosts or {}).items()}
        self.uplink = uplink
        self.uplink_addresses: tuple[str, ...] = ()
        """Addresses of this machine by which stations leave it, each by one; none is any."""
        if not 0 <= handshake_timeout <= 60:
            raise AirspaceError(f"handshake_timeout: must be 0 to 60 s, not {handshake_timeout}")
        self.handshake_timeout = handshake_timeout
        self.set_passphrase(passphrase)
        self._reset_state()
        self.rssi = rssi

    def _reset_state(self) -> None:
        """Set what scripts and stations change later: no station, no fault."""
        self.stations: dict[str, AssociatedStation] = {}
        """Who has joined, by MAC address. Changed by `admit` and `release` only."""
        self.dns_rules: tuple[DnsFaultRule, ...] = ()
        """Faults of name resolution; the first rule that matches counts."""
        self.shapes = False
        """Whether new connections can be shaped; `shape` sees to it."""
        self.seed = 0
        self.on_log: Callable[[str], None] | None = None
        """Called with a line for each event here; None without a log."""
        self._shape = PLAIN
        self._connections: Counter[str] = Counter()
        self._portal: tuple[str, int] | None = None
        self._on = True
        self._fade: tuple[asyncio.AbstractEventLoop, float, float, int, int] | None = None
        self._fading: asyncio.TimerHandle | None = None
        self._refusals = 0.0
        self._handshakes = 0
        self._tls_failures = 0.0
        self._wps_until = 0.0

    def __repr__(self) -> str:
        return f"AccessPoint({self.ssid!r}, bssid={self.bssid!r}, channel={self.channel})"

    @property
    def rssi(self) -> int:
        """The signal at every station, dBm, -100 to 0; -100 is out of range."""
        if self._fade is None:
            return self._rssi
        loop, began, over, start, to = self._fade
        passed = loop.time() - began
        return to if passed >= over else math.ceil(start + (to - start) * passed / over)

    @rssi.setter
    def rssi(self, dbm: int) -> None:
        self._rssi = _dbm("rssi", dbm)
        self._end_fade()
        if dbm == OUT_OF_RANGE:
            self.deauthenticate_all("the access point is out of range")

    def fade(self, to: int, over: float, start: int | None = None) -> None:
        """Change the signal from `start`, or its present value, to `to` dBm in `over` seconds.

        Needs a running loop. Raises AirspaceError.
        """
        start = self.rssi if start is None else _dbm("from", start)
        _dbm("to", to)
        if not 0 <= over < math.inf:
            raise AirspaceError(f"over: must be 0 s or more, not {over}")
        loop = asyncio.get_running_loop()
        self._end_fade()
        self._fade = (loop, loop.time(), over, start, to)
        self._fading = loop.call_later(over, self._faded, to)

    def _faded(self, to: int) -> None:
        self.rssi = to

    def _end_fade(self) -> None:
        self._fade = None
        if self._fading is not None:
            self._fading.cancel()
            self._fading = None

    @property
    def in_range(self) -> bool:
        """Whether a station receives the access point."""
        return self._on and self.rssi > OUT_OF_RANGE

    @property
    def powered(self) -> bool:
        """Whether the access point is on the air."""
        return self._on

    def power(self, on: bool) -> None:
        """Switch on or off. Off, it leaves the air and every station loses its link."""
        self._on = on
        if not on:
            self.deauthenticate_all("the access point went off")

    def deauthenticate(self, mac: str, reason: str = "deauthenticated by the access point") -> bool:
        """Deauthenticate a station; return False if it is not here. It may join again."""
        station = self.stations.pop(mac_text(mac), None)
        if station is None:
            return False
        self.log(f"{station.mac} lost: {reason}")
        station.disassociated(reason)
        return True

    def deauthenticate_all(self, reason: str = "deauthenticated by the access point") -> None:
        """Deauthenticate every station."""
        for mac in tuple(self.stations):
            self.deauthenticate(mac, reason)

    def refuse(self, joins: int | None = None) -> None:
        """Refuse to associate the next `joins` stations, or all until `accept`."""
        self._refusals = math.inf if joins is None else joins

    def accept(self) -> None:
        """Associate stations again."""
        self._refusals = 0

    def fail_tls_handshakes(self, handshakes: float) -> None:
        """Make the next TLS handshakes of stations fail for want of memory; 0 ends that."""
        self._tls_failures = handshakes

    def has_tls_memory(self) -> bool:
        """Return whether a station's TLS handshake finds memory; counts as one handshake."""
        if self._tls_failures <= 0:
            return True
        self._tls_failures -= 1
        return False

    @property
    def shape(self) -> Shape:
        """What the network does to TCP streams; to those opened since it was first set."""
        return self._shape

    @shape.setter
    def shape(self, shape: Shape) -> None:
        self._shape = shape
        self.shapes = True

    @property
    def portal(self) -> str | None:
        """The captive portal, `address:port`; None for none.

        With one, every name that is not in `hosts` resolves to the network's gateway, and every
        TCP connection that leaves the network, or goes to the gateway, is answered by the portal.
        """
        return None if self._portal is None else "{}:{}".format(*self._portal)

    @portal.setter
    def portal(self, portal: str | None) -> None:
        self._portal = None if portal is None else parse_portal(portal)

    def redirect(self, address: str, port: int) -> tuple[str, int]:
        """Return where a TCP connection of a station to an address really leads."""
        if self._portal is None or address in self.hosts.values():
            return address, port
        there = IPv4Address(address)
        local = there in self.subnet and there != self.subnet.network_address + 1
        return (address, port) if local else self._portal

    def count_connection(self, mac: str) -> int:
        """Return the number of a station's next shaped connection: part of its random seed."""
        self._connections[mac] += 1
        return self._connections[mac]

    def log(self, text: str) -> None:
        """Write a line to the log of the airspace, if there is one."""
        if self.on_log is not None:
            self.on_log(text)

    def press_wps(self, seconds: float = WPS_SESSION) -> None:
        """Push the WPS button: stations get the credentials by WPS for that long."""
        self._wps_until = asyncio.get_running_loop().time() + seconds

    def wps_credentials(self) -> tuple[str, str] | None:
        """Return SSID and passphrase while the button counts as pushed, else None."""
        if asyncio.get_running_loop().time() < self._wps_until:
            return self.ssid, self._passphrase
        return None

    def set_passphrase(self, passphrase: str | bytes | None) -> None:
        """Change the passphrase; stations that have joined stay. Raises AirspaceError."""
        text = passkey_text(passphrase)
        check_passphrase(self.security, text)
        self._passphrase = text

    def beacon(self, probe: str | None = None) -> ScanResult:
        """Return what a scan shows; a hidden SSID only to a probe that names it."""
        named = not self.hidden or probe == self.ssid
        slow = self.security in (Security.WEP, Security.WPA_TKIP, Security.WPA2_TKIP)
        return ScanResult(
            ssid=self.ssid if named else "",
            bssid=self.bssid,
            channel=self.channel,
            rssi=self.rssi,
            rate=54.0 if slow else 144.4,  # 802.11n allows no TKIP and no WEP (11.8.4)
            security=self.security,
            hidden=self.hidden,
        )

    def matches(self, request: JoinRequest) -> bool:
        """Return whether a join request fits this access point."""
        return (
            self.in_range
            and request.ssid in (self.ssid, "" if request.bssid else self.ssid)
            and (request.bssid is None or mac_text(request.bssid) == self.bssid)
            and request.channel in (None, self.channel)
        )

    async def authenticate(self, request: JoinRequest, mac: str) -> None:
        """Agree on security and check the passkey, as far as the air would. Raises JoinError.

        A station that asks for another security type does not get as far as a key.
        """
        try:
            if self._refusals > 0:
                self._refusals -= 1
                raise JoinError(JoinFailure.REFUSED)
            await self._authenticate(request, mac)
        except JoinError as error:
            self.log(f"{mac} not joined: {error}")
            raise

    async def _authenticate(self, request: JoinRequest, mac: str) -> None:
        asked = self.security if request.security is None else request.security
        if not self.security.accepts(asked):
            raise JoinError(JoinFailure.BAD_SECURITY)
        if self.security is Security.OPEN:
            return
        if not request.passkey:
            raise JoinError(JoinFailure.NO_PASSKEY)
        suite = self.security.suite(asked)
        if suite is Sae.CCMP:
            # Neither side can go on with a wrong password (12.4): the exchange itself is left out.
            if not hmac.compare_digest(request.passkey.encode(), self._passphrase.encode()):
                raise JoinError(JoinFailure.WRONG_PASSKEY)
            return
        if suite is None:
            # Shared-key authentication: the access point sees at once that the answer is wrong.
            theirs, ours = wep_key(request.passkey), wep_key(self._passphrase)
            if theirs is None or ours is None or not hmac.compare_digest(theirs, ours):
                raise JoinError(JoinFailure.WRONG_PASSKEY)
            return
        from tokay.board.air.four_way_handshake import HandshakePeer, nonce, run_handshake  # noqa: PLC0415 - start-up time

        ssid = self.ssid.encode("latin-1")
        try:
            theirs = wpa.pmk(request.passkey, ssid)
        except wpa.WpaError:
            raise JoinError(JoinFailure.WRONG_PASSKEY) from None
        self._handshakes += 1
        us = HandshakePeer(
            self.bssid, wpa.pmk(self._passphrase, ssid), nonce(self.bssid, self._handshakes)
        )
        them = HandshakePeer(mac, theirs, nonce(mac, self._handshakes))
        await run_handshake(us, them, suite, self.handshake_timeout)

    def admit(self, station: AssociatedStation) -> None:
        """Associate a station that has authenticated; one with the same address loses its link."""
        self.deauthenticate(station.mac, "another station joined with this address")
        self.stations[station.mac] = station
        self.log(f"{station.mac} joined")

    def release(self, station: AssociatedStation) -> None:
        """Remove a station that leaves."""
        if self.stations.get(station.mac) is station:
            del self.stations[station.mac]
            self.log(f"{station.mac} left")


def derived_bssid(ssid: bytes, index: int = 0) -> str:
    """Return a locally administered unicast address that is always the same for an SSID.

    `index` tells apart the access points of one SSID.
    """
    digest = bytearray(hashlib.sha256(b"%d:%s" % (index, ssid)).digest()[:6])
    digest[0] = digest[0] & 0xFC | 0x02
    return digest.hex(":").upper()


def normalize_host(name: str) -> str:
    """Return the form in which host names are compared: no case, no final dot."""
    return name.removesuffix(".").lower()


def parse_portal(text: str) -> tuple[str, int]:
    """Read `address:port`. Raises AirspaceError."""
    address, _, port = text.rpartition(":")
    try:
        where = str(IPv4Address(address)), int(port)
    except ValueError:
        raise AirspaceError(f"portal: must be an IPv4 address:port, not {text!r}") from None
    if not 1 <= where[1] <= 65535:
        raise AirspaceError(f"portal: must be an IPv4 address:port, not {text!r}")
    return where


def _dbm(key: str, value: int) -> int:
    if not -100 <= value <= 0:
        raise AirspaceError(f"{key}: must be -100 to 0 dBm, not {value}")
    return value


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
