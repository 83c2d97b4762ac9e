"""The network: interfaces, how they come up and go down, and the one door to sockets.

What other plugins use is published here: ``Network`` to ask for an interface, ``Interface`` to
connect and listen through it, ``TcpStream``, ``keep_alive`` for connections that came in,
``AutoStartClient`` and ``AutoStartServer`` for what starts by itself. For those who bring one up:
``Bearer``, ``take_address`` to give a link its address as an ``Addressing`` says,
``lease_cache`` to keep the lease over a reboot, ``address_getter`` to print what there is.
"""

from tokay.plugins.network import lease_cache
from tokay.plugins.network.address_getter import address_getter
from tokay.plugins.network.addressing import NO_ADDRESS, Addressing, take_address
from tokay.plugins.network.auto_start import AutoStartClient, AutoStartServer, ListenRequest
from tokay.plugins.network.bearer import Bearer, NetworkStatus
from tokay.plugins.network.dhcp import LinkDhcpClient
from tokay.plugins.network.interface import Interface, InterfaceAddress
from tokay.plugins.network.keepalive import keep_alive
from tokay.plugins.network.plugin import Network
from tokay.plugins.network.stream import TcpStream
from tokay.plugins.network.variables import SERVICE_INTERFACES

PLUGIN = Network

__all__ = [
    "NO_ADDRESS",
    "SERVICE_INTERFACES",
    "Addressing",
    "AutoStartClient",
    "AutoStartServer",
    "Bearer",
    "Interface",
    "InterfaceAddress",
    "LinkDhcpClient",
    "ListenRequest",
    "Network",
    "NetworkStatus",
    "TcpStream",
    "address_getter",
    "keep_alive",
    "lease_cache",
    "take_address",
]
