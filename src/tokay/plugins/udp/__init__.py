"""UDP clients and a server: streams of datagrams."""

from tokay.plugins.udp.client import open_client
from tokay.plugins.udp.plugin import Udp
from tokay.plugins.udp.stream import UdpStream

PLUGIN = Udp

__all__ = ["PLUGIN", "Udp", "UdpStream", "open_client"]
