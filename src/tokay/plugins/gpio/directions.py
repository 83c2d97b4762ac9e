"""The words and digits for what a pin is. Source: docs/protocol/commands.md, section 5.1."""

from tokay.board.pins import Direction
from tokay.kernel.results import bad_args

NONE = frozenset(("none", "-1"))
"""What deregisters a pin."""
UNCHANGED = frozenset("-xX")
"""What leaves a pin alone where one character stands for each."""

_SHORT = {
    "ipu": Direction.INPUT_PULL_UP,
    "ipd": Direction.INPUT_PULL_DOWN,
    "in": Direction.INPUT_HIGHZ,
    "input_high_impedance": Direction.INPUT_HIGHZ,
    "out": Direction.OUTPUT_PUSH_PULL,
    "output": Direction.OUTPUT_PUSH_PULL,
    "ood": Direction.OUTPUT_OPEN_DRAIN,
    "oodpu": Direction.OUTPUT_OPEN_DRAIN_PULL_UP,
}
_WORDS = {direction.value: direction for direction in Direction} | _SHORT
_DIGITS: dict[str, Direction | None] = {
    **{str(digit): direction for digit, direction in enumerate(Direction)},
    str(len(Direction)): None,
}


def by_word(word: str) -> Direction | None:
    """Return the direction of a word, short or long; None deregisters. Raises CommandError."""
    word = word.lower()
    if word in NONE:
        return None
    if word not in _WORDS:
        raise bad_args(f"{word} is no direction")
    return _WORDS[word]


def by_digit(digit: str) -> Direction | None:
    """Return the direction of a digit, 0 to 6; None deregisters. Raises CommandError."""
    if digit not in _DIGITS:
        raise bad_args(f"{digit} is no direction")
    return _DIGITS[digit]
