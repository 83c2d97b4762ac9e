"""SPI master streams, by command and for plugins.

A plugin opens one by ``kernel.plugin(Spi).open(SpiConfig(select=10))`` and uses its ``exchange``,
``send`` and ``receive``; it stands in `stream_list` as any other.

What was chosen where the documentation is silent: docs/decisions.md.
"""

from tokay.plugins.spi.plugin import Spi
from tokay.plugins.spi.stream import SpiConfig, SpiStream

__all__ = ["PLUGIN", "Spi", "SpiConfig", "SpiStream"]

PLUGIN = Spi
