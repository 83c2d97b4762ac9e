"""A line: a pin that shows the state of something, for whoever looks at it from outside."""

import contextlib

from tokay.board.pins import Direction, PinError, Pins
from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import NO_PIN
from tokay.kernel.variables import Variable
from tokay.plugins.gpio.pin_owner import owner_name


class StatusPin:
    """An output that shows a level while ``owner`` has its pin; -1 is none, and shows nothing.

    A pin that another owns is left alone: whoever claimed it was told that it is taken.
    """

    __slots__ = ("_owner", "_pins", "level", "pin")

    def __init__(self, pins: Pins, owner: str, pin: int = NO_PIN) -> None:
        self._pins, self._owner = pins, owner
        self.pin, self.level = NO_PIN, 0
        self.move(pin)

    def move(self, pin: int) -> None:
        """Show the level on another pin from now on."""
        self.pin = pin
        if self._ours:
            with contextlib.suppress(PinError):
                self._pins.configure(pin, Direction.OUTPUT_PUSH_PULL, self.level)

    def show(self, level: int | bool) -> None:
        """Show a level."""
        level = int(level)
        if level == self.level:
            return
        self.level = level
        if self._ours:
            with contextlib.suppress(PinError):  # a pin that sleeps is no output
                self._pins.write(self.pin, level)

    def release(self) -> None:
        """Release the pin."""
        if self._ours:
            self._pins.release(self.pin, self._owner)
        self.pin = NO_PIN

    @property
    def _ours(self) -> bool:
        if self.pin == NO_PIN:
            return False
        try:
            return self._pins.owner(self.pin) == self._owner
        except PinError:
            return False


def variable_line(
    kernel: Kernel, pins: Pins, variable: Variable[int], index: str = ""
) -> StatusPin:
    """Return the line on the pin that a variable names; it moves with the variable."""
    line = StatusPin(pins, owner_name(variable, index), kernel.variables.at(variable, index))

    def moved(where: str, pin: int) -> None:
        if where == index:
            line.move(pin)

    kernel.variables.watch(variable, moved)
    return line
