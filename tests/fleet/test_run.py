"""Whole runs, by the command."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tokay.fleet import report
from tokay.fleet.report.document import Report, Row

LIMIT = 100.0

SCENARIO = """
seed = 3
[[group]]
name = "pumps"
count = 12
settings = { "broadcast.interval" = 0, "mdns.name" = "pump-{number}" }
[[group.command]]
name = "post"
on = "network_up"
data = "{serial}"
run = [
  "http_post -l {size} http://{http_host}:{http_port}/x text/plain",
  "stream_write {handle} {size}",
  "http_read_status {handle}",
]
expect = "200"
[[stage]]
do = "ramp"
over = 1
[[stage]]
do = "hold"
duration = 2
[thresholds]
join.count = "== 12"
post.errors = "== 0"
"""


def start(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tokay", "fleet", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def fleet(*words: str) -> tuple[int, str, str]:
    with start(*words) as process:
        out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err


def total(made: Report, metric: str) -> Row:
    return next(
        row for row in made.metrics if (row.group, row.stage, row.metric) == ("*", "*", metric)
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pumps.toml"
    path.write_text(SCENARIO, "utf-8")
    return path


def test_a_run_ends_with_a_report_and_a_verdict(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said, err = fleet("run", str(file), "--out", str(out), "--shards", "2")
    assert (status, err) == (0, "")
    assert said.splitlines()[-2] == "pass"
    made, environment = report.read(out)
    assert (made.devices, made.verdict, made.gaps, made.notes) == (12, "pass", [], [])
    assert total(made, "join").count == total(made, "http").count == 12
    assert total(made, "bytes.sent").count > 12 * 16
    assert made.timeline[-2].states["joined"] == 12
    assert environment is not None
    assert [shard.devices for shard in environment.shards] == [6, 6]
    assert {path.name for path in out.iterdir()} >= {"report.html", "junit.xml", "metrics.csv"}
    assert fleet("report", str(out))[0] == 0


def test_a_threshold_that_does_not_hold_is_status_1(file: Path, tmp_path: Path) -> None:
    file.write_text(SCENARIO.replace("== 12", "== 13"), "utf-8")
    status, said, _ = fleet("run", str(file), "--out", str(tmp_path / "out"), "--shards", "1")
    assert status == 1
    assert "FAILS: join.count == 13 (it was 12)" in said
    junit = (tmp_path / "out" / "junit.xml").read_text("utf-8")
    assert 'failures="1"' in junit


def test_ctrl_c_ends_in_order_with_a_report(file: Path, tmp_path: Path) -> None:
    file.write_text(SCENARIO.replace("duration = 2", "duration = 2000"), "utf-8")
    out = tmp_path / "out"
    with start("run", str(file), "--out", str(out), "--shards", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running: 12 devices, 1 shard\n"
        process.send_signal(signal.SIGINT)
        said, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (130, "")
    assert said.splitlines()[-2] == "interrupted"
    assert json.loads((out / "report.json").read_text("utf-8"))["interrupted"] is True


def test_what_cannot_run_is_status_2(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[[group]]\nname = "a"\ncount = 1\nfoo = 1\n', "utf-8")
    said = (2, "", f"tokay: {path}:4: group[0].foo: unknown key foo\n")
    assert fleet("run", str(path)) == fleet("check", str(path)) == said
    path.write_text(SCENARIO.replace("pump-{number}", "!"), "utf-8")
    status, _, err = fleet("run", str(path), "--out", str(tmp_path / "out"))
    assert status == 2
    assert "group pumps: mdns.name" in err


def test_a_shard_that_nobody_holds_ends(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    command = [sys.executable, "-m", "tokay.fleet.shard.program"]
    done = subprocess.run(command, stdin=reading, capture_output=True, timeout=LIMIT, check=False)
    os.close(reading)
    assert (done.returncode, done.stderr) == (0, b"")
