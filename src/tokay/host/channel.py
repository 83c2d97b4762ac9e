"""The byte channel under a console: a serial line, a TCP connection.

A channel calls ``on_data`` with what the module sends, and ``on_lost`` once, when it is gone. What
is written waits until it can go. ``trace(time, direction, data)`` is called with every byte in both
directions: the time is the event loop's in seconds, the direction ``HOST`` for what the host sends
and ``MODULE`` for what comes back.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

HOST, MODULE = "host", "module"

Trace = Callable[[float, str, bytes], None]


class Channel(ABC):
    """Bytes to a console and back. Open it once, in a running loop."""

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], None] = _nobody
        self.on_lost: Callable[[OSError | None], None] = _nobody

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises ModuleError."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as they can go. Does nothing when the channel is gone."""

    @abstractmethod
    async def drain(self) -> None:
        """Return when what was written has gone, or the channel has."""

    @abstractmethod
    async def close(self) -> None:
        """Send what was written, for a second at most, and disconnect."""


def _nobody(_: object) -> None:
    """Do nothing: the default listener."""


class Drained:
    """Tell waiters that all written bytes have gone."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()

    def wrote(self) -> None:
        """Record that bytes wait."""
        self._event.clear()

    def gone(self) -> None:
        """Record that no bytes wait."""
        self._event.set()

    async def wait(self) -> None:
        """Return when no bytes wait."""
        await self._event.wait()
