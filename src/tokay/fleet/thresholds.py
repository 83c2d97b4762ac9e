"""Thresholds: what must hold at the end, and decides the exit status.

    [thresholds]
    join.p99 = "< 3 s"              # all groups, all stages
    storm.join.p99 = "< 5 s"        # one stage, or one group
    http.errors = "< 0.1 %"         # share of what was tried
    commands.rate = "> 500/s"       # over the time of the run, or of the stage

Statistics: `p50 p90 p95 p99 max mean` in `s` or `ms`; `count`; `errors`, a number or with `%` a
share; `rate` in `/s` or `/min`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from tokay.fleet.errors import ScenarioError
from tokay.fleet.measures import Measures, Table, figures
from tokay.fleet.plan import Span

TIMES = ("p50", "p90", "p95", "p99", "max", "mean")
STATISTICS = (*TIMES, "count", "errors", "rate")
_CONDITION = re.compile(r"(<=|>=|<|>|==)\s*(\d+(?:\.\d+)?)\s*(s|ms|us|%|/s|/min)?")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "%": 1e-2, "/s": 1.0, "/min": 1 / 60, "": 1.0}
_TESTS = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "==": lambda value, limit: value == limit,
}
_SYNONYMS = {"commands": "command", "joins": "join", "connects": "connect"}


class Threshold(NamedTuple):
    """One condition. ``scope`` is a stage, a group, or nothing for all."""

    scope: str
    metric: str
    statistic: str
    comparison: str
    limit: float
    unit: str
    text: str
    """As it stands in the file: `join.p99 < 3 s`."""


class Verdict(NamedTuple):
    """How a threshold ended."""

    text: str
    holds: bool
    value: float
    told: str
    """The value with its unit."""


def parse(tables: Mapping[str, Any], scopes: Collection[str]) -> list[Threshold]:
    """Return the thresholds of a scenario. ``scopes``: groups and stages. Raises ScenarioError."""
    return [_parse(path, text, scopes) for path, text in _flat(tables, ())]


def _flat(
    tables: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, (*path, key))
        else:
            yield (*path, key), value


def _parse(path: tuple[str, ...], text: Any, scopes: Collection[str]) -> Threshold:
    where = ("thresholds", *path)
    words = ".".join(path).split(".")
    statistic = words.pop()
    if statistic not in STATISTICS or not words:
        known = " ".join(STATISTICS)
        raise ScenarioError(f"must end in a statistic: {known}", where)
    scope = words.pop(0) if len(words) > 1 and words[0] in scopes else ""
    metric = ".".join([_SYNONYMS.get(words[0], words[0]), *words[1:]])
    match = _CONDITION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ScenarioError('must be a condition such as "< 3 s", "< 0.1 %" or "> 500/s"', where)
    unit = match[3] or ""
    if unit not in _units(statistic):
        allowed = " or ".join(_units(statistic))
        raise ScenarioError(f"{statistic} takes {allowed or 'no unit'}, not {unit!r}", where)
    limit = float(match[2]) * _UNITS[unit]
    return Threshold(scope, metric, statistic, match[1], limit, unit, f"{'.'.join(path)} {text}")


def _units(statistic: str) -> tuple[str, ...]:
    if statistic in TIMES:
        return ("s", "ms", "us")
    return {"errors": ("%", ""), "rate": ("/s", "/min")}.get(statistic, ("",))


def evaluate(threshold: Threshold, table: Table, stages: list[Span], ran: float) -> Verdict:
    """Return how a threshold ended. ``ran``: seconds of the run, of which a rate is taken."""
    names = [span.name for span in stages]
    if threshold.scope in names:
        measures = table.total(stage=threshold.scope)
        span = stages[names.index(threshold.scope)]
        seconds = max(0.0, min(span.ends, ran) - span.begins)
    else:
        measures, seconds = table.total(group=threshold.scope or None), ran
    value = _value(threshold, measures, seconds)
    if value is None:
        return Verdict(threshold.text, holds=False, value=0.0, told="nothing was measured")
    holds = _TESTS[threshold.comparison](value, threshold.limit)
    told = f"{value / _UNITS[threshold.unit]:.6g} {threshold.unit}".strip()
    return Verdict(threshold.text, holds, value, told)


def _value(threshold: Threshold, measures: Measures, seconds: float) -> float | None:
    known = figures(measures, threshold.metric)
    statistic = threshold.statistic
    if statistic in TIMES:
        return float(getattr(known, statistic)) if known.count else None
    if statistic == "rate":
        return known.count / seconds if seconds else 0.0
    if statistic == "errors" and threshold.unit == "%":
        tried = known.count + known.errors
        return known.errors / tried if tried else 0.0
    return float(getattr(known, statistic))
