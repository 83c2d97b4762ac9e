"""A device's clock: never the machine's.

It runs on the event loop's time, so a test that turns the loop turns the device. A module has no
battery: the clock starts at the profile's date when power comes, runs on over a reboot, and is
right once it has been set. Source: docs/protocol/commands.md, section 7.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

NEVER = -1.0


class Clock:
    """Wall clock and uptime, in seconds."""

    __slots__ = ("_booted", "_epoch", "_loop", "_set_at", "_stamp", "zone")

    def __init__(self, start: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._booted = self._loop.time()
        self._epoch = start - self._booted
        self._set_at: float | None = None
        self.zone = 0
        """Minutes east of Greenwich."""
        self._stamp = (0, "")

    def reboot(self) -> None:
        """Begin the uptime anew; the wall clock goes on."""
        self._booted = self._loop.time()

    @property
    def monotonic(self) -> float:
        """Seconds on the loop's clock: for durations."""
        return self._loop.time()

    @property
    def uptime(self) -> float:
        """Seconds since boot."""
        return self._loop.time() - self._booted

    @property
    def rtc(self) -> float:
        """Seconds since 1970, UTC."""
        return self._epoch + self._loop.time()

    def set(self, epoch: float) -> None:
        """Set the wall clock to seconds since 1970, UTC."""
        self._epoch = epoch - self._loop.time()
        self._set_at = self._loop.time()

    @property
    def since_set(self) -> float:
        """Seconds since the clock was last set, or -1."""
        return NEVER if self._set_at is None else self._loop.time() - self._set_at

    def call_later(self, seconds: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        """Do something after that time, unless the returned handle is cancelled."""
        return self._loop.call_later(seconds, action)

    def utc(self) -> datetime:
        """The wall clock as a date."""
        return datetime.fromtimestamp(self.rtc, UTC)

    def stamp(self) -> str:
        """The local time as notices carry it: ``2019-01-01 | 19:40:23``."""
        second = int(self.rtc // 1) + 60 * self.zone
        if self._stamp[0] != second:  # notices come in twos and threes
            local = datetime.fromtimestamp(second, UTC)
            self._stamp = (second, local.strftime("%Y-%m-%d | %H:%M:%S"))
        return self._stamp[1]
