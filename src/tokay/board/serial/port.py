"""The serial port: bytes both ways, with flow control in both directions."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, Protocol


class LineSettings(NamedTuple):
    """How bytes stand on the wire. Rates in bits a second; a pty stores them and no more."""

    baud: int = 115200
    data: int = 8
    parity: str = "none"
    stop: int = 1
    flow: bool = False


class PortReceiver(Protocol):
    """What `SerialPort.attach` is given. Called from the event loop."""

    def feed(self, data: bytes) -> None:
        """Called with the bytes received, at least one."""

    def drained(self) -> None:
        """Called when all that was written has been sent."""


class PortOwner(Protocol):
    """What a port to which hosts come and go asks of the one who uses it."""

    async def settle(self) -> None:
        """Return once all that the host sent is carried out."""

    async def answered(self) -> None:
        """Return once nothing more is to be sent to a host that sends no more."""

    def host_changed(self) -> None:
        """Called when another host begins: it is to find no half of the last one's line."""

    def note(self, text: str) -> None:
        """Called with a line for the device's log."""


class _TappedReceiver:
    """A receiver whose port tells of what it receives."""

    def __init__(self, receiver: PortReceiver, seen: Callable[[str], None]) -> None:
        self._feed, self._seen = receiver.feed, seen
        self.drained = receiver.drained

    def feed(self, data: bytes) -> None:
        """Called with the bytes received, at least one."""
        self._seen("rx")
        self._feed(data)


class SerialPort(ABC):
    """A serial port. While no receiver is attached, the host waits and nothing is lost."""

    description = ""
    """Where the other end is: a path, an address, or `stdio`."""
    can_wait: bool = True
    """Whether the host waits while the port is paused; else what it sends meanwhile is lost."""

    def __init__(self) -> None:
        self._receiver: PortReceiver | None = None
        self._paused = False
        self._tapped = False
        self._monitor: Callable[[str], None] | None = None
        self.on_end: Callable[[], None] | None = None
        """Called when the host will send no more."""
        self.owner: PortOwner | None = None
        """Who uses the port in this boot."""

    @property
    @abstractmethod
    def backlog(self) -> int:
        """Bytes written and not yet sent. Read by whoever writes, to wait for `drained`."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes, at once or when there is room. Never raises; never waits."""

    def configure(self, settings: LineSettings) -> None:  # noqa: B027 - most ports have no wire
        """Use other line settings from here on. Raises OSError when the wire cannot."""

    @abstractmethod
    def close(self) -> None:
        """Close the port. May be called again."""

    def tap(self, seen: Callable[[str], None] | None) -> None:
        """Call ``seen`` with `rx` or `tx` for what comes and goes, until it is None."""
        if not self._tapped:
            self._tapped = True
            write = self.write

            def tapped(data: bytes) -> None:
                self._notify("tx")
                write(data)

            self.write = tapped  # type: ignore[method-assign]
            if self._receiver is not None:
                self._receiver = _TappedReceiver(self._receiver, self._notify)
        self._monitor = seen

    def _notify(self, way: str) -> None:
        if self._monitor is not None:
            self._monitor(way)

    def attach(self, receiver: PortReceiver) -> None:
        """Pass what is received to a receiver from now on."""
        self._receiver = _TappedReceiver(receiver, self._notify) if self._tapped else receiver
        self._paused = False
        self._resume_reading()

    def detach(self) -> None:
        """Remove the receiver; what the host sends waits."""
        self._receiver = None
        self._pause_reading()

    def pause(self) -> None:
        """Stop reading; the host waits, or loses bytes where `can_wait` is False."""
        self._paused = True
        self._pause_reading()

    def resume(self) -> None:
        """Resume reading after `pause`."""
        self._paused = False
        if self._receiver is not None:
            self._resume_reading()

    @abstractmethod
    def _resume_reading(self) -> None:
        """Pass what is received to the receiver.

        Called by `attach` and `resume`, with a receiver and not paused; also when it reads already.
        """

    @abstractmethod
    def _pause_reading(self) -> None:
        """Read no more until `_resume_reading`. Called by `detach` and `pause`, also twice."""
