"""Variables of TLS. Source: docs/protocol/network.md, sections 7.4 and 12.4."""

from tokay.kernel.value_types import Boolean, Choice, Integer, SecretFileName, Text
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.tls.ciphers import VERSIONS

FACTORY_CA = "geotrust_ca.pem"
"""The CA file that is named from the factory, and on a device without it means none."""

NO_MIN_VERSION = "none"

CA_CERT = Variable(
    "network.tls.ca_cert", "ne t a", Text(1, 64), FACTORY_CA, safe_mode=True,
    doc="The CA file by which servers are verified when a command names none; empty: not at all.",
)  # fmt: skip
CLIENT_CERT = Variable(
    "network.tls.client_cert", "ne t c", Text(1, 64), "",
    doc="The certificate shown to servers that ask for one.",
)  # fmt: skip
CLIENT_KEY = Variable(
    "network.tls.client_key", "ne t k", SecretFileName(1, 64), "",
    doc="The private key of that certificate.",
)  # fmt: skip
HANDSHAKE_TIMEOUT = Variable(
    "network.tls.handshake_timeout", "ne t h", Integer(1, 65535, unit="ms"), 10000,
    doc="How long a TLS handshake may take.",
)  # fmt: skip
VERSION = Variable(
    "network.tls.version", "ne t v", Choice(*map(str, VERSIONS)), "12",
    doc="The highest TLS version to speak, without its dot. Under 12 nothing newer is spoken.",
)  # fmt: skip
MIN_VERSION = Variable(
    "network.tls.min_version", "ne t m", Choice(NO_MIN_VERSION, *map(str, VERSIONS)),
    NO_MIN_VERSION,
    doc="The lowest TLS version to speak, up to network.tls.version; none: as that alone says.",
)  # fmt: skip

SERVER_ENABLED = Variable(
    "tcp.server.tls_enabled", "", Boolean(), False,
    doc="Whether the TCP server that starts by itself speaks TLS.",
    applies=Applies.NETWORK_RESTART,
)  # fmt: skip
SERVER_CERT = Variable(
    "tcp.server.tls_cert", "", Text(1, 64), "", applies=Applies.NETWORK_RESTART,
    doc="The certificate of TLS servers.",
)  # fmt: skip
SERVER_KEY = Variable(
    "tcp.server.tls_key", "", SecretFileName(1, 64), "", applies=Applies.NETWORK_RESTART,
    doc="The private key of that certificate.",
)  # fmt: skip
SERVER_CA_CERT = Variable(
    "tcp.server.tls_ca_cert", "", Text(1, 64), "", applies=Applies.NETWORK_RESTART,
    doc="The CA file by which clients are verified; empty: they are not asked for a certificate.",
)  # fmt: skip

ALL = (
    CA_CERT,
    CLIENT_CERT,
    CLIENT_KEY,
    HANDSHAKE_TIMEOUT,
    VERSION,
    MIN_VERSION,
    SERVER_ENABLED,
    SERVER_CERT,
    SERVER_KEY,
    SERVER_CA_CERT,
)
