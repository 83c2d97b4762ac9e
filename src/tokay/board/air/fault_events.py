"""What can go wrong in an airspace: the events of a script.

Each kind is a class whose fields are its keys, in the file and in Python alike.
"""

import math
from abc import abstractmethod
from typing import Any, TypeAlias

import msgspec

from tokay.board.air.access_point import AccessPoint, parse_portal
from tokay.board.air.dns_faults import DnsFault, DnsFaultRule
from tokay.board.air.errors import AirspaceError
from tokay.board.air.subnet import Subnet
from tokay.board.air.traffic_shaping import Shape
from tokay.board.passkey import check_passphrase, passkey_text
from tokay.board.radio import mac_text

_TIMING = frozenset(("at", "ap", "every", "times", "jitter"))
_SECRET = frozenset(("passphrase",))


class FaultEvent(
    msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="do", omit_defaults=True
):
    """One line of a script. `at` is seconds from its start, `ap` an SSID or a BSSID.

    With `every` it is applied `times` times, that many seconds apart; each time up to `jitter`
    seconds late.
    """

    ap: str
    at: float = 0.0
    every: float = 0.0
    times: int = 1
    jitter: float = 0.0

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        """Apply the fault now; `check` has passed. Raises AirspaceError."""

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        """Raise AirspaceError if it could not be done."""
        for key in ("at", "every", "jitter"):
            if not 0 <= getattr(self, key) < math.inf:
                raise AirspaceError(f"{key}: must be 0 s or more, not {getattr(self, key)}")
        if self.times < 1:
            raise AirspaceError(f"times: must be 1 or more, not {self.times}")
        if self.times > 1 and not self.every:
            raise AirspaceError("every: missing with times")

    def __str__(self) -> str:
        """Return the event as a log line has it, without secrets."""
        keys = msgspec.to_builtins(self)
        word = keys.pop("do")
        told = (
            f"{key}={'*' if key in _SECRET else value}"
            for key, value in keys.items()
            if key not in _TIMING
        )
        return " ".join((word, *told))


class PowerOff(FaultEvent, tag="power_off"):
    """The access point leaves the air."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.power(False)


class PowerOn(FaultEvent, tag="power_on"):
    """It is on the air again."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.power(True)


class Fade(FaultEvent, tag="fade"):
    """The signal goes to `to` dBm within `over` seconds; -100 is out of range."""

    to: int
    over: float = 0.0
    start: int | None = msgspec.field(name="from", default=None)

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        for key, value in (("to", self.to), ("from", self.start or 0)):
            if not -100 <= value <= 0:
                raise AirspaceError(f"{key}: must be -100 to 0 dBm, not {value}")
        if not 0 <= self.over < math.inf:
            raise AirspaceError(f"over: must be 0 s or more, not {self.over}")

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.fade(self.to, self.over, self.start)


class Passphrase(FaultEvent, tag="passphrase"):
    """The passphrase changes; who has joined stays."""

    passphrase: str

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        check_passphrase(ap.security, passkey_text(self.passphrase))

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.set_passphrase(self.passphrase)


class Refuse(FaultEvent, tag="refuse"):
    """The next `joins` associations are refused, or all until `accept`."""

    joins: int | None = None

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        if self.joins is not None and self.joins < 1:
            raise AirspaceError(f"joins: must be 1 or more, not {self.joins}")

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.refuse(self.joins)


class Accept(FaultEvent, tag="accept"):
    """Associations succeed again."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.accept()


class Deauthenticate(FaultEvent, tag="deauthenticate"):
    """One station, or every one, is thrown out."""

    station: str | None = None

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        if self.station is not None:
            try:
                mac_text(self.station)
            except ValueError as error:
                raise AirspaceError(f"station: {error}") from None

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        if self.station is None:
            ap.deauthenticate_all()
        else:
            ap.deauthenticate(self.station)


class DhcpSilent(FaultEvent, tag="dhcp_silent"):
    """The DHCP server answers nothing."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_silent()


class DhcpNak(FaultEvent, tag="dhcp_nak"):
    """It refuses every REQUEST."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_nak()


class DhcpExhausted(FaultEvent, tag="dhcp_exhausted"):
    """It has no address for anyone new."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_exhausted()


class DhcpLease(FaultEvent, tag="dhcp_lease"):
    """Leases last this many seconds."""

    seconds: int

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        if not 4 <= self.seconds <= 0xFFFFFFFF:
            raise AirspaceError(f"seconds: must be 4 to 4294967295, not {self.seconds}")

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_lease(self.seconds)


class DhcpDuplicate(FaultEvent, tag="dhcp_duplicate"):
    """The next addresses that it offers are somebody's already."""

    addresses: int = 1

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        if self.addresses < 1:
            raise AirspaceError(f"addresses: must be 1 or more, not {self.addresses}")

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_duplicate(self.addresses)


class DhcpRogue(FaultEvent, tag="dhcp_rogue"):
    """A second, faster server gives a gateway and a DNS server of its own choice."""

    gateway: str | None = None
    dns: str | None = None
    lie: str | None = None
    lease: int = 3600

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        subnet.make_rogue(gateway=self.gateway, dns=self.dns, lie=self.lie, lease=self.lease)

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_rogue(gateway=self.gateway, dns=self.dns, lie=self.lie, lease=self.lease)


class DhcpNormal(FaultEvent, tag="dhcp_normal"):
    """Every fault of DHCP ends."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        subnet.dhcp_normal()


class _DnsFaultEvent(FaultEvent, kw_only=True):
    names: list[str] = msgspec.field(default_factory=lambda: ["*"])

    @abstractmethod
    def rule(self) -> DnsFaultRule:
        """Return the rule that the event puts in force. Raises AirspaceError for bad keys."""

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        self.rule()

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.dns_rules = (self.rule(), *ap.dns_rules)


class DnsTimeout(_DnsFaultEvent, tag="dns_timeout"):
    """Nobody answers for these names."""

    def rule(self) -> DnsFaultRule:
        return DnsFaultRule(DnsFault.TIMEOUT, tuple(self.names))


class DnsNxdomain(_DnsFaultEvent, tag="dns_nxdomain"):
    """There are no such names."""

    def rule(self) -> DnsFaultRule:
        return DnsFaultRule(DnsFault.NXDOMAIN, tuple(self.names))


class DnsTruncate(_DnsFaultEvent, tag="dns_truncate"):
    """Answers for these names are cut short, and there is no TCP to get them whole."""

    def rule(self) -> DnsFaultRule:
        return DnsFaultRule(DnsFault.TRUNCATE, tuple(self.names))


class DnsLie(_DnsFaultEvent, tag="dns_lie", kw_only=True):
    """These names resolve to `address`."""

    address: str

    def rule(self) -> DnsFaultRule:
        return DnsFaultRule(DnsFault.LIE, tuple(self.names), self.address)


class DnsNormal(FaultEvent, tag="dns_normal"):
    """Names resolve as they should."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.dns_rules = ()


class TlsMalloc(FaultEvent, tag="tls_malloc"):
    """The next `handshakes` TLS handshakes find no memory, or all until `tls_normal`."""

    handshakes: int | None = None

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        if self.handshakes is not None and self.handshakes < 1:
            raise AirspaceError(f"handshakes: must be 1 or more, not {self.handshakes}")

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.fail_tls_handshakes(math.inf if self.handshakes is None else self.handshakes)


class TlsNormal(FaultEvent, tag="tls_normal"):
    """TLS handshakes find memory again."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.fail_tls_handshakes(0)


class SetShape(FaultEvent, tag="shape"):
    """TCP streams become slow or lossy; without keys they are as they should be."""

    latency: float = 0.0
    loss: float = 0.0
    bandwidth: int | None = None

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        Shape(self.latency, self.loss, self.bandwidth)
        ap.shapes = True  # streams that are open by then were opened by something that can shape

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.shape = Shape(self.latency, self.loss, self.bandwidth)


class Captive(FaultEvent, tag="captive"):
    """The way out leads to a portal, until `uplink_on`."""

    portal: str

    def check(self, ap: AccessPoint, subnet: Subnet) -> None:
        super().check(ap, subnet)
        parse_portal(self.portal)

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.portal = self.portal


class UplinkOff(FaultEvent, tag="uplink_off"):
    """There is no way out."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.uplink = False


class UplinkOn(FaultEvent, tag="uplink_on"):
    """The way out is open, without a portal."""

    def apply(self, ap: AccessPoint, subnet: Subnet) -> None:
        ap.uplink = True
        ap.portal = None


AnyFaultEvent: TypeAlias = (
    PowerOff
    | PowerOn
    | Fade
    | Passphrase
    | Refuse
    | Accept
    | Deauthenticate
    | DhcpSilent
    | DhcpNak
    | DhcpExhausted
    | DhcpLease
    | DhcpDuplicate
    | DhcpRogue
    | DhcpNormal
    | DnsTimeout
    | DnsNxdomain
    | DnsTruncate
    | DnsLie
    | DnsNormal
    | TlsMalloc
    | TlsNormal
    | SetShape
    | Captive
    | UplinkOff
    | UplinkOn
)


def make_event(keys: dict[str, Any]) -> AnyFaultEvent:
    """Make an event from its keys. Raises AirspaceError."""
    try:
        event: AnyFaultEvent = msgspec.convert(keys, AnyFaultEvent)
    except msgspec.ValidationError as error:
        raise AirspaceError(validation_text(error)) from None
    return event


def validation_text(error: msgspec.ValidationError) -> str:
    """Return what is wrong with a table, key first."""
    what, _, where = str(error).partition(" - at `$")
    key = where.removesuffix("`").lstrip(".")
    return f"{key}: {what}" if key else what
