"""The plan: what happens to which device, and when, from the stages and the seed alone.

Every shard makes the same plan and takes what is its own out of it. So a device's day does not
depend on which shard it is in or how many there are, no word passes between shards, and a shard
that starts anew in the middle knows what it missed.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from enum import IntEnum, auto
from typing import NamedTuple

import msgspec

from tokay.fleet.errors import ScenarioError
from tokay.fleet.layout import Layout
from tokay.fleet.scenario import AnyStage, Churn, Hold, Outage, Ramp, Scenario, Storm


class What(IntEnum):
    """What happens to a device, or to an access point."""

    POWER_ON = auto()
    POWER_OFF = auto()
    """In order, with goodbyes."""
    POWER_CUT = auto()
    REBOOT = auto()
    REJOIN = auto()
    AIR_OFF = auto()
    AIR_ON = auto()


class Action(msgspec.Struct, frozen=True, order=True):
    """One thing that happens: ``at`` seconds after the start, to a device or an access point."""

    at: float
    order: int
    index: int
    what: What


class Span(NamedTuple):
    """When a stage begins and ends, in seconds from the start."""

    name: str
    begins: float
    ends: float


def spans(scenario: Scenario, layout: Layout) -> list[Span]:
    """Return the stages in time. Raises ScenarioError."""
    if not scenario.stage:
        return [Span("run", 0.0, scenario.duration)]
    lengths = [_length(stage, layout) for stage in scenario.stage]
    open_ended = [n for n, (stage, length) in enumerate(zip(scenario.stage, lengths, strict=True))
                  if isinstance(stage, Hold) and not length]  # fmt: skip
    if open_ended:
        if len(open_ended) > 1 or not scenario.duration:
            message = "one hold may be without duration, if the scenario has one"
            raise ScenarioError(message, ("stage", open_ended[-1]))
        lengths[open_ended[0]] = max(0.0, scenario.duration - sum(lengths))
    found, at = [], 0.0
    for number, length in enumerate(lengths):
        found.append(Span(scenario.stage_name(number), at, at + length))
        at += length
    if scenario.duration:
        last = found[-1]
        if at < scenario.duration:
            found[-1] = last._replace(ends=scenario.duration)
        found = [
            span._replace(ends=min(span.ends, scenario.duration))
            for span in found
            if span.begins < scenario.duration
        ]
    return found


def actions(scenario: Scenario, layout: Layout) -> Iterator[Action]:
    """Yield all that happens, in order of time."""
    if not scenario.stage:
        yield from (Action(0.0, n, n, What.POWER_ON) for n in range(layout.devices))
        return
    level: dict[str, int] = {}
    streams = []
    for number, span in enumerate(spans(scenario, layout)):
        stage = scenario.stage[number]
        dice = random.Random(f"{scenario.seed} stage {number}")  # noqa: S311 - to be repeatable
        made = _STAGES[type(stage)](stage, layout, span, dice, level)
        jitter = stage.jitter or scenario.jitter
        streams.append(_late(made, jitter, dice) if jitter else made)
        if isinstance(stage, Ramp):
            # What a ramp leaves on is what the next one begins with: it is drawn up now.
            streams[-1] = iter(list(streams[-1]))
    yield from heapq.merge(*streams)


def _length(stage: AnyStage, layout: Layout) -> float:
    if stage.duration:
        return stage.duration
    match stage:
        case Ramp(over=over, rate=rate):
            return over or (len(_targets(stage, layout)) / rate * 1.2 + 1 if rate else 1.0)
        case Storm(away=away, within=within):
            return away + within + 10.0
        case Outage(away=away):
            return away + 10.0
        case _:
            return 0.0


def _targets(stage: AnyStage, layout: Layout) -> list[int]:
    """Return the devices that a stage is about."""
    if not stage.groups:
        return list(range(layout.devices))
    return [index for name in stage.groups for index in layout.group_range(name)]


def _ramp(
    stage: Ramp, layout: Layout, span: Span, dice: random.Random, level: dict[str, int]
) -> Iterator[Action]:
    targets = _targets(stage, layout)
    order = list(targets)
    # The order in which devices come is one for all ramps of the same groups.
    random.Random(f"{layout.seed} order").shuffle(order)  # noqa: S311
    key = " ".join(stage.groups)
    wanted = round(stage.share * len(order)) if stage.devices is None else stage.devices
    wanted = min(wanted, len(order))
    before = level.get(key, 0)
    level[key] = wanted
    chosen = order[before:wanted] if wanted >= before else order[wanted:before][::-1]
    what = What.POWER_ON if wanted >= before else What.POWER_OFF
    at = span.begins
    for turn, index in enumerate(chosen):
        if stage.rate:
            at += dice.expovariate(stage.rate)
        elif stage.over:
            at = span.begins + stage.over * turn / len(chosen)
        yield Action(at, turn, index, what)


def _hold(
    stage: Hold, layout: Layout, span: Span, dice: random.Random, level: dict[str, int]
) -> Iterator[Action]:
    return iter(())


def _churn(
    stage: Churn, layout: Layout, span: Span, dice: random.Random, level: dict[str, int]
) -> Iterator[Action]:
    targets = _targets(stage, layout)
    kinds = (
        (stage.power_cuts, What.POWER_CUT),
        (stage.reboots, What.REBOOT),
        (stage.rejoins, What.REJOIN),
    )
    return heapq.merge(
        *(
            _poisson(rate, what, targets, span, random.Random(dice.random()), stage.away)  # noqa: S311
            for rate, what in kinds
            if rate
        )
    )


def _poisson(
    rate: float, what: What, targets: list[int], span: Span, dice: random.Random, away: float
) -> Iterator[Action]:
    at = span.begins
    returns: list[Action] = []
    turn = 0
    while True:
        at += dice.expovariate(rate)
        while returns and returns[0].at <= min(at, span.ends):
            yield heapq.heappop(returns)
        if at >= span.ends:
            break
        index = dice.choice(targets)
        yield Action(at, turn, index, what)
        if what is What.POWER_CUT:
            heapq.heappush(returns, Action(at + away, turn, index, What.POWER_ON))
        turn += 1
    while returns:
        yield heapq.heappop(returns)


def _storm(
    stage: Storm, layout: Layout, span: Span, dice: random.Random, level: dict[str, int]
) -> Iterator[Action]:
    targets = _targets(stage, layout)
    chosen = targets
    if stage.share < 1:
        chosen = sorted(dice.sample(targets, round(stage.share * len(targets))))
    for turn, index in enumerate(chosen):
        yield Action(span.begins, turn, index, What.POWER_CUT)
    back = sorted((span.begins + stage.away + dice.uniform(0, stage.within), n) for n in chosen)
    for turn, (at, index) in enumerate(back):
        yield Action(at, turn, index, What.POWER_ON)


def _outage(
    stage: Outage, layout: Layout, span: Span, dice: random.Random, level: dict[str, int]
) -> Iterator[Action]:
    numbers = [
        n for n, point in enumerate(layout.access_points) if point.ssid in stage.access_points
    ]
    if not stage.access_points:
        everything = range(len(layout.access_points))
        numbers = sorted(dice.sample(everything, max(1, round(stage.share * len(everything)))))
    for at, what in ((span.begins, What.AIR_OFF), (span.begins + stage.away, What.AIR_ON)):
        for turn, number in enumerate(numbers):
            yield Action(at, turn, number, what)


def _late(made: Iterator[Action], jitter: float, dice: random.Random) -> Iterator[Action]:
    """Make each action up to ``jitter`` seconds late, still in order of time."""
    held: list[Action] = []
    for action in made:
        while held and held[0].at <= action.at:
            yield heapq.heappop(held)
        heapq.heappush(
            held, msgspec.structs.replace(action, at=action.at + dice.uniform(0, jitter))
        )
    while held:
        yield heapq.heappop(held)


_STAGES: dict[type[AnyStage], Callable[..., Iterator[Action]]] = {
    Ramp: _ramp,
    Hold: _hold,
    Churn: _churn,
    Storm: _storm,
    Outage: _outage,
}
