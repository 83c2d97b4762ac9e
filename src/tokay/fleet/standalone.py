"""One shard of a fleet by itself, without a run above it: a pod of a StatefulSet, say.

It is the shard of that number of so many, on its own clock, with its own report and metrics. Shards
that are started together need no word between them: the plan is arithmetic.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from tokay.fleet.control import LocalChannel, local_pair
from tokay.fleet.shard.shard import SAMPLE, serve


class InProcessEngine:
    """Shards as tasks of this loop. ``clock`` as for ``serve``."""

    def __init__(
        self, *, sample: float = SAMPLE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sample = sample
        self._clock = clock
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Nothing is needed."""

    async def start(self, shard: int) -> LocalChannel:
        ours, theirs = local_pair()
        work = serve(theirs, sample=self._sample, clock=self._clock)
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: theirs.close())
        self._tasks[shard] = task
        return ours

    async def kill(self, shard: int) -> None:
        task = self._tasks.pop(shard, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def close(self) -> None:
        for shard in list(self._tasks):
            await self.kill(shard)
