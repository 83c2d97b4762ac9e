"""The setup GPIO: held for three seconds it runs a command.

Source: docs/protocol/web-and-discovery.md, section 2.
"""

import asyncio
from collections.abc import Callable

from tokay.board.pins import PinError, Pins
from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.setup import variables as setup

HOLD = 3.0
"""Seconds for which the pin must be held, from the reset on or from when it was pressed."""


class Button:
    """Watches the pin that `setup.gpio.control_gpio` owns; ``pressed`` is called when it counts."""

    __slots__ = ("_kernel", "_pin", "_pins", "_pressed", "_timer", "_unwatch")

    def __init__(self, kernel: Kernel, pins: Pins, pressed: Callable[[], None]) -> None:
        self._kernel = kernel
        self._pins = pins
        self._pin = kernel.variables[setup.CONTROL_GPIO]
        self._pressed = pressed
        self._timer: asyncio.TimerHandle | None = None
        self._unwatch: Callable[[], None] | None = None
        if not self._ours:
            return
        by_level = kernel.variables[setup.MODE] == setup.BY_LEVEL
        if self.held or by_level:
            self._unwatch = pins.watch(self._pin, self._hear if by_level else self._hear_release)
        if self.held:
            self._begin()

    @property
    def held(self) -> bool:
        """Whether the pin is asserted now."""
        if not self._ours:
            return False
        try:
            return self._pins.level(self._pin) == self._kernel.variables[setup.LEVEL]
        except PinError:
            return False

    def close(self) -> None:
        """Watch no more."""
        self._let_go()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    @property
    def _ours(self) -> bool:
        """Whether the pin is there, and no other function has it."""
        try:
            owner = self._pins.owner(self._pin) if self._pin != NO_PIN else ""
        except PinError:
            return False
        return owner == setup.CONTROL_GPIO.name

    def _begin(self) -> None:
        if self._timer is None:
            self._timer = self._kernel.clock.call_later(HOLD, self._count)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hear(self, _level: int) -> None:
        if self.held:
            self._begin()
        else:
            self._let_go()

    def _hear_release(self, _level: int) -> None:
        if not self.held:
            self.close()

    def _count(self) -> None:
        self._timer = None
        if self.held:
            self._pressed()
