"""The remote terminal's settings. Source: command-protocol, section 14."""

from tokay.kernel.kinds import Boolean, Choice, Integer, Port, Text
from tokay.kernel.plugin import Plugin
from tokay.kernel.variables import Applies, Variable

ENABLED = Variable(
    "remote_terminal.enabled", "re e", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Offer the console over TCP.",
)  # fmt: skip
INTERFACE = Variable(
    "remote_terminal.interface", "re i", Choice("default", "wlan", "softap"), "default",
    applies=Applies.NETWORK_RESTART, doc="The interface to listen on.",
)  # fmt: skip
PASSWORD = Variable(
    "remote_terminal.password", "re w", Text(0, 32, secret=True), "",
    doc="What a client must say first; empty asks nothing.",
)  # fmt: skip
PORT = Variable(
    "remote_terminal.port", "re p", Port(), 2000, applies=Applies.NETWORK_RESTART,
    doc="The port to listen on.",
)  # fmt: skip
TIMEOUT = Variable(
    "remote_terminal.timeout", "re t", Integer(0, 65535, unit="s"), 60,
    doc="Seconds after which a silent client is disconnected.",
)  # fmt: skip


class RemoteTerminal(Plugin):
    """The settings."""

    name = "remote_terminal"
    variables = (ENABLED, INTERFACE, PASSWORD, PORT, TIMEOUT)


PLUGIN = RemoteTerminal
