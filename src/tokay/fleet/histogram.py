"""Histograms of times that are merged by adding.

A log-linear array: 16 buckets for each power of two, so a value is known to 6 %, from 1 us to over
19 hours. A histogram takes 4.2 KB. Two are merged by adding their buckets, which makes
the figures of many shards one figure.
"""

from array import array
from collections.abc import Iterator, Sequence

SUB_BITS = 4
SUBS = 1 << SUB_BITS
MAX_MICROSECONDS = (1 << 36) - 1
SIZE = (36 - SUB_BITS + 1) * SUBS

Packed = tuple[list[int], list[int], int, int]
"""Bucket numbers, their counts, the sum and the largest value in microseconds."""


def bucket(microseconds: int) -> int:
    """Return the bucket that a value falls into."""
    if microseconds < SUBS:
        return max(microseconds, 0)
    microseconds = min(microseconds, MAX_MICROSECONDS)
    shift = microseconds.bit_length() - SUB_BITS - 1
    return (shift << SUB_BITS) + (microseconds >> shift)


def upper_bound(number: int) -> int:
    """Return the first value, in microseconds, that is above a bucket."""
    if number < SUBS:
        return number + 1
    shift = (number >> SUB_BITS) - 1
    return ((number & (SUBS - 1)) + SUBS + 1) << shift


class Histogram:
    """Counts of times by size. Seconds go in and come out."""

    __slots__ = ("_counts", "count", "max_us", "sum_us")

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * SIZE))
        self.count = 0
        self.sum_us = 0
        self.max_us = 0

    def add(self, seconds: float) -> None:
        """Count a time; one below 0 counts as 0."""
        value = max(0, int(seconds * 1e6))
        self._counts[bucket(value)] += 1
        self.count += 1
        self.sum_us += value
        self.max_us = max(self.max_us, value)

    def merge(self, other: "Histogram") -> None:
        """Add what another has counted."""
        self._merge(enumerate(other._counts), other.sum_us, other.max_us)

    def pack(self) -> Packed:
        """Return all that is in it, as short as may be."""
        used = [number for number, count in enumerate(self._counts) if count]
        return used, [self._counts[number] for number in used], self.sum_us, self.max_us

    def merge_packed(self, packed: Packed) -> None:
        """Add what another has packed. Raises ValueError for what is no histogram."""
        numbers, counts, total, largest = packed
        if len(numbers) != len(counts) or any(not 0 <= number < SIZE for number in numbers):
            message = "not a histogram"
            raise ValueError(message)
        self._merge(zip(numbers, counts, strict=True), total, largest)

    def _merge(
        self, counted: "enumerate[int] | zip[tuple[int, int]]", total: int, top: int
    ) -> None:
        for number, count in counted:
            if count:
                self._counts[number] += count
                self.count += count
        self.sum_us += total
        self.max_us = max(self.max_us, top)

    def quantile(self, share: float) -> float:
        """Return a time, in seconds, that ``share`` (0 to 1) of all are at most; 0 for none."""
        if not self.count:
            return 0.0
        wanted = max(1, share * self.count)
        passed = 0
        for number, count in enumerate(self._counts):
            passed += count
            if count and passed >= wanted:
                return min(upper_bound(number) - 1, self.max_us) / 1e6
        return self.max_us / 1e6

    @property
    def mean(self) -> float:
        """The mean in seconds, 0 of none."""
        return self.sum_us / self.count / 1e6 if self.count else 0.0

    def cumulative(self, bounds: Sequence[float]) -> Iterator[int]:
        """Yield for each bound, ascending seconds, how many are at most that."""
        passed, number = 0, 0
        for bound in bounds:
            last = bucket(int(bound * 1e6))
            while number <= last:
                passed += self._counts[number]
                number += 1
            yield passed
