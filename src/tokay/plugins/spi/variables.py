"""The pin that tells that the SPI bus is in use."""

from tokay.kernel.value_types import NO_PIN, Integer, Pin
from tokay.kernel.variables import Variable

ACTIVE_GPIO = Variable(
    "spi.master.active_gpio", "sp m g", Pin(), NO_PIN,
    doc="A pin that is asserted while the SPI master uses its bus.",
)  # fmt: skip
ACTIVE_LEVEL = Variable(
    "spi.master.active_level", "sp m l", Integer(0, 1), 1,
    doc="The asserted level of spi.master.active_gpio.",
)  # fmt: skip
