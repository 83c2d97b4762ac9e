"""Being found: mDNS, LLMNR and the NetBIOS name service, and finding others by mDNS."""

from tokay.plugins.discovery.plugin import Discovery

PLUGIN = Discovery

__all__ = ["Discovery"]
