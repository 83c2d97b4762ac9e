"""`wps`: the credentials of an access point whose button is pushed.

Source: docs/protocol/network.md, section 3.3.
"""

import asyncio

from tokay.board.radio import JoinError
from tokay.kernel import settings
from tokay.kernel.commands import Call, command
from tokay.kernel.results import failed
from tokay.plugins.network import Network
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.station import NAME, Wlan

SESSION = 120.0
"""Seconds that a push of the button holds."""


@command("wps", "wps")
async def wps(call: Call) -> None:
    """Take the credentials of an access point whose WPS button is pushed, save them, and join."""
    station = call.kernel.plugin(Wlan)
    try:
        async with asyncio.timeout(SESSION):
            ssid, passkey = await station.radio.wps()
    except (JoinError, TimeoutError) as error:
        raise failed(str(error) or "nobody pushed the button") from error
    call.kernel.variables[wlan.SSID] = ssid
    call.kernel.variables[wlan.PASSKEY] = passkey
    settings.save(call.kernel)
    await station.down()
    await call.kernel.plugin(Network).need(NAME)
