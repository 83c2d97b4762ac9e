"""The figures of a run by OpenTelemetry, when its environment variables ask for it: `tokay[otel]`.

`OTEL_EXPORTER_OTLP_ENDPOINT` says where to, `OTEL_METRIC_EXPORT_INTERVAL` how often; the others are
the SDK's too. It runs in the run and never in a shard: an observation there costs ten times ours.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tokay.fleet.collector import Collector
from tokay.fleet.errors import FleetError
from tokay.fleet.measures import Measures

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
QUANTILES = (0.5, 0.9, 0.99)

Values = Iterable[tuple[float, dict[str, Any]]]


def start(collector: Collector) -> Callable[[], None] | None:
    """Begin to export, if the environment asks for it; return what ends it. Raises FleetError."""
    asked = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if asked is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
            OTLPMetricExporter,
        )
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
            PeriodicExportingMetricReader,
        )
    except ImportError:
        raise FleetError(f"{asked}: needs the extra: pip install 'tokay[otel]'") from None
    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    meter = provider.get_meter("tokay.fleet")
    meter.create_observable_gauge(
        "tokay.fleet.devices", [_observe(lambda: _states(collector))], "1", "Devices by state."
    )
    meter.create_observable_counter(
        "tokay.fleet.events", [_observe(lambda: _events(collector))], "1", "What happened."
    )
    meter.create_observable_counter(
        "tokay.fleet.duration.count", [_observe(lambda: _counts(collector))], "1", "What was timed."
    )
    meter.create_observable_gauge(
        "tokay.fleet.duration", [_observe(lambda: _quantiles(collector))], "s", "How long it took."
    )
    return provider.shutdown


def _observe(values: Callable[[], Values]) -> "Callable[[CallbackOptions], Iterable[Observation]]":
    from opentelemetry.metrics import Observation  # noqa: PLC0415

    def callback(_options: "CallbackOptions") -> "Iterable[Observation]":
        return [Observation(value, attributes) for value, attributes in values()]

    return callback


def _states(collector: Collector) -> Values:
    for state, count in collector.timeline.states.items():
        yield count, {"state": state}


def _events(collector: Collector) -> Values:
    for where, measures in _rows(collector):
        for name, count in list(measures.counters.items()):
            yield count, {**where, "event": name}


def _counts(collector: Collector) -> Values:
    for where, measures in _rows(collector):
        for metric, histogram in list(measures.histograms.items()):
            yield histogram.count, {**where, "metric": metric}


def _quantiles(collector: Collector) -> Values:
    for where, measures in _rows(collector):
        for metric, histogram in list(measures.histograms.items()):
            for share in QUANTILES:
                attributes = {**where, "metric": metric, "quantile": share}
                yield histogram.quantile(share), attributes


def _rows(collector: Collector) -> Iterator[tuple[dict[str, str], Measures]]:
    # The reader has a thread of its own: lists, for the tables grow meanwhile.
    for (group, stage), measures in list(collector.table.rows.items()):
        yield {"group": group, "stage": stage}, measures
