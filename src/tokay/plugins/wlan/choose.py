"""`network_up -s`: a person picks a network from a scan and types its password.

Source: docs/protocol/network.md, section 2.1.
"""

from tokay.board.radio import Radio
from tokay.board.security import Security
from tokay.kernel.commands import Call
from tokay.kernel.results import CommandError, bad_args, failed
from tokay.plugins.wlan import scan
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.scan_table import table

ASK_NETWORK = "Network number: "
ASK_PASSWORD = "Password: "  # noqa: S105 - a question


async def choose(call: Call, radio: Radio) -> None:
    """Set wlan.ssid and wlan.passkey to what is chosen. Raises CommandError."""
    kernel = call.kernel
    found = await scan.look(kernel, radio)
    visible = [network for network in found if network.ssid]
    if not visible:
        raise failed("no network is in range")
    for row in table(visible, verbose=False):
        call.log(row)
    word = await call.line(ASK_NETWORK)
    if not word.isascii() or not word.isdigit() or int(word) >= len(visible):
        raise bad_args(f"{word} is no network of the list")
    network = visible[int(word)]
    passkey = ""
    if network.security is not Security.OPEN:
        passkey = await call.line(ASK_PASSWORD, secret=True)
        try:
            wlan.PASSKEY.kind.check(passkey)  # type: ignore[union-attr]
        except CommandError:
            raise bad_args("the password has not 8 to 63 characters") from None
    kernel.variables[wlan.SSID] = network.ssid
    kernel.variables[wlan.PASSKEY] = passkey
