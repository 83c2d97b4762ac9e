"""Variables of the network as a whole."""

from tokay.kernel.value_types import Choice, Integer
from tokay.kernel.variables import Variable

INTERFACES = ("wlan", "softap", "ethernet")
RADIO = ("wlan", "softap")
"""Those that share the radio."""
SERVICE_INTERFACES = ("default", "wlan", "softap")
"""What a service's own `*.interface` variable may say."""

BUFFER_SIZE = Variable(
    "network.buffer.size", "ne b s", Integer(1024, 1_048_576, unit="bytes"), 40_000, inert=True,
    doc="Memory for packets; here the machine's is used.",
)  # fmt: skip
BUFFER_RATIO = Variable(
    "network.buffer.rxtx_ratio", "ne b r", Integer(0, 100, unit="percent"), 50, inert=True,
    doc="The share of network.buffer.size that is for what is received.",
)  # fmt: skip
DEFAULT_INTERFACE = Variable(
    "network.default_interface", "ne f", Choice(*INTERFACES), "wlan",
    doc="The interface behind `default`, and behind a command that names none.",
)  # fmt: skip
DNS_TIMEOUT = Variable(
    "network.dns.timeout", "ne d t", Integer(1, 65535, unit="ms"), 5000,
    doc="How long a name may take to resolve.",
)  # fmt: skip
