"""An example plugin: a variable, a command and a stream.

`ticker_open` opens a stream that gets a line every `ticker.period` milliseconds::

    > set ticker.period 500
    Set OK
    > ticker_open
    0
    > stream_read 0 100
    tick 1
"""

from typing import ClassVar

from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import Stream
from tokay.kernel.value_types import Integer
from tokay.kernel.variables import Variable

MAX_WAITING = 4096
"""Bytes that wait for a reader: then a tick is left out."""

PERIOD = Variable(
    "ticker.period", "tk p", Integer(10, 60000, unit="ms"), 1000,
    doc="How often the ticker ticks.",
)  # fmt: skip


class TickerStream(Stream):
    """Gets a line at every tick."""

    __slots__ = ("_kernel", "_number", "_text", "_timer")

    type = "TICK"
    network = False

    def __init__(self, kernel: Kernel) -> None:
        super().__init__("ticker")
        self._kernel = kernel
        self._number = 0
        self._text = b""
        self._wait()

    def _wait(self) -> None:
        seconds = self._kernel.variables[PERIOD] / 1000
        self._timer = self._kernel.clock.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._number += 1
        if len(self._text) < MAX_WAITING:
            self._text += b"tick %d\r\n" % self._number
        self._wait()
        self._kernel.streams.arrived(self)

    @property
    def available(self) -> int:
        """Bytes that can be read."""
        return len(self._text)

    @property
    def ended(self) -> bool:
        """A ticker never ends by itself."""
        return False

    def take(self, limit: int) -> bytes:
        """Give the oldest bytes."""
        data, self._text = self._text[:limit], self._text[limit:]
        return data

    def close(self) -> None:
        """Tick no more."""
        self._timer.cancel()


@command("ticker_open", "tick")
def ticker_open(call: Call) -> str:
    """Open a stream that ticks; the response is its handle."""
    return str(call.kernel.streams.open(TickerStream(call.kernel)))


class Ticker(Plugin):
    """Something that ticks."""

    name = "ticker"
    variables = (PERIOD,)
    commands: ClassVar = (ticker_open,)
