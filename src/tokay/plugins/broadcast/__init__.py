"""Announcements: a device tells its network what it is.

Source: docs/protocol/web-and-discovery.md, section 6.3.
"""

from tokay.plugins.broadcast.plugin import Broadcast

PLUGIN = Broadcast

__all__ = ["Broadcast"]
