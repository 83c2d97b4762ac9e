"""`network_verify`: are these credentials right? Nothing that is stored or up may change.

Source: docs/protocol/network.md, section 2.5.
"""

import asyncio
import re

from tokay.board.radio import JoinError, JoinRequest
from tokay.board.security import Security
from tokay.kernel.commands import Call, command
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.station import Wlan

WIFI = "wifi"
# The numbers of the security argument.
SECURITIES = (
    Security.OPEN,
    Security.WEP,
    Security.WPA_AES,
    Security.WPA_TKIP,
    Security.WPA2_AES,
    Security.WPA2_MIXED,
    Security.WPA2_TKIP,
)
_PMK = re.compile(r"[0-9A-Fa-f]{64}")


@command("network_verify", "nve", "wifi ssid bssid channel [security] [pmk]")
async def network_verify(call: Call) -> None:
    """Try the credentials of a network without joining it."""
    if call["wifi"] != WIFI:
        raise bad_args(f"{call['wifi']} is not {WIFI}")
    request = _request(call)
    limit = call.kernel.variables[wlan.JOIN_TIMEOUT] / 1000
    try:
        async with asyncio.timeout(limit):
            await call.kernel.plugin(Wlan).radio.verify(request)
    except (JoinError, TimeoutError) as error:
        raise failed(str(error) or "no answer") from error


def _request(call: Call) -> JoinRequest:
    bssid = wlan.BSSID.kind.parse([call["bssid"]]) if wlan.BSSID.kind else ""
    security = SECURITIES[call.number("security", 0, len(SECURITIES) - 1, 0)]
    pmk = call.get("pmk")
    if pmk and not _PMK.fullmatch(pmk):
        raise bad_args("the key is not 64 hex digits")
    if security.has_psk and not pmk:
        raise CommandError(Result.TOO_FEW_ARGS, "the key is missing")
    try:
        ssid = wlan.SSID.kind.parse([call["ssid"]]) if wlan.SSID.kind else ""
    except CommandError:
        raise bad_args("the ssid does not fit") from None
    return JoinRequest(
        ssid=ssid,
        bssid=bssid or None,
        channel=call.number("channel", 1, 14),
        security=security,
        passkey=pmk or None,
    )
