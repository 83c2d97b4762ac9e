"""What a fleet costs: shards against commands a second, start, memory, the control connection.

python bench/fleet.py [DEVICES]

DEVICES (10,000) are joined in one shard, without and with a TCP connection each. Figures a CPU
second are of the shards' own CPU time: on a machine with other work to do only these compare.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import uvloop

from tokay import Device
from tokay.fleet.engines.local import LocalEngine
from tokay.fleet.report.document import Report
from tokay.fleet.run import FleetRun, Options
from tokay.fleet.scenario import Source

HERE = Path(__file__).parent
DEVICES = 10_000
HEAD = '[[group]]\nname = "a"\ncount = {count}\nsettings = {{ "broadcast.interval" = 0 }}\n'
IDLE = HEAD + '[[stage]]\ndo = "ramp"\ndevices = 0\nduration = 1\n'
BUSY = HEAD + 'behaviour = "fleet:busy"\n[[stage]]\ndo = "ramp"\nduration = {seconds}\n'
JOINED = HEAD + '{command}\n[[stage]]\ndo = "ramp"\nover = {over}\nduration = {seconds}\n'
CONNECTS = '[[group.command]]\non = "network_up"\nrun = "tcp_client {tcp_host} {tcp_port}"'


async def busy(device: Device, index: int, random: Random) -> None:
    """Give one command after the other, as a host does that has nothing else to do."""
    while True:
        await device.command("get wlan.ssid")
        await asyncio.sleep(0)


async def run(text: str, shards: int, folder: Path) -> tuple[FleetRun, Report, float]:
    """Run a scenario; return it, its report and the seconds until all shards were ready."""
    source = Source(text, "bench.toml", str(HERE))
    one = FleetRun(Options(source, shards, "local", folder, None), LocalEngine(folder / "logs"))
    began = time.perf_counter()
    ready = 0.0

    def watch(seen: FleetRun) -> None:
        nonlocal ready
        if not ready and seen.step == "running":
            ready = time.perf_counter() - began

    one.watch = watch
    report = await one.run()
    return one, report, ready


async def control(folder: Path) -> list[float]:
    """Return the seconds that messages take to an idle shard and back, sorted."""
    source = Source(IDLE.format(count=1), "bench.toml", str(HERE))
    one = FleetRun(Options(source, 1, "local", folder, None), LocalEngine(folder / "logs"))
    one.supervisor.ping = one.tick = 0.002
    times: list[float] = []
    one.watch = lambda seen: times.append(seen.supervisor.latency)
    await one.run()
    return sorted(time for time in times if time) or [0.0]


def count(report: Report, metric: str) -> int:
    return next(
        r.count for r in report.metrics if (r.group, r.stage, r.metric) == ("*", "*", metric)
    )


async def main(devices: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one, _, ready = await run(IDLE.format(count=20), 20, folder)
        print(f"20 shards ready after {ready:.1f} s")
        times = await control(folder)
        print(f"control connection, there and back: median {times[len(times) // 2] * 1e3:.2f} ms")
        for shards in (1, 2):
            text = BUSY.format(count=100 * shards, seconds=6)
            one, report, _ = await run(text, shards, folder)
            commands = count(report, "command")
            cpu = sum(health.cpu for health in one.collector.health)
            rates = f"{commands / report.ran:.0f} commands/s, {commands / cpu:.0f} a CPU second"
            print(f"{shards} shards: {rates}")
        base, _, _ = await run(JOINED.format(count=20, command="", over=1, seconds=3), 1, folder)
        floor = base.collector.health[0].memory
        for what, command in (("joined", ""), ("joined, one TCP connection", CONNECTS)):
            over = devices / 250
            text = JOINED.format(count=devices, command=command, over=over, seconds=over + 10)
            one, report, ready = await run(text, 1, folder)
            health = one.collector.health[0]
            per_device = (health.memory - floor) / (devices - 20) / 1024
            joins = count(report, "join")
            print(
                f"{what}: {joins} of {devices}, {per_device:.1f} KB each,"
                f" {health.cpu * 1000 / devices:.2f} ms of CPU each, ready after {ready:.1f} s"
            )


if __name__ == "__main__":
    print(f"{len(os.sched_getaffinity(0))} cores\n")
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else DEVICES))
