"""The clock from the network.

Source: docs/protocol/network.md, section 14.
"""

from tokay.plugins.ntp.plugin import Ntp

PLUGIN = Ntp

__all__ = ["Ntp"]
