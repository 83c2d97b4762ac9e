"""The tables of a report, as CSV."""

import csv
import io

import msgspec

from tokay.fleet.report.document import Report, Row


def metrics_csv(report: Report) -> str:
    """Return a line a group, stage and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row.__struct_fields__)
    for row in report.metrics:
        writer.writerow(msgspec.structs.astuple(row))
    return out.getvalue()


def timeline_csv(report: Report) -> str:
    """Return a line an interval: states, then for each metric count, errors, p50 and p99."""
    states = sorted({state for point in report.timeline for state in point.states})
    metrics = sorted({metric for point in report.timeline for metric in point.metrics})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = (f"{metric}.{one}" for metric in metrics for one in ("count", "errors", "p50", "p99"))
    writer.writerow(["at", *(f"devices.{state}" for state in states), *columns])
    for point in report.timeline:
        row: list[object] = [point.at, *(point.states.get(state, 0) for state in states)]
        for name in metrics:
            metric = point.metrics.get(name)
            row += (0, 0, "", "") if metric is None else msgspec.structs.astuple(metric)
        writer.writerow(row)
    return out.getvalue()
