"""The events of a device: what its rooms tell each other without knowing who listens.

Each event is a class here, and this is all of them (docs/events.md has the table). They carry plain
values and streams, never a plugin's own types. A plugin of others may emit a class of its own.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from tokay.kernel.streams import Stream

E = TypeVar("E")


class Ready(NamedTuple):
    """The device has booted: every plugin has started."""


class Sleeping(NamedTuple):
    """The device is about to sleep; its plugins stop next."""


class StreamOpened(NamedTuple):
    """A stream has its handle."""

    stream: "Stream"
    auto: bool
    """Whether a service opened it, not a command."""


class StreamStateChanged(NamedTuple):
    """``stream.state`` differs: there is data to read, or the peer has closed."""

    stream: "Stream"


class StreamClosed(NamedTuple):
    """A stream has lost its handle."""

    stream: "Stream"


class StreamsPolled(NamedTuple):
    """A host has asked how the streams stand."""


class AddressingChanged(NamedTuple):
    """An interface begins, or has ended, to get an address."""

    interface: str
    active: bool


class NetworkUp(NamedTuple):
    """An interface has an address, and every plugin serves on it."""

    interface: str
    address: str
    ports: Mapping[str, int]
    """Ports that are served elsewhere than asked for, by the one that was asked for."""


class NetworkDown(NamedTuple):
    """An interface has lost its address."""

    interface: str


class WlanChanged(NamedTuple):
    """A join has begun or ended, or the network was lost or left."""


class SoftApStationChanged(NamedTuple):
    """A client has joined the soft AP or has left it."""

    mac: str
    joined: bool


class SetupChanged(NamedTuple):
    """Web setup has begun or has ended."""

    running: bool


class SetupPageRequested(NamedTuple):
    """A browser has asked for the page of web setup, which then waits without a limit."""


class RemoteTerminalChanged(NamedTuple):
    """A remote terminal has taken over the command parser, or has given it back."""

    connected: bool


class Events:
    """Who listens to what, on one device over one boot. Costs nothing before somebody does."""

    __slots__ = ("_handlers",)

    def __init__(self) -> None:
        self._handlers: dict[type, list[Callable[[Any], None]]] | None = None

    def on(self, kind: type[E], handler: Callable[[E], None]) -> None:
        """Call ``handler(event)`` for each event of exactly that class, in the order of asking.

        The handler runs in the turn in which the event is emitted, and must not wait. What it
        raises reaches the emitter.
        """
        if self._handlers is None:
            self._handlers = {}
        self._handlers.setdefault(kind, []).append(handler)

    def emit(self, event: object) -> None:
        """Call whoever listens to the class of ``event``."""
        if self._handlers is not None:
            for handler in tuple(self._handlers.get(type(event), ())):
                handler(event)
