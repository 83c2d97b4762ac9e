"""TCP clients and servers.

What stands on TCP builds on this: ``client_command`` and ``open_client`` connect a stream with a
``Dial`` of another's, ``Tcp.new_server`` gives a ``StreamServer`` whose ``start`` takes a ``Wrap``.
"""

from tokay.plugins.tcp.client import (
    ConnectTarget,
    Dial,
    client_command,
    dial_tcp,
    dial_tls,
    open_client,
)
from tokay.plugins.tcp.plugin import Tcp, server_command
from tokay.plugins.tcp.server import StreamServer, TcpServerStream, Wrap
from tokay.plugins.tcp.variables import (
    CONNECT_TIMEOUT,
    SERVER_AUTO_INTERFACE,
    SERVER_AUTO_START,
    SERVER_PORT,
)

PLUGIN = Tcp

__all__ = [
    "CONNECT_TIMEOUT",
    "PLUGIN",
    "SERVER_AUTO_INTERFACE",
    "SERVER_AUTO_START",
    "SERVER_PORT",
    "ConnectTarget",
    "Dial",
    "StreamServer",
    "Tcp",
    "TcpServerStream",
    "Wrap",
    "client_command",
    "dial_tcp",
    "dial_tls",
    "open_client",
    "server_command",
]
