"""Variables of the UDP client and server. Source: docs/protocol/variables.md, section 7.22."""

from tokay.kernel.value_types import NO_PIN, Boolean, Choice, Pin, PortNumber, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.network import SERVICE_INTERFACES

LOCAL_PORT = Variable(
    "udp.client.local_port", "ud c l", PortNumber(any_port=True), 0,
    doc="The local port of udp_client; 0 is any.",
)  # fmt: skip
REMOTE_HOST = Variable(
    "udp.client.remote_host", "ud c h", Text(1, 255), "",
    doc="Where udp_client sends when it is not told, and with auto_start.",
)  # fmt: skip
REMOTE_PORT = Variable(
    "udp.client.remote_port", "ud c p", PortNumber(), 3000,
    doc="The port to which udp_client sends when it is not told, and with auto_start.",
)  # fmt: skip
CLIENT_AUTO_START = Variable(
    "udp.client.auto_start", "ud c a", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Open a UDP client by itself whenever the interface comes up.",
)  # fmt: skip
CLIENT_AUTO_INTERFACE = Variable(
    "udp.client.auto_interface", "ud c i", Choice(*SERVICE_INTERFACES), "default",
    applies=Applies.NETWORK_RESTART,
    doc="The interface whose coming up opens the client of udp.client.auto_start.",
)  # fmt: skip
CLIENT_AUTO_RETRY = Variable(
    "udp.client.auto_retry", "ud c r", Boolean(), False,
    doc="Try each second again when auto_start cannot resolve the host.",
)  # fmt: skip
CLIENT = (
    LOCAL_PORT, REMOTE_HOST, REMOTE_PORT, CLIENT_AUTO_START, CLIENT_AUTO_INTERFACE,
    CLIENT_AUTO_RETRY,
)  # fmt: skip

SERVER_PORT = Variable(
    "udp.server.port", "ud s p", PortNumber(), 3000, applies=Applies.NETWORK_RESTART,
    doc="Where udp_server listens when it is not told, and with auto_start.",
)  # fmt: skip
LOCK_CLIENT = Variable(
    "udp.server.lock_client", "ud s l", Boolean(), False,
    doc="Serve only the first peer that is heard; else all, and send to the last one.",
)  # fmt: skip
SERVER_HOST = Variable(
    "udp.server.remote_host", "ud s h", Text(1, 255), "",
    doc="The peer to which the server sends before it has heard one.",
)  # fmt: skip
SERVER_REMOTE_PORT = Variable(
    "udp.server.remote_port", "ud s r", PortNumber(any_port=True), 0,
    doc="The port of udp.server.remote_host; 0 is no such peer.",
)  # fmt: skip
DATA_GPIO = Variable(
    "udp.server.data_gpio", "ud s d", Pin(), NO_PIN, applies=Applies.NETWORK_RESTART,
    doc="A pin that is high while the server has received what is not read yet.",
)  # fmt: skip
SERVER_AUTO_START = Variable(
    "udp.server.auto_start", "ud s a", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Open the server by itself whenever the interface is up.",
)  # fmt: skip
SERVER_AUTO_INTERFACE = Variable(
    "udp.server.auto_interface", "ud s i", Choice(*SERVICE_INTERFACES), "default",
    applies=Applies.NETWORK_RESTART, doc="The interface of udp.server.auto_start.",
)  # fmt: skip
SERVER = (
    SERVER_PORT, LOCK_CLIENT, SERVER_HOST, SERVER_REMOTE_PORT, DATA_GPIO, SERVER_AUTO_START,
    SERVER_AUTO_INTERFACE,
)  # fmt: skip
