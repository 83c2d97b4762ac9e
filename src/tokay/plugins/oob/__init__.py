"""One line to the host that says: look at the streams.

It is high while a stream has something unread, and from a stream that opened without a command, a
peer that closed, or a network that went, until the host looks by `stream_poll` or `stream_list`.

Only the name of the variable is known; what the line tells is inferred.
Source: docs/protocol/command-protocol.md, section 10.
"""

from typing import Any

from tokay.board.pins import Pins
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import ENDED, UNREAD, Stream, StreamType
from tokay.kernel.value_types import NO_PIN, Pin
from tokay.kernel.variables import Variable
from tokay.plugins.gpio import Line, variable_line

GPIO = Variable(
    "system.oob.gpio", "", Pin(), NO_PIN,
    doc="A pin that is high while a stream wants to be looked at.",
)  # fmt: skip
UNASKED = frozenset((StreamType.TCPS, StreamType.TLSS, StreamType.WEBS))
"""Streams that a peer opens."""


class OutOfBand(Plugin):
    """The out-of-band line of one device. Nothing is listened to before it has a pin."""

    name = "oob"
    variables = (GPIO,)
    after = ("gpio", "streams")

    __slots__ = ("_kernel", "_line", "_news", "_pins")

    def start(self, kernel: Kernel, board: Any) -> None:
        """Show whether there is something, if there is a pin for it."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._line: Line | None = None
        self._news = False
        if kernel.variables[GPIO] != NO_PIN:
            self._begin()
        else:
            kernel.variables.watch(GPIO, self._pin_changed)

    def network_down(self, interface: Any) -> None:
        """Tell that a network went."""
        self._note()

    def _pin_changed(self, _index: str, pin: int) -> None:
        if pin != NO_PIN and self._line is None:
            self._begin()

    def _begin(self) -> None:
        kernel = self._kernel
        self._line = variable_line(kernel, self._pins, GPIO)
        kernel.on("stream_opened", self._opened)
        kernel.on("stream_state", self._changed)
        kernel.on("stream_closed", self._closed)
        kernel.on("streams_looked_at", self._looked_at)
        self._show()

    def _opened(self, stream: Stream, auto: bool) -> None:
        if auto or stream.type in UNASKED:
            self._note()

    def _changed(self, stream: Stream) -> None:
        if stream.network and stream.state & ENDED:
            self._news = True
        self._show()

    def _closed(self, stream: Stream) -> None:
        self._show()

    def _looked_at(self) -> None:
        self._news = False
        self._show()

    def _note(self) -> None:
        self._news = True
        self._show()

    def _show(self) -> None:
        if self._line is not None:
            unread = any(one.network and one.state & UNREAD for one in self._kernel.streams)
            self._line.show(self._news or unread)


PLUGIN = OutOfBand
