"""What is kept of pins: their names, and what they are after boot and in sleep."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tokay.board.pins import Direction
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NOWHERE, Choice, Scope, Text, ValueType, integer
from tokay.kernel.variables import Applies, Index, Variable
from tokay.plugins.gpio.directions import by_word

NO_DIRECTION = "none"
DEFAULT_SLEEP = "default"
SLEEP_STATES = {
    "input_highz": (Direction.INPUT_HIGHZ, 0),
    "input_pull_up": (Direction.INPUT_PULL_UP, 0),
    "input_pull_down": (Direction.INPUT_PULL_DOWN, 0),
    "output_low": (Direction.OUTPUT_PUSH_PULL, 0),
    "output_high": (Direction.OUTPUT_PUSH_PULL, 1),
}
SHORT_SLEEP_STATES = {"in": "input_highz", "ipu": "input_pull_up", "ipd": "input_pull_down"}


class PinIndex(Index):
    """The number of a pin, or its alias. A listing shows the pins that are set."""

    hint = "gpio"

    def key(self, word: str, kernel: Kernel) -> str:
        return str(kernel.pin(word))

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return ()


class Alias(Text):
    """A name that cannot be taken for a number or an option.

    Blanks and parentheses are out: `gpio.usage` puts the name between parentheses.
    """

    _FORM = re.compile(r"[!-'*-~]+")
    _TAKEN = re.compile(r"-?\d.*|all|none", re.IGNORECASE)

    def __init__(self) -> None:
        super().__init__(1, 15)

    def check(self, text: str) -> None:
        super().check(text)
        if not self._FORM.fullmatch(text) or self._TAKEN.fullmatch(text):
            raise bad_args(f"{text} cannot name a pin")


class Initial(NamedTuple):
    """What a pin is after boot."""

    direction: Direction
    level: int


class InitialKind(ValueType[Initial | None]):
    """A direction and a level, or none: printed with the long word and the level."""

    words = (1, 2)
    hint = "direction [0|1], or none"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> Initial | None:
        direction = by_word(words[0])
        level = integer(words[1], 0, 1) if len(words) == 2 else 0
        return None if direction is None else Initial(direction, level)

    def show(self, value: Initial | None) -> str:
        return NO_DIRECTION if value is None else f"{value.direction.value} {value.level}"

    def write(self, value: Initial | None) -> str:
        return self.show(value)


ALIAS = Variable(
    "gpio.alias", "gp a", Alias(), "", index=PinIndex(),
    doc="A name for a pin, taken wherever a pin is named.",
)  # fmt: skip
INIT = Variable(
    "gpio.init", "gp i", InitialKind(), None, index=PinIndex(), applies=Applies.REBOOT,
    doc="Direction and level of a pin after boot: `<direction> [<level>]`.",
)  # fmt: skip
SLEEP = Variable(
    "gpio.sleep", "gp s", Choice(DEFAULT_SLEEP, *SLEEP_STATES, also=SHORT_SLEEP_STATES),
    DEFAULT_SLEEP, index=PinIndex(),
    doc="What a pin does while the device sleeps.",
)  # fmt: skip
