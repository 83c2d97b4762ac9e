"""Variables of TCP clients and servers. Source: docs/protocol/variables.md, section 7.19."""

from tokay.kernel.streams import MAX_STREAMS
from tokay.kernel.value_types import NO_PIN, Boolean, Choice, Integer, Pin, PortNumber, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.network import SERVICE_INTERFACES

ENDLESS = 255
"""What `tcp.client.auto_retries` says for: as often as need be."""

CONNECT_TIMEOUT = Variable(
    "tcp.client.connect_timeout", "tc c t", Integer(1, 65535, unit="ms"), 5000,
    doc="How long one attempt to connect may take.",
)  # fmt: skip
RETRIES = Variable(
    "tcp.client.retries", "tc c r", Integer(0, 255), 3,
    doc="Further attempts before tcp_client gives up.",
)  # fmt: skip
RETRY_PERIOD = Variable(
    "tcp.client.retry_period", "tc c d", Integer(0, 65535, unit="ms"), 1000,
    doc="The pause between attempts to connect.",
)  # fmt: skip
LOCAL_PORT = Variable(
    "tcp.client.local_port", "tc c l", PortNumber(any_port=True), 0,
    doc="The local port of tcp_client; 0 is any.",
)  # fmt: skip
REMOTE_HOST = Variable(
    "tcp.client.remote_host", "tc c h", Text(1, 255), "",
    doc="Where tcp_client connects when it is not told, and with auto_start.",
)  # fmt: skip
REMOTE_PORT = Variable(
    "tcp.client.remote_port", "tc c p", PortNumber(), 3000,
    doc="The port to which tcp_client connects when it is not told, and with auto_start.",
)  # fmt: skip
CLIENT_AUTO_START = Variable(
    "tcp.client.auto_start", "tc c a", Boolean(), False,
    doc="Connect by itself whenever the interface comes up.",
)  # fmt: skip
CLIENT_AUTO_INTERFACE = Variable(
    "tcp.client.auto_interface", "tc c i", Choice(*SERVICE_INTERFACES), "default",
    doc="The interface whose coming up makes tcp.client.auto_start connect.",
)  # fmt: skip
CLIENT_AUTO_RETRIES = Variable(
    "tcp.client.auto_retries", "tc c e", Integer(0, ENDLESS), 0,
    doc="How often auto_start connects again when it lost the server; 255 is for ever.",
)  # fmt: skip
CLIENT_TLS = Variable(
    "tcp.client.tls_enabled", "tc c s", Boolean(), False,
    doc="Let auto_start connect with TLS, as network.tls says.",
)  # fmt: skip
CLIENT = (
    CONNECT_TIMEOUT, RETRIES, RETRY_PERIOD, LOCAL_PORT, REMOTE_HOST, REMOTE_PORT,
    CLIENT_AUTO_START, CLIENT_AUTO_INTERFACE, CLIENT_AUTO_RETRIES, CLIENT_TLS,
)  # fmt: skip

SERVER_PORT = Variable(
    "tcp.server.port", "tc s p", PortNumber(), 3000, applies=Applies.NETWORK_RESTART,
    doc="Where tcp_server listens when it is not told, and with auto_start.",
)  # fmt: skip
MAX_CLIENTS = Variable(
    "tcp.server.max_clients", "tc s m", Integer(1, MAX_STREAMS), MAX_STREAMS,
    applies=Applies.NETWORK_RESTART, doc="How many clients a server has at once.",
)  # fmt: skip
IDLE_TIMEOUT = Variable(
    "tcp.server.idle_timeout", "tc s t", Integer(0, 65535, unit="seconds"), 300,
    doc="A client with which nothing was exchanged for so long is dropped; 0 is never.",
)  # fmt: skip
CONNECTED_GPIO = Variable(
    "tcp.server.connected_gpio", "tc s c", Pin(), NO_PIN, applies=Applies.NETWORK_RESTART,
    doc="A pin that is high while a client is connected.",
)  # fmt: skip
DATA_GPIO = Variable(
    "tcp.server.data_gpio", "tc s d", Pin(), NO_PIN, applies=Applies.NETWORK_RESTART,
    doc="A pin that is high while a client has sent what is not read yet.",
)  # fmt: skip
SERVER_AUTO_START = Variable(
    "tcp.server.auto_start", "tc s a", Boolean(), False, applies=Applies.NETWORK_RESTART,
    doc="Listen by itself whenever the interface is up.",
)  # fmt: skip
SERVER_AUTO_INTERFACE = Variable(
    "tcp.server.auto_interface", "tc s i", Choice(*SERVICE_INTERFACES), "default",
    applies=Applies.NETWORK_RESTART, doc="The interface on which tcp.server.auto_start listens.",
)  # fmt: skip
SERVER = (
    SERVER_PORT, MAX_CLIENTS, IDLE_TIMEOUT, CONNECTED_GPIO, DATA_GPIO,
    SERVER_AUTO_START, SERVER_AUTO_INTERFACE,
)  # fmt: skip
