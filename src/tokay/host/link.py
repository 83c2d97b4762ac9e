"""What stands between a ``Module`` and its module: something that carries out commands."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tokay.host.errors import Unsupported
from tokay.host.response import Event, Response
from tokay.host.wire import Wire
from tokay.protocols.console_client import Form


class Link(ABC):
    """A way to a module. One command at a time: ``Module`` sees to that."""

    max_data = 32 * 1024
    """Bytes of data that one command carries at most, here."""
    is_rest = False
    """Whether the generation says how much of that a request may have."""

    def __init__(self) -> None:
        self.tell: Callable[[Event], None] = _nobody
        """Called with each event."""

    @abstractmethod
    async def open(self, timeout: float) -> None:
        """Connect and get in step. Raises ModuleError, and on failure leaves ``close`` to do."""

    @abstractmethod
    async def execute(self, line: bytes, data: bytes, timeout: float) -> Response:
        """Carry out a command. Raises ModuleError when there is no answer."""

    @abstractmethod
    async def close(self) -> None:
        """Leave the module as it was found, and disconnect."""

    async def save(self, line: bytes, timeout: float) -> Response:
        """Carry out a command that saves settings; what the library changed is not saved."""
        return await self.execute(line, b"", timeout)

    async def forget(self) -> None:  # noqa: B027 - most have nothing to forget
        """Assume that the module restarts."""

    async def poll_events(self) -> bool:
        """Fetch events that do not come by themselves; return whether there can be such."""
        return False

    @property
    def lost(self) -> bool:
        """Whether the connection is gone and must be made anew."""
        return False

    @property
    def form(self) -> Form | None:
        """How the console talked when it was found; None where there is no console."""
        return None

    def wire(self) -> AbstractAsyncContextManager[Wire]:
        """Return the bare bytes of the console. Raises Unsupported where there are none."""
        raise Unsupported("only a console has a wire")


def _nobody(_: Event) -> None:
    """Do nothing: the default listener."""
