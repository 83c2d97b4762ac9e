"""Network status indicators: LEDs on pins. Source: web-and-discovery, section 10."""

from tokay.plugins.indicators.plugin import Indicators

PLUGIN = Indicators

__all__ = ["PLUGIN", "Indicators"]
