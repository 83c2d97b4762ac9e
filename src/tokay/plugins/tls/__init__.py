"""TLS for whoever opens connections: clients, servers, HTTP, mail.

What other plugins use is published here: ``Tls`` to connect, to begin TLS on an open connection,
and to serve; ``Credentials`` to name files; ``TlsError``; and the variables of TLS servers.
"""

from tokay.plugins.tls.credentials import Credentials
from tokay.plugins.tls.errors import TlsError
from tokay.plugins.tls.plugin import Tls
from tokay.plugins.tls.variables import (
    SERVER_CA_CERT,
    SERVER_CERT,
    SERVER_ENABLED,
    SERVER_KEY,
)

PLUGIN = Tls

__all__ = [
    "SERVER_CA_CERT",
    "SERVER_CERT",
    "SERVER_ENABLED",
    "SERVER_KEY",
    "Credentials",
    "Tls",
    "TlsError",
]
