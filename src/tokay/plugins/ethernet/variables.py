"""The settings of ethernet.*, the twins of wlan.*.

Source: docs/protocol/variables.md, section 7.5.
"""

from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import Boolean, Integer, Ipv4, RestrictedText
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.network import NO_ADDRESS, Addressing, InterfaceAddress

NAME = "ethernet"

AUTO_START = Variable(
    "ethernet.auto_start.enabled", "et a e", Boolean(), False,
    doc="Bring the interface up at boot, and again when the cable was out.",
)  # fmt: skip
RETRY_DELAY = Variable(
    "ethernet.auto_start.retry_delay", "et a d", Integer(0, 255, unit="s"), 3,
    doc="The pause between two attempts to start by itself.",
)  # fmt: skip
DHCP_CACHE = Variable(
    "ethernet.dhcp.cache_enabled", "et d c", Boolean(), False,
    doc="Keep the lease over a reboot, and take it up again without asking.",
)  # fmt: skip
DHCP_ENABLED = Variable(
    "ethernet.dhcp.enabled", "et d e", Boolean(), True, applies=Applies.NETWORK_RESTART,
    doc="Ask a DHCP server for the address; else ethernet.static.* say it.",
)  # fmt: skip
DHCP_HOSTNAME = Variable(
    "ethernet.dhcp.hostname", "et d h", RestrictedText("A-Za-z0-9-", 0, 63), "",
    applies=Applies.NETWORK_RESTART, doc="The host name told to the DHCP server.",
)  # fmt: skip
DHCP_TIMEOUT = Variable(
    "ethernet.dhcp.timeout", "et d t", Integer(1, 255, unit="s"), 10,
    applies=Applies.NETWORK_RESTART, doc="How long the DHCP server may take.",
)  # fmt: skip
STATIC_IP = Variable(
    "ethernet.static.ip", "et t i", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The address without DHCP.", also=("et s i",),
)  # fmt: skip
STATIC_NETMASK = Variable(
    "ethernet.static.netmask", "et t n", Ipv4(), "255.255.255.0",
    applies=Applies.NETWORK_RESTART, doc="The netmask without DHCP.", also=("et s n",),
)  # fmt: skip
STATIC_GATEWAY = Variable(
    "ethernet.static.gateway", "et t g", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The gateway without DHCP.", also=("et s g",),
)  # fmt: skip
STATIC_DNS = Variable(
    "ethernet.static.dns", "et t d", Ipv4(), NO_ADDRESS, applies=Applies.NETWORK_RESTART,
    doc="The DNS server without DHCP.", also=("et s d",),
)  # fmt: skip

SETTINGS = (
    AUTO_START, RETRY_DELAY, DHCP_CACHE, DHCP_ENABLED, DHCP_HOSTNAME, DHCP_TIMEOUT, STATIC_IP,
    STATIC_NETMASK, STATIC_GATEWAY, STATIC_DNS,
)  # fmt: skip


def addressing(kernel: Kernel, mac: str) -> Addressing:
    """Return what the settings say of the address; `mac` is the interface's."""
    values = kernel.variables
    return Addressing(
        interface=NAME,
        mac=mac,
        dhcp=values[DHCP_ENABLED],
        hostname=values[DHCP_HOSTNAME],
        timeout=values[DHCP_TIMEOUT],
        cached=values[DHCP_CACHE],
        static=InterfaceAddress(
            values[STATIC_IP], values[STATIC_NETMASK], values[STATIC_GATEWAY], values[STATIC_DNS]
        ),
    )
