"""Updates from a source that the user names.

Sources: docs/protocol/network.md, section 15; docs/protocol/commands.md, sections 2 and 8.
"""

from tokay.plugins.update.plugin import Update

PLUGIN = Update

__all__ = ["Update"]
