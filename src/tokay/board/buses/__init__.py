"""I2C and SPI buses: the contracts, simulated buses with their devices, and real ones.

Real buses and the bus file are imported where they are asked for.
"""

from tokay.board.buses.bus import (
    MAX_ADDRESS,
    MAX_MESSAGE,
    MAX_MESSAGES,
    BusError,
    Buses,
    BusGoneError,
    I2cBus,
    Message,
    NoAcknowledgeError,
    Read,
    SpiBus,
    SpiSettings,
    Write,
)
from tokay.board.buses.device import I2cDevice, SpiDevice
from tokay.board.buses.open import open_buses
from tokay.board.buses.simulated import SimulatedBuses

__all__ = [
    "MAX_ADDRESS", "MAX_MESSAGE", "MAX_MESSAGES", "BusError", "BusGoneError", "Buses", "I2cBus",
    "I2cDevice", "Message", "NoAcknowledgeError", "Read", "SimulatedBuses", "SpiBus", "SpiDevice",
    "SpiSettings", "Write", "open_buses",
]  # fmt: skip
