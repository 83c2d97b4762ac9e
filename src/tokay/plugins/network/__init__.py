"""The network: interfaces, how they come up and go down, and the one door to sockets.

What other plugins use is published here: ``Network`` to ask for an interface, ``Interface`` to
connect and listen through it, ``Bearer`` to bring one up, ``DhcpClient`` and ``TcpStream``.
"""

from tokay.plugins.network.bearer import Bearer, NetworkStatus
from tokay.plugins.network.dhcp import DhcpClient
from tokay.plugins.network.interface import Address, Interface
from tokay.plugins.network.plugin import Network
from tokay.plugins.network.stream import TcpStream
from tokay.plugins.network.variables import SERVICE_INTERFACES

PLUGIN = Network

__all__ = [
    "SERVICE_INTERFACES",
    "Address",
    "Bearer",
    "DhcpClient",
    "Interface",
    "Network",
    "NetworkStatus",
    "TcpStream",
]
