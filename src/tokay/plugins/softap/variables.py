"""The softap.* settings.

Sources: docs/protocol/network.md, section 4; docs/protocol/variables.md, section 7.16.
"""

from typing import Any

from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import Boolean, Choice, Integer, Ipv4, Passkey, Text
from tokay.kernel.variables import Applies, Variable

_RESTART: dict[str, Any] = {"applies": Applies.NETWORK_RESTART}
_AUTO = "auto"


def hide_passkey(kernel: Kernel) -> bool:
    """Return whether passkeys are masked: the WLAN's setting counts for all."""
    variable = kernel.variables.table.by_name.get("wlan.hide_passkey")
    return variable is not None and bool(kernel.variables[variable])


AUTO_START = Variable(
    "softap.auto_start", "so a", Boolean(), False, doc="Bring the soft AP up at boot.", **_RESTART
)
CAPTIVE_PORTAL = Variable(
    "softap.captive_portal_enabled", "so v", Boolean(), False,
    doc="Lead the probes that phones and computers send to the device's own pages.", **_RESTART,
)  # fmt: skip
CHANNEL = Variable(
    "softap.channel", "so c", Integer(0, 14), 0,
    doc="The channel; 0 is any. While WLAN is joined its channel is used.", **_RESTART,
)  # fmt: skip
DHCP_ENABLED = Variable(
    "softap.dhcp_server.enabled", "so d e", Boolean(), True,
    doc="Give addresses to the clients.", **_RESTART,
)  # fmt: skip
DHCP_GATEWAY = Variable(
    "softap.dhcp_server.gateway", "so d g", Ipv4(), "10.10.10.1",
    doc="The gateway that clients are told.", **_RESTART,
)  # fmt: skip
DNS_ENABLED = Variable(
    "softap.dns_server.enabled", "so n e", Boolean(), True,
    doc="Answer the clients' DNS questions.", **_RESTART,
)  # fmt: skip
DNS_URL = Variable(
    "softap.dns_server.url", "so n u", Text(0, 255), "gecko-os.com",
    doc="Names, with commas between, that lead to the device.", also=("softap.url",), **_RESTART,
)  # fmt: skip
HIDDEN = Variable("softap.hidden", "so h", Boolean(), False, doc="Announce no SSID.", **_RESTART)
IDLE_TIMEOUT = Variable(
    "softap.idle_timeout", "so t", Integer(0, 65535, unit="s"), 7,
    doc="How long a client that is gone stays listed.", **_RESTART,
)  # fmt: skip
MAX_CLIENTS = Variable(
    "softap.max_clients", "so x", Integer(1, 253), 5,
    doc="How many clients may join.", **_RESTART,
)  # fmt: skip
PASSKEY = Variable(
    "softap.passkey", "so p", Passkey(), "", hidden=hide_passkey,
    doc="The passphrase, or 64 hex digits as PSK; empty is an open network.", **_RESTART,
)  # fmt: skip
RATE_PROTOCOL = Variable(
    "softap.rate.protocol", "so r p", Choice(_AUTO, "b", "g", "n"), _AUTO,
    doc="The flavour of 802.11.", **_RESTART,
)  # fmt: skip
RATE_SETTING = Variable(
    "softap.rate.setting", "so r s", Choice(_AUTO, *(str(number) for number in range(16))), _AUTO,
    doc="A fixed transmit rate.", **_RESTART,
)  # fmt: skip
SSID = Variable(
    "softap.ssid", "so s", Text(1, 32, empty=False), "Gecko_OS-#",
    doc="The name of the network; # becomes the last three hex digits of the MAC.", **_RESTART,
)  # fmt: skip
STATIC_GATEWAY = Variable(
    "softap.static.gateway", "so t g", Ipv4(), "10.10.10.1",
    doc="The gateway of the interface.", also=("softap.gateway",), **_RESTART,
)  # fmt: skip
STATIC_IP = Variable(
    "softap.static.ip", "so s i", Ipv4(), "10.10.10.1",
    doc="The address of the device on its network.", also=("so t i",), **_RESTART,
)  # fmt: skip
STATIC_NETMASK = Variable(
    "softap.static.netmask", "so t n", Ipv4(), "255.255.255.0",
    doc="The netmask of its network.", **_RESTART,
)  # fmt: skip

SETTINGS = (
    AUTO_START, CAPTIVE_PORTAL, CHANNEL, DHCP_ENABLED, DHCP_GATEWAY, DNS_ENABLED, DNS_URL, HIDDEN,
    IDLE_TIMEOUT, MAX_CLIENTS, PASSKEY, RATE_PROTOCOL, RATE_SETTING, SSID, STATIC_GATEWAY,
    STATIC_IP, STATIC_NETMASK,
)  # fmt: skip
