"""Variables of the network as a whole."""

from tokay.kernel.value_types import Choice, Integer
from tokay.kernel.variables import Variable

INTERFACES = ("wlan", "softap", "ethernet")
RADIO = ("wlan", "softap")
"""Those that share the radio."""
SERVICE_INTERFACES = ("default", "wlan", "softap")
"""What a service's own `*.interface` variable may say."""

DEFAULT_INTERFACE = Variable(
    "network.default_interface", "ne f", Choice(*INTERFACES), "wlan",
    doc="The interface behind `default`, and behind a command that names none.",
)  # fmt: skip
DNS_TIMEOUT = Variable(
    "network.dns.timeout", "ne d t", Integer(1, 65535, unit="ms"), 5000,
    doc="How long a name may take to resolve.",
)  # fmt: skip
