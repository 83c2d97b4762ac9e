"""What stands in report.json. The schema is made from these classes."""

import json
from typing import Any, TypeVar

import msgspec

from tokay.fleet.collector import Collector, Gap
from tokay.fleet.layout import Layout
from tokay.fleet.measures import Figures, Measures, figures, metric_names
from tokay.fleet.plan import Span, spans
from tokay.fleet.scenario import Scenario
from tokay.fleet.thresholds import Verdict, evaluate, parse
from tokay.fleet.timeline import Point

VERSION = 1

T = TypeVar("T")


class StageReport(msgspec.Struct):
    """A stage and when it was, in seconds from the start."""

    name: str
    kind: str
    begins: float
    ends: float


class GroupReport(msgspec.Struct):
    """A group and how many devices it has."""

    name: str
    devices: int
    profile: str


class Row(msgspec.Struct):
    """One metric of a group in a stage; `*` is all of them. Times in seconds."""

    group: str
    stage: str
    metric: str
    count: int
    errors: int
    rate: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class ThresholdReport(msgspec.Struct):
    """A threshold and how it ended."""

    text: str
    holds: bool
    value: float
    told: str


class NoteReport(msgspec.Struct):
    """Something that was told; ``device`` is an index, or -1."""

    at: float
    device: int
    kind: str
    text: str


class Report(msgspec.Struct):
    """A run. Nothing in it says when or where it was: the same fleet gives the same report."""

    version: int
    scenario: str
    description: str
    seed: int
    devices: int
    planned: float
    """Seconds that the stages take."""
    ran: float
    interrupted: bool
    verdict: str
    """`pass` or `fail`."""
    thresholds: list[ThresholdReport]
    stages: list[StageReport]
    groups: list[GroupReport]
    metrics: list[Row]
    gaps: list[Gap]
    notes: list[NoteReport]
    noted: int
    """How many notes there were, kept or not."""
    timeline: list[Point]
    parameters: dict[str, Any]
    """The scenario as it was run, with every default."""


class ShardReport(msgspec.Struct):
    """What a shard used."""

    shard: int
    devices: int
    restarts: int
    cpu: float
    memory: int
    max_lag: float
    prepared: float


class Environment(msgspec.Struct):
    """When and where a run was, and what it used."""

    began: str
    tokay: str
    python: str
    loop: str
    host: str
    cores: int
    engine: str
    command: str
    control: float
    """Seconds of a round trip on a control connection."""
    shards: list[ShardReport]


def build(
    name: str,
    scenario: Scenario,
    layout: Layout,
    collector: Collector,
    ran: float,
    *,
    interrupted: bool = False,
) -> Report:
    """Return the report of a run that took ``ran`` seconds."""
    stages = spans(scenario, layout)
    scopes = [*(span.name for span in stages), *(group.name for group in scenario.group)]
    verdicts = [
        evaluate(threshold, collector.table, stages, ran)
        for threshold in parse(scenario.thresholds, scopes)
    ]
    return Report(
        version=VERSION,
        scenario=name,
        description=scenario.description,
        seed=scenario.seed,
        devices=layout.devices,
        planned=stages[-1].ends,
        ran=round(ran, 3),
        interrupted=interrupted,
        verdict="pass" if all(verdict.holds for verdict in verdicts) else "fail",
        thresholds=[_verdict(verdict) for verdict in verdicts],
        stages=[_stage(scenario, number, span) for number, span in enumerate(stages)],
        groups=[GroupReport(one.name, one.count, one.profile) for one in scenario.group],
        metrics=_rows(scenario, stages, collector, ran),
        gaps=collector.gaps,
        notes=[
            NoteReport(one.at, one.device, one.kind, one.text)
            for one in sorted(collector.notes, key=lambda one: (one.at, one.device, one.text))
        ],
        noted=collector.noted,
        timeline=collector.timeline.points(),
        parameters=_hidden(msgspec.to_builtins(scenario)),
    )


def _verdict(verdict: Verdict) -> ThresholdReport:
    return ThresholdReport(verdict.text, verdict.holds, _short(verdict.value), verdict.told)


def _stage(scenario: Scenario, number: int, span: Span) -> StageReport:
    kind = type(scenario.stage[number]).__name__.lower() if scenario.stage else "hold"
    return StageReport(span.name, kind, round(span.begins, 3), round(span.ends, 3))


def _rows(scenario: Scenario, stages: list[Span], collector: Collector, ran: float) -> list[Row]:
    rows: list[Row] = []
    lengths = {span.name: max(0.0, min(span.ends, ran) - span.begins) for span in stages}
    table = collector.table
    for stage in ("*", *lengths):
        seconds = ran if stage == "*" else lengths[stage]
        chosen = None if stage == "*" else stage
        for group in ("*", *(one.name for one in scenario.group)):
            measures = table.total(None if group == "*" else group, chosen)
            rows += [
                _row(group, stage, metric, figures(measures, metric), seconds)
                for metric in _told(measures)
            ]
    return rows


def _told(measures: Measures) -> list[str]:
    return list(metric_names(measures))


def _row(group: str, stage: str, metric: str, known: Figures, seconds: float) -> Row:
    rate = known.count / seconds if seconds > 0 else 0.0
    times = (known.mean, known.p50, known.p90, known.p95, known.p99, known.max)
    mean, p50, p90, p95, p99, longest = map(_short, times)
    return Row(
        group, stage, metric, known.count, known.errors, _short(rate),
        mean, p50, p90, p95, p99, longest,
    )  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _hidden(parameters: Any) -> Any:
    """Return parameters without what is secret."""
    if isinstance(parameters, dict):
        return {
            key: "*" if value and ("pass" in key or key.endswith("key")) else _hidden(value)
            for key, value in parameters.items()
        }
    if isinstance(parameters, list):
        return [_hidden(one) for one in parameters]
    return parameters


def encode(document: Report | Environment) -> bytes:
    """Return a document as JSON, the same bytes for the same document."""
    builtins = msgspec.to_builtins(document)
    return (json.dumps(builtins, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def decode(data: bytes, kind: type[T]) -> T:
    """Read a document. Raises ValueError."""
    return msgspec.json.decode(data, type=kind)


def schema() -> dict[str, Any]:
    """Return the JSON schema of report.json."""
    return msgspec.json.schema(Report)
