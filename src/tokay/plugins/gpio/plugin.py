"""Plain pins, by command: registered, read, set, and given back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from tokay.board.board import Board
from tokay.board.pins import Direction, PinError, Pins
from tokay.kernel.commands import Call, command
from tokay.kernel.events import Sleeping
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import bad_args, failed, lines
from tokay.kernel.value_types import integer
from tokay.kernel.variables import Variable, computed
from tokay.plugins.gpio.directions import UNCHANGED, by_digit, by_word
from tokay.plugins.gpio.pin_owner import Claims
from tokay.plugins.gpio.variables import ALIAS, DEFAULT_SLEEP, INIT, SLEEP, SLEEP_STATES

PLAIN = "GPIO"
"""The owner of a pin that the gpio commands may change."""


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what a board refuses into `Command failed`."""
    try:
        yield
    except PinError as error:
        raise failed(str(error)) from error


@command("gpio_dir", "gdi", "gpio direction [initial]")
def gpio_dir(call: Call) -> None:
    """Make a pin an input or output; `none` deregisters it."""
    pin, direction = call.kernel.pin(call["gpio"]), by_word(call["direction"])
    initial = call.number("initial", 0, 1, 0)
    call.kernel.plugin(Gpio).direct({pin: direction}, initial)


@command("gpio_get", "gge", "gpio")
def gpio_get(call: Call) -> str:
    """Print the level of a pin."""
    return str(call.kernel.plugin(Gpio).get(call.kernel.pin(call["gpio"])))


@command("gpio_set", "gse", "gpio level")
def gpio_set(call: Call) -> None:
    """Set the level of an output."""
    pin, level = call.kernel.pin(call["gpio"]), call.number("level", 0, 1)
    call.kernel.plugin(Gpio).set({pin: level})


@command("gpios_dir", "gdis", "directions")
def gpios_dir(call: Call) -> None:
    """Make many pins inputs or outputs: a digit for each from GPIO 0 on, 6 deregisters."""
    gpio = call.kernel.plugin(Gpio)
    wanted = {pin: by_digit(mark) for pin, mark in _marks(call, "directions")}
    # 6 says that the commands have no use for a pin, which is true of a function's pin already.
    gpio.direct({pin: d for pin, d in wanted.items() if d is not None or gpio.is_plain(pin)}, 0)


@command("gpios_get", "gges")
def gpios_get(call: Call) -> str:
    """Print the levels of all pins, from GPIO 0 on."""
    pins = call.kernel.plugin(Gpio).pins
    with refusals():
        return "".join(str(pins.level(pin)) for pin in range(call.kernel.profile.pins))


@command("gpios_set", "gses", "levels")
def gpios_set(call: Call) -> None:
    """Set the levels of many outputs: 0, 1, or - to leave one alone, from GPIO 0 on."""
    wanted = {pin: integer(mark, 0, 1) for pin, mark in _marks(call, "levels")}
    call.kernel.plugin(Gpio).set(wanted)


def _marks(call: Call, name: str) -> list[tuple[int, str]]:
    """Return (pin, character) where a character does not leave the pin alone."""
    text = call[name]
    if len(text) > call.kernel.profile.pins:
        raise bad_args(f"{len(text)} are more than there are pins")
    return [(pin, mark) for pin, mark in enumerate(text) if mark not in UNCHANGED]


def _usage(kernel: Kernel, _words: Sequence[str]) -> str:
    gpio = kernel.plugin(Gpio)
    rows = ["!  # Description"]
    rows += [
        f"# {pin:2} {gpio.description(pin)}"
        for pin in range(gpio.pins.count)
        if gpio.pins.owner(pin)
    ]
    return lines(rows)


USAGE = computed("gpio.usage", "gp u", _usage, doc="The pins in use, and by what.")


class Gpio(Plugin):
    """The pins of one device: theirs is one owner or none.

    It runs in safe mode too, without its commands: outputs must not float because a fault was
    recorded.
    """

    name = "gpio"
    variables = (ALIAS, INIT, SLEEP, USAGE)
    commands: ClassVar = (gpio_dir, gpio_get, gpio_set, gpios_dir, gpios_get, gpios_set)
    safe_mode = True

    __slots__ = ("_asleep", "_kernel", "pins")

    pins: Pins

    def start(self, kernel: Kernel, board: Board) -> None:
        """Claim what variables name, then set plain pins as `gpio.init` says."""
        self._kernel, self.pins = kernel, board.pins
        self._asleep = False
        self.pins.reset()
        kernel.name_pins(self._number)
        kernel.variables.guard(self._check_alias)
        kernel.events.on(Sleeping, self._fall_asleep)
        Claims(kernel, self.pins)
        self._initialize()

    async def stop(self) -> None:
        """Release the pins, or put them into their sleep states."""
        if not self._asleep:
            self.pins.reset()
            return
        values = self._kernel.variables
        for index in values.indices(SLEEP):
            state = values.at(SLEEP, index)
            if state != DEFAULT_SLEEP:
                self.pins.configure(int(index), *SLEEP_STATES[state])

    # Plain pins.

    def is_plain(self, pin: int) -> bool:
        """Whether the gpio commands registered a pin."""
        with refusals():
            return self.pins.owner(pin) == PLAIN

    def direct(self, wanted: dict[int, Direction | None], level: int) -> None:
        """Register or deregister pins, all or none. Raises CommandError."""
        with refusals():
            for pin in wanted:
                if self.pins.owner(pin) not in ("", PLAIN):
                    raise failed(f"GPIO {pin} belongs to {self.pins.owner(pin)}")
            for pin, direction in wanted.items():
                if direction is None:
                    self.pins.release(pin, PLAIN)
                else:
                    self.pins.claim(pin, PLAIN)
                    self.pins.configure(pin, direction, level)

    def get(self, pin: int) -> int:
        """Return the level of a pin that is in use. Raises CommandError."""
        with refusals():
            if not self.pins.owner(pin):
                raise failed(f"GPIO {pin} is not registered")
            return self.pins.level(pin)

    def set(self, wanted: dict[int, int]) -> None:
        """Set levels, all or none. Raises CommandError."""
        for pin in wanted:
            direction = self.pins.direction(pin) if self.is_plain(pin) else None
            if direction is None or not direction.output:
                raise failed(f"GPIO {pin} is no output")
        with refusals():
            for pin, level in wanted.items():
                self.pins.write(pin, level)

    def description(self, pin: int) -> str:
        """Return what `gpio.usage` says of a pin.

        The web app takes a plain pin that ends in ` in` for an input, and an alias from between
        parentheses.
        """
        words = [self.pins.owner(pin)]
        alias = self._kernel.variables.at(ALIAS, str(pin))
        if alias:
            words.append(f"({alias})")
        if words[0] == PLAIN:
            direction = self.pins.direction(pin)
            words.append("out" if direction is not None and direction.output else "in")
        return " ".join(words)

    def _initialize(self) -> None:
        values = self._kernel.variables
        for index in values.indices(INIT):
            initial = values.at(INIT, index)
            if initial is None:
                continue
            try:
                self.pins.claim(int(index), PLAIN)
                self.pins.configure(int(index), *initial)
            except PinError as error:
                self._kernel.log.line(f"gpio.init: {error}")

    def _fall_asleep(self, _event: Sleeping) -> None:
        self._asleep = True

    # Names.

    def _number(self, word: str) -> int:
        """Return the pin of that alias or number. Raises CommandError."""
        values = self._kernel.variables
        for index in values.indices(ALIAS):
            if values.at(ALIAS, index) == word:
                return int(index)
        return integer(word, 0, self._kernel.profile.pins - 1)

    def _check_alias(self, variable: Variable[Any], index: str, alias: Any) -> None:
        if variable is not ALIAS or not alias:
            return
        values = self._kernel.variables
        for other in values.indices(ALIAS):
            if other != index and values.at(ALIAS, other) == alias:
                raise bad_args(f"{alias} names GPIO {other} already")
