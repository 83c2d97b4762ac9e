"""The radio: what a board offers to see networks and to join one.

A radio knows 802.11 and nothing above it. The join procedure (probe, retries, time limits,
DHCP, results) is one level up; the radio makes one attempt and says how it ended. A join
gives a `Link`, and the link gives sockets.
"""

import re
from collections.abc import Callable
from enum import Enum, unique
from typing import NamedTuple, Protocol

from tokay.board.link import ApLink, Link
from tokay.board.security import Security

__all__ = [
    "ApConfig",
    "ApError",
    "JoinError",
    "JoinFailure",
    "JoinRequest",
    "Radio",
    "RadioError",
    "RadioOptionError",
    "ScanResult",
    "Security",
    "mac_text",
    "next_mac",
]

_MAC = re.compile(r"([0-9A-Fa-f]{2})[:-]?" * 5 + r"([0-9A-Fa-f]{2})")


class ScanResult(NamedTuple):
    """One line of a scan.

    An SSID is 0 to 32 arbitrary bytes, held as text with one character a byte (latin-1), so
    that it compares and prints without loss. A hidden network found by an undirected scan
    has an empty one.
    """

    ssid: str
    bssid: str
    """`AA:BB:CC:DD:EE:FF`."""
    channel: int
    """1 to 14."""
    rssi: int
    """Signal in dBm, -100 to 0."""
    rate: float
    """Highest rate in Mbit/s."""
    security: Security
    hidden: bool = False


class JoinRequest(NamedTuple):
    """What to join. None means that anything will do; the strongest match is taken."""

    ssid: str
    """As in `ScanResult`; may be empty if `bssid` is given."""
    bssid: str | None = None
    channel: int | None = None
    security: Security | None = None
    passkey: str | None = None
    """A passphrase, a WEP key, or the 64 hex digits of a PSK. Never in an error or a repr."""
    roam: bool = False
    """Whether the station may move to another access point of the SSID later."""

    def __repr__(self) -> str:
        """Show everything but the passkey."""
        return (
            f"JoinRequest(ssid={self.ssid!r}, bssid={self.bssid!r}, channel={self.channel!r},"
            f" security={self.security!r})"
        )


@unique
class JoinFailure(Enum):
    """Why one attempt to join failed. The value is a short text for the log."""

    NOT_FOUND = "network not found"
    REFUSED = "refused by the access point"
    NO_PASSKEY = "the network needs a passkey"
    WRONG_PASSKEY = "wrong passkey"
    BAD_SECURITY = "security type does not match"
    TIMEOUT = "no answer from the access point"


class JoinError(Exception):
    """One attempt to join failed."""

    def __init__(self, reason: JoinFailure) -> None:
        super().__init__(reason.value)
        self.reason = reason


class ApConfig(NamedTuple):
    """What a soft AP announces and whom it lets in."""

    ssid: str
    """1 to 32 bytes, as in `ScanResult`."""
    passkey: str = ""
    """8 to 63 characters or 64 hex digits for WPA2-AES; empty for an open network."""
    channel: int = 0
    """1 to 14, or 0 for any. A radio that has joined a network stays on that one's channel."""
    hidden: bool = False
    max_clients: int = 5

    def __repr__(self) -> str:
        """Show everything but the passkey."""
        return f"ApConfig(ssid={self.ssid!r}, channel={self.channel!r}, hidden={self.hidden!r})"


class ApError(Exception):
    """A soft AP that cannot be had: one line for the log."""


class RadioError(Exception):
    """A radio that cannot be had as asked: one line that names what is wrong."""


class RadioOptionError(RadioError):
    """Options that a radio cannot use.

    Raised by the radio's opener; `open_radio` puts `radio NAME:OPTIONS: ` before the text.
    """


class RadioSettings(NamedTuple):
    """How a radio is set up. The defaults leave everything as the machine has it."""

    region: str = ""
    """The country whose rules hold, two letters as in ISO 3166."""
    tx_power: int | None = None
    """At most so many dBm."""
    antenna: int | None = None
    """1 or 2, 0 for whichever is better."""
    power_save: bool = False
    flavour: str = ""
    """`b`, `g` or `n`: the newest of 802.11 that is spoken."""
    rate: int | None = None
    """0 to 3 are the rates of 802.11b, 4 to 7 are 6, 12, 24 and 54 Mbit/s of 802.11g, 8 to 15 the
    MCS of 802.11n from 0 to 7."""


class Radio(Protocol):
    """A Wi-Fi station, and an access point of its own."""

    on_lost: Callable[[str], None] | None
    """Called on a turn of the loop when the link goes away by itself, with the reason as text:
    the access point went off or sent a deauthentication. Not called after `leave`."""

    on_note: Callable[[str], None] | None
    """Called with a line for the device's log: what the radio did otherwise than it was asked, or
    why it could not."""

    @property
    def mac(self) -> str:
        """The station's address, `AA:BB:CC:DD:EE:FF`."""

    tunable: bool
    """Whether `configure` has an effect."""

    def configure(self, settings: RadioSettings) -> None:
        """Set the radio up, now and until it is closed; what it cannot do it tells `on_note`."""

    async def scan(
        self, *, ssid: str | None = None, channel: int | None = None, passive: bool = False
    ) -> list[ScanResult]:
        """Look for networks, strongest first. A given `ssid` also finds hidden ones by that name.

        A ``passive`` scan sends nothing, where the radio can.

        Works joined or not. Takes seconds on a real radio.
        """

    async def wait_turn(self) -> None:
        """Return when a join may begin; called before its time limits run.

        A simulated radio lets those of its process begin a few at a time. Others return at once.
        """

    async def join(self, request: JoinRequest) -> Link:
        """Associate and authenticate, once; a link that is up already is left first.

        The caller sets the time limit and may cancel at any point; the radio is then not joined.
        Raises JoinError.
        """

    async def wps(self) -> tuple[str, str]:
        """Wait for an access point whose button is pushed; return its SSID and passphrase.

        The caller sets the time limit. Raises JoinError where there is no WPS.
        """

    async def verify(self, request: JoinRequest) -> None:
        """Try to associate and authenticate without joining; a link that is up stays up.

        The caller sets the time limit. Raises JoinError.
        """

    async def leave(self) -> None:
        """Leave the network and close the link; nothing happens if not joined."""

    def rssi(self) -> int | None:
        """Return the signal of the joined access point in dBm, None if not joined."""

    async def start_ap(self, config: ApConfig) -> ApLink:
        """Start the soft AP, whether joined or not; one that runs is closed first.

        Its BSSID is the station's address with the local bit turned, or that of an interface
        of its own. Raises ApError.
        """

    async def close(self) -> None:
        """Release the hardware, and undo what was changed on this machine."""


def mac_text(mac: str) -> str:
    """Write a MAC address the device's way, `AA:BB:CC:DD:EE:FF`.

    Takes either case, with colons, hyphens or nothing between. Raises ValueError.
    """
    match = _MAC.fullmatch(mac)
    if match is None:
        raise ValueError(f"not a MAC address: {mac!r}")
    return ":".join(match.groups()).upper()


def next_mac(mac: str) -> str:
    """Return the address behind one, as a product numbers its interfaces. Raises ValueError."""
    number = (int(mac_text(mac).replace(":", ""), 16) + 1) % (1 << 48)
    return mac_text(f"{number:012X}")
