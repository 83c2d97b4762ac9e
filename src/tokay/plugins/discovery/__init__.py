"""Being found: mDNS, LLMNR and the NetBIOS name service, and finding others by mDNS.

What other plugins use is published here: ``host_name``, the name that a device is found by.
"""

from tokay.plugins.discovery.plugin import Discovery
from tokay.plugins.discovery.variables import host_name

PLUGIN = Discovery

__all__ = ["Discovery", "host_name"]
