"""What the indicators are, and what they do in each state.

Source: docs/protocol/network.md, section 16. The states of `softap` and the rates are a decision.
"""

from collections.abc import Iterable, Sequence
from enum import Enum

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NO_PIN, NOWHERE, Pin, Scope, ValueType
from tokay.kernel.variables import Index, Variable

STATES = {
    "wlan": ("off", "error", "connecting", "connected"),
    "softap": ("off", "on", "with clients"),
    "network": ("no address", "DHCP active", "address"),
}
"""Each indicator, and its states in the order in which `system.indicator.state` names them."""


class Operation(Enum):
    """What an indicator does; the values are how often it blinks, in Hz."""

    STATIC_OFF = 0.0
    STATIC_ON = -1.0
    SLOW_BLINK = 1.0
    MEDIUM_BLINK = 2.0
    FAST_BLINK = 5.0

    @property
    def word(self) -> str:
        """How it is spelt."""
        return self.name.lower()


OPERATIONS = {operation.word: operation for operation in Operation}
MAX_STATES = 4

Pattern = tuple[Operation, ...]


class PatternKind(ValueType[Pattern]):
    """Up to four operations, with bars or blanks between them. The last one stands for the rest."""

    words = (1, MAX_STATES)
    hint = "operation|operation..."

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> Pattern:
        names = [name.strip() for name in "|".join(words).split("|")]
        if not all(name in OPERATIONS for name in names) or len(names) > MAX_STATES:
            raise bad_args(f"{' '.join(words)} is not up to four of {', '.join(OPERATIONS)}")
        return tuple(OPERATIONS[name] for name in names)

    def show(self, value: Pattern) -> str:
        return "|".join(operation.word for operation in value)


class IndicatorIndex(Index):
    """The name of an indicator."""

    hint = "indicator"

    def key(self, word: str, kernel: Kernel) -> str:
        if word not in STATES:
            raise bad_args(f"{word} is not one of {', '.join(STATES)}")
        return word

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return STATES


GPIO = Variable(
    "system.indicator.gpio", "sy i g", Pin(), NO_PIN, index=IndicatorIndex(),
    doc="The pin of an indicator: wlan, softap or network.",
)  # fmt: skip
STATE = Variable(
    "system.indicator.state", "sy i s", PatternKind(), (Operation.STATIC_OFF,),
    index=IndicatorIndex(),
    defaults={
        "wlan": (
            Operation.STATIC_OFF, Operation.FAST_BLINK, Operation.MEDIUM_BLINK,
            Operation.STATIC_ON,
        ),
        "softap": (Operation.STATIC_OFF, Operation.SLOW_BLINK, Operation.STATIC_ON),
        "network": (Operation.STATIC_OFF, Operation.FAST_BLINK, Operation.STATIC_ON),
    },
    doc="What an indicator does in each of its states, with bars between them.",
)  # fmt: skip
