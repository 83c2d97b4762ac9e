"""What an earlier join has found out: kept over reboots, so that the next one need not probe."""

import contextlib

import msgspec

from tokay.board.security import Security
from tokay.kernel.kernel import Kernel
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.join import Details

FACT = "wlan.joined"


def load(kernel: Kernel) -> Details | None:
    """Return the stored details, while the settings still ask for the same network."""
    text = kernel.storage.facts().get(FACT)
    if text is None:
        return None
    try:
        ssid, bssid, channel, word = msgspec.json.decode(text, type=tuple[str, str, int, str])
        details = Details(ssid, bssid, channel, Security(word))
    except (msgspec.DecodeError, ValueError):
        return None
    values = kernel.variables
    asked = wlan.SECURITIES.get(values[wlan.SECURITY], details.security)
    bssid = values[wlan.BSSID]
    same = bssid == details.bssid if bssid else values[wlan.SSID] == details.ssid
    return details if same and asked is details.security else None


def save(kernel: Kernel, details: Details | None) -> None:
    """Keep details, or forget what was kept. Storage writes only what is new."""
    text = None
    if details is not None:
        fields = (details.ssid, details.bssid, details.channel, details.security.value)
        text = msgspec.json.encode(fields).decode()
    # A device that cannot store them joins all the same, with a probe.
    with contextlib.suppress(OSError):
        kernel.storage.set_facts({FACT: text})
