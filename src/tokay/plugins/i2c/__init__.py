"""I2C master streams, by command and for plugins.

A plugin opens one by ``kernel.plugin(I2c).open(I2cConfig(address=0x48))`` and uses its ``send``,
``receive``, ``read_register`` and ``write_register``; it stands in `stream_list` as any other.

What was chosen where the documentation is silent: docs/decisions.md.
"""

from tokay.plugins.i2c.plugin import I2c
from tokay.plugins.i2c.stream import I2cConfig, I2cStream

__all__ = ["PLUGIN", "I2c", "I2cConfig", "I2cStream"]

PLUGIN = I2c
