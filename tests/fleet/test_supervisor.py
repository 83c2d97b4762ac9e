"""Shards that hang, fail, or never come up, by an engine of the test's own."""

import asyncio

import pytest

from tokay.fleet.collector import Collector
from tokay.fleet.control import Begin, Done, Failed, Go, LocalChannel, Ping, Pong, Ready, local_pair
from tokay.fleet.control import Stop as StopMessage
from tokay.fleet.errors import FleetError
from tokay.fleet.scenario import Source
from tokay.fleet.supervisor import Supervisor

BEGIN = Begin(Source("", "x", "."), 0, 1, "", 0, {})


class Engine:
    """Starts what ``lives`` says, one after the other: `hang`, `fail`, `end` or `work`."""

    def __init__(self, *lives: str) -> None:
        self.lives = list(lives)
        self.elapsed: list[float] = []
        self.killed = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None: ...

    async def start(self, shard: int) -> LocalChannel:
        ours, theirs = local_pair()
        life = self.lives.pop(0) if len(self.lives) > 1 else self.lives[0]
        self._tasks.append(asyncio.create_task(self._live(life, theirs)))
        return ours

    async def kill(self, shard: int) -> None:
        self.killed += 1

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _live(self, life: str, channel: LocalChannel) -> None:
        assert isinstance(await channel.receive(), Begin)
        if life == "fail":
            channel.send(Failed("no room"))
            return
        channel.send(Ready(1, 10, 7, 0.1))
        while (message := await channel.receive()) is not None:
            match message:
                case Go(elapsed):
                    self.elapsed.append(elapsed)
                    if life == "end":
                        channel.close()
                case Ping(number) if life != "hang":
                    channel.send(Pong(number))
                case StopMessage():
                    channel.send(Done())
                    channel.close()
                case _:
                    pass


async def supervise(*lives: str) -> tuple[Supervisor, Engine, Collector]:
    engine, collector = Engine(*lives), Collector(1)
    supervisor = Supervisor(engine, [0], lambda shard: BEGIN, collector, hang_limit=0.3)
    supervisor.ping = 0.05
    await supervisor.start()
    supervisor.go()
    return supervisor, engine, collector


async def back(collector: Collector) -> None:
    while not collector.gaps or collector.gaps[0].until is None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("life", "reason"), [("hang", "no sign of life for 0 s"), ("end", "its process ended")]
)
async def test_a_shard_that_hangs_or_ends_is_started_again(life: str, reason: str) -> None:
    supervisor, engine, collector = await supervise(life, "work")
    await asyncio.wait_for(back(collector), 30)
    (gap,) = collector.gaps
    assert (gap.reason, gap.devices, gap.restored) == (reason, 10, 7)
    assert engine.elapsed[0] == pytest.approx(0, abs=0.05)
    assert engine.elapsed[1] > engine.elapsed[0]
    assert collector.health[0].restarts == 1
    await supervisor.stop()
    await supervisor.close()


async def test_a_shard_that_cannot_start_ends_the_run() -> None:
    with pytest.raises(FleetError, match="shard 0: no room"):
        await supervise("fail")


async def test_the_round_trip_is_measured() -> None:
    supervisor, _, _ = await supervise("work")
    while not supervisor.latency:
        await asyncio.sleep(0.01)
    assert 0 < supervisor.latency < 5
    await supervisor.stop()
    await supervisor.close()
