"""The script of an airspace: when what goes wrong, and the log of it.

Events of the same moment happen in the order in which they were written. There is one timer,
for the next event, and none when the script is over. Random numbers come from the seed and the
event's number, so that one event does not change another's.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable

from tokay.board.air.access_point import AccessPoint
from tokay.board.air.fault_events import FaultEvent
from tokay.board.air.subnet import Subnet

MAX_LINES = 10_000
"""Lines of the log that are kept."""


class FaultScript:
    """Events to come, and the log of what happened.

    `find` gives the access point of a name and its network; `seed` is asked when an event is added.
    """

    def __init__(self, find: Callable[[str], tuple[AccessPoint, Subnet]]) -> None:
        self.seed = 0
        self.log_lines: deque[str] = deque(maxlen=MAX_LINES)
        self._find = find
        self._started_at: float | None = None
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        # When, which, the time without jitter, how often it was applied, what, its random numbers.
        self._queue: list[tuple[float, int, float, int, FaultEvent, random.Random]] = []

    def add(self, event: FaultEvent) -> None:
        """Add an event. Raises AirspaceError if it cannot happen here."""
        event.check(*self._find(event.ap))
        rng = random.Random(f"{self.seed} {self._count}")  # noqa: S311 - to be repeatable
        self._push(event.at, self._count, 0, event, rng)
        self._count += 1
        self._wait()

    def apply(self, event: FaultEvent) -> None:
        """Apply an event now. Raises AirspaceError."""
        where = self._find(event.ap)
        event.check(*where)
        self.write(event.ap, str(event))
        event.apply(*where)

    def start(self, loop: asyncio.AbstractEventLoop, began: float) -> None:
        """Start the script's clock at a time of the loop's."""
        self._loop = loop
        self._started_at = began
        self._wait()

    def stop(self) -> None:
        """Drop the events to come; the log stays."""
        self._queue.clear()
        self._wait()

    def write(self, ap: str, text: str) -> None:
        """Write a line to the log, with the time since the start."""
        passed = 0.0
        if self._loop is not None and self._started_at is not None:
            passed = self._loop.time() - self._started_at
        self._write_line(passed, ap, text)

    def _write_line(self, passed: float, ap: str, text: str) -> None:
        self.log_lines.append(f"{passed:.3f} {ap}: {text}")

    def _push(
        self, nominal: float, number: int, count: int, event: FaultEvent, rng: random.Random
    ) -> None:
        due = nominal + (rng.uniform(0, event.jitter) if event.jitter else 0.0)
        heapq.heappush(self._queue, (due, number, nominal, count, event, rng))

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and self._loop is not None and self._started_at is not None:
            self._timer = self._loop.call_at(self._started_at + self._queue[0][0], self._fire)

    def _fire(self) -> None:
        due, number, nominal, count, event, rng = heapq.heappop(self._queue)
        if count + 1 < event.times:
            self._push(nominal + event.every, number, count + 1, event, rng)
        try:
            self._write_line(due, event.ap, str(event))
            event.apply(*self._find(event.ap))
        finally:
            self._wait()
