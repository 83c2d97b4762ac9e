"""Announcements: a device tells its network what it is. Source: web-and-discovery, section 7.3."""

from tokay.plugins.broadcast.plugin import Broadcast

PLUGIN = Broadcast

__all__ = ["Broadcast"]
