"""Reconnecting: a small machine of its own, off unless asked for.

===========  ============================================================
state        what it does
===========  ============================================================
CONNECTED    waits until the connection is lost
WAITING      waits FIRST_DELAY, twice as long after each failure, at most
             MAX_DELAY
CONNECTING   opens the module anew; a failure leads back to WAITING
STOPPED      the end: ``stop`` was called, or the password was refused
===========  ============================================================
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self

from tokay.host.errors import LoginFailed, ModuleError
from tokay.host.module import Module
from tokay.host.response import DISCONNECTED

FIRST_DELAY = 0.5
MAX_DELAY = 30.0
FACTOR = 2.0
"""Seconds, and by what the delay grows."""


class ReconnectState(Enum):
    """Where the machine stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"


class Reconnecting:
    """Keeps a module open: ``module`` is the present connection, ``connected`` waits for one.

    ``open`` makes a module, not yet entered. ``on_state`` is called with each new state.
    """

    def __init__(
        self,
        open: Callable[[], Module],
        *,
        on_state: Callable[[ReconnectState], None] | None = None,
        first_delay: float = FIRST_DELAY,
    ) -> None:
        self.state = ReconnectState.CONNECTING
        self.error: ModuleError | None = None
        """Why the last try failed."""
        self._open = open
        self._on_state = on_state
        self._first_delay = first_delay
        self._module: Module | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def connected(self) -> Module:
        """Return the module once it is connected. Raises the error that ended it for good."""
        await self._up.wait()
        if self._module is None:
            assert self.error is not None  # noqa: S101 - STOPPED without a module has a reason
            raise self.error
        return self._module

    async def stop(self) -> None:
        """Disconnect, and connect no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._enter(ReconnectState.STOPPED)

    def _enter(self, state: ReconnectState) -> None:
        if state is not self.state:
            self.state = state
            if self._on_state is not None:
                self._on_state(state)

    async def _run(self) -> None:
        delay = self._first_delay
        while True:
            self._enter(ReconnectState.CONNECTING)
            try:
                async with self._open() as module:
                    delay = self._first_delay
                    await self._use(module)
            except LoginFailed as error:
                self.error = error
                self._enter(ReconnectState.STOPPED)
                self._up.set()
                return
            except ModuleError as error:
                self.error = error
            self._enter(ReconnectState.WAITING)
            await asyncio.sleep(delay)
            delay = min(FACTOR * delay, MAX_DELAY)

    async def _use(self, module: Module) -> None:
        """Return when the connection is lost."""
        lost = asyncio.Event()
        module.on(DISCONNECTED, lambda _: lost.set())
        self._module = module
        self._enter(ReconnectState.CONNECTED)
        self._up.set()
        try:
            await lost.wait()
        finally:
            self._up.clear()
            self._module = None
