"""The factory-reset button: held through a reset for ten seconds, it does one.

The pin is looked at and never claimed: GPIO 0 is the button of every product, and yet free for
whoever asks for it. A pin that something owns is no button, so that an output that happens to be
high, or a bus that idles high, does not cost the user the settings.

Sources: docs/protocol/commands.md, section 5.5; docs/protocol/variables.md, section 5.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tokay.board.board import Board
from tokay.board.pins import PinError, Pins
from tokay.kernel import settings
from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Level
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError
from tokay.kernel.value_types import NO_PIN, NOWHERE, Integer, Pin, Scope, ValueType
from tokay.kernel.variables import Applies, Variable

HOLD = 10.0
"""Seconds from reset on for which the button must be held."""
ASSERTED = 1
"""The level of a pressed factory-reset button."""
SPENT = "buttons.spent"
"""What a boot leaves the next: this press has had its effect."""


class Strap(ValueType[int]):
    """A pin that is only looked at when the device resets: it is not owned, as a `Pin` would be."""

    hint = Pin.hint
    _PIN = Pin()

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> int:
        return self._PIN.parse(words, scope)


_AT_RESET: dict[str, Any] = {"applies": Applies.REBOOT, "safe_mode": True}
GPIO = Variable(
    "system.factory_reset.gpio", "sy f g", Strap(), 0,
    doc="The pin that, held high through a reset for 10 s, does a factory reset.", **_AT_RESET,
)  # fmt: skip
AUX_GPIO = Variable(
    "system.factory_reset.aux_gpio", "", Strap(), NO_PIN,
    doc="A second pin that must be held together with the first.", **_AT_RESET,
)  # fmt: skip
AUX_LEVEL = Variable(
    "system.factory_reset.aux_level", "", Integer(0, 1), 1,
    doc="The level at which the second pin counts as held.", **_AT_RESET,
)  # fmt: skip


class Contact(NamedTuple):
    """A pin, and the level at which it is held."""

    pin: int
    level: int


class Buttons(Plugin):
    """Watches the factory-reset button after a reset."""

    name = "buttons"
    variables = (GPIO, AUX_GPIO, AUX_LEVEL)
    after = ("gpio",)
    safe_mode = True

    __slots__ = ("_contacts", "_kernel", "_pins", "_timer", "_unwatch")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Read the button, and measure how long it is held."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._timer: asyncio.TimerHandle | None = None
        self._unwatch: list[Callable[[], None]] = []
        values = kernel.variables
        self._contacts = [Contact(values[GPIO], ASSERTED)]
        if values[AUX_GPIO] != NO_PIN:
            self._contacts.append(Contact(values[AUX_GPIO], values[AUX_LEVEL]))
        # Who holds on past the reset that it caused wants one, not one each ten seconds.
        spent = kernel.carried.pop(SPENT, False)
        if spent or values[GPIO] == NO_PIN or not self._held:
            return
        self._timer = kernel.clock.call_later(HOLD, self._factory_reset)
        self._unwatch = [self._pins.watch(contact.pin, self._hear) for contact in self._contacts]

    async def stop(self) -> None:
        """Stop watching the pin."""
        self._let_go()

    @property
    def _held(self) -> bool:
        try:
            return all(
                not self._pins.owner(pin) and self._pins.level(pin) == level
                for pin, level in self._contacts
            )
        except PinError:
            return False

    def _hear(self, _level: int) -> None:
        if not self._held:
            self._let_go()

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch = []

    def _factory_reset(self) -> None:
        # The pin may have been claimed meanwhile, at the same level.
        held = self._held
        self._let_go()
        if not held:
            return
        kernel = self._kernel
        kernel.log.line(f"Factory reset by GPIO {self._contacts[0].pin}", Level.ALERT)
        try:
            settings.factory_reset(kernel)
        except CommandError as error:
            kernel.log.line(f"Factory reset failed: {error}", Level.ALERT)
            return
        kernel.carried[SPENT] = True
        kernel.control.reboot()


PLUGIN = Buttons
