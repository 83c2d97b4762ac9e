"""Pins by command, and whose they are.

Every variable of kind `Pin` owns the pin that it names, whichever plugin declares it: setting one
claims the pin under the variable's name, and -1 gives it back. A plugin that drives such a pin
starts after this one (``after = ("gpio",)``), finds the pins on the board and need not claim. One
that needs a pin for other reasons claims it there by a name of its own. ``variable_line`` gives an
output that follows its variable: what shows a state need not know which pin that is.

Source: docs/protocol/commands.md, section 5.
"""

from tokay.plugins.gpio.plugin import Gpio, refusals
from tokay.plugins.gpio.status_pin import StatusPin, variable_line

__all__ = ["PLUGIN", "Gpio", "StatusPin", "refusals", "variable_line"]

PLUGIN = Gpio
