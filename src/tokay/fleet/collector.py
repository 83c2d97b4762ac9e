"""What a run knows: measures, time line, notes and gaps, from the messages of its shards."""

import msgspec

from tokay.fleet.control import Note, Ready, Sample
from tokay.fleet.measures import Table
from tokay.fleet.timeline import Timeline

MAX_NOTES = 1000
"""Notes that are kept; of the others only the number is."""


class Gap(msgspec.Struct):
    """A time in which a shard was not there. ``until`` is None when it did not come back."""

    shard: int
    began: float
    until: float | None
    reason: str
    devices: int
    restored: int = 0
    """Devices that came back with what they had saved; the others from their identity."""


class ShardHealth(msgspec.Struct):
    """How a shard is."""

    state: str = "starting"
    devices: int = 0
    restarts: int = 0
    cpu: float = 0.0
    memory: int = 0
    lag: float = 0.0
    max_lag: float = 0.0
    prepared: float = 0.0
    """Seconds that it took to be ready."""


class Collector:
    """Takes in what shards tell."""

    def __init__(self, shards: int) -> None:
        self.table = Table()
        self.timeline = Timeline()
        self.notes: list[Note] = []
        self.noted = 0
        self.gaps: list[Gap] = []
        self.health = [ShardHealth() for _ in range(shards)]

    def ready(self, shard: int, message: Ready) -> None:
        """Take in that a shard is there."""
        health = self.health[shard]
        health.state, health.devices, health.prepared = "ready", message.devices, message.seconds

    def sample(self, shard: int, message: Sample) -> None:
        """Take in a sample. Raises ValueError for one that is none."""
        self.table.merge_packed(message.rows)
        self.timeline.add(shard, message.at, message.states, message.rows)
        health = self.health[shard]
        health.state = "running"
        health.cpu, health.memory, health.lag = message.cpu, message.memory, message.lag
        health.max_lag = max(health.max_lag, message.lag)

    def note(self, message: Note) -> None:
        """Take in a note."""
        self.noted += 1
        if len(self.notes) < MAX_NOTES:
            self.notes.append(message)

    def gone(self, shard: int, at: float, reason: str) -> None:
        """Take in that a shard is not there any more."""
        health = self.health[shard]
        health.state = "gone"
        self.timeline.set_states(shard, {})
        if not any(gap.shard == shard and gap.until is None for gap in self.gaps):
            self.gaps.append(Gap(shard, round(at, 3), None, reason, health.devices))

    def back(self, shard: int, at: float, restored: int) -> None:
        """Take in that a shard is there again."""
        self.health[shard].restarts += 1
        for gap in self.gaps:
            if gap.shard == shard and gap.until is None:
                gap.until, gap.restored = round(at, 3), restored
