"""The simulated pins: owners, levels, voltages and who hears of them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tokay.board.air.airspace import Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.board import Board
from tokay.board.pins import SUPPLY, Direction, PinError, Pins, Pwm, SimulatedPins

IPU, IPD, HIGHZ, OUT, OOD, OODPU = Direction
OUTPUTS = (OUT, OOD, OODPU)
COUNT = 4


@pytest.fixture
def pins() -> SimulatedPins:
    return SimulatedPins(8)


def contract(pins: SimulatedPins) -> Pins:
    """The type checker says here that the simulated pins keep the contract."""
    return pins


# Levels.

LEVELS = [
    # direction, set to, outside: level
    (None, 0, None, 0),
    (None, 0, 1, 1),
    (IPU, 0, None, 1),
    (IPU, 0, 0, 0),
    (IPU, 0, 1, 1),
    (IPD, 0, None, 0),
    (IPD, 0, 1, 1),
    (HIGHZ, 0, None, 0),
    (HIGHZ, 0, 1, 1),
    (OUT, 0, None, 0),
    (OUT, 1, None, 1),
    (OUT, 0, 1, 0),
    (OUT, 1, 0, 1),
    (OOD, 0, None, 0),
    (OOD, 0, 1, 0),
    (OOD, 1, None, 0),
    (OOD, 1, 0, 0),
    (OOD, 1, 1, 1),
    (OODPU, 0, None, 0),
    (OODPU, 0, 1, 0),
    (OODPU, 1, None, 1),
    (OODPU, 1, 0, 0),
    (OODPU, 1, 1, 1),
]


@pytest.mark.parametrize(("direction", "output", "outside", "level"), LEVELS)
def test_who_wins_the_line(
    pins: SimulatedPins, direction: Direction | None, output: int, outside: int | None, level: int
) -> None:
    pins.drive(3, outside)
    if direction is not None:
        pins.configure(3, direction, output)
    assert pins.level(3) == level
    assert pins.millivolts(3) == level * SUPPLY


def test_a_line_let_go_falls_back_to_its_pull(pins: SimulatedPins) -> None:
    pins.configure(2, IPU)
    pins.drive(2, 0)
    pins.drive(2, None)
    assert pins.level(2) == 1


def test_an_output_can_be_set_and_an_input_cannot(pins: SimulatedPins) -> None:
    pins.configure(1, OUT)
    pins.write(1, 1)
    assert pins.level(1) == 1
    pins.configure(1, HIGHZ)
    with pytest.raises(PinError, match="no output"):
        pins.write(1, 1)
    with pytest.raises(PinError, match="no output"):
        pins.write(2, 1)


@pytest.mark.parametrize("pin", [-1, 8])
@pytest.mark.parametrize(
    "ask",
    [
        lambda pins, pin: pins.level(pin),
        lambda pins, pin: pins.owner(pin),
        lambda pins, pin: pins.claim(pin, "GPIO"),
        lambda pins, pin: pins.drive(pin, 1),
        lambda pins, pin: pins.watch(pin, print),
        lambda pins, pin: pins.configure(pin, OUT),
    ],
)
def test_a_pin_that_is_not_there(
    pins: SimulatedPins, pin: int, ask: Callable[[SimulatedPins, int], object]
) -> None:
    with pytest.raises(PinError, match="there is no pin"):
        ask(pins, pin)


# Analog.


def test_voltages(pins: SimulatedPins) -> None:
    assert pins.millivolts(0) == 0
    pins.set_millivolts(0, 1404)
    assert (pins.millivolts(0), pins.level(0)) == (1404, 0)
    pins.set_millivolts(0, 2900)
    assert pins.level(0) == 1
    pins.write_millivolts(0, 1000)
    assert (pins.millivolts(0), pins.analog_output(0), pins.level(0)) == (1000, 1000, 0)
    pins.configure(0, HIGHZ)
    assert (pins.millivolts(0), pins.analog_output(0)) == (2900, None)


def test_a_pwm(pins: SimulatedPins) -> None:
    assert pins.pwm(0) is None
    pins.write_pwm(0, Pwm(34.78, 1000))
    assert pins.pwm(0) == Pwm(34.78, 1000)
    assert pins.direction(0) is None
    assert pins.millivolts(0) == 1148
    pins.configure(0, OUT)
    assert pins.pwm(0) is None


# Owners.


def test_a_pin_has_one_owner(pins: SimulatedPins) -> None:
    assert pins.owner(5) == ""
    pins.claim(5, "GPIO")
    pins.claim(5, "GPIO")
    with pytest.raises(PinError, match="belongs to GPIO"):
        pins.claim(5, "PWM")
    with pytest.raises(PinError, match="belongs to GPIO"):
        pins.release(5, "PWM")
    assert pins.owner(5) == "GPIO"
    pins.release(5, "GPIO")
    pins.release(5, "GPIO")
    pins.claim(5, "PWM")
    assert pins.owner(5) == "PWM"


def test_a_released_pin_drives_nothing(pins: SimulatedPins) -> None:
    pins.claim(5, "GPIO")
    pins.configure(5, OUT, 1)
    pins.release(5, "GPIO")
    assert (pins.direction(5), pins.level(5)) == (None, 0)


def test_a_reset_ends_what_the_device_does_and_not_the_world(pins: SimulatedPins) -> None:
    heard: list[int] = []
    pins.claim(1, "GPIO")
    pins.configure(1, OUT, 1)
    pins.watch(1, heard.append)
    pins.drive(2, 1)
    pins.reset()
    assert (pins.owner(1), pins.direction(1), heard) == ("", None, [0])
    assert pins.level(2) == 1
    pins.drive(1, 1)
    assert heard == [0, 1]


# Watchers.


def test_watchers_hear_changes_only(pins: SimulatedPins) -> None:
    heard: list[int] = []
    unwatch = pins.watch(4, heard.append)
    pins.drive(4, 0)
    pins.configure(4, IPU)
    pins.drive(4, 1)
    pins.drive(4, 0)
    pins.drive(4, None)
    unwatch()
    unwatch()
    pins.drive(4, 0)
    assert heard == [1, 0, 1]


def test_two_watches_of_one_function_stop_one_by_one(pins: SimulatedPins) -> None:
    heard: list[int] = []
    hear = heard.append
    pins.watch(4, hear)
    unwatch = pins.watch(4, hear)
    unwatch()
    pins.drive(4, 1)
    assert heard == [1]


def test_a_watcher_that_answers_on_the_line_leaves_nobody_behind(pins: SimulatedPins) -> None:
    heard: list[int] = []

    def pull_down(level: int) -> None:
        if level:
            pins.drive(4, 0)

    pins.watch(4, pull_down)
    pins.watch(4, heard.append)
    pins.drive(4, 1)
    assert (pins.level(4), heard) == (0, [0])


# Size.


def test_idle_pins_hold_nothing() -> None:
    pins = SimulatedPins(32)
    assert [pins.level(pin) for pin in range(32)] == [0] * 32
    pins.reset()
    assert pins._pins is None
    pins.claim(1, "GPIO")
    pins.reset()
    assert not pins._pins


def test_a_board_without_pins_has_none() -> None:
    board = Board(SimulatedRadio(Airspace(), "4C:55:CC:00:00:01"))
    assert board.pins.count == 0


# The invariant: a level is what the drivers make of it, however it came about.


def resolve(mode: Direction | None, output: int, outside: int | None) -> int:
    """The rule in other words: the strongest driver of each line, as (strength, level)."""
    drivers = [(0, 0)]
    if outside is not None:
        drivers.append((2, outside))
    if mode in (IPU, OODPU):
        drivers.append((1, 1))
    if mode is IPD:
        drivers.append((1, 0))
    if mode is OUT or (mode in (OOD, OODPU) and not output):
        drivers.append((3, output))
    return max(drivers)[1]


PIN = st.integers(0, COUNT - 1)
LEVEL = st.integers(0, 1)


class PinMachine(RuleBasedStateMachine):
    """Both ends of some lines do what they like."""

    @initialize()
    def make(self) -> None:
        self.pins = SimulatedPins(COUNT)
        self.modes: dict[int, tuple[Direction | None, int]] = dict.fromkeys(range(COUNT), (None, 0))
        self.outside: dict[int, int | None] = dict.fromkeys(range(COUNT))
        self.told: dict[int, int] = dict.fromkeys(range(COUNT), 0)
        for pin in range(COUNT):
            self.pins.watch(pin, self.watcher(pin))

    def watcher(self, pin: int) -> Callable[[int], None]:
        def hear(level: int) -> None:
            assert level != self.told[pin], "told what was known"
            self.told[pin] = level

        return hear

    @rule(pin=PIN, level=st.none() | LEVEL)
    def drive(self, pin: int, level: int | None) -> None:
        self.pins.drive(pin, level)
        self.outside[pin] = level

    @rule(pin=PIN, direction=st.sampled_from(Direction), level=LEVEL)
    def configure(self, pin: int, direction: Direction, level: int) -> None:
        self.pins.claim(pin, "GPIO")
        self.pins.configure(pin, direction, level)
        self.modes[pin] = direction, level

    @rule(pin=PIN, level=LEVEL)
    def write(self, pin: int, level: int) -> None:
        mode = self.modes[pin][0]
        if mode in OUTPUTS:
            self.pins.write(pin, level)
            self.modes[pin] = mode, level
        else:
            with pytest.raises(PinError):
                self.pins.write(pin, level)

    @rule(pin=PIN)
    def release(self, pin: int) -> None:
        self.pins.release(pin, "GPIO")
        self.modes[pin] = None, 0

    @rule()
    def reset(self) -> None:
        self.pins.reset()
        self.modes = dict.fromkeys(range(COUNT), (None, 0))

    @invariant()
    def levels(self) -> None:
        for pin in range(COUNT):
            level = resolve(*self.modes[pin], self.outside[pin])
            assert self.pins.level(pin) == level
            assert self.told[pin] == level


TestPinMachine = PinMachine.TestCase


@given(st.integers(0, SUPPLY), st.integers(0, SUPPLY))
def test_more_volts_never_read_lower(low: int, high: int) -> None:
    pins = SimulatedPins(2)
    pins.set_millivolts(0, min(low, high))
    pins.set_millivolts(1, max(low, high))
    assert pins.level(0) <= pins.level(1)
