"""Updates from a source that the user names.

Sources: commands-network, section 15; commands-system, sections 2 and 8.
"""

from tokay.plugins.update.plugin import Update

PLUGIN = Update

__all__ = ["Update"]
