"""Variables that only tell.

Source: docs/protocol/variables.md, section 7.23.
"""

from collections.abc import Sequence

from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed, lines
from tokay.kernel.tokenizer import printable
from tokay.kernel.variables import computed
from tokay.plugins.network import NO_ADDRESS, Network
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.station import Wlan

NOT_JOINED = "0"


def _rssi(kernel: Kernel, _words: Sequence[str]) -> str:
    rssi = kernel.plugin(Wlan).radio.rssi()
    return NOT_JOINED if rssi is None else str(rssi)


def _info(kernel: Kernel, words: Sequence[str]) -> str:
    interface = kernel.plugin(Network).find("wlan")
    address = interface.address if interface is not None else None
    rows = {
        "status": kernel.plugin(Wlan).status.name.lower(),
        "mac": kernel.mac,
        "ssid": printable(kernel.variables[wlan.SSID]),
        "bssid": interface.link.bssid if interface is not None else "",
        "channel": str(interface.link.channel) if interface is not None else "",
        "security": interface.link.security.value if interface is not None else "",
        "rssi": _rssi(kernel, words),
        "ip": address.address if address else NO_ADDRESS,
        "netmask": address.netmask if address else NO_ADDRESS,
        "gateway": address.gateway if address else NO_ADDRESS,
        "dns": address.dns if address else NO_ADDRESS,
    }
    return lines([f"{name}: {value}".rstrip() for name, value in rows.items()])


@command("wlan_get_rssi", "rssi")
def wlan_get_rssi(call: Call) -> str:
    """Print the signal of the joined network in dBm."""
    rssi = call.kernel.plugin(Wlan).radio.rssi()
    if rssi is None:
        raise failed("not joined")
    return str(rssi)


JOIN_RESULT = computed(
    "wlan.join.result", "wl j s", lambda kernel, _: str(int(kernel.plugin(Wlan).result)),
    doc="How the last join ended: 1 joined, 3 no ssid, 4 no passkey, 5 security, 6 not found, "
    "7 failed, 8 aborted; 2 while joining, 0 never tried.",
)  # fmt: skip
STATUS = computed(
    "wlan.network.status", "wl n s", lambda kernel, _: str(int(kernel.plugin(Wlan).status)),
    doc="0 down, 1 joined without an address, 2 up, 3 joining.",
)  # fmt: skip
RSSI = computed("wlan.network.rssi", "wl n r", _rssi, doc="The signal of the joined network, dBm.")
INFO = computed("wlan.info", "wl i", _info, doc="A report on the interface.")
VARIABLES = (JOIN_RESULT, STATUS, RSSI, INFO)
