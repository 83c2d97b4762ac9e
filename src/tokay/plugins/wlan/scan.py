"""Scanning: what the radio hears, narrowed by `wlan.scan.*`, and the table that `wlan_scan` prints.

Hosts parse the table by its columns. Source: commands-network, section 3.1.
"""

from collections.abc import Sequence

from tokay.board.radio import Network, Radio
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.kinds import Choice, Hex, Integer
from tokay.kernel.results import Listing, bad_args, lines
from tokay.kernel.variables import Variable
from tokay.kernel.words import printable

TYPES = ("active", "passive")
EVERY_CHANNEL = 0x3FFF

CHANNEL_MASK = Variable(
    "wlan.scan.channel_mask", "wl s c", Hex(1, EVERY_CHANNEL), EVERY_CHANNEL,
    doc="The channels that are listened to: bit 0 is channel 1.",
)  # fmt: skip
NUM_PROBES = Variable(
    "wlan.scan.num_probes", "wl s n", Integer(1, 16), 2,
    doc="Probe requests on each channel.",
)  # fmt: skip
RETRIES = Variable(
    "wlan.scan.retries", "wl s r", Integer(0, 255), 2,
    doc="Further passes when a network was not found.",
)  # fmt: skip
TYPE = Variable(
    "wlan.scan.type", "wl s t", Choice(*TYPES), "active",
    doc="Ask for networks, or only listen: a hidden one is then not found.",
)  # fmt: skip
SETTINGS = (CHANNEL_MASK, NUM_PROBES, RETRIES, TYPE)


async def look(
    kernel: Kernel, radio: Radio, *, ssid: str = "", channel: int | None = None, type: str = ""
) -> list[Network]:
    """Return the networks in range, strongest first, as `wlan.scan.*` allows."""
    values = kernel.variables
    # Only an active scan asks for a network by name, and only so is a hidden one found.
    asked = ssid if (type or values[TYPE]) == "active" else ""
    found = await radio.scan(ssid=asked or None, channel=channel)
    mask = values[CHANNEL_MASK]
    return [one for one in found if mask & 1 << (one.channel - 1) and ssid in ("", one.ssid)]


@command("wlan_scan", "scan", "[-v] [-t type] [channel] [ssid]")
async def wlan_scan(call: Call) -> Listing:
    """List the networks in range; with -v also rate, security and SSID length."""
    from tokay.plugins.wlan import Wlan  # noqa: PLC0415 - the class lists this command

    kind = call.get("type")
    if kind and kind not in TYPES:
        raise bad_args(f"{kind} is not one of {', '.join(TYPES)}")
    channel = call.number("channel", 0, 14, 0)
    radio = call.kernel.plugin(Wlan).radio
    found = await look(
        call.kernel, radio, ssid=call.get("ssid"), channel=channel or None, type=kind
    )
    return lines(table(found, verbose="-v" in call))


def table(networks: Sequence[Network], *, verbose: bool) -> list[str]:
    """Return the rows of `wlan_scan`."""
    head = f"! {len(networks)} networks found"
    if not networks:
        return [head]
    if verbose:
        names = "!  # Ch RSSI MAC (BSSID)        Rate Security   Typ Ln Network (SSID)"
        return [head, names, *(_long(number, one) for number, one in enumerate(networks))]
    names = "!  # Ch RSSI MAC (BSSID)       Network (SSID)"
    return [head, names, *(_short(number, one) for number, one in enumerate(networks))]


def _short(number: int, one: Network) -> str:
    return f"# {number:2} {one.channel:2} {one.rssi:4} {one.bssid} {printable(one.ssid)}"


def _long(number: int, one: Network) -> str:
    return (
        f"# {number:2} {one.channel:2} {one.rssi:4} {one.bssid} {one.rate:5.1f} "
        f"{one.security.value:<10} AP  {len(one.ssid):2} {printable(one.ssid)}"
    )
