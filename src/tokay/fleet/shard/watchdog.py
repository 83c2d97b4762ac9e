"""The watchdog of a shard: a behaviour that keeps the loop to itself is stopped, and named.

A signal comes once a second, whatever Python code runs. When the loop has had no turn for some
seconds and the task that runs is a behaviour, that gets an exception where it is. The signal also
looks whether the process that started this one is still there.
"""

import asyncio
import os
import signal
from types import FrameType

INTERVAL = 1.0
LIMIT = 5.0
"""Seconds that a behaviour may keep the loop."""


class StuckError(BaseException):
    """Raised in a behaviour that does not let others have their turn."""


class Watchdog:
    """Watches the running loop, from the main thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float = LIMIT) -> None:
        self._loop = loop
        self._limit = limit
        self._parent = os.getppid()
        self._turns = 0
        self._seen = -1
        self._stuck = 0
        self._beat: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch."""
        signal.signal(signal.SIGALRM, self._look)
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
        self._turn()

    def stop(self) -> None:
        """Watch no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if self._beat is not None:
            self._beat.cancel()

    def _turn(self) -> None:
        self._turns += 1
        self._beat = self._loop.call_later(INTERVAL / 2, self._turn)

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        if os.getppid() != self._parent:
            os._exit(3)  # an orphan, and the loop may be stuck
        if self._turns != self._seen:
            self._seen, self._stuck = self._turns, 0
            return
        self._stuck += 1
        if self._stuck * INTERVAL < self._limit:
            return
        task = asyncio.current_task(self._loop)
        if task is not None and task.get_name().startswith("behaviour "):
            self._stuck = 0
            message = f"kept the event loop for {self._limit:.0f} s"
            raise StuckError(message)
