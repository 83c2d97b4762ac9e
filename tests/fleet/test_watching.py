"""What can be seen of a run from outside: metrics, pictures, the live view."""

import asyncio
import json
import re
import signal
import urllib.error
import urllib.request
from importlib.resources import files
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tests.fleet.test_faults import read_until, scenario
from tests.fleet.test_run import LIMIT, fleet, start

from tokay.fleet.collector import Collector, Gap
from tokay.fleet.control import Sample
from tokay.fleet.measures import Table
from tokay.fleet.prometheus import MetricsServer, exposition
from tokay.fleet.timeline import Metric
from tokay.fleet.view import LiveView, Picture, PlainView
from tokay.fleet.watching import WatchServer, watch

LINE = re.compile(r'[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


def collected() -> Collector:
    table = Table()
    row = table.row('pu"mps', "ramp")
    row.count("reboots", 3)
    for time in (0.002, 0.2, 100.0):
        row.observe("join", time)
    collector = Collector(2)
    states = {'pu"mps': {"joined": 5, "off": 1}}
    collector.sample(0, Sample(1.0, states, table.pack(), 0.1, 2.0, 1000))
    return collector


def test_the_metrics_are_prometheus_text() -> None:
    text = exposition(collected())
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert 'tokay_fleet_devices{state="joined"} 5' in lines
    where = 'group="pu\\"mps",stage="ramp"'
    assert f'tokay_fleet_events_total{{{where},event="reboots"}} 3' in lines
    name = "tokay_fleet_duration_seconds"
    assert f'{name}_bucket{{{where},metric="join",le="0.25"}} 2' in lines
    assert f'{name}_bucket{{{where},metric="join",le="+Inf"}} 3' in lines
    assert f'{name}_sum{{{where},metric="join"}} 100.202000' in lines
    assert all(LINE.fullmatch(line.replace('\\"', "")) for line in lines)


async def test_the_metrics_are_served() -> None:
    ready = False
    server = MetricsServer(lambda: "text\n", lambda: ready)
    port = await server.start(0)

    async def get(path: str) -> tuple[int, str]:
        def fetch() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LIMIT) as one:
                    return one.status, one.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()

        return await asyncio.to_thread(fetch)

    assert await get("/metrics?x=1") == (200, "text\n")
    assert await get("/healthz") == (200, "alive\n")
    assert (await get("/readyz"))[0] == 503
    ready = True
    assert await get("/readyz") == (200, "ready\n")
    assert (await get("/"))[0] == 404
    server.close()


def test_a_run_serves_metrics_and_can_be_watched(tmp_path: Path) -> None:
    path, out = scenario(tmp_path, "", 2000), tmp_path / "out"
    with start("run", path, "--out", str(out), "--shards", "1", "--metrics", "0") as process:
        read_until(process, "all 8 devices are joined")
        with start("watch", str(out)) as watcher:
            read_until(watcher, "all 8 devices are joined")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT)
            watcher.communicate(timeout=LIMIT)
    assert (process.returncode, watcher.returncode) == (130, 0)
    assert fleet("watch", str(out)) == (2, "", f"tokay: {out}: no run is going on there\n")


def picture() -> Picture:
    return Picture(
        scenario="power-cut", step="running", stage="storm", elapsed=61.0, duration=120.0,
        devices=100, states={"joined": 60, "off": 40}, width=1.0,
        recent={"join": Metric(20, 1, 0.01, 2.5)},
        totals={"join": (60, 1), "join.errors.x": (1, 0)},
        shards=collected().health, gaps=[Gap(1, 3.0, None, "its process ended", 50)],
        noted=1, note="device 3: had enough",
    )  # fmt: skip


async def test_pictures_reach_who_watches(tmp_path: Path) -> None:
    server = WatchServer(tmp_path)
    await server.start()
    reader = await watch(tmp_path)
    while not server.watchers:
        await asyncio.sleep(0)
    server.show(picture())
    assert await reader.next() == picture()
    server.close()
    assert await reader.next() is None
    reader.close()


def test_the_live_view_shows_states_rates_and_shards() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    view = LiveView(console)
    view.show(picture())
    text = out.getvalue()
    view.close()
    for word in ("power-cut", "storm", "1:01 of 2:00", "joined 60", "2.5 s", "running",
                 "its process ended", "had enough"):  # fmt: skip
        assert word in text
    assert "join.errors" not in text


def test_the_plain_view_prints_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    view, one = PlainView(), picture()
    view.show(one)
    view.show(one)
    one.gaps[0].until = 4.0
    one.states = {"joined": 100}
    view.show(one)
    assert capsys.readouterr().out.splitlines() == [
        "running: 100 devices, 2 shards",
        "1:01 storm",
        "0:03 shard 1 is gone: its process ended",
        "0:04 shard 1 is back",
        "1:01 all 100 devices are joined",
    ]


def test_the_dashboard_asks_for_what_is_served() -> None:
    dashboard = json.loads((files("tokay.fleet") / "grafana.json").read_text("utf-8"))
    served = exposition(collected())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for name in re.findall(r"tokay_fleet_[a-z_]+", target["expr"]):
                assert name in served
