"""What a service manager is told: ready, alive, reloading, stopping (sd_notify(3)).

A datagram to the socket that `$NOTIFY_SOCKET` names. Without one nothing is told: every function
may be called on any machine.
"""

import asyncio
import contextlib
import os
import socket
import time

_DIVISOR = 2  # sd_watchdog_enabled(3): twice as often as is demanded


def notify(*lines: str) -> None:
    """Notify the service manager, such as of `READY=1`. No error comes of one that is gone."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path or path[0] not in "/@":
        return
    address = f"\0{path[1:]}" if path[0] == "@" else path
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        sock.setblocking(False)
        sock.sendto("\n".join(lines).encode(), address)


def reloading() -> None:
    """Notify that the configuration is read anew; `READY=1` ends that (Type=notify-reload)."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


class ServiceWatchdog:
    """Notify the service manager that the event loop turns, as often as it demands.

    A loop that is stuck falls silent, and the service is started again.
    """

    __slots__ = ("_interval", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._interval = _interval()
        if self._interval is not None:
            self._beat()

    def close(self) -> None:
        """Stop notifying."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        notify("WATCHDOG=1")
        if self._interval is not None:
            self._timer = self._loop.call_later(self._interval, self._beat)


def _interval() -> float | None:
    """Return the seconds between two signs of life; None where nobody waits for them."""
    given, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not given.isdigit() or int(given) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(given) / 1_000_000 / _DIVISOR


def on_journal() -> bool:
    """Return whether standard error is the journal's, which takes a level before each line."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    with contextlib.suppress(OSError):
        found = os.fstat(2)
        return (device, inode) == (str(found.st_dev), str(found.st_ino))
    return False
