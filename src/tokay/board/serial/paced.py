"""A port as slow as the wire that it stands for.

A byte takes a start bit, its data bits, a parity bit if there is one, and its stop bits, at the
baud rate; it has arrived when the last of them has. Both directions are paced, each by itself.
What is on its way when the settings change still goes at the old rate.

What the host writes fills the buffers of this machine first (64 KB in a pty): it is held up once
they are full, as by an adapter with a deep FIFO.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from tokay.board.serial.port import LineSettings, SerialPort

TICK = 0.005
"""Seconds of line time that are handed on at once when there is more: 57 bytes at 115200 baud."""
_EDGE = 1e-9
"""Seconds that a clock of floating numbers may be off."""
_FINEST = 0.001
"""Seconds: some loops know no shorter time, and would come again and again at once."""


def byte_time(settings: LineSettings) -> float:
    """Return the seconds that one byte takes."""
    bits = 1 + settings.data + (settings.parity != "none") + settings.stop
    return bits / settings.baud


class PacedLine:
    """One direction of a wire: which bytes have arrived by when."""

    __slots__ = ("_queue", "_started_at", "size")

    def __init__(self) -> None:
        self._queue: deque[tuple[bytes, float]] = deque()
        self._started_at = 0.0
        self.size = 0
        """Bytes that have not arrived yet."""

    def send(self, data: bytes, each: float, now: float) -> None:
        """Send bytes that take ``each`` seconds, behind what is on its way."""
        if not self._queue:
            self._started_at = max(now, self._started_at)
        self._queue.append((data, each))
        self.size += len(data)

    def resume(self, now: float) -> None:
        """Restart the clock of the next byte after a pause."""
        self._started_at = max(now, self._started_at)

    def receive_arrived(self, now: float) -> bytes:
        """Return what has arrived."""
        arrived = []
        while self._queue:
            data, each = self._queue[0]
            count = int((now - self._started_at + _EDGE) / each)
            if count <= 0:
                break
            self._started_at += min(count, len(data)) * each
            if count < len(data):
                self._queue[0] = (data[count:], each)
                arrived.append(data[:count])
                break
            self._queue.popleft()
            arrived.append(data)
        whole = b"".join(arrived)
        self.size -= len(whole)
        return whole

    def drain(self) -> bytes:
        """Return all, arrived or not."""
        whole = b"".join(data for data, _ in self._queue)
        self._queue.clear()
        self.size = 0
        return whole

    def get_timer(self) -> float | None:
        """Return when `receive_arrived` has more, on the clock of ``now``; None for never."""
        if not self._queue:
            return None
        data, each = self._queue[0]
        return self._started_at + min(len(data), max(1, round(TICK / each))) * each


class PacedPort(SerialPort):
    """Puts a wire before another port."""

    def __init__(self, inner: SerialPort) -> None:
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._each = byte_time(LineSettings())
        self._out, self._in = PacedLine(), PacedLine()
        self._out_timer: asyncio.TimerHandle | None = None
        self._in_timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        """Set each time that bytes have come through."""
        self._attached = self._ended = False
        self.description = inner.description
        inner.on_end = self._inner_ended
        inner.owner = self

    @property
    def can_wait(self) -> bool:  # type: ignore[override]
        return self._inner.can_wait

    @property
    def backlog(self) -> int:
        return self._out.size + self._inner.backlog

    def write(self, data: bytes) -> None:
        if data:
            self._out.send(data, self._each, self._loop.time())
            if self._out_timer is None:
                self._out_timer = self._arm(self._out, self._send)

    def configure(self, settings: LineSettings) -> None:
        self._inner.configure(settings)
        self._each = byte_time(settings)

    def close(self) -> None:
        self.detach()
        if self._out_timer is not None:
            self._out_timer.cancel()
            self._out_timer = None
        self._inner.write(self._out.drain())
        self._inner.close()

    # What the other port asks: the wire before it is part of the way.

    async def settle(self) -> None:
        """Return once what the host sent has arrived and is carried out."""
        await self._empty(self._in)
        if self.owner is not None:
            await self.owner.settle()

    async def answered(self) -> None:
        """Return once the last answer has gone out."""
        await self._empty(self._in)
        if self.owner is not None:
            await self.owner.answered()
        await self._empty(self._out)

    def host_changed(self) -> None:
        """Pass it on."""
        if self.owner is not None:
            self.owner.host_changed()

    def note(self, text: str) -> None:
        """Pass it on."""
        if self.owner is not None:
            self.owner.note(text)

    async def _empty(self, line: PacedLine) -> None:
        while line.size:
            self._moved.clear()
            await self._moved.wait()

    # To the host.

    def _send(self) -> None:
        self._out_timer = None
        if data := self._out.receive_arrived(self._loop.time()):
            self._inner.write(data)
            self._moved.set()
        self._out_timer = self._arm(self._out, self._send, early=not data)
        self.drained()

    def drained(self) -> None:
        """Called when the host has read all that arrived."""
        if not self.backlog and self._receiver is not None:
            self._receiver.drained()

    # From the host.

    def feed(self, data: bytes) -> None:
        """Queue what the host has sent; it is delivered at the baud rate."""
        self._in.send(data, self._each, self._loop.time())
        self._inner.pause()
        if self._in_timer is None and self._receiver is not None and not self._paused:
            self._in_timer = self._arm(self._in, self._deliver)

    def _deliver(self) -> None:
        self._in_timer = None
        data = self._in.receive_arrived(self._loop.time())
        self._moved.set()
        if data and self._receiver is not None:
            self._receiver.feed(data)
        if self._receiver is None or self._paused:
            return
        # Whoever was fed may have attached another receiver, which armed a timer of its own.
        if self._in_timer is None:
            self._in_timer = self._arm(self._in, self._deliver, early=not data)
        if not self._in.size:
            self._inbound_empty()

    def _inbound_empty(self) -> None:
        if self._ended:
            if self.on_end is not None:
                self.on_end()
        else:
            self._inner.resume()

    def _inner_ended(self) -> None:
        self._ended = True
        if not self._in.size and self.on_end is not None:
            self.on_end()

    def _resume_reading(self) -> None:
        self._in.resume(self._loop.time())
        if self._in_timer is None:
            self._in_timer = self._arm(self._in, self._deliver)
        if not self._attached:
            self._attached = True
            self._inner.attach(self)
        elif not self._in.size and not self._ended:
            self._inner.resume()

    def _pause_reading(self) -> None:
        if self._in_timer is not None:
            self._in_timer.cancel()
            self._in_timer = None
        self._inner.pause()

    def _arm(
        self, wire: PacedLine, action: Callable[[], None], *, early: bool = False
    ) -> asyncio.TimerHandle | None:
        when = wire.get_timer()
        if when is None:
            return None
        if early:
            when = max(when, self._loop.time() + _FINEST)
        return self._loop.call_at(when, action)
