"""The time line of a run: how many devices were in which state, and what happened, by interval.

There are never more than ``MAX_POINTS`` intervals: when there would be, two neighbours become one.
"""

import msgspec

from tokay.fleet.histogram import Histogram, Packed
from tokay.fleet.measures import PackedMeasures

MAX_POINTS = 600

Rows = list[tuple[str, str, PackedMeasures]]


class Metric(msgspec.Struct):
    """One metric in one interval. Times in seconds, 0 where it has none."""

    count: int
    errors: int
    p50: float
    p99: float


class Point(msgspec.Struct):
    """One interval, which ends ``at`` seconds after the start."""

    at: float
    states: dict[str, int]
    metrics: dict[str, Metric]


class _Interval:
    def __init__(self) -> None:
        self.states: dict[str, int] = {}
        self.counters: dict[str, int] = {}
        self.histograms: dict[str, Packed] = {}

    def add(self, name: str, packed: Packed) -> None:
        held = self.histograms.get(name)
        if held is None:
            self.histograms[name] = packed
            return
        both = Histogram()
        both.merge_packed(held)
        both.merge_packed(packed)
        self.histograms[name] = both.pack()

    def merge(self, later: "_Interval") -> None:
        self.states = later.states or self.states
        for name, by in later.counters.items():
            self.counters[name] = self.counters.get(name, 0) + by
        for name, packed in later.histograms.items():
            self.add(name, packed)

    def metrics(self) -> dict[str, Metric]:
        found = {}
        names = {name.removesuffix(".errors") for name in self.counters} | set(self.histograms)
        for name in sorted(names):
            histogram = Histogram()
            if name in self.histograms:
                histogram.merge_packed(self.histograms[name])
            count = histogram.count or self.counters.get(name, 0)
            errors = self.counters.get(f"{name}.errors", 0)
            p50, p99 = histogram.quantile(0.5), histogram.quantile(0.99)
            found[name] = Metric(count, errors, p50, p99)
        return found


class Timeline:
    """The intervals of a run, ``width`` seconds each."""

    def __init__(self, width: float = 1.0) -> None:
        self.width = width
        self._intervals: list[_Interval] = []
        self._states: dict[int, dict[str, int]] = {}

    def add(self, shard: int, at: float, states: dict[str, dict[str, int]], rows: Rows) -> None:
        """Take a shard's sample of the time that ended ``at`` seconds after the start."""
        interval = self._interval(at)
        self.set_states(shard, states)
        interval.states = self.states
        for _, _, packed in rows:
            for name, by in packed.counters.items():
                interval.counters[name] = interval.counters.get(name, 0) + by
            for name, histogram in packed.histograms.items():
                interval.add(name, histogram)

    def set_states(self, shard: int, states: dict[str, dict[str, int]]) -> None:
        """Take how the devices of a shard stand; nothing is that they are gone."""
        counts: dict[str, int] = {}
        for group in states.values():
            for state, count in group.items():
                counts[state] = counts.get(state, 0) + count
        self._states[shard] = counts

    @property
    def states(self) -> dict[str, int]:
        """How many devices are in which state now."""
        total: dict[str, int] = {}
        for counts in self._states.values():
            for state, count in counts.items():
                total[state] = total.get(state, 0) + count
        return total

    def recent(self) -> dict[str, Metric]:
        """Return the metrics of the last interval that is whole."""
        return self._intervals[-2].metrics() if len(self._intervals) > 1 else {}

    def points(self) -> list[Point]:
        """Return the intervals."""
        found, states = [], dict[str, int]()
        for number, interval in enumerate(self._intervals, 1):
            states = interval.states or states
            found.append(Point(number * self.width, states, interval.metrics()))
        return found

    def _interval(self, at: float) -> _Interval:
        number = max(0, int((at - self.width / 2) / self.width))
        while number >= MAX_POINTS:
            self._halve()
            number //= 2
        while len(self._intervals) <= number:
            self._intervals.append(_Interval())
        return self._intervals[number]

    def _halve(self) -> None:
        self.width *= 2
        halved = []
        for at in range(0, len(self._intervals), 2):
            first, *second = self._intervals[at : at + 2]
            for later in second:
                first.merge(later)
            halved.append(first)
        self._intervals = halved
