"""Keeps the shards of a run alive: starts them, watches them, starts them again.

    starting --Ready--> ready --Go--> running --pipe ends, or no sign of life--> gone
        ^-----------------------after a pause, with its state-----------------------'

A shard that comes back is told how much time has passed and goes on from there. One that fails
``MAX_FAILURES`` times in a row before it is ready is given up.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from tokay.fleet.collector import Collector
from tokay.fleet.control import (
    Begin,
    Channel,
    Done,
    Failed,
    Go,
    Note,
    Ping,
    Pong,
    Ready,
    Sample,
    Stop,
)
from tokay.fleet.engines import Engine
from tokay.fleet.errors import FleetError

FIRST_PAUSE = 0.2
LAST_PAUSE = 10.0
MAX_FAILURES = 5
PING = 2.0
"""Seconds between two questions for a sign of life, unless ``ping`` is set."""
HANG_LIMIT = 20.0
"""Seconds without one after which a shard counts as hung."""
STOP_LIMIT = 60.0
"""Seconds that a shard may take to switch its devices off."""


class Supervisor:
    """The shards of a run. ``begin`` makes the first message of each."""

    def __init__(
        self,
        engine: Engine,
        shards: Sequence[int],
        begin: Callable[[int], Begin],
        collector: Collector,
        *,
        hang_limit: float = HANG_LIMIT,
    ) -> None:
        self.ping = PING
        self.engine = engine
        self._begin = begin
        self._collector = collector
        self.hang_limit = hang_limit
        self._loop = asyncio.get_running_loop()
        self._shards = shards
        self._tasks: list[asyncio.Task[None]] = []
        self._channels: dict[int, Channel] = {}
        self._ready = {shard: self._loop.create_future() for shard in shards}
        self._go: asyncio.Future[float] = self._loop.create_future()
        """When the run began, by the loop's clock."""
        self._alive: dict[int, float] = {}
        self._stopping = False
        self.latency = 0.0
        """Seconds of the last round trip to a shard and back."""

    async def start(self) -> None:
        """Start all shards of an open engine; return when every one is ready. Raises FleetError."""
        self._tasks = [self._loop.create_task(self._keep(shard)) for shard in self._shards]
        await asyncio.gather(*self._ready.values())

    def go(self) -> None:
        """Start the clock of all shards."""
        self._go.set_result(self._loop.time())

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._go.result() if self._go.done() else 0.0

    @property
    def ready(self) -> bool:
        """Whether every shard has been ready."""
        return all(ready.done() for ready in self._ready.values())

    @property
    def failed(self) -> bool:
        """Whether every shard was given up."""
        return all(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """Ask all shards to switch their devices off and end; kill those that do not."""
        self._stopping = True
        for channel in self._channels.values():
            channel.send(Stop())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_LIMIT)

    async def close(self) -> None:
        """End everything that is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ready in self._ready.values():
            ready.cancel()
        await self.engine.close()

    async def _keep(self, shard: int) -> None:
        """Run a shard, and run it again when it ends before it was told to."""
        failures, pause = 0, FIRST_PAUSE
        while True:
            try:
                reason = await self._serve(shard)
            except (FleetError, OSError) as error:
                reason = str(error)
            await self.engine.kill(shard)
            self._channels.pop(shard, None)
            if self._stopping:
                return
            if not self._ready[shard].done():
                self._ready[shard].set_exception(FleetError(f"shard {shard}: {reason}"))
                return
            was_running = self._collector.health[shard].state == "running"
            failures, pause = (1, FIRST_PAUSE) if was_running else (failures + 1, pause * 2)
            self._collector.gone(shard, self.elapsed, reason)
            if failures > MAX_FAILURES:
                self._collector.note(
                    Note(self.elapsed, -1, "shard", f"{shard}: given up: {reason}")
                )
                return
            await asyncio.sleep(min(pause, LAST_PAUSE))

    async def _serve(self, shard: int) -> str:
        """Run a shard once; return why it ended."""
        channel = self._channels[shard] = await self.engine.start(shard)
        channel.send(self._begin(shard))
        message = await channel.receive()
        if isinstance(message, Failed):
            raise FleetError(message.text)
        if not isinstance(message, Ready):
            raise FleetError("it ended before it was ready")
        again = self._ready[shard].done()
        self._collector.ready(shard, message)
        if not again:
            self._ready[shard].set_result(None)
        began = await asyncio.shield(self._go)
        channel.send(Go(max(0.0, self._loop.time() - began)))
        if again:
            self._collector.back(shard, self.elapsed, message.restored)
        listening = self._loop.create_task(self._listen(shard, channel))
        try:
            return await self._watch(shard, channel, listening)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, FleetError):
                await listening

    async def _listen(self, shard: int, channel: Channel) -> str:
        """Take in what a shard says until it ends; return why it did."""
        while (message := await channel.receive()) is not None:
            self._alive[shard] = self._loop.time()
            match message:
                case Sample():
                    try:
                        self._collector.sample(shard, message)
                    except ValueError as error:
                        return str(error)
                case Note():
                    self._collector.note(message)
                case Pong(number):
                    self.latency = (time.perf_counter_ns() - number) / 1e9
                case Failed(text):
                    return text
                case Done():
                    return "done"
                case _:
                    pass
        return "its process ended"

    async def _watch(self, shard: int, channel: Channel, listening: "asyncio.Task[str]") -> str:
        """Ask for signs of life until a shard ends; return why it did."""
        self._alive[shard] = self._loop.time()
        while True:
            await asyncio.wait([listening], timeout=self.ping)
            if listening.done():
                return listening.result()
            if self._loop.time() - self._alive[shard] > self.hang_limit:
                return f"no sign of life for {self.hang_limit:.0f} s"
            channel.send(Ping(time.perf_counter_ns()))
