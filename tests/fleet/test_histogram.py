import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.fleet.histogram import MAX_MICROSECONDS, SIZE, Histogram, bucket, upper_bound


@given(st.integers(0, MAX_MICROSECONDS * 2))
def test_a_bucket_holds_its_values(value: int) -> None:
    number = bucket(value)
    assert 0 <= number < SIZE
    if value <= MAX_MICROSECONDS:
        assert value < upper_bound(number)
        assert not number or value >= upper_bound(number - 1)


def test_quantiles_are_within_a_sixteenth() -> None:
    dice = random.Random(1)
    times = sorted(dice.expovariate(3) for _ in range(5000))
    histogram = Histogram()
    for time in times:
        histogram.add(time)
    for share in (0.5, 0.9, 0.99, 1.0):
        exact = times[max(0, round(share * 5000) - 1)]
        assert histogram.quantile(share) == pytest.approx(exact, rel=1 / 16)
    assert histogram.mean == pytest.approx(sum(times) / 5000, rel=0.001)


@given(st.lists(st.lists(st.floats(-1, 1e6), max_size=20), max_size=4))
def test_merging_is_adding(parts: list[list[float]]) -> None:
    whole, merged, packed = Histogram(), Histogram(), Histogram()
    for part in parts:
        one = Histogram()
        for time in part:
            one.add(time)
            whole.add(time)
        merged.merge(one)
        packed.merge_packed(one.pack())
    assert whole.pack() == merged.pack() == packed.pack()
    assert whole.count == merged.count == packed.count


def test_what_is_no_histogram_is_refused() -> None:
    with pytest.raises(ValueError, match="not a histogram"):
        Histogram().merge_packed(([SIZE], [1], 0, 0))
    with pytest.raises(ValueError, match="not a histogram"):
        Histogram().merge_packed(([1, 2], [1], 0, 0))


def test_cumulative_counts_for_bounds() -> None:
    histogram = Histogram()
    for time in (0.001, 0.01, 0.01, 5.0, 1e9):
        histogram.add(time)
    assert list(histogram.cumulative([0.0011, 0.02, 1.0, 6.0])) == [1, 3, 3, 4]
