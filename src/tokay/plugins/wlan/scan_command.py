"""`wlan_scan`. Source: docs/protocol/network.md, section 3.1."""

from tokay.kernel.commands import Call, command
from tokay.kernel.results import Listing, bad_args, lines
from tokay.plugins.wlan.scan import TYPES, look
from tokay.plugins.wlan.scan_table import table
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
