"""A whole run in turned time: one process, one loop whose clock jumps from timer to timer.

A day takes minutes, and the same seed gives the same report, byte for byte. The server that comes
with Tokay is on the same loop; a server elsewhere would not know what time it is.
"""

import asyncio
import math

from tokay.fleet.errors import FleetError
from tokay.fleet.run import FleetRun, Options
from tokay.fleet.server import Ports, Server, Settings
from tokay.fleet.shard.shard import SAMPLE
from tokay.fleet.standalone import InProcessEngine
from tokay.fleet.timeline import MAX_POINTS
from tokay.kernel.turned_loop import TurnedLoop

__all__ = ["TurnedLoop", "turned_run"]


class LocalServer:
    """The server on the running loop."""

    def __init__(self) -> None:
        self._server: Server | None = None

    async def start(self, settings: Settings) -> Ports:
        """Listen; return where. Raises OSError."""
        self._server = Server(settings)
        return await self._server.start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()


def turned_run(options: Options) -> FleetRun:
    """Return a run for a turned loop, in one shard. Raises FleetError."""
    clock = asyncio.get_running_loop().time
    run = FleetRun(options, InProcessEngine(clock=clock), server=LocalServer())
    if run.scenario.server.host:
        raise FleetError("server.host: a server elsewhere does not know turned time")
    sample = max(SAMPLE, run.duration / MAX_POINTS)
    run.engine = run.supervisor.engine = InProcessEngine(sample=sample, clock=clock)
    run.tick = run.supervisor.ping = sample
    run.supervisor.hang_limit = math.inf  # time does not pass while a task runs
    run.collector.timeline.width = sample
    return run
