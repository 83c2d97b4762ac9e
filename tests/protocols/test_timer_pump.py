from collections.abc import Callable

from tokay.protocols.timer_pump import TimerPump


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    def __init__(self) -> None:
        self.now = 10.0
        self.timers: list[tuple[float, Callable[[], None], Handle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> Handle:
        handle = Handle()
        self.timers.append((when, callback, handle))
        return handle

    @property
    def pending(self) -> list[float]:
        return [when for when, _, handle in self.timers if not handle.cancelled]

    def turn(self, now: float) -> None:
        self.now = now
        due = [one for one in self.timers if one[0] <= now]
        self.timers = [one for one in self.timers if one[0] > now]
        for _, callback, handle in due:
            if not handle.cancelled:
                callback()


class Machine:
    def __init__(self) -> None:
        self.due: float | None = None
        self.handled: list[float] = []

    def get_timer(self) -> float | None:
        return self.due

    def handle_timer(self, now: float) -> None:
        self.handled.append(now)
        self.due = now + 5


def test_the_timer_follows_the_machine() -> None:
    loop, machine, processed = Loop(), Machine(), list[float]()
    pump = TimerPump(loop, machine, lambda: processed.append(loop.now))
    assert pump.now == 10
    pump.pump()
    assert (processed, loop.pending) == ([10], [])
    machine.due = 12
    pump.pump()
    pump.pump()
    assert loop.pending == [12]  # one timer, which stays while the time does
    machine.due = 11
    pump.pump()
    assert loop.pending == [11]
    loop.turn(11.5)
    assert (machine.handled, loop.pending, processed[-1]) == ([11.5], [16.5], 11.5)
    machine.due = None
    pump.pump()
    assert loop.pending == []


def test_a_stopped_pump_can_go_on() -> None:
    loop, machine = Loop(), Machine()
    pump = TimerPump(loop, machine, lambda: None)
    pump.stop()
    machine.due = 20
    pump.pump()
    pump.stop()
    assert loop.pending == []
    pump.pump()
    assert loop.pending == [20]


def test_processing_may_pump_and_stop() -> None:
    loop, machine = Loop(), Machine()
    depth = [0]

    def process() -> None:
        if not depth[0]:
            depth[0] += 1
            machine.due = 15
            pump.pump()
            machine.due = None
            pump.stop()

    pump = TimerPump(loop, machine, process)
    pump.pump()
    assert loop.pending == []
