"""The connection retry sequence of clients.

    step        does                                           then
    1 resolve   look the host up                               2; 3 if that fails
    2 connect   one attempt, for tcp.client.connect_timeout    opened; 3 if that fails
    3 pause     wait for tcp.client.retry_period               1; failed without tcp.client.retries

Each attempt looks the host up anew: the first question after a join is the one that gets lost, and
a server that has moved is found. A network that goes down ends the sequence at once, and so does
whoever raises CommandError.

Source: docs/protocol/network.md, section 7.5.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from tokay.kernel.kernel import Kernel
from tokay.plugins.network import Interface
from tokay.plugins.tcp.variables import CONNECT_TIMEOUT, RETRIES, RETRY_PERIOD

Attempt = Callable[[str, float], Awaitable[object]]
"""Connects to an address within so many seconds. Raises OSError."""


class RetryStep(Enum):
    """Where the sequence is."""

    RESOLVE = 1
    CONNECT = 2
    PAUSE = 3
    OPENED = 4
    FAILED = 5


NEXT = {
    # step, whether it went well: the next one
    (RetryStep.RESOLVE, True): RetryStep.CONNECT,
    (RetryStep.RESOLVE, False): RetryStep.PAUSE,
    (RetryStep.CONNECT, True): RetryStep.OPENED,
    (RetryStep.CONNECT, False): RetryStep.PAUSE,
    (RetryStep.PAUSE, True): RetryStep.RESOLVE,
    (RetryStep.PAUSE, False): RetryStep.FAILED,
}


class RetrySequence:
    """One client's way to its connection."""

    __slots__ = ("_address", "_attempt", "_error", "_host", "_interface", "_kernel", "_left")

    def __init__(self, kernel: Kernel, interface: Interface, host: str, attempt: Attempt) -> None:
        self._kernel = kernel
        self._interface = interface
        self._host = host
        self._attempt = attempt
        self._left = kernel.variables[RETRIES]
        self._address = ""
        self._error = OSError()

    async def run(self) -> None:
        """Return once connected. Raises OSError when the last attempt has failed."""
        does = {
            RetryStep.RESOLVE: self._resolve,
            RetryStep.CONNECT: self._connect,
            RetryStep.PAUSE: self._pause,
        }
        step = RetryStep.RESOLVE
        while step in does:
            try:
                well = await does[step]()
            except OSError as error:  # TimeoutError is one
                self._kernel.log.line(str(error.strerror or "Connect timed out"))
                if not self._interface.up:
                    raise
                self._error, well = error, False
            step = NEXT[step, well]
        if step is RetryStep.FAILED:
            raise self._error

    async def _resolve(self) -> bool:
        async with self._interface.while_up():
            self._address = await self._interface.resolve(self._host)
        return True

    async def _connect(self) -> bool:
        limit = self._kernel.variables[CONNECT_TIMEOUT] / 1000
        await self._attempt(self._address, limit)
        return True

    async def _pause(self) -> bool:
        if not self._left:
            return False
        self._left -= 1
        async with self._interface.while_up():
            await asyncio.sleep(self._kernel.variables[RETRY_PERIOD] / 1000)
        return True
