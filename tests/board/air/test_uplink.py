"""The addresses of this machine by which devices leave it."""

import json
import subprocess
import sys
from pathlib import Path

from tests.board.air.uplink import ADDRESSES, SERVER

PROGRAM = Path(__file__).with_name("uplink.py")


def test_devices_take_turns_with_the_addresses_of_the_machine() -> None:
    add = " && ".join(f"ip address add {one}/32 dev lo" for one in (*ADDRESSES, SERVER))
    inside = f"ip link set lo up && {add} && exec {sys.executable} {PROGRAM}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", inside], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-1000:]
    assert json.loads(done.stdout) == [*ADDRESSES, *ADDRESSES]
