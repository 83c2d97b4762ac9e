"""Over a Ray cluster of three nodes in a network namespace of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

LIMIT = 110.0
PROGRAM = Path(__file__).with_name("ray_cluster.py")


def test_a_node_that_dies_is_replaced_and_the_fleet_is_whole_again(tmp_path: Path) -> None:
    inside = f"ip link set lo up && exec {sys.executable} {PROGRAM} {tmp_path}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", inside],
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        timeout=LIMIT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["placed"]["0"] != told["placed"]["1"]
    assert told["moved"]
    assert told["gap"] == [0, 6, 6, True]  # the state was on storage that both nodes have
    assert told["joins"] == 18
    assert told["whole_after"] < 20
