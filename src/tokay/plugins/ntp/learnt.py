"""What one boot has learnt of the time: it outlives the interface that it was learnt on."""

from typing import NamedTuple


class Learnt(NamedTuple):
    """When an answer set the clock last, and where the clock began then."""

    set_at: float | None = None
    """Seconds on the device's monotonic clock; None: no answer has set the clock yet."""
    began: float = 0.0
    """The time of day at which the monotonic clock was 0, seconds since 1970."""
