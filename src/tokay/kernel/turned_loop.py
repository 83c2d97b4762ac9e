"""An event loop whose time stands still until a test turns it.

A device and the test that drives it run on one loop. On this one nothing waits in real time::

    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        runner.run(test())

    async def test():
        loop = turned_loop()
        ...
        await loop.turn(10)  # ten seconds pass, and all that they bring

``turn`` goes from timer to timer. At each one it lets everything settle before it goes on: the
callbacks that are ready, what they make ready, and the descriptors that can be read. What happens
in ten turned seconds is therefore always the same.

``run_turned`` runs a coroutine in a hurry: whenever all else waits for time, time is turned.

The loop sees its own callbacks and descriptors. It cannot see work in other threads or processes:
what they send is heard when it arrives, at whatever time the loop then shows.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

START = 1000.0
"""What ``time()`` shows at first; like any loop's time it means nothing by itself."""
GRACE = 0.001
"""Real seconds that an idle loop listens to its descriptors before it counts as settled."""

T = TypeVar("T")


class TurnedLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock that is turned by hand.

    ``start``: what ``time()`` shows at first. ``grace``: real seconds to listen to open descriptors
    before the loop counts as settled. A pty needs some, because its bytes go through a kernel
    thread; sockets of this machine need none. A loop that has no descriptor of its own open never
    spends it.
    """

    def __init__(self, start: float = START, grace: float = GRACE) -> None:
        self._now = start
        self._targets: list[tuple[float, asyncio.Future[None]]] = []
        self._hurried = 0
        self._selector_of_time = _TurningSelector(self, grace)
        super().__init__(self._selector_of_time)
        self._selector_of_time.own = len(self._selector_of_time.get_map())

    def time(self) -> float:
        """Return the turned time, in seconds."""
        return self._now

    async def turn(self, seconds: float) -> None:
        """Turn the clock: run each timer due within ``seconds``, in order, and all that it brings.

        Returns once everything has settled at the new time. Raises ValueError when ``seconds`` is
        negative. Several may turn at once: each returns when its own time has come.
        """
        if seconds < 0:
            message = f"time cannot be turned by {seconds} seconds"
            raise ValueError(message)
        target = (self._now + seconds, self.create_future())
        self._targets.append(target)
        try:
            await target[1]
        finally:
            if target in self._targets:
                self._targets.remove(target)

    async def settle(self) -> None:
        """Run everything that is due without turning the clock."""
        await self.turn(0)

    async def turn_until(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; time is turned whenever all else waits for it."""
        self._hurried += 1
        try:
            return await coroutine
        finally:
            self._hurried -= 1

    # What follows is called by the selector, when the loop has nothing to do.

    def _idle(self, until_timer: float | None) -> bool:
        """Do what lets the loop go on: wake a turner or step the time. False: there is nothing."""
        if self._targets:
            target = min(self._targets, key=lambda one: one[0])
            if self._now < target[0]:
                self._step(until_timer, target[0])
            else:
                self._targets.remove(target)
                if not target[1].done():
                    self.call_soon(_finish, target[1])
            return True
        if self._hurried and until_timer is not None:
            self._step(until_timer, None)
            return True
        return False

    def _step(self, until_timer: float | None, target: float | None) -> None:
        due = target if until_timer is None else self._now + until_timer
        assert due is not None  # noqa: S101 - the callers know one of the two
        self._now = due if target is None else min(due, target)


class _TurningSelector(selectors.DefaultSelector):
    """Tells its loop when that has nothing to do.

    A loop asks its selector to wait only when no callback is ready, and says how far away its next
    timer is. That is all that turning needs to know, so nothing inside asyncio is touched.
    """

    own = 0
    """How many descriptors the loop itself has open."""

    def __init__(self, loop: TurnedLoop, grace: float) -> None:
        super().__init__()
        self._loop = loop
        self._grace = grace

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if not self._loop._targets and not (self._loop._hurried and timeout is not None):
            # Nobody turns: only a descriptor can bring something new.
            return super().select(None)
        if self._grace > 0 and len(self.get_map()) > self.own:
            events = super().select(self._grace)
            if events:
                return events
        self._loop._idle(timeout)
        return []


def _finish(turned: "asyncio.Future[None]") -> None:
    if not turned.done():
        turned.set_result(None)


def turned_loop() -> TurnedLoop:
    """Return the running loop. Raises RuntimeError when it is no ``TurnedLoop``."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, TurnedLoop):
        message = "the running loop goes by real time: run the test on a TurnedLoop"
        raise RuntimeError(message)
    return loop


def run_turned(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own and return its result, without waiting in real time.

    Whenever nothing is ready and no descriptor can be read, time jumps to the next timer: a test
    that sleeps an hour ends at once.
    """
    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, TurnedLoop)  # noqa: S101 - the factory's
        return runner.run(loop.turn_until(coroutine))
