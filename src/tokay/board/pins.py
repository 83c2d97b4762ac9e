"""Pins: what a board offers to read and drive single lines, and a simulated one.

A pin has an owner before it has a use: two parts of a device that want the same pin must not both
drive it. The owner's name is the text that `gpio.usage` prints. What a pin does (direction,
output, PWM, analog level) lasts until its owner gives it back.

The simulated pins know voltages, and one rule: whoever drives harder wins. The device's own
push-pull output (or a low open drain, a PWM, an analog output) beats the world outside, the world
outside beats a pull resistor, and a line on which nothing pulls is low.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import NamedTuple, Protocol

SUPPLY = 3300
"""Millivolts of a high level."""
THRESHOLD = SUPPLY // 2
"""Millivolts from which a level reads high."""


class Direction(Enum):
    """What a digital pin is; the values are the long words of the command API.

    The order is that of the digits in `gpios_dir`. Source: docs/protocol/commands.md, section 5.1.
    """

    INPUT_PULL_UP = "input_pull_up"
    INPUT_PULL_DOWN = "input_pull_down"
    INPUT_HIGHZ = "input_highz"
    OUTPUT_PUSH_PULL = "output_push_pull"
    OUTPUT_OPEN_DRAIN = "output_open_drain"
    OUTPUT_OPEN_DRAIN_PULL_UP = "output_open_drain_pull_up"

    @property
    def output(self) -> bool:
        """Whether the device sets the level."""
        return self.value.startswith("output")


class Pwm(NamedTuple):
    """A running PWM."""

    duty: float
    """Percent, 0 to 100."""
    frequency: int
    """Hz."""


class PinError(Exception):
    """A pin that is not there, that another owns, or that is not what it would have to be."""


Watcher = Callable[[int], None]


class Pins(Protocol):
    """The pins of one device, numbered from 0. Everything may raise PinError.

    A claim is asked for by name; configuring is for whoever holds the claim, which is not checked
    again.
    """

    @property
    def count(self) -> int:
        """How many pins there are."""

    def owner(self, pin: int) -> str:
        """Return the owner of a pin; empty without one."""

    def claim(self, pin: int, owner: str) -> None:
        """Make a pin the owner's; nothing happens if it is already."""

    def release(self, pin: int, owner: str) -> None:
        """Release a pin: the device stops driving it. Nothing happens if it has no owner."""

    def configure(self, pin: int, direction: Direction, level: int = 0) -> None:
        """Make a pin digital; ``level`` is the first one of an output."""

    def direction(self, pin: int) -> Direction | None:
        """What a digital pin is; None if it was not made one."""

    def write(self, pin: int, level: int) -> None:
        """Set the level of an output. Raises PinError if it is none."""

    def level(self, pin: int) -> int:
        """0 or 1: what is on the line, whoever put it there."""

    def watch(self, pin: int, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher(level)`` after each change of the level; call the result to stop."""

    def millivolts(self, pin: int) -> int:
        """The voltage on the line."""

    def write_millivolts(self, pin: int, millivolts: int) -> None:
        """Put out a voltage until the pin is released or made something else."""

    def write_pwm(self, pin: int, pwm: Pwm) -> None:
        """Put out a PWM until the pin is released or made something else."""

    def reset(self) -> None:
        """Release every pin, as a reset of the module does. Watchers stay."""


class _PinState:
    """What is known of one pin that was ever used."""

    __slots__ = ("level", "mode", "output", "outside", "owner", "watchers")

    def __init__(self) -> None:
        self.owner = ""
        self.mode: Direction | Pwm | int | None = None
        """Digital, a PWM, an analog output in millivolts, or nothing."""
        self.output = 0
        """The level that a digital output is set to."""
        self.outside: int | None = None
        """Millivolts that the world outside puts on the line; None if it does nothing."""
        self.level = 0
        self.watchers: tuple[Watcher, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.owner and self.mode is None and self.outside is None and not self.watchers

    @property
    def millivolts(self) -> int:
        """What the rule at the head of this file gives."""
        mode, high = self.mode, SUPPLY if self.output else 0
        if isinstance(mode, Pwm):
            return round(SUPPLY * mode.duty / 100)
        if isinstance(mode, int):
            return mode
        if mode is Direction.OUTPUT_PUSH_PULL:
            return high
        if mode in (Direction.OUTPUT_OPEN_DRAIN, Direction.OUTPUT_OPEN_DRAIN_PULL_UP) and not high:
            return 0
        if self.outside is not None:
            return self.outside
        pulled_up = mode in (Direction.INPUT_PULL_UP, Direction.OUTPUT_OPEN_DRAIN_PULL_UP)
        return SUPPLY if pulled_up else 0


class SimulatedPins:
    """`Pins` on no hardware, and the other end of the lines: ``drive`` and ``set_millivolts``.

    What drives from outside stays through a reset. A pin costs nothing until it is used.
    """

    __slots__ = ("_pins", "count")

    def __init__(self, count: int) -> None:
        self.count = count
        self._pins: dict[int, _PinState] | None = None

    # The other end of the lines.

    def drive(self, pin: int, level: int | None) -> None:
        """Put a level on a line from outside; None lets it go."""
        self.set_millivolts(pin, None if level is None else SUPPLY if level else 0)

    def set_millivolts(self, pin: int, millivolts: int | None) -> None:
        """Put a voltage on a line from outside; None lets it go."""
        state = self._used(pin)
        state.outside = millivolts
        _settle(state)

    def pwm(self, pin: int) -> Pwm | None:
        """The PWM that the device puts out; None if there is none."""
        mode = self._mode(pin)
        return mode if isinstance(mode, Pwm) else None

    def analog_output(self, pin: int) -> int | None:
        """The millivolts that the device puts out; None if the pin is no analog output."""
        mode = self._mode(pin)
        return mode if isinstance(mode, int) else None

    # The device's end.

    def owner(self, pin: int) -> str:
        """Who has claimed a pin; see `Pins.owner`."""
        state = self._find(pin)
        return state.owner if state is not None else ""

    def claim(self, pin: int, owner: str) -> None:
        """Take a pin; see `Pins.claim`."""
        state = self._used(pin)
        if state.owner not in ("", owner):
            message = f"pin {pin} belongs to {state.owner}"
            raise PinError(message)
        state.owner = owner

    def release(self, pin: int, owner: str) -> None:
        """Release a pin; see `Pins.release`."""
        state = self._find(pin)
        if state is None or not state.owner:
            return
        if state.owner != owner:
            message = f"pin {pin} belongs to {state.owner}"
            raise PinError(message)
        state.owner = ""
        self._set_mode(state, None)

    def configure(self, pin: int, direction: Direction, level: int = 0) -> None:
        """Make a pin digital; see `Pins.configure`."""
        self._set_mode(self._used(pin), direction, level)

    def direction(self, pin: int) -> Direction | None:
        """What a digital pin is; see `Pins.direction`."""
        mode = self._mode(pin)
        return mode if isinstance(mode, Direction) else None

    def write(self, pin: int, level: int) -> None:
        """Set the level of an output; see `Pins.write`."""
        state = self._used(pin)
        if not isinstance(state.mode, Direction) or not state.mode.output:
            message = f"pin {pin} is no output"
            raise PinError(message)
        self._set_mode(state, state.mode, level)

    def level(self, pin: int) -> int:
        """0 or 1; see `Pins.level`."""
        state = self._find(pin)
        return state.level if state is not None else 0

    def watch(self, pin: int, watcher: Watcher) -> Callable[[], None]:
        """Call a watcher after each change; see `Pins.watch`."""
        state = self._used(pin)
        entry = partial(watcher)  # an object of its own: one function may watch twice
        state.watchers += (entry,)

        def unwatch() -> None:
            state.watchers = tuple(other for other in state.watchers if other is not entry)

        return unwatch

    def millivolts(self, pin: int) -> int:
        """The voltage on the line; see `Pins.millivolts`."""
        state = self._find(pin)
        return state.millivolts if state is not None else 0

    def write_millivolts(self, pin: int, millivolts: int) -> None:
        """Put out a voltage; see `Pins.write_millivolts`."""
        self._set_mode(self._used(pin), millivolts)

    def write_pwm(self, pin: int, pwm: Pwm) -> None:
        """Put out a PWM; see `Pins.write_pwm`."""
        self._set_mode(self._used(pin), pwm)

    def reset(self) -> None:
        """Release every pin; see `Pins.reset`."""
        for pin, state in list((self._pins or {}).items()):
            state.owner = ""
            self._set_mode(state, None)
            if state.idle and self._pins is not None:
                self._pins.pop(pin, None)

    def _find(self, pin: int) -> _PinState | None:
        if not 0 <= pin < self.count:
            message = f"there is no pin {pin}"
            raise PinError(message)
        return self._pins.get(pin) if self._pins is not None else None

    def _used(self, pin: int) -> _PinState:
        state = self._find(pin)
        if state is None:
            if self._pins is None:
                self._pins = {}
            state = self._pins[pin] = _PinState()
        return state

    def _mode(self, pin: int) -> Direction | Pwm | int | None:
        state = self._find(pin)
        return state.mode if state is not None else None

    def _set_mode(
        self, state: _PinState, mode: Direction | Pwm | int | None, output: int = 0
    ) -> None:
        state.mode, state.output = mode, 1 if output else 0
        _settle(state)


def _settle(state: _PinState) -> None:
    """Find the level anew and tell it if it is another."""
    level = int(state.millivolts >= THRESHOLD)
    if level == state.level:
        return
    state.level = level
    for watcher in state.watchers:
        # A watcher may have changed the line again, and all were called with the newer level since.
        if state.level != level:
            break
        watcher(level)
