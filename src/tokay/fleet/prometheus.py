"""The figures of a run as Prometheus text, at `/metrics`.

Labels are group, stage and state: never a device. Histograms have classic buckets. `/healthz`
answers while the process does, `/readyz` once every shard is ready.
"""

import asyncio
from collections.abc import Callable, Iterator

from tokay.fleet.collector import Collector
from tokay.fleet.errors import FleetError
from tokay.fleet.measures import Measures

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MAX_REQUEST = 8192
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(collector: Collector) -> str:
    """Return everything as text."""
    lines = [*_states(collector), *_counters(collector), *_times(collector), *_shards(collector)]
    return "\n".join([*lines, ""])


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _states(collector: Collector) -> Iterator[str]:
    yield from _head("tokay_fleet_devices", "gauge", "Devices by state.")
    for state, count in sorted(collector.timeline.states.items()):
        yield f'tokay_fleet_devices{{state="{state}"}} {count}'


def _counters(collector: Collector) -> Iterator[str]:
    yield from _head("tokay_fleet_events_total", "counter", "What happened, by name.")
    for where, measures in _rows(collector):
        for name, count in sorted(measures.counters.items()):
            yield f'tokay_fleet_events_total{{{where},event="{_text(name)}"}} {count}'


def _times(collector: Collector) -> Iterator[str]:
    name = "tokay_fleet_duration_seconds"
    yield from _head(name, "histogram", "How long things took, from when they were due.")
    for where, measures in _rows(collector):
        for metric, histogram in sorted(measures.histograms.items()):
            labels = f'{where},metric="{_text(metric)}"'
            for bound, count in zip(BOUNDS, histogram.cumulative(BOUNDS), strict=True):
                yield f'{name}_bucket{{{labels},le="{bound:g}"}} {count}'
            yield f'{name}_bucket{{{labels},le="+Inf"}} {histogram.count}'
            yield f"{name}_sum{{{labels}}} {histogram.sum_us / 1e6:.6f}"
            yield f"{name}_count{{{labels}}} {histogram.count}"


def _shards(collector: Collector) -> Iterator[str]:
    for name, kind, text, field in (
        ("tokay_fleet_shard_cpu_seconds_total", "counter", "CPU time of a shard.", "cpu"),
        ("tokay_fleet_shard_memory_bytes", "gauge", "Resident memory of a shard.", "memory"),
        ("tokay_fleet_shard_lag_seconds", "gauge", "How late a shard's loop was.", "lag"),
        ("tokay_fleet_shard_restarts_total", "counter", "Restarts of a shard.", "restarts"),
    ):
        yield from _head(name, kind, text)
        for number, health in enumerate(collector.health):
            yield f'{name}{{shard="{number}"}} {getattr(health, field):g}'


def _rows(collector: Collector) -> Iterator[tuple[str, Measures]]:
    for (group, stage), measures in sorted(collector.table.rows.items()):
        yield f'group="{_text(group)}",stage="{_text(stage)}"', measures


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class MetricsServer:
    """Serves the text. ``ready`` says whether every shard is there."""

    def __init__(self, text: Callable[[], str], ready: Callable[[], bool]) -> None:
        self._text = text
        self._ready = ready
        self._server: asyncio.Server | None = None

    async def start(self, port: int, host: str = "127.0.0.1") -> int:
        """Listen; return the port. Raises FleetError."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: _Connection(self), host, port)
        except OSError as error:
            raise FleetError(f"--metrics {port}: {error.strerror}") from None
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def answer(self, path: str) -> tuple[str, str]:
        """Return status line and body for a path."""
        if path == "/metrics":
            return "200 OK", self._text()
        if path == "/healthz":
            return "200 OK", "alive\n"
        if path == "/readyz":
            return ("200 OK", "ready\n") if self._ready() else ("503 Starting", "starting\n")
        return "404 Not Found", "there is /metrics\n"


class _Connection(asyncio.Protocol):
    """One request, one answer."""

    def __init__(self, server: MetricsServer) -> None:
        self._server = server
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._head += data
        if b"\r\n\r\n" not in self._head and len(self._head) < MAX_REQUEST:
            return
        method, _, rest = self._head.partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0].decode("latin-1")
        if method not in (b"GET", b"HEAD"):
            status, body = "405 Method Not Allowed", ""
        else:
            status, body = self._server.answer(path)
        content = body.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {_TYPE}\r\nContent-Length: {len(content)}\r\n"
            "Connection: close\r\n\r\n"
        )
        transport.write(head.encode() + (b"" if method == b"HEAD" else content))
        transport.close()
