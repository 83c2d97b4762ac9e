"""Serial ports: what a host MCU, a terminal or a test holds the other end of."""

from tokay.board.serial.descriptor import DescriptorPort
from tokay.board.serial.open import SerialError, open_port
from tokay.board.serial.port import LineSettings, SerialPort

__all__ = ["DescriptorPort", "LineSettings", "SerialError", "SerialPort", "open_port"]
