"""The bus: consoles, stream mode and the log on the serial ports. ``Bus`` is what others ask."""

from tokay.plugins.bus.plugin import COMMAND_MODE_START, Bus

PLUGIN = Bus

__all__ = ["COMMAND_MODE_START", "Bus"]
