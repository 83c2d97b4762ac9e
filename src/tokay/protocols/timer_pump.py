"""Drives a protocol without I/O: one timer on an event loop, and one place that takes its output.

The machines of this package say by `get_timer` when `handle_timer` is to be called, and queue
datagrams and events. Whoever owns one calls `pump` after each input::

    machine.receive(datagram, pump.now)
    pump.pump()

Nothing here does I/O either: the event loop is asked for the time and for the timer alone.
"""

from collections.abc import Callable
from typing import Protocol

__all__ = ["EventLoop", "TimedMachine", "TimerHandle", "TimerPump"]


class TimedMachine(Protocol):
    """A protocol that is told the time."""

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is to be called, in seconds of its clock; None for never."""

    def handle_timer(self, now: float) -> None:
        """Do what is due. Called when `get_timer` says or later; too early must be harmless."""


class TimerHandle(Protocol):
    """What `EventLoop.call_at` returns."""

    def cancel(self) -> None:
        """Call nothing any more."""


class EventLoop(Protocol):
    """The part of asyncio's loop that is needed."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> TimerHandle:
        """Call back at a time, once."""


class TimerPump:
    """The timer of one machine.

    ``process`` is called by `pump` and takes what the machine has to send and to tell; it may call
    `pump` and `stop` itself.
    """

    __slots__ = ("_due", "_handle", "_loop", "_machine", "_process")

    def __init__(self, loop: EventLoop, machine: TimedMachine, process: Callable[[], None]) -> None:
        self._loop = loop
        self._machine = machine
        self._process = process
        self._handle: TimerHandle | None = None
        # Kept here: a handle of uvloop does not always tell.
        self._due: float | None = None

    @property
    def now(self) -> float:
        """The time to pass to the machine."""
        return self._loop.time()

    def pump(self) -> None:
        """Process the machine's output, then set the timer to what it asks for."""
        self._process()
        due = self._machine.get_timer()
        if self._handle is not None:
            if due == self._due:
                return
            self._handle.cancel()
        self._due = due
        self._handle = None if due is None else self._loop.call_at(due, self._expire)

    def stop(self) -> None:
        """Cancel the timer, until `pump` is called again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _expire(self) -> None:
        self._handle = None
        self._machine.handle_timer(self._loop.time())
        self.pump()
