"""One line to the host that says: look at the streams.

It is high while a stream has something unread, and from a stream that opened without a command, a
peer that closed, or a network that went, until the host looks by `stream_poll` or `stream_list`.

Only the name of the variable is known; what the line tells is inferred.
Source: docs/protocol/command-protocol.md, section 10.
"""

from tokay.board.board import Board
from tokay.board.pins import Pins
from tokay.kernel.events import StreamClosed, StreamOpened, StreamsPolled, StreamStateChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import ENDED, UNREAD, StreamType
from tokay.kernel.value_types import NO_PIN, Pin
from tokay.kernel.variables import Variable
from tokay.plugins.gpio import StatusPin, variable_line
from tokay.plugins.network import Interface

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

    def start(self, kernel: Kernel, board: Board) -> None:
        """Show whether there is something, if there is a pin for it."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._line: StatusPin | None = None
        self._news = False
        if kernel.variables[GPIO] != NO_PIN:
            self._begin()
        else:
            kernel.variables.watch(GPIO, self._pin_changed)

    def network_down(self, interface: Interface) -> None:
        """Called when an interface goes down."""
        self._note()

    def _pin_changed(self, _index: str, pin: int) -> None:
        if pin != NO_PIN and self._line is None:
            self._begin()

    def _begin(self) -> None:
        kernel = self._kernel
        self._line = variable_line(kernel, self._pins, GPIO)
        kernel.events.on(StreamOpened, self._opened)
        kernel.events.on(StreamStateChanged, self._changed)
        kernel.events.on(StreamClosed, self._closed)
        kernel.events.on(StreamsPolled, self._polled)
        self._show()

    def _opened(self, event: StreamOpened) -> None:
        if event.auto or event.stream.type in UNASKED:
            self._note()

    def _changed(self, event: StreamStateChanged) -> None:
        if event.stream.network and event.stream.state & ENDED:
            self._news = True
        self._show()

    def _closed(self, _event: StreamClosed) -> None:
        self._show()

    def _polled(self, _event: StreamsPolled) -> None:
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
