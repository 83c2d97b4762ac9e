"""Time for tests: a loop whose clock is turned instead of waited for; see ``TurnedLoop``."""

from tokay.kernel.turned_loop import GRACE, START, TurnedLoop, run_turned, turned_loop

__all__ = ["GRACE", "START", "TurnedLoop", "run_turned", "turned_loop"]
