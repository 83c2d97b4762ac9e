"""A whole run: the server, the shards, the clock, the report, the exit status."""

import asyncio
import contextlib
import platform
import shlex
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

from tokay.board.air.address_lock import process_address_locks
from tokay.fleet import layout as layouts
from tokay.fleet import limits, plan, telemetry
from tokay.fleet.certificates import Certificates
from tokay.fleet.collector import Collector
from tokay.fleet.control import Begin
from tokay.fleet.engines import Engine
from tokay.fleet.errors import FleetError
from tokay.fleet.measures import figures, metric_names
from tokay.fleet.prometheus import MetricsServer, exposition
from tokay.fleet.report.document import Environment, Report, ShardReport, build
from tokay.fleet.scenario import Scenario, Source
from tokay.fleet.scenario_file import load
from tokay.fleet.server import HOST, Ports, ServerProcess, Settings
from tokay.fleet.supervisor import Supervisor
from tokay.fleet.template import Value
from tokay.fleet.view import Picture

PASSED, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses: all thresholds hold; one does not; it could not run; Ctrl-C."""
TICK = 0.5
"""Seconds between two looks at a run."""


class Options(NamedTuple):
    """What a run was asked for. ``state``: where shards keep their databases; None is memory."""

    source: Source
    shards: int
    engine: str
    out: Path
    state: Path | None
    metrics: int | None = None
    """The port of the metrics; None is none, 0 any."""
    metrics_host: str = "127.0.0.1"


class AnyServer(Protocol):
    """The server that comes with Tokay, wherever it runs."""

    async def start(self, settings: Settings) -> Ports:
        """Start it; return where it listens. Raises OSError."""

    async def stop(self) -> None:
        """End it, if it was started."""


Watch = Callable[["FleetRun"], None]


class FleetRun:
    """A run of a fleet, of all shards but if ``only`` some are named.

    ``watch`` is called now and then while it goes on.
    """

    def __init__(
        self,
        options: Options,
        engine: Engine,
        *,
        server: AnyServer | None = None,
        only: Sequence[int] | None = None,
    ) -> None:
        self.options = options
        self.scenario: Scenario = load(options.source)
        self.layout = layouts.layout(self.scenario)
        self._base = layouts.free_base(
            self.layout, max(1, options.shards), process_address_locks().in_use
        )
        self.spans = plan.spans(self.scenario, self.layout)
        self.shards = max(1, min(options.shards, self.layout.devices))
        self.collector = Collector(self.shards)
        self.engine = engine
        self.watch: Watch | None = None
        self.step = "starting"
        """What it is doing, in a word."""
        self.tick = TICK
        self._server: AnyServer = ServerProcess() if server is None else server
        self._interrupted = asyncio.Event()
        self._values: dict[str, Value] = {}
        self.supervisor = Supervisor(
            engine, only or range(self.shards), self._begin, self.collector
        )
        self.metrics = MetricsServer(
            lambda: exposition(self.collector), lambda: self.supervisor.ready
        )
        limits.check(self.scenario, self.shards, local=options.engine == "local")
        self._began = datetime.now(UTC)

    def interrupt(self) -> None:
        """End in order, now."""
        self._interrupted.set()

    @property
    def elapsed(self) -> float:
        """Seconds since the start, 0 before it."""
        return self.supervisor.elapsed

    @property
    def duration(self) -> float:
        """Seconds that the stages take."""
        return self.spans[-1].ends

    @property
    def stage(self) -> str:
        """The stage that it is in."""
        at = self.elapsed
        return next((span.name for span in self.spans if at < span.ends), self.spans[-1].name)

    async def run(self) -> Report:
        """Run it; return its report. Raises FleetError when it cannot run."""
        ran = 0.0
        end_telemetry = telemetry.start(self.collector)
        try:
            if self.options.metrics is not None:
                await self.metrics.start(self.options.metrics, self.options.metrics_host)
            await self.engine.open()
            self._values = await self._start_server()
            await self._unless_interrupted(self.supervisor.start())
            if not self._interrupted.is_set():
                self.step = "running"
                self.supervisor.go()
                await self._hold()
                ran = min(self.elapsed, self.duration)
            self.step = "stopping"
            self._look()
            await self.supervisor.stop()
        finally:
            await self.supervisor.close()
            self.metrics.close()
            if end_telemetry is not None:
                await asyncio.to_thread(end_telemetry)
            await self._stop_server()
        interrupted = self._interrupted.is_set()
        name = self.options.source.name.removesuffix(".toml")
        return build(name, self.scenario, self.layout, self.collector, ran, interrupted=interrupted)

    def picture(self) -> Picture:
        """Return how it stands."""
        collector = self.collector
        points = collector.timeline.recent()
        total = collector.table.total()
        totals = {}
        for name in metric_names(total):
            known = figures(total, name)
            totals[name] = (known.count, known.errors)
        note = collector.notes[-1] if collector.notes else None
        return Picture(
            scenario=self.options.source.name.removesuffix(".toml"),
            step=self.step,
            stage=self.stage,
            elapsed=self.elapsed,
            duration=self.duration,
            devices=self.layout.devices,
            states=collector.timeline.states,
            width=collector.timeline.width,
            recent=points,
            totals=totals,
            shards=collector.health,
            gaps=collector.gaps,
            noted=collector.noted,
            note=f"device {note.device}: {note.text}" if note is not None else "",
        )

    def environment(self) -> Environment:
        """Return when and where it was, and what it used."""
        loop = type(asyncio.get_running_loop())
        return Environment(
            began=self._began.isoformat(timespec="seconds"),
            tokay=version("tokay"),
            python=platform.python_version(),
            loop=f"{loop.__module__}.{loop.__qualname__}",
            host=platform.node(),
            cores=cores(),
            engine=self.options.engine,
            command=shlex.join(["tokay", *sys.argv[1:]]),
            control=self.supervisor.latency,
            shards=[
                ShardReport(
                    number, one.devices, one.restarts, one.cpu, one.memory, one.max_lag,
                    one.prepared,
                )
                for number, one in enumerate(self.collector.health)
            ],
        )  # fmt: skip

    async def _hold(self) -> None:
        """Wait for the end of the last stage, or an interruption, or that no shard is left."""
        while (left := self.duration - self.elapsed) > 0 and not self._interrupted.is_set():
            if self.supervisor.failed:
                raise FleetError(f"no shard is left: {self.collector.gaps[-1].reason}")
            self._look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._interrupted.wait(), min(self.tick, left))

    def _look(self) -> None:
        if self.watch is not None:
            self.watch(self)

    async def _unless_interrupted(self, work: Awaitable[None]) -> None:
        """Wait for work, or for an interruption, whichever is first."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._interrupted.wait())
        try:
            while not task.done() and not stop.done():
                await asyncio.wait(
                    (task, stop), timeout=self.tick, return_when=asyncio.FIRST_COMPLETED
                )
                self._look()
            if task.done():
                task.result()
        finally:
            for one in (task, stop):
                one.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    def _begin(self, shard: int) -> Begin:
        state = self.options.state
        folder = str(state / f"shard-{shard}") if state is not None else ""
        return Begin(self.options.source, shard, self.shards, folder, self._base, self._values)

    async def _start_server(self) -> dict[str, Value]:
        table = self.scenario.server
        host, ports = table.host, Ports(table.http, table.https, table.tcp)
        if not host:
            host = getattr(self.engine, "server_host", HOST)
            certificate = key = ""
            if uses_tls(self.scenario):
                authority = Certificates(self.scenario, Path(self.options.source.folder))
                certificate, key = authority.server([host, "server.fleet"])
            settings = Settings(table.delay, table.capacity, certificate, key, host)
            try:
                ports = await self._server.start(settings)
            except OSError as error:
                raise FleetError(str(error)) from None
        return {
            "http_host": host, "http_port": ports.http,
            "https_host": host, "https_port": ports.https,
            "tcp_host": host, "tcp_port": ports.tcp,
        }  # fmt: skip

    async def _stop_server(self) -> None:
        await self._server.stop()


def uses_tls(scenario: Scenario) -> bool:
    """Whether anything in a scenario names the HTTPS server."""
    return any(
        "{https_" in text
        for group in scenario.group
        for command in group.command
        for text in command.lines
    )


def exit_status(made: Report) -> int:
    """Return what a run exits with."""
    if made.interrupted:
        return INTERRUPTED
    return PASSED if made.verdict == "pass" else FAILED


def cores() -> int:
    """Return how many processors this process may use."""
    import os  # noqa: PLC0415

    return len(os.sched_getaffinity(0))


def default_out(source: Source) -> Path:
    """Return a folder for a report when none is given."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return Path(f"fleet-{source.name.removesuffix('.toml')}-{stamp}")
