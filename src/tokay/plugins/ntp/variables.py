"""Variables of the time client."""

from typing import Any

from tokay.kernel.value_types import Boolean, Choice, Integer, Text
from tokay.kernel.variables import Variable

ENABLED = Variable(
    "ntp.enabled", "nt e", Boolean(), True,
    doc="Set the clock from ntp.server whenever the network is up.",
)  # fmt: skip
INTERFACE = Variable(
    "ntp.interface", "nt f",
    Choice("default", "wlan", "softap", "ethernet", also={"eth": "ethernet"}), "default",
    doc="The interface over which the server is asked.",
)  # fmt: skip
INTERVAL = Variable(
    "ntp.interval", "nt i", Integer(1, 65535, unit="s"), 3600,
    doc="How long a time that was fetched is good; less than 15 s counts as 15.",
)  # fmt: skip
SERVER = Variable(
    "ntp.server", "nt s", Text(1, 255), "pool.ntp.org",
    doc="The server, by name or address; empty for none.",
)  # fmt: skip
VARIABLES: tuple[Variable[Any], ...] = (ENABLED, INTERFACE, INTERVAL, SERVER)
