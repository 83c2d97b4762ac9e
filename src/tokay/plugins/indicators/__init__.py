"""Network status indicators: LEDs on pins. Source: docs/protocol/network.md, section 16."""

from tokay.plugins.indicators.plugin import Indicators

PLUGIN = Indicators

__all__ = ["PLUGIN", "Indicators"]
