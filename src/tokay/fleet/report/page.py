"""The report as one HTML page: it loads nothing, and can be mailed."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from tokay.fleet.report.document import Environment, Report, Row
from tokay.fleet.report.plot import Axis, Mark, Series, Shade, clock_label, plot, seconds_label
from tokay.fleet.timeline import Point

STATES = (("joined", "c0"), ("joining", "c1"), ("on", "c2"), ("off", "c3"))
RATES = ("join", "command", "http", "connect", "tls")
LATENCIES = ("join", "http", "command", "connect")
MAX_NOTES = 100


def page(report: Report, environment: Environment | None) -> str:
    """Return the page."""
    title = f"{report.scenario}: {report.devices} devices"
    style = (files(__package__) / "page.css").read_text("utf-8")
    body = "".join(
        (
            _head(report),
            _thresholds(report),
            _plots(report),
            _stages(report),
            _metrics(report.metrics),
            _gaps(report),
            _notes(report),
            _machine(environment),
            _parameters(report),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{body}</body></html>\n"
    )


def _head(report: Report) -> str:
    word = {"pass": "All thresholds hold", "fail": "A threshold does not hold"}[report.verdict]
    if not report.thresholds:
        word = "No thresholds"
    how = ", interrupted" if report.interrupted else ""
    return (
        f'<header class="{report.verdict}"><h1>{escape(report.scenario)}</h1>'
        f"<p>{escape(report.description)}</p><p><strong>{word}.</strong> {report.devices} devices,"
        f" seed {report.seed}, {clock_label(report.ran)} of {clock_label(report.planned)}{how}."
        "</p></header>"
    )


def _thresholds(report: Report) -> str:
    rows = [
        (one.text, one.told, "holds" if one.holds else "does not hold") for one in report.thresholds
    ]
    marks = ["pass" if one.holds else "fail" for one in report.thresholds]
    return _table("Thresholds", ("threshold", "it was", ""), rows, marks)


def _plots(report: Report) -> str:
    points = report.timeline
    if not points:
        return "<p>The run ended before anything was measured.</p>"
    width = points[0].at
    axis = Axis(
        [point.at for point in points],
        max(report.ran, points[-1].at),
        [Mark(stage.begins, stage.name) for stage in report.stages if stage.begins <= report.ran],
        [
            Shade(gap.began, report.ran if gap.until is None else gap.until, f"shard {gap.shard}")
            for gap in report.gaps
        ],
    )
    states = [
        Series(state, colour, [float(point.states.get(state, 0)) for point in points])
        for state, colour in STATES
    ]
    return "<h2>Over time</h2>" + "".join(
        (
            plot("Devices by state", axis, states, stacked=True),
            plot("Rates, a second", axis, _rates(points, width, RATES)),
            plot("Latency, median", axis, _latencies(points, "p50"), label=seconds_label),
            plot("Latency, 99th percentile", axis, _latencies(points, "p99"), label=seconds_label),
            plot("Errors, a second", axis, _errors(points, width)),
            plot("Power cuts, reboots, rejoins, a second", axis,
                 _rates(points, width, ("power_cuts", "reboots", "rejoins"))),
        )
    )  # fmt: skip


def _rates(points: Sequence[Point], width: float, names: Iterable[str]) -> list[Series]:
    series = []
    for number, name in enumerate(names):
        found = [point.metrics.get(name) for point in points]
        values = [one.count / width if one else 0.0 for one in found]
        if any(values):
            series.append(Series(name, f"c{number}", values))
    return series


def _errors(points: Sequence[Point], width: float) -> list[Series]:
    names = sorted({name for point in points for name, one in point.metrics.items() if one.errors})
    series = []
    for number, name in enumerate(names[:6]):
        found = [point.metrics.get(name) for point in points]
        values = [one.errors / width if one else 0.0 for one in found]
        series.append(Series(name, f"c{number}", values))
    return series


def _latencies(points: Sequence[Point], quantile: str) -> list[Series]:
    series = []
    for number, name in enumerate(LATENCIES):
        found = [point.metrics.get(name) for point in points]
        values = [getattr(one, quantile) if one and one.count else None for one in found]
        if any(values):
            series.append(Series(name, f"c{number}", values))
    return series


def _stages(report: Report) -> str:
    rows = [
        (one.name, one.kind, clock_label(one.begins), clock_label(one.ends))
        for one in report.stages
    ]
    return _table("Stages", ("stage", "what", "begins", "ends"), rows)


def _metrics(metrics: Sequence[Row]) -> str:
    heads = ("group", "stage", "metric", "count", "errors", "a second", "p50", "p90", "p99", "max")
    tables = []
    for whole in (True, False):
        rows = [
            (row.group, row.stage, row.metric, str(row.count), str(row.errors), f"{row.rate:.4g}",
             *(_told(value) for value in (row.p50, row.p90, row.p99, row.max)))
            for row in metrics
            if (row.stage == "*" and row.group == "*") is whole
        ]  # fmt: skip
        if whole:
            tables.append(_table("Metrics of the whole run", heads, rows))
        elif rows:
            inner = _table("", heads, rows)
            tables.append(f"<details><summary>By group and stage</summary>{inner}</details>")
    return "".join(tables)


def _told(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _gaps(report: Report) -> str:
    rows = [
        (str(gap.shard), clock_label(gap.began), "" if gap.until is None else f"{gap.until:.1f} s",
         gap.reason, str(gap.devices), str(gap.restored))
        for gap in report.gaps
    ]  # fmt: skip
    heads = ("shard", "from", "back at", "why", "devices", "restored from their state")
    return _table("Gaps", heads, rows)


def _notes(report: Report) -> str:
    rows = [
        (clock_label(note.at), "" if note.device < 0 else str(note.device), note.kind, note.text)
        for note in report.notes[:MAX_NOTES]
    ]
    title = f"Notes ({report.noted})" if report.noted > len(rows) else "Notes"
    return _table(title, ("at", "device", "what", ""), rows)


def _machine(environment: Environment | None) -> str:
    if environment is None:
        return ""
    rows = [
        (str(one.shard), str(one.devices), str(one.restarts), f"{one.prepared:.1f} s",
         f"{one.cpu:.1f} s", f"{one.memory / 1e6:.0f} MB",
         f"{one.memory / max(1, one.devices) / 1024:.1f} KB", _told(one.max_lag))
        for one in environment.shards
    ]  # fmt: skip
    heads = ("shard", "devices", "restarts", "ready after", "CPU", "memory", "a device", "late by")
    where = (
        f"{environment.began}, {environment.host}, {environment.cores} cores, engine"
        f" {environment.engine}, Tokay {environment.tokay}, Python {environment.python},"
        f" {environment.loop}"
    )
    command = f"<p><code>{escape(environment.command)}</code></p>"
    return _table("Shards", heads, rows) + f"<p>{escape(where)}.</p>{command}"


def _parameters(report: Report) -> str:
    text = json.dumps(report.parameters, indent=1, ensure_ascii=False)
    return f"<details><summary>Parameters</summary><pre>{escape(text)}</pre></details>"


def _table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    classes: Sequence[str] | None = None,
) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = []
    for number, row in enumerate(rows):
        kind = f' class="{classes[number]}"' if classes else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        body.append(f"<tr{kind}>{cells}</tr>")
    caption = f"<h2>{escape(title)}</h2>" if title else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'{caption}<div class="scroll">{table}</div>'
