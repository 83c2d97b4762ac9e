"""What every serial port does: bytes both ways, with each side made to wait for the other."""

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
    """Who takes what a port receives."""

    def feed(self, data: bytes) -> None:
        """Take bytes."""

    def drained(self) -> None:
        """Hear that all that was written has gone."""


class _TappedReceiver:
    """A receiver whose port tells of what it receives."""

    def __init__(self, receiver: PortReceiver, seen: Callable[[str], None]) -> None:
        self._feed, self._seen = receiver.feed, seen
        self.drained = receiver.drained

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._seen("rx")
        self._feed(data)


class SerialPort(ABC):
    """A serial port. While no receiver is attached, the host waits and nothing is lost."""

    description = ""
    """Where the other end is: a path, an address, or `stdio`."""
    can_wait: bool = True
    """Whether the host waits while the port is paused, or goes on sending what is then lost."""

    def __init__(self) -> None:
        self._receiver: PortReceiver | None = None
        self._paused = False
        self._tapped = False
        self._seen: Callable[[str], None] | None = None
        self.on_end: Callable[[], None] | None = None
        """Called when the host will send no more."""

    @property
    @abstractmethod
    def backlog(self) -> int:
        """Bytes written and not yet gone."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as they can go."""

    def configure(self, settings: LineSettings) -> None:  # noqa: B027 - most ports have no wire
        """Use other line settings from here on. Raises OSError when the wire cannot."""

    @abstractmethod
    def close(self) -> None:
        """Give the port back."""

    def tap(self, seen: Callable[[str], None] | None) -> None:
        """Call ``seen`` with `rx` or `tx` for what comes and goes, until it is None."""
        if not self._tapped:
            self._tapped = True
            write = self.write

            def tapped(data: bytes) -> None:
                self._tell("tx")
                write(data)

            self.write = tapped  # type: ignore[method-assign]
            if self._receiver is not None:
                self._receiver = _TappedReceiver(self._receiver, self._tell)
        self._seen = seen

    def _tell(self, way: str) -> None:
        if self._seen is not None:
            self._seen(way)

    def attach(self, receiver: PortReceiver) -> None:
        """Begin to read."""
        self._receiver = _TappedReceiver(receiver, self._tell) if self._tapped else receiver
        self._paused = False
        self._read_on()

    def detach(self) -> None:
        """Stop reading; what the host sends waits."""
        self._receiver = None
        self._hold()

    def pause(self) -> None:
        """Let the host wait."""
        self._paused = True
        self._hold()

    def resume(self) -> None:
        """Let the host go on."""
        self._paused = False
        if self._receiver is not None:
            self._read_on()

    @abstractmethod
    def _read_on(self) -> None:
        """Give what the class says."""

    @abstractmethod
    def _hold(self) -> None:
        """Give what the class says."""
