"""Variables of the remote terminal. Source: docs/protocol/command-protocol.md, section 14."""

from tokay.kernel.value_types import Boolean, Choice, Integer, PortNumber, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.network import SERVICE_INTERFACES

ENABLED = Variable(
    "remote_terminal.enabled", "re e", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Offer the console over TCP.",
)  # fmt: skip
INTERFACE = Variable(
    "remote_terminal.interface", "re i", Choice(*SERVICE_INTERFACES), "default",
    applies=Applies.NETWORK_RESTART, doc="The interface to listen on.",
)  # fmt: skip
PASSWORD = Variable(
    "remote_terminal.password", "re w", Text(0, 32, secret=True), "",
    doc="What a client must say first; empty asks nothing.",
)  # fmt: skip
PORT = Variable(
    "remote_terminal.port", "re p", PortNumber(), 2000, applies=Applies.NETWORK_RESTART,
    doc="The port to listen on.",
)  # fmt: skip
TIMEOUT = Variable(
    "remote_terminal.timeout", "re t", Integer(0, 65535, unit="s"), 60,
    doc="Seconds after which a silent client is disconnected; 0 is never.",
)  # fmt: skip
