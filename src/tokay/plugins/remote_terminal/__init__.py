"""The remote terminal: the console over TCP, for one client at a time.

While a client is connected the event `remote_terminal` has told ``connected=True``, and the serial
console hears nothing; ``connected=False`` gives the parser back.
"""

from tokay.plugins.remote_terminal.plugin import RemoteTerminal

PLUGIN = RemoteTerminal

__all__ = ["RemoteTerminal"]
