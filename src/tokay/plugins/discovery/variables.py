"""Variables of mDNS, which LLMNR and NetBIOS go by too.

Source: docs/protocol/web-and-discovery.md, section 6.
"""

from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import Boolean, Choice, RestrictedText
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.discovery.services import Services
from tokay.plugins.network import SERVICE_INTERFACES

LONGEST_NAME = 63
LOCAL = "local"

ENABLED = Variable(
    "mdns.enabled", "md e", Boolean(), True, applies=Applies.NETWORK_RESTART,
    doc="Be found by name: mDNS, LLMNR, NetBIOS. Also look .local names up by mDNS.",
)  # fmt: skip
INTERFACE = Variable(
    "mdns.interface", "md i", Choice(*SERVICE_INTERFACES), "default",
    applies=Applies.NETWORK_RESTART, doc="The interface to be found on.",
)  # fmt: skip
NAME = Variable(
    "mdns.name", "md n", RestrictedText("A-Za-z0-9.#_-", 1, LONGEST_NAME), "gecko_os-#",
    applies=Applies.NETWORK_RESTART,
    doc="The name, to which .local is appended; # stands for the last three digits of the MAC.",
)  # fmt: skip
SERVICE = Variable(
    "mdns.service", "md s", Services(), "http", applies=Applies.NETWORK_RESTART,
    doc="Services to tell of: http, telnet, tcp, udp, none, or name,type,port,text.",
)  # fmt: skip


def host_name(kernel: Kernel) -> str:
    """Return the name that the settings ask for, without `.local` even if they have it.

    Empty where a product has no such name.
    """
    if NAME.name not in kernel.variables.table.by_name:
        return ""
    name = kernel.variables[NAME].replace("#", kernel.mac.replace(":", "")[-3:])
    labels = [label[:LONGEST_NAME] for label in name.split(".") if label]
    if labels and labels[-1].lower() == LOCAL:
        del labels[-1]
    return ".".join(labels) or kernel.mac.replace(":", "").lower()
