"""Clients and servers that follow their interface: there again whenever it comes up.

Source: docs/protocol/network.md, sections 7.5 and 8.3.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, failed
from tokay.kernel.variables import Variable
from tokay.plugins.network.interface import Interface


class AutoStartClient(ABC):
    """A client that begins by itself when its interface comes up; ``host`` says where it leads."""

    __slots__ = ("_interface", "_kernel", "_task")

    host: ClassVar[Variable[str]]

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._interface: Interface | None = None
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self, interface: Interface) -> None:
        """Run the client on an interface that has come up. Cancelled when it goes down."""

    def network_up(self, interface: Interface) -> None:
        """Begin on an interface that has come up."""
        if not self._kernel.variables[self.host]:
            self._kernel.log.line(f"{self.host.name} is not set")
            return
        self._interface = interface
        self._task = asyncio.get_running_loop().create_task(self._run(interface))

    def network_down(self, interface: Interface) -> None:
        """Cancel the client; the network closes its stream."""
        if self._task is not None and self._interface is interface:
            self._task.cancel()
            self._task = self._interface = None

    async def stop(self) -> None:
        """End; whoever closes the streams does so for all of them."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


class ListenRequest(NamedTuple):
    """What a server was started with."""

    interface: str
    port: int
    auto: bool
    """Whether it was started by itself, and not by command."""


class AutoStartServer(ABC):
    """A server that opens again with its interface, from its start until it is stopped."""

    __slots__ = ("_kernel", "wanted")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.wanted: ListenRequest | None = None
        """What it was started with, None while it is stopped."""

    @abstractmethod
    async def _open(self, interface: Interface, wanted: ListenRequest) -> None:
        """Serve on an interface. Raises OSError and CommandError."""

    async def _begin(self, interface: Interface, port: int, *, auto: bool) -> None:
        """Serve, now and whenever the interface comes up again.

        Raises CommandError; it is then stopped.
        """
        if self.wanted is not None:
            raise failed("the server has been started already")
        self.wanted = ListenRequest(interface.name, port, auto)
        try:
            await self._open(interface, self.wanted)
        except OSError as error:
            self.wanted = None
            self._kernel.log.line(str(error.strerror or error))
            raise failed(str(error)) from error
        except BaseException:
            self.wanted = None
            raise

    async def network_up(self, interface: Interface) -> None:
        """Serve again. A server that started by itself is stopped: whoever starts it does."""
        if self.wanted is None or self.wanted.interface != interface.name:
            return
        if self.wanted.auto:
            self.wanted = None
            return
        try:
            await self._open(interface, self.wanted)
        except (OSError, CommandError) as error:
            self._kernel.log.line(str(error))
