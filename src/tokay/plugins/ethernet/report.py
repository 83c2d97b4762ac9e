"""What there is to see of the interface. Source: docs/protocol/variables.md, section 7.5."""

from tokay.kernel.variables import computed
from tokay.plugins.ethernet.plugin import Ethernet
from tokay.plugins.network import address_getter

MAC = computed(
    "ethernet.mac", "et m", lambda kernel, _: kernel.plugin(Ethernet).mac,
    doc="The hardware address.",
)  # fmt: skip
STATUS = computed(
    "ethernet.network.status", "et n s",
    lambda kernel, _: str(int(kernel.plugin(Ethernet).status)),
    doc="0 down, 1 a link without an address, 2 up.",
)  # fmt: skip
NETWORK_IP = computed(
    "ethernet.network.ip",
    "et n i",
    address_getter("ethernet", "address"),
    doc="The address in use.",
)
NETWORK_NETMASK = computed(
    "ethernet.network.netmask",
    "et n n",
    address_getter("ethernet", "netmask"),
    doc="The netmask in use.",
)
NETWORK_GATEWAY = computed(
    "ethernet.network.gateway",
    "et n g",
    address_getter("ethernet", "gateway"),
    doc="The gateway in use.",
)
NETWORK_DNS = computed(
    "ethernet.network.dns",
    "et n d",
    address_getter("ethernet", "dns"),
    doc="The DNS server in use.",
)
REPORTS = (MAC, STATUS, NETWORK_IP, NETWORK_NETMASK, NETWORK_GATEWAY, NETWORK_DNS)
