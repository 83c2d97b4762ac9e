"""The device's clock.

Sources: docs/protocol/commands.md, section 7; docs/protocol/variables.md, section 7.20.
"""

import re
from collections.abc import Sequence

from tokay.board.board import Board
from tokay.kernel.clock import NEVER
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import bad_args
from tokay.kernel.value_types import NOWHERE, Scope, ValueType, integer
from tokay.kernel.variables import Variable, computed

LATEST = 253402300799
"""The last second that has a date of four digits: 9999-12-31."""


class Zone(ValueType[str]):
    """Hours from Greenwich, -12:30 to 12:30, half hours allowed; printed as entered."""

    hint = "[+-]H[:30]"
    _FORM = re.compile(r"([+-]?)(\d{1,2})(?::(00|30|0))?")

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> str:
        self.minutes(words[0])
        return words[0]

    def minutes(self, word: str) -> int:
        """Return minutes east of Greenwich. Raises CommandError."""
        match = self._FORM.fullmatch(word)
        minutes = 0 if match is None else int(match[2]) * 60 + int(match[3] or 0)
        if match is None or minutes > 12 * 60 + 30:
            raise bad_args(f"{word} is no time zone")
        return -minutes if match[1] == "-" else minutes


def _seconds(seconds: float, words: Sequence[str]) -> str:
    if seconds == NEVER:
        return "-1"
    return str(int(seconds * 1000) if words else int(seconds))


def _rtc(kernel: Kernel, words: Sequence[str]) -> str:
    if words and words[0] == "utc":
        return kernel.clock.utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _seconds(kernel.clock.rtc, words)


def _set_rtc(kernel: Kernel, words: Sequence[str]) -> None:
    kernel.clock.set(integer(words[0], 0, LATEST))


RTC = computed(
    "time.rtc", "ti r", _rtc, getter_words=("ms", "utc"), setter=_set_rtc,
    doc="The clock: seconds since 1970, milliseconds with `ms`, a date with `utc`.",
)  # fmt: skip
UPTIME = computed(
    "time.uptime", "ti u", lambda kernel, words: _seconds(kernel.clock.uptime, words),
    getter_words=("ms",), doc="Seconds since boot; milliseconds with `ms`.",
)  # fmt: skip
LAST_SET = computed(
    "time.last_set", "ti l", lambda kernel, words: _seconds(kernel.clock.since_set, words),
    getter_words=("ms",), doc="Seconds since the clock was set, or -1; milliseconds with `ms`.",
)  # fmt: skip
ZONE = Variable("time.zone", "ti z", Zone(), "0", doc="Hours from Greenwich, for notices.")


class Time(Plugin):
    """The clock by variables."""

    name = "time"
    variables = (RTC, UPTIME, LAST_SET, ZONE)
    safe_mode = True

    def start(self, kernel: Kernel, board: Board) -> None:
        """Use the saved time zone, and each new one."""
        zone = Zone()

        def change(_index: str, word: str) -> None:
            kernel.clock.zone = zone.minutes(word)

        change("", kernel.variables[ZONE])
        kernel.variables.watch(ZONE, change)


PLUGIN = Time
