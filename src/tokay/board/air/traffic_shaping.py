"""Slow and lossy connections: a layer between a socket and the protocol that uses it.

    protocol  <->  ShapedConnection  <->  the loop's own transport

TCP hides loss from its users: a lost segment shows as a pause, and everything behind it waits.
So nothing is lost here either. Each segment that is drawn for loss comes later by a
retransmission time-out that doubles each time (RFC 6298), and the order is kept.

One random number is drawn for each 1460 bytes of a direction, whatever pieces the kernel hands
them over in. A seed therefore gives the same pauses at the same places in each run.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from tokay.board.air.errors import AirspaceError

SEGMENT = 1460
"""Bytes for which one random number is drawn."""
FIRST_RETRANSMISSION = 0.2
"""Seconds, beyond a round trip: Linux' TCP_RTO_MIN."""
MAX_DOUBLINGS = 6
MAX_QUEUED = 64 * 1024
"""Bytes under way in one direction before the side that sends must wait."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network does to TCP streams. Raises AirspaceError.

    `latency` is seconds each way, 0 to 60; `loss` the share of segments lost, 0 to 0.99;
    `bandwidth` is bytes a second each way for each stream, at least 1, None for no limit.
    """

    latency: float = 0.0
    loss: float = 0.0
    bandwidth: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.latency <= 60:
            raise AirspaceError(f"latency: must be 0 to 60 s, not {self.latency}")
        if not 0 <= self.loss <= 0.99:
            raise AirspaceError(f"loss: must be 0 to 0.99, not {self.loss}")
        if self.bandwidth is not None and self.bandwidth < 1:
            raise AirspaceError(f"bandwidth: must be 1 or more, not {self.bandwidth}")


PLAIN = Shape()


class _DelayLine:
    """One direction: what was put in comes out in order, each piece in its time."""

    def __init__(
        self,
        shape: Callable[[], Shape],
        rng: random.Random,
        deliver: Callable[[bytes | None], None],
    ) -> None:
        self.size = 0
        self._shape = shape
        self._rng = rng
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._offset = 0
        self._sent_at = 0.0
        self._last_due = 0.0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def send(self, data: bytes) -> None:
        """Queue bytes, each segment with its delay."""
        shape = self._shape()
        now = self._loop.time()
        self._sent_at = max(self._sent_at, now)
        start = 0
        while start < len(data):
            piece = data[start : start + SEGMENT - self._offset % SEGMENT]
            start += len(piece)
            late = self._retransmissions(shape) if not self._offset % SEGMENT else 0.0
            self._offset += len(piece)
            self.size += len(piece)
            if shape.bandwidth is not None:
                self._sent_at += len(piece) / shape.bandwidth
            self._queue_up(self._sent_at + shape.latency + late, piece)
        self._run()

    def send_eof(self) -> None:
        """Queue the end of the stream."""
        self._queue_up(self._loop.time() + self._shape().latency, None)
        self._run()

    def pause(self) -> None:
        """Stop delivering."""
        self._paused = True
        self._cancel()

    def resume(self) -> None:
        """Resume delivering."""
        self._paused = False
        if self._timer is None and self._queue:
            self._timer = self._loop.call_at(self._queue[0][0], self._fire)

    def clear(self) -> None:
        """Drop what is queued."""
        self._queue.clear()
        self.size = 0
        self._cancel()

    def _retransmissions(self, shape: Shape) -> float:
        late, wait, count = 0.0, FIRST_RETRANSMISSION + 2 * shape.latency, 0
        while shape.loss and count < MAX_DOUBLINGS and self._rng.random() < shape.loss:
            late += wait
            wait *= 2
            count += 1
        return late

    def _queue_up(self, due: float, piece: bytes | None) -> None:
        self._last_due = max(due, self._last_due)
        self._queue.append((self._last_due, piece))

    def _fire(self) -> None:
        self._timer = None
        self._run()

    def _run(self) -> None:
        while self._queue and not self._paused and self._queue[0][0] <= self._loop.time():
            _, piece = self._queue.popleft()
            self.size -= len(piece or b"")
            self._deliver(piece)
        if self._queue and not self._paused and self._timer is None:
            self._timer = self._loop.call_at(self._queue[0][0], self._fire)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ShapedConnection(asyncio.Transport, asyncio.Protocol):
    """A protocol to the socket, and the transport to the protocol above."""

    def __init__(
        self, protocol: asyncio.BaseProtocol, shape: Callable[[], Shape], seed: str
    ) -> None:
        super().__init__()
        self._protocol = cast("asyncio.Protocol", protocol)
        self._in = _DelayLine(shape, random.Random(f"{seed} in"), self._deliver_inbound)  # noqa: S311
        self._out = _DelayLine(shape, random.Random(f"{seed} out"), self._deliver_outbound)  # noqa: S311
        self._high = MAX_QUEUED
        self._low = MAX_QUEUED // 4
        self._closing = False
        self._writer_paused = False
        self._socket_paused = False
        self._lost = False

    # The protocol that the loop's transport sees.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        self._in.send(bytes(data))
        if self._in.size > MAX_QUEUED and not self._socket_paused and not self._lost:
            self._socket_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._in.send_eof()
        return True  # what is under way must arrive first

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._closing = True
        self._out.clear()
        self._in.clear()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._out.pause()

    def resume_writing(self) -> None:
        self._out.resume()

    # What comes out of the pipes.

    def _deliver_inbound(self, data: bytes | None) -> None:
        if self._closing:
            return
        if data is None:
            if not self._protocol.eof_received():
                self.close()
            return
        self._protocol.data_received(data)
        if self._socket_paused and self._in.size <= MAX_QUEUED // 2 and not self._lost:
            self._socket_paused = False
            self._transport.resume_reading()

    def _deliver_outbound(self, data: bytes | None) -> None:
        if data is not None:
            self._transport.write(data)
        elif self._closing:
            self._transport.close()
        else:
            self._transport.write_eof()
        if self._writer_paused and self._out.size <= self._low:
            self._writer_paused = False
            self._protocol.resume_writing()

    # The transport that the protocol above sees.

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if self._closing:
            return
        self._out.send(bytes(data))
        if self._out.size > self._high and not self._writer_paused:
            self._writer_paused = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        if not self._closing:
            self._out.send_eof()

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._in.clear()
            self._out.send_eof()

    def abort(self) -> None:
        self._closing = True
        self._in.clear()
        self._out.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._in.pause()

    def resume_reading(self) -> None:
        self._in.resume()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_write_buffer_size(self) -> int:
        return self._out.size + (0 if self._lost else self._transport.get_write_buffer_size())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = MAX_QUEUED if high is None else high
        self._low = self._high // 4 if low is None else low
