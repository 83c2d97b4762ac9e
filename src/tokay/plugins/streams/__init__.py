"""Streams by command, and the pins that tell of them.

``Streams.data_gpio`` is the `-g` of every command that opens a stream; ``Streams.follow`` lets
``StreamStatusPins`` tell of a stream: a server's `connected_gpio` and `data_gpio`.
"""

from tokay.plugins.streams.plugin import Streams
from tokay.plugins.streams.status_pins import StreamStatusPins

__all__ = ["PLUGIN", "StreamStatusPins", "Streams"]

PLUGIN = Streams
