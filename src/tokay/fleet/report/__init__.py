"""The report of a run: a folder.

report.json   everything, with a schema beside this file; the other parts are made from it
metrics.csv   a line a group, stage and metric
timeline.csv  a line an interval
junit.xml     a test case a threshold
report.html   one page, with plots, that needs nothing else
run.json      what is not of the fleet: when, where, how many shards, what they used
"""

from pathlib import Path

from tokay.fleet.errors import FleetError
from tokay.fleet.report.document import Environment, Report, decode, encode
from tokay.fleet.report.junit import junit
from tokay.fleet.report.page import page
from tokay.fleet.report.tables import metrics_csv, timeline_csv

REPORT = "report.json"


def write(folder: Path, report: Report, environment: Environment | None) -> None:
    """Write a report. Raises FleetError."""
    parts = {
        REPORT: encode(report),
        "metrics.csv": metrics_csv(report).encode(),
        "timeline.csv": timeline_csv(report).encode(),
        "junit.xml": junit(report).encode(),
        "report.html": page(report, environment).encode(),
    }
    if environment is not None:
        parts["run.json"] = encode(environment)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in parts.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise FleetError(f"{folder}: the report cannot be written: {error.strerror}") from None


def read(folder: Path) -> tuple[Report, Environment | None]:
    """Read a report. Raises FleetError."""
    try:
        report = decode((folder / REPORT).read_bytes(), Report)
        run = folder / "run.json"
        environment = decode(run.read_bytes(), Environment) if run.exists() else None
    except OSError as error:
        raise FleetError(f"{folder}: no report: {error.strerror}") from None
    except ValueError as error:
        raise FleetError(f"{folder}: not a report: {error}") from None
    return report, environment


def summary(report: Report) -> list[str]:
    """Return the report in a few lines for a terminal."""
    lines = [f"{report.scenario}: {report.devices} devices, {report.ran:.1f} s, seed {report.seed}"]
    for row in report.metrics:
        if row.group == row.stage == "*" and "." not in row.metric:
            times = f"  p50 {row.p50:.4g} s  p99 {row.p99:.4g} s" if row.max else ""
            errors = f"  {row.errors} errors" if row.errors else ""
            lines.append(f"  {row.metric:<16} {row.count:>9}  {row.rate:>9.4g}/s{times}{errors}")
    for gap in report.gaps:
        until = "the end" if gap.until is None else f"{gap.until:.1f} s"
        lines.append(f"  gap: shard {gap.shard} from {gap.began:.1f} s to {until}: {gap.reason}")
    lines += [
        f"  {'holds' if one.holds else 'FAILS'}: {one.text} (it was {one.told})"
        for one in report.thresholds
    ]
    return [*lines, "interrupted" if report.interrupted else report.verdict]
