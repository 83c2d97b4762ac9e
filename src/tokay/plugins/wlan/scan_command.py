"""`wlan_scan` and the table that it prints: hosts parse it by its columns.

Source: commands-network, section 3.1.
"""

from collections.abc import Sequence

from tokay.board.radio import Network
from tokay.kernel.commands import Call, command
from tokay.kernel.results import Listing, bad_args, lines
from tokay.kernel.words import printable
from tokay.plugins.wlan.scan import TYPES, look
from tokay.plugins.wlan.station import Wlan


@command("wlan_scan", "scan", "[-v] [-t type] [channel] [ssid]")
async def wlan_scan(call: Call) -> Listing:
    """List the networks in range; with -v also rate, security and SSID length."""
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
