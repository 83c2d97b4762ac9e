"""Admits stations to a join a few at a time, however many ask at once.

A process that joins ten thousand devices has seconds of work to do. When all begin together, each
is as slow as all: answers come seconds late, time limits strike that the air knows nothing of, and
whatever else the process serves waits. So some begin in each turn of the loop, the others in the
next ones. Nobody who waits holds anybody up: a station is let in, not waited for.
"""

import asyncio
from collections import deque

WIDTH = 16
"""Stations that begin in one turn of the loop."""


class Turnstile:
    """Counts who begins in a turn of the running loop."""

    __slots__ = ("_loop", "_passed", "_waiting")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._passed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Return at once, or in the turn in which there is room."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._passed = loop, 0
            self._waiting.clear()
        if self._passed < WIDTH:
            if not self._passed:
                loop.call_soon(self._turn)
            self._passed += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _turn(self) -> None:
        """Admit the next ones, once a turn while there are any."""
        self._passed = 0
        while self._waiting and self._passed < WIDTH:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled
                turn.set_result(None)
                self._passed += 1
        if self._passed and self._loop is not None:
            self._loop.call_soon(self._turn)
