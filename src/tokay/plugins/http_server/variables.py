"""The http.server.* settings. Source: docs/protocol/web-and-discovery.md, section 1.8."""

from typing import Any

from tokay.kernel.value_types import Boolean, Choice, Integer, PortNumber, SecretFileName, Text
from tokay.kernel.variables import Applies, Variable

_RESTART: dict[str, Any] = {"applies": Applies.NETWORK_RESTART}
BOTH = "both"
LONGEST_NAME = 64

ENABLED = Variable(
    "http.server.enabled", "ht s e", Boolean(), False,
    doc="Run the HTTP server.", **_RESTART,
)  # fmt: skip
API_ENABLED = Variable(
    "http.server.api_enabled", "ht s a", Boolean(), True,
    doc="Serve the REST API and the WebSockets; off leaves the files.", **_RESTART,
)  # fmt: skip
INTERFACE = Variable(
    "http.server.interface", "ht s i",
    Choice("default", "wlan", "softap", "ethernet", BOTH), "default",
    doc="Where to serve; both is WLAN and soft AP.", **_RESTART,
)  # fmt: skip
PORT = Variable(
    "http.server.port", "ht s p", PortNumber(), 80,
    doc="The port; with TLS 443 stands in for 80.", **_RESTART,
)  # fmt: skip
MAX_CLIENTS = Variable(
    "http.server.max_clients", "ht s m", Integer(1, 255), 5,
    doc="Clients served at once; a few more wait for their turn.", **_RESTART,
)  # fmt: skip
CORS_ORIGIN = Variable(
    "http.server.cors_origin", "ht s c", Text(0, 255), "",
    doc="The foreign origin whose pages may use the device, * for every one; empty is none.",
    **_RESTART,
)  # fmt: skip
ROOT_FILENAME = Variable(
    "http.server.root_filename", "ht s r", Text(0, LONGEST_NAME), "webapp/index.html",
    doc="The file served for /.",
)  # fmt: skip
NOTFOUND_FILENAME = Variable(
    "http.server.notfound_filename", "ht s n", Text(0, LONGEST_NAME), "",
    doc="The page sent with 404.",
)  # fmt: skip
ACCESS_DENIED_FILENAME = Variable(
    "http.server.access_denied_filename", "ht s d", Text(0, LONGEST_NAME),
    "webapp/unauthorized.html", doc="The page sent with 401.",
)  # fmt: skip
USERNAME = Variable(
    "http.server.username", "ht s u", Text(0, 64), "",
    doc="The name to log in with; logging in is asked for when a password is set too.",
)  # fmt: skip
PASSWORD = Variable(
    "http.server.password", "ht s w", Text(0, 64, secret=True), "",
    doc="The password to log in with.",
)  # fmt: skip
AUTH_TITLE = Variable(
    "http.server.auth_title", "ht s h", Text(0, 64), "",
    doc="The realm that a login dialog shows; empty is the product's own.",
)  # fmt: skip
TLS_ENABLED = Variable(
    "http.server.tls_enabled", "", Boolean(), False,
    doc="Serve HTTPS in the place of HTTP.", **_RESTART,
)  # fmt: skip
TLS_CERT = Variable(
    "http.server.tls_cert", "", Text(0, LONGEST_NAME), "",
    doc="The certificate; empty is one that the device signs itself.", **_RESTART,
)  # fmt: skip
TLS_KEY = Variable(
    "http.server.tls_key", "", SecretFileName(0, LONGEST_NAME), "",
    doc="The private key of the certificate.", **_RESTART,
)  # fmt: skip
TLS_CA_CERT = Variable(
    "http.server.tls_ca_cert", "", Text(0, LONGEST_NAME), "",
    doc="The CA that client certificates must come from; empty asks for none.", **_RESTART,
)  # fmt: skip

SETTINGS = (
    ENABLED, API_ENABLED, INTERFACE, PORT, MAX_CLIENTS, CORS_ORIGIN, ROOT_FILENAME,
    NOTFOUND_FILENAME, ACCESS_DENIED_FILENAME, USERNAME, PASSWORD, AUTH_TITLE, TLS_ENABLED,
    TLS_CERT, TLS_KEY, TLS_CA_CERT,
)  # fmt: skip
