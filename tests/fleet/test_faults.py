"""What goes wrong on the way: shards that die or hang, behaviours that misbehave, no server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.fleet.test_run import LIMIT, fleet, start, total

from tokay.fleet import report

HEAD = """
seed = 3
[[group]]
name = "pumps"
count = 8
settings = { "broadcast.interval" = 0, "http.client.retries" = 0 }
"""
STAGES = """
[[stage]]
do = "ramp"
duration = 0.5
[[stage]]
do = "hold"
duration = SECONDS
[thresholds]
join.count = ">= 8"
"""
SAVES = """
command = [
  { run = ["set wlan.join.timeout 7777", "save"], on = "ready", name = "save" },
  { run = "get wlan.join.timeout", after = 0.2, every = 0.2, expect = "7777", name = "look" },
]
"""


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(word) for word in words]


def program(pid: int) -> str:
    """Return the command line of a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ")
    except OSError:
        return ""


def shards_of(process: "subprocess.Popen[str]") -> list[int]:
    return [pid for pid in children(process.pid) if "shard.program" in program(pid)]


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for another process, which tells nobody when it has got there."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to pass"
        os.sched_yield()


def read_until(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdout is not None
    while text not in (line := process.stdout.readline()):
        assert line, "the run ended too early"


def scenario(folder: Path, text: str, seconds: float) -> str:
    path = folder / "pumps.toml"
    path.write_text(HEAD + text + STAGES.replace("SECONDS", str(seconds)), "utf-8")
    return str(path)


def test_a_shard_that_is_killed_comes_back_as_it_was(tmp_path: Path) -> None:
    path, out = scenario(tmp_path, SAVES, 2000), tmp_path / "out"
    with start("run", path, "--out", str(out), "--shards", "2") as process:
        read_until(process, "hold-2")
        read_until(process, "all 8 devices are joined")
        victim = shards_of(process)[0]
        os.kill(victim, signal.SIGKILL)
        read_until(process, "is gone: its process ended")
        read_until(process, "is back")
        assert victim not in shards_of(process)
        read_until(process, "all 8 devices are joined")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
    made, environment = report.read(out)
    (gap,) = made.gaps
    assert gap.until is not None
    assert gap.until - gap.began < 5
    assert (gap.devices, gap.restored) == (4, 4)
    assert total(made, "join").count >= 12  # those of the killed shard joined again
    assert total(made, "look").errors == 0
    assert environment is not None
    assert sum(shard.restarts for shard in environment.shards) == 1


def test_no_shard_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    path = scenario(tmp_path, "", 2000)
    with start("run", path, "--out", str(tmp_path / "out"), "--shards", "2") as process:
        read_until(process, "hold-2")
        left = children(process.pid)
        assert len(left) == 3  # two shards and the server
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=LIMIT)
        until(lambda: not any("tokay" in program(pid) for pid in left))


BEHAVIOURS = """
import asyncio, time

async def raises(device, index, random):
    if index % 2:
        raise ValueError(f"device {index} has had enough")
    while True:
        assert (await device.command("version")).ok
        await asyncio.sleep(0.1)

async def hogs(device, index, random):
    if index == 3:
        while True:
            pass
    while True:
        await asyncio.sleep(3600)
"""


def test_a_behaviour_that_raises_is_named_and_the_fleet_goes_on(tmp_path: Path) -> None:
    (tmp_path / "raising_pumps.py").write_text(BEHAVIOURS, "utf-8")
    path = scenario(tmp_path, 'behaviour = "raising_pumps:raises"\n', 1)
    status, _, err = fleet("run", path, "--out", str(tmp_path / "out"), "--shards", "1")
    assert (status, err) == (0, "")
    made, _ = report.read(tmp_path / "out")
    notes = {note.device: note.text for note in made.notes}
    assert sorted(notes) == [1, 3, 5, 7]
    assert notes[1] == "ValueError: device 1 has had enough"
    assert total(made, "behaviour").errors == 4
    assert total(made, "command").count >= 20


def test_a_behaviour_that_keeps_the_loop_is_stopped_and_named(tmp_path: Path) -> None:
    (tmp_path / "hogging_pumps.py").write_text(BEHAVIOURS, "utf-8")
    path = scenario(tmp_path, 'behaviour = "hogging_pumps:hogs"\n', 9)
    fleet("run", path, "--out", str(tmp_path / "out"), "--shards", "1")
    made, _ = report.read(tmp_path / "out")
    assert [note.device for note in made.notes] == [3]
    assert "kept the event loop for" in made.notes[0].text
    assert made.gaps == []
    assert total(made, "join").count == 8


def test_a_server_that_is_not_there_is_counted(tmp_path: Path) -> None:
    commands = """
command = [{ run = "http_get http://{http_host}:{http_port}/", on = "network_up", name = "get" }]
"""
    text = commands + '[server]\nhost = "127.0.0.1"\nhttp = 1\n'
    path = scenario(tmp_path, text, 1)
    assert fleet("run", path, "--out", str(tmp_path / "out"), "--shards", "1")[0] == 0
    made, _ = report.read(tmp_path / "out")
    assert total(made, "get").errors == total(made, "connect").errors == 8


def test_a_report_that_cannot_be_written_is_status_2(tmp_path: Path) -> None:
    path = scenario(tmp_path, "", 0.1)
    (tmp_path / "file").write_text("", "utf-8")
    status, _, err = fleet("run", path, "--out", str(tmp_path / "file" / "out"))
    assert status == 2
    assert err.startswith("tokay: ")
    assert err.count("\n") == 1


def test_a_full_disk_is_status_2_and_told(tmp_path: Path) -> None:
    path, small = scenario(tmp_path, "", 1), tmp_path / "small"
    small.mkdir()
    words = f"run {path} --devices 3000 --shards 1 --state {small} --out {tmp_path / 'out'}"
    inside = (
        f"mount -t tmpfs -o size=400k none {small} && exec {sys.executable} -m tokay fleet {words}"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside], capture_output=True, timeout=LIMIT, check=False
    )
    said = f"tokay: shard 0: {small}/shard-0: no space left on the storage\n"
    assert (done.returncode, done.stderr.decode()) == (2, said)
