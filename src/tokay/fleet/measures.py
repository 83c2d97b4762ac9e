"""What is measured: counters and histograms by name, for each group in each stage.

    join connect tls dhcp command http ...   a histogram of seconds; its count is that of successes
    join.errors http.status.200 reboots ...  a counter

Latencies are counted from when a thing was due, not from when its turn came: a fleet that is late
shows it. Names are few and fixed, or come from the scenario: never one a device.
"""

from collections.abc import Iterator

import msgspec

from tokay.fleet.histogram import Histogram, Packed

MAX_NAMES = 512
"""Counters or histograms of one group in one stage: what is more is counted as `other`."""

Key = tuple[str, str]
"""Group and stage."""


class PackedMeasures(msgspec.Struct, array_like=True):
    """Measures on their way from a shard to the run."""

    counters: dict[str, int]
    histograms: dict[str, Packed]


class Measures:
    """Counters and histograms of one group in one stage."""

    __slots__ = ("counters", "histograms")

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.histograms: dict[str, Histogram] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        counters = self.counters
        if name not in counters and len(counters) >= MAX_NAMES:
            name = "other"
        counters[name] = counters.get(name, 0) + by

    def observe(self, name: str, seconds: float) -> None:
        """Count a time."""
        histogram = self.histograms.get(name)
        if histogram is None:
            if len(self.histograms) >= MAX_NAMES:
                name = "other"
            histogram = self.histograms.setdefault(name, Histogram())
        histogram.add(seconds)

    def merge(self, other: "Measures") -> None:
        """Add what others have measured."""
        for name, by in other.counters.items():
            self.count(name, by)
        for name, histogram in other.histograms.items():
            self._histogram(name).merge(histogram)

    def pack(self) -> PackedMeasures:
        """Return all of it to be sent."""
        packed = {name: one.pack() for name, one in self.histograms.items()}
        return PackedMeasures(self.counters, packed)

    def merge_packed(self, packed: PackedMeasures) -> None:
        """Add what was packed. Raises ValueError."""
        for name, by in packed.counters.items():
            self.count(name, by)
        for name, histogram in packed.histograms.items():
            self._histogram(name).merge_packed(histogram)

    def _histogram(self, name: str) -> Histogram:
        if name not in self.histograms and len(self.histograms) >= MAX_NAMES:
            name = "other"
        return self.histograms.setdefault(name, Histogram())


class Figures(msgspec.Struct, frozen=True):
    """One metric, told."""

    count: int
    errors: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


def figures(measures: Measures, name: str) -> Figures:
    """Return what is known of a metric; times in seconds."""
    histogram = measures.histograms.get(name) or Histogram()
    plain = measures.counters.get(name, 0)
    return Figures(
        count=histogram.count or plain,
        errors=measures.counters.get(f"{name}.errors", 0),
        mean=histogram.mean,
        p50=histogram.quantile(0.5),
        p90=histogram.quantile(0.9),
        p95=histogram.quantile(0.95),
        p99=histogram.quantile(0.99),
        max=histogram.max_us / 1e6,
    )


def metric_names(measures: Measures) -> Iterator[str]:
    """Yield the names of what was measured, in order, without those of parts."""
    found = set(measures.histograms)
    for name in measures.counters:
        found.add(name.removesuffix(".errors"))
    yield from sorted(found)


class Table:
    """Measures by group and stage."""

    def __init__(self) -> None:
        self.rows: dict[Key, Measures] = {}

    def row(self, group: str, stage: str) -> Measures:
        """Return the measures of a group in a stage, made when first asked for."""
        return self.rows.setdefault((group, stage), Measures())

    def total(self, group: str | None = None, stage: str | None = None) -> Measures:
        """Return the sum over the groups and stages that are not named."""
        total = Measures()
        for (row_group, row_stage), measures in self.rows.items():
            if group in (None, row_group) and stage in (None, row_stage):
                total.merge(measures)
        return total

    def pack(self) -> list[tuple[str, str, PackedMeasures]]:
        """Return all rows to be sent."""
        return [(group, stage, one.pack()) for (group, stage), one in self.rows.items()]

    def merge_packed(self, rows: list[tuple[str, str, PackedMeasures]]) -> None:
        """Add rows that were packed. Raises ValueError."""
        for group, stage, packed in rows:
            self.row(group, stage).merge_packed(packed)
