"""The clock from the network.

Sources: web-and-discovery, section 9; commands-network, section 14.
"""

from tokay.plugins.ntp.plugin import Ntp

PLUGIN = Ntp

__all__ = ["Ntp"]
