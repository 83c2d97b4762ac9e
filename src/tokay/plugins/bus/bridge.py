"""The bridge: the serial port and one stream, joined both ways.

What a stream receives goes straight to the port, and what the port receives to the stream as soon
as ``FlushRules`` finds it due. Each side waits for the other::

    slow peer   the stream is choked: due bytes wait, and once the receive buffer is full the port
                is held; a port that cannot be (a UART without flow control) loses what comes
                then, and every lost byte is counted and told
    slow host   the port has a backlog: the stream stops reading from its peer
    no stream   as with a slow peer, until there is one

Source: docs/protocol/command-protocol.md, section 8.2.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from tokay.board.serial import SerialPort
from tokay.kernel import system_variables
from tokay.kernel.events import StreamClosed
from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Level
from tokay.kernel.results import CommandError
from tokay.kernel.streams import Stream, StreamType
from tokay.plugins.bus.flush_rules import FlushRules, Rules
from tokay.plugins.bus.variables import (
    CMD_SEQ,
    FLUSH_COUNT,
    FLUSH_TIME,
    FLUSH_TIME_RESET,
    STREAM,
)

MAX_UNSENT = 64 * 1024
"""Bytes that may wait for a slow host before the peer is made to wait too."""
TELL_AFTER = 1.0
"""Seconds in which lost bytes are counted before the log tells of them."""
LF = b"\n"
_SERVED = (StreamType.TCPS, StreamType.TLSS, StreamType.WEBS)
"""Streams whose next one belongs to another client. A client's next one is to the same server."""


class Bridge:
    """Stream mode on one port. ``on_break_in`` hears what stood behind the break-in text."""

    __slots__ = (
        "_due", "_gather", "_held", "_kernel", "_loop", "_lost", "_most", "_name", "_on_break_in",
        "_parted", "_port", "_sent", "_skip_lf", "_stream", "_tell", "_timer", "_waiting",
        "_waiting_size", "active", "dropped",
    )  # fmt: skip

    def __init__(
        self, kernel: Kernel, port: SerialPort, name: str, on_break_in: Callable[[bytes], None]
    ) -> None:
        self._kernel = kernel
        self._port = port
        self._name = name
        self._on_break_in = on_break_in
        self._loop = asyncio.get_running_loop()
        self._stream: Stream | None = None
        self._gather = FlushRules(self._rules(), self._loop.time())
        self._waiting: deque[bytes] = deque()
        self._waiting_size = 0
        self._held = self._skip_lf = False
        self._timer: asyncio.Handle | None = None
        # When it goes off: for about now uvloop gives a plain handle, without `when`.
        self._due = 0.0
        self._tell: asyncio.TimerHandle | None = None
        self._lost = 0
        self._sent: asyncio.Future[None] | None = None
        self._parted: asyncio.Future[None] | None = None
        self.active = False
        """Whether the port is in stream mode now, and not in command mode for a while."""
        self.dropped = 0
        """Bytes of the host that were lost since boot."""
        kernel.events.on(StreamClosed, self._closed)
        for variable in STREAM:
            kernel.variables.watch(variable, self._changed)

    def enter(self, data: bytes = b"", *, skip_lf: bool = False) -> None:
        """Join the port and the stream, beginning with bytes that the host sent before.

        ``skip_lf``: the line end of `exit` may lack its second half, which is no data.
        """
        self.active = True
        self._skip_lf = skip_lf
        self._held = False
        self._gather = FlushRules(self._rules(), self._loop.time())
        self._port.attach(self)
        if self._stream is not None:
            self._join(self._stream)
        if data:
            self.feed(data)

    def leave(self) -> None:
        """Part them: the port gets another receiver, and what arrives stays in the stream."""
        self.active = False
        self._pass(self._gather.flush())
        self._set_timer(None)
        if self._stream is not None:
            self._stream.divert(None)

    def close(self) -> bytes:
        """End; return what no stream has had."""
        if self.active:
            self.leave()
        self._wake_parted()
        if self._tell is not None:
            self._tell.cancel()
            self._tell_lost()
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)
        unsent = b"".join(self._waiting)
        self._waiting.clear()
        return unsent

    async def settle(self) -> None:
        """Return once all that the host sent is with the stream."""
        while self.active and not self._kernel.halting and (self._waiting or self._gather.buffered):
            self._sent = self._loop.create_future()
            await self._sent

    async def stream_closed(self) -> None:
        """Return once no stream is open, or the bridge ends."""
        while self.active and not self._kernel.halting and self._stream is not None:
            self._parted = self._loop.create_future()
            await self._parted

    def flush(self) -> None:
        """Pass on what is being gathered: nothing more will come that belongs to it."""
        self._pass(self._gather.flush())

    # The stream.

    def offer(self, stream: Stream) -> None:
        """Bridge a stream that an auto-start service opened, unless one is bridged already."""
        if self._stream is not None:
            return
        if not stream.bridgeable:
            self._kernel.log.line(f"{stream.type} streams cannot be bridged", Level.NOTICE)
            return
        self._stream = self._kernel.streams.bridged = stream
        if self.active:
            self._join(stream)

    def _join(self, stream: Stream) -> None:
        stream.divert(self)
        # Its peer may have gone while commands had the port: then that was all.
        self._kernel.streams.arrived(stream)
        self.room()

    def _closed(self, event: StreamClosed) -> None:
        if event.stream is not self._stream:
            return
        self._stream = self._kernel.streams.bridged = None
        if event.stream.type in _SERVED:
            self._forget_unsent()
        self._wake_parted()

    def _forget_unsent(self) -> None:
        """Drop what the host sent to a client that is gone: the next one is somebody else."""
        unsent = self._waiting_size + len(self._gather.flush())
        self._waiting.clear()
        self._waiting_size = 0
        if unsent:
            self._lose(unsent)
        self.room()

    def _wake_parted(self) -> None:
        if self._parted is not None and not self._parted.done():
            self._parted.set_result(None)

    def take_in(self, data: bytes) -> bool:
        port = self._port
        port.write(data)
        return port.backlog <= MAX_UNSENT

    def room(self) -> None:
        """Send what waits; let the host go on when all of it is gone."""
        waiting = self._waiting
        while waiting and self.active and self._stream is not None and not self._stream.choked:
            data = waiting.popleft()
            self._waiting_size -= len(data)
            if not self._write(self._stream, data):
                break
        if not waiting and self._held:
            self._held = False
            self._gather.interrupted(self._loop.time())
            self._port.resume()
        self._settled()

    # The port.

    def feed(self, data: bytes) -> None:
        """Feed bytes from the host."""
        if self._skip_lf:
            self._skip_lf = False
            data = data.removeprefix(LF)
        rules = self._gather
        due = rules.receive(data, self._loop.time())
        if rules.broke_in is not None:
            behind, rules.broke_in = rules.broke_in, None
            self._on_break_in(behind)
            return
        if due:
            self._pass(due)
        when = rules.get_timer()
        # A timer that comes too early finds nothing to do: most of the time it can stay.
        if when is not None and (self._timer is None or self._due > when):
            self._set_timer(when)

    def drained(self) -> None:
        """Called when the host has read everything."""
        if self._stream is not None:
            self._stream.go_on()

    def _pass(self, due: bytes) -> None:
        stream = self._stream
        if stream is None or self._waiting or stream.choked:
            self._wait(due)
        elif due:
            self._write(stream, due)

    def _write(self, stream: Stream, data: bytes) -> bool:
        try:
            if stream.datagrams:  # one ends where gathering cut it
                size = self._gather.rules.flush_count or len(data)
                for at in range(0, len(data), size):
                    stream.write(data[at : at + size])
            else:
                stream.write(data)
        except CommandError:
            if stream.datagrams:  # one ends where gathering cut it
                self._lose(len(data))  # nobody to send it to
                return True
            # It is about to close: the next stream gets what this one did not take.
            self._wait(data, front=True)
            return False
        return True

    def _wait(self, data: bytes, *, front: bool = False) -> None:
        if not data:
            return
        if not self._port.can_wait:
            room = max(0, self._most - self._waiting_size)
            if len(data) > room:
                self._lose(len(data) - room)
                data = data[:room]
            if not data:
                return
        if front:
            self._waiting.appendleft(data)
        else:
            self._waiting.append(data)
        self._waiting_size += len(data)
        if self._port.can_wait and self._waiting_size >= self._most and self.active:
            self._held = True
            self._port.pause()

    def _lose(self, count: int) -> None:
        self.dropped += count
        self._lost += count
        if self._tell is None:
            self._tell = self._loop.call_later(TELL_AFTER, self._tell_lost)

    def _tell_lost(self) -> None:
        lost, self._lost, self._tell = self._lost, 0, None
        self._kernel.log.line(f"{self._name}: {lost} bytes dropped", Level.NOTICE)

    # Time and rules.

    def _set_timer(self, when: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._due = when
            self._timer = self._loop.call_at(when, self._time_is_over)

    def _time_is_over(self) -> None:
        self._timer = None
        self._pass(self._gather.handle_timer(self._loop.time()))
        if (when := self._gather.get_timer()) is not None:
            self._set_timer(when)
        self._settled()

    def _settled(self) -> None:
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def _rules(self) -> Rules:
        values = self._kernel.variables
        count = values[FLUSH_COUNT]
        self._most = max(count, values[system_variables.RX_BUFFER])
        return Rules(
            flush_count=count,
            flush_time=values[FLUSH_TIME] / 1000,
            flush_time_reset=values[FLUSH_TIME_RESET],
            cmd_seq=values[CMD_SEQ].encode("latin-1"),
            most=self._most,
        )

    def _changed(self, _index: str, _value: object) -> None:
        self._pass(self._gather.flush())
        self._gather.rules = self._rules()
