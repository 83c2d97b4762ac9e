"""A connection that a pin opens and closes.

While `ioconn.enabled` is on, a high level on `ioconn.control_gpio` opens the connection that the
other variables describe, and a low one closes it. One that cannot be opened, or that the other
side closes, stays closed until the level has been low, or the network has been away.

What connects over something of its own, such as a WebSocket, offers that here: ``Ioconn.offer``.

Sources: docs/protocol/variables.md, section 7.9; docs/protocol/command-protocol.md, section 10.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from tokay.board.board import Board
from tokay.board.pins import Direction, PinError, Pins
from tokay.kernel.events import StreamClosed
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, failed
from tokay.kernel.streams import Stream, StreamType
from tokay.kernel.value_types import NO_PIN, Boolean, Choice, Pin, PortNumber, Text
from tokay.kernel.variables import Variable
from tokay.plugins.gpio import variable_line
from tokay.plugins.network import Interface, Network, TcpStream
from tokay.plugins.streams import Streams, StreamStatusPins
from tokay.plugins.tcp import ConnectTarget, Dial, dial_tcp, dial_tls
from tokay.plugins.tcp import open_client as open_tcp
from tokay.plugins.tls import Tls
from tokay.plugins.udp import open_client as open_udp

ENABLED = Variable(
    "ioconn.enabled", "io e", Boolean(), False,
    doc="Let a pin open and close a connection.",
)  # fmt: skip
CONTROL_GPIO = Variable(
    "ioconn.control_gpio", "io c", Pin(), NO_PIN,
    doc="The pin whose high level opens the connection and whose low level closes it.",
)  # fmt: skip
STATUS_GPIO = Variable(
    "ioconn.status_gpio", "io s", Pin(), NO_PIN,
    doc="A pin that is high while the connection is open.",
)  # fmt: skip
PROTOCOL = Variable(
    "ioconn.protocol", "io p", Choice("udp", "tcp", "tls", "web"), "tcp",
    doc="What is spoken on the connection: udp, tcp, tls, or a WebSocket.",
)  # fmt: skip
LOCAL_PORT = Variable(
    "ioconn.local_port", "io l", PortNumber(any_port=True), 0,
    doc="The local port of the connection; 0 is any.",
)  # fmt: skip
REMOTE_HOST = Variable(
    "ioconn.remote_host", "io h", Text(1, 255), "",
    doc="Where the connection leads.",
)  # fmt: skip
REMOTE_PORT = Variable(
    "ioconn.remote_port", "io r", PortNumber(), 3000,
    doc="The port to which the connection leads.",
)  # fmt: skip


class Way(NamedTuple):
    """What is to be opened, and where."""

    kernel: Kernel
    interface: Interface
    target: ConnectTarget


class Opener(Protocol):
    """Opens a stream, with ``auto``, as nobody asked for it by command. Raises CommandError."""

    def __call__(self, way: Way) -> Awaitable[Stream]: ...


async def _udp(way: Way) -> Stream:
    return await open_udp(way.kernel, way.interface, *way.target, auto=True)


async def _over(kind: StreamType, dial: Dial, way: Way) -> Stream:
    stream = TcpStream(way.kernel, way.interface, kind, str(way.target))
    await open_tcp(way.kernel, stream, way.target, dial, auto=True)
    return stream


async def _tls(way: Way) -> Stream:
    return await _over(StreamType.TLSC, dial_tls(way.kernel.plugin(Tls)), way)


OPENERS: dict[str, Opener] = {
    "udp": _udp,
    "tcp": partial(_over, StreamType.TCPC, dial_tcp),
    "tls": _tls,
}


class Ioconn(Plugin):
    """The connection of one device that a pin controls."""

    name = "ioconn"
    variables = (
        ENABLED,
        CONTROL_GPIO,
        STATUS_GPIO,
        PROTOCOL,
        LOCAL_PORT,
        REMOTE_HOST,
        REMOTE_PORT,
    )
    after = ("gpio", "network", "streams", "tcp", "udp")

    __slots__ = ("_armed", "_kernel", "_lines", "_openers", "_pins", "_stream", "_task", "_unwatch")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Watch the pin, if `ioconn.enabled` is on."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._openers: dict[str, Opener] = OPENERS
        self._armed = False
        self._lines: StreamStatusPins | None = None
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None
        kernel.variables.watch(ENABLED, self._changed)
        self._arm()

    async def stop(self) -> None:
        """Stop watching; the stream table closes the streams."""
        self._disarm()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def offer(self, protocol: str, opener: Opener) -> None:
        """Register the opener of one `ioconn.protocol`."""
        self._openers = self._openers | {protocol: opener}

    def network_up(self, interface: Interface) -> None:
        """Open what the network took away, if the pin still asks for it."""
        if self._unwatch is not None and self._stream is None and self._task is None:
            self._hear(self._level())

    def _changed(self, _index: str, _value: Any) -> None:
        self._disarm()
        self._arm()

    def _arm(self) -> None:
        """Begin to look at the pin."""
        values = self._kernel.variables
        if not values[ENABLED]:
            return
        if not self._armed:  # from now on, for good
            self._armed = True
            values.watch(CONTROL_GPIO, self._changed)
            self._kernel.events.on(StreamClosed, self._closed)
            status = variable_line(self._kernel, self._pins, STATUS_GPIO)
            self._lines = StreamStatusPins(connected=status)
        pin = values[CONTROL_GPIO]
        if pin == NO_PIN:
            return
        try:
            # A line that nobody drives asks for nothing.
            self._pins.configure(pin, Direction.INPUT_PULL_DOWN)
            self._unwatch = self._pins.watch(pin, self._hear)
        except PinError as error:
            self._kernel.log.line(f"ioconn.control_gpio: {error}")
            return
        self._hear(self._level())

    def _disarm(self) -> None:
        """Stop watching the pin, and close what it opened."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
            self._hear(0)

    def _level(self) -> int:
        with contextlib.suppress(PinError):
            return self._pins.level(self._kernel.variables[CONTROL_GPIO])
        return 0

    def _hear(self, level: int) -> None:
        """Do what a level of the pin asks for."""
        if level:
            if self._stream is None and self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._open())
            return
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._stream is not None:
            self._kernel.streams.close(self._stream)

    async def _open(self) -> None:
        task = asyncio.current_task()
        try:
            stream = await self._connect()
        except CommandError:
            return  # the log has the reason
        finally:
            if self._task is task:
                self._task = None
        if self._lines is not None and stream in self._kernel.streams:
            self._stream = stream
            self._kernel.plugin(Streams).follow(stream, self._lines)

    async def _connect(self) -> Stream:
        kernel, values = self._kernel, self._kernel.variables
        host, opener = values[REMOTE_HOST], self._openers.get(values[PROTOCOL])
        if not host or opener is None:
            reason = f"no {values[PROTOCOL]} here" if host else "ioconn.remote_host is not set"
            kernel.log.line(f"ioconn: {reason}")
            raise failed(reason)
        kernel.streams.reserve()
        interface = await kernel.plugin(Network).need()
        target = ConnectTarget(host, values[REMOTE_PORT], values[LOCAL_PORT])
        return await opener(Way(kernel, interface, target))

    def _closed(self, event: StreamClosed) -> None:
        if event.stream is self._stream:
            self._stream = None


PLUGIN = Ioconn
