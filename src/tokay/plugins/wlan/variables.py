"""The wlan.* variables.

Sources: docs/protocol/network.md, sections 2 and 3; docs/protocol/variables.md, section 7.23.
"""

from tokay.board.security import Security
from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import (
    Boolean,
    Choice,
    Integer,
    Ipv4,
    Mac,
    Passkey,
    Pin,
    RestrictedText,
    Text,
)
from tokay.kernel.variables import Applies, Variable, computed
from tokay.plugins.network import NO_ADDRESS, Addressing, InterfaceAddress, address_getter

AUTO = "auto"

# The words of wlan.security, and what they ask of an access point.
SECURITIES: dict[str, Security] = {
    "open": Security.OPEN,
    "wep": Security.WEP,
    "wpa_aes": Security.WPA_AES,
    "wpa_tkip": Security.WPA_TKIP,
    "wpa2_aes": Security.WPA2_AES,
    "wpa2_tkip": Security.WPA2_TKIP,
    "wpa2_mixed": Security.WPA2_MIXED,
    "wpa3_sae": Security.WPA3_SAE,
    "wpa3_mixed": Security.WPA3_MIXED,
}

SSID = Variable("wlan.ssid", "wl s", Text(1, 32), "", doc="The network to join.")
BSSID = Variable("wlan.bssid", "wl b", Mac(), "", doc="The one access point to join.")
HIDE_PASSKEY = Variable(
    "wlan.hide_passkey", "wl h", Boolean(), False,
    doc="Print a mask in the place of the passkey.",
)  # fmt: skip
PASSKEY = Variable(
    "wlan.passkey", "wl p", Passkey(), "", hidden=lambda kernel: kernel.variables[HIDE_PASSKEY],
    doc="The passphrase of the network, or 64 hex digits as its PSK.",
)  # fmt: skip
SECURITY = Variable(
    "wlan.security", "wl e", Choice(AUTO, *SECURITIES), AUTO,
    doc="The security type; auto finds it by probing.",
)  # fmt: skip
JOIN_RETRIES = Variable(
    "wlan.join.retries", "wl j r", Integer(0, 255), 3, applies=Applies.NETWORK_RESTART,
    doc="Attempts to join before giving up.",
)  # fmt: skip
JOIN_TIMEOUT = Variable(
    "wlan.join.timeout", "wl j t", Integer(1, 65535, unit="ms"), 10000,
    applies=Applies.NETWORK_RESTART, doc="How long one attempt may take.",
)  # fmt: skip
AUTO_JOIN = Variable(
    "wlan.auto_join.enabled", "wl o e", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Join at boot, and again when the network is lost.",
)  # fmt: skip
AUTO_JOIN_RETRIES = Variable(
    "wlan.auto_join.retries", "wl o r", Integer(0, 255), 3,
    doc="Rounds of joining before auto-join gives up; 0 never does.",
)  # fmt: skip
AUTO_JOIN_DELAY = Variable(
    "wlan.auto_join.retry_delay", "wl o d", Integer(0, 255, unit="s"), 3,
    doc="The pause between two rounds of auto-join.",
)  # fmt: skip
DHCP_CACHE = Variable(
    "wlan.dhcp.cache_enabled", "wl d c", Boolean(), False,
    doc="Keep the lease over a reboot, and take it up again without asking.",
)  # fmt: skip
DHCP_ENABLED = Variable(
    "wlan.dhcp.enabled", "wl d e", Boolean(), True, applies=Applies.NETWORK_RESTART,
    also=("network.dhcp.enabled", "ne d e"),
    doc="Ask a DHCP server for the address; else wlan.static.* say it.",
)  # fmt: skip
DHCP_HOSTNAME = Variable(
    "wlan.dhcp.hostname", "wl d h", RestrictedText("A-Za-z0-9-", 0, 63), "",
    applies=Applies.NETWORK_RESTART, doc="The host name told to the DHCP server.",
)  # fmt: skip
DHCP_TIMEOUT = Variable(
    "wlan.dhcp.timeout", "wl d t", Integer(1, 255, unit="s"), 10,
    doc="How long the DHCP server may take.",
)  # fmt: skip
STATIC_IP = Variable(
    "wlan.static.ip", "wl t i", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The address without DHCP.", also=("st i",),
)  # fmt: skip
STATIC_NETMASK = Variable(
    "wlan.static.netmask", "wl t n", Ipv4(), "255.255.255.0", applies=Applies.NETWORK_RESTART,
    doc="The netmask without DHCP.", also=("st n",),
)  # fmt: skip
STATIC_GATEWAY = Variable(
    "wlan.static.gateway", "wl t g", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The gateway without DHCP.", also=("st g",),
)  # fmt: skip
STATIC_DNS = Variable(
    "wlan.static.dns", "wl t d", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The DNS server without DHCP.", also=("st d",),
)  # fmt: skip
STATUS_GPIO = Variable(
    "wlan.network.status_gpio", "wl n o", Pin(), -1, applies=Applies.NETWORK_RESTART,
    doc="A GPIO that is high while the network is up.",
)  # fmt: skip

MAC = computed("wlan.mac", "wl m", lambda kernel, _: kernel.mac, safe_mode=True,
               doc="The hardware address.")  # fmt: skip
NETWORK_IP = computed(
    "wlan.network.ip", "wl n i", address_getter("wlan", "address"), doc="The address in use."
)
NETWORK_NETMASK = computed(
    "wlan.network.netmask", "wl n n", address_getter("wlan", "netmask"), doc="The netmask in use."
)
NETWORK_GATEWAY = computed(
    "wlan.network.gateway", "wl n g", address_getter("wlan", "gateway"), doc="The gateway in use."
)
NETWORK_DNS = computed(
    "wlan.network.dns", "wl n d", address_getter("wlan", "dns"), doc="The DNS server in use."
)

SETTINGS = (
    SSID, BSSID, HIDE_PASSKEY, PASSKEY, SECURITY, JOIN_RETRIES, JOIN_TIMEOUT, AUTO_JOIN,
    AUTO_JOIN_RETRIES, AUTO_JOIN_DELAY, DHCP_CACHE, DHCP_ENABLED,
    DHCP_HOSTNAME, DHCP_TIMEOUT, STATIC_IP, STATIC_NETMASK, STATIC_GATEWAY, STATIC_DNS,
    STATUS_GPIO, MAC, NETWORK_IP, NETWORK_NETMASK, NETWORK_GATEWAY, NETWORK_DNS,
)  # fmt: skip


def addressing(kernel: Kernel) -> Addressing:
    """Return what the settings say of the address."""
    values = kernel.variables
    return Addressing(
        interface="wlan",
        mac=kernel.mac,
        dhcp=values[DHCP_ENABLED],
        hostname=values[DHCP_HOSTNAME],
        timeout=values[DHCP_TIMEOUT],
        cached=values[DHCP_CACHE],
        static=InterfaceAddress(
            values[STATIC_IP], values[STATIC_NETMASK], values[STATIC_GATEWAY], values[STATIC_DNS]
        ),
    )
