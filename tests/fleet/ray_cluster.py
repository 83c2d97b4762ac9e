"""A fleet over a Ray cluster of three nodes, one of which dies in the middle.

Run by test_ray.py in a network namespace of its own: `python ray_cluster.py FOLDER`. Prints the
report's gaps and what became of the devices, as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from tokay.fleet.engines.ray import RayEngine
from tokay.fleet.run import FleetRun, Options
from tokay.fleet.scenario import Source

SCENARIO = """
seed = 5
[[group]]
name = "pumps"
count = 12
settings = { "broadcast.interval" = 0 }
command = [
  { run = ["set wlan.join.timeout 7777", "save"], on = "ready", name = "save" },
  { run = "http_get http://{http_host}:{http_port}/", every = 1, after = 1, name = "get" },
]
[[stage]]
do = "ramp"
duration = 1
[[stage]]
do = "hold"
duration = 600
"""
MEMORY = 100 * 1024 * 1024


async def until(run: FleetRun, joined: int) -> float:
    while run.collector.timeline.states.get("joined", 0) != joined:
        await asyncio.sleep(0.1)
    return run.elapsed


async def main(cluster: Cluster, folder: Path) -> dict[str, object]:
    source = Source(SCENARIO, "pumps.toml", str(folder))
    options = Options(source, 2, "ray", folder / "out", folder / "state")
    engine = RayEngine(cluster.address, 2)
    run = FleetRun(options, engine)
    running = asyncio.create_task(run.run())
    await until(run, 12)
    placed = dict(engine.nodes)
    victim = next(node for node in cluster.worker_nodes if node.node_id == placed[0])
    await asyncio.to_thread(cluster.remove_node, victim, allow_graceful=False)
    died = run.elapsed
    while not run.collector.gaps:
        await asyncio.sleep(0.1)
    whole = await until(run, 12)
    run.interrupt()
    made = await running
    (gap,) = made.gaps
    return {
        "placed": placed,
        "moved": engine.nodes[0] != placed[0],
        "whole_after": whole - died,
        "gap": [gap.shard, gap.devices, gap.restored, gap.until is not None],
        "joins": run.collector.table.total().histograms["join"].count,
        "answers": run.collector.table.total().histograms["http"].count,
    }


if __name__ == "__main__":
    # Ray's own defaults take 15 s to see that a node has died.
    health = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3}
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": health}
    common: dict[str, Any] = {"node_ip_address": "127.0.0.1", "object_store_memory": MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args={**head, **common})
    for _ in range(3):
        cluster.add_node(num_cpus=1, **common)
    try:
        told = json.dumps(asyncio.run(main(cluster, Path(sys.argv[1]))))
        sys.stdout.write(f"{told}\n")
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]
