"""What is connected to a simulated bus: the classes to derive a device of one's own from.

A device hears the signals of its bus in order and does no I/O of its own. ``now`` is in seconds
since the power of the board came.
"""


class I2cDevice:
    """A slave on a simulated I2C bus. This one acknowledges everything and sends 0xFF."""

    max_clock = 400_000
    """Hz above which it acknowledges nothing."""

    def start(self, read: bool, now: float) -> bool:
        """Handle a start, or a repeated one, with the device's address; return the acknowledge."""
        return True

    def write(self, byte: int) -> bool:
        """Take a byte from the master; return the acknowledge."""
        return True

    def read(self) -> int:
        """Return the next byte for the master."""
        return 0xFF

    def stop(self, now: float) -> None:
        """Handle the stop at the end of a transaction in which the device was addressed."""


class SpiDevice:
    """A slave on a simulated SPI bus. This one ignores what it gets and sends 0xFF."""

    modes: frozenset[int] = frozenset((0, 3))
    """The SPI modes that it understands; in another it is deaf and its output stays high."""
    max_clock = 50_000_000
    """Hz above which it is deaf too."""

    def select(self, now: float) -> None:
        """Handle the slave select becoming asserted."""

    def exchange(self, byte: int) -> int:
        """Take a byte and return the one that is shifted out at the same time."""
        return 0xFF

    def deselect(self, now: float) -> None:
        """Handle the slave select being released."""
