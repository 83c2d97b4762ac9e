"""What is driven around a transfer: the pin that tells of it, and a pin that selects the slave."""

from collections.abc import Callable
from types import TracebackType

from tokay.board.pins import Direction, PinError, Pins

SELECTED, RELEASED = 0, 1
"""The levels of a slave select."""
OWNER = "spi_master_open"


class PinSelect:
    """A slave select on a pin, or with ``pin`` None the bus's own, which needs no driving.

    A context manager around each transfer. ``active`` hears when it begins and ends.
    Raises PinError for a pin that has an owner.
    """

    __slots__ = ("_active", "_pin", "_pins")

    def __init__(self, pins: Pins, pin: int | None, active: Callable[[bool], None]) -> None:
        self._pins, self._pin, self._active = pins, pin, active
        if pin is not None:
            owner = pins.owner(pin)
            if owner:
                message = f"GPIO {pin} belongs to {owner}"
                raise PinError(message)
            pins.claim(pin, OWNER)
            pins.configure(pin, Direction.OUTPUT_PUSH_PULL, RELEASED)

    def __enter__(self) -> None:
        self._active(True)
        if self._pin is not None:
            self._pins.write(self._pin, SELECTED)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pin is not None and self._pins.owner(self._pin) == OWNER:
            self._pins.write(self._pin, RELEASED)
        self._active(False)

    def close(self) -> None:
        """Release the pin."""
        if self._pin is not None and self._pins.owner(self._pin) == OWNER:
            self._pins.release(self._pin, OWNER)
        self._pin = None
