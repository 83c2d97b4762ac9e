"""A thread that makes the blocking calls of one bus, one after the other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs calls off the event loop. The thread begins with the first call."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns, or raise what it raises.

        Cancelled, it raises once the call is over: the adapter is busy until then.
        """
        running = asyncio.get_running_loop().run_in_executor(self._thread, call)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.gather(running, return_exceptions=True)
            raise

    def close(self, last: Callable[[], object]) -> None:
        """Make one last call behind those that run, and end without waiting for it."""
        self._thread.submit(last)
        self._thread.shutdown(wait=False)
