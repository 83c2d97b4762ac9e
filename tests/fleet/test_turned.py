"""Turned time: hours in moments, and the same report for the same seed."""

from pathlib import Path

import pytest
from tests.fleet.test_run import fleet, total

from tokay.fleet import report

DAY = """
seed = 8
duration = 28800
[[access_point]]
ssid = "site-{number}"
count = 3
[[group]]
name = "pumps"
count = 12
settings = { "broadcast.interval" = 0, "mdns.enabled" = false, "wlan.auto_join.retries" = 0 }
[[group.command]]
name = "post"
after = 60
every = 3600
jitter = 600
run = ["http_get http://{http_host}:{http_port}/{serial}", "stream_close {handle}"]
[[stage]]
do = "ramp"
over = 600
[[stage]]
do = "churn"
duration = 10000
power_cuts = 0.003
reboots = 0.003
rejoins = 0.002
[[stage]]
do = "outage"
share = 0.4
away = 1800
duration = 3600
[[stage]]
do = "hold"
[thresholds]
join.errors = "< 1 %"
post.count = "> 60"
"""


def test_a_working_day_takes_moments_and_is_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "day.toml"
    path.write_text(DAY, "utf-8")
    reports = []
    for number in range(2):
        monkeypatch.setenv("PYTHONHASHSEED", str(number))
        out = tmp_path / f"out-{number}"
        status, _, err = fleet("run", str(path), "--turned", "--out", str(out))
        assert (status, err) == (0, "")
        reports.append((out / "report.json").read_bytes())
    assert reports[0] == reports[1]
    assert str(tmp_path).encode() not in reports[0]
    made, _ = report.read(tmp_path / "out-0")
    assert made.ran == 28800
    assert total(made, "reboots").count > 10
    assert made.timeline[-1].states["joined"] == 12


def test_another_seed_is_another_day(tmp_path: Path) -> None:
    path = tmp_path / "day.toml"
    path.write_text(DAY.replace("28800", "7200").replace("10000", "1000"), "utf-8")
    words = ("run", str(path), "--turned")
    for seed in ("1", "2"):
        fleet(*words, "--seed", seed, "--out", str(tmp_path / seed))
    first, second = (report.read(tmp_path / seed)[0] for seed in ("1", "2"))
    assert (first.seed, second.seed) == (1, 2)
    assert first.metrics != second.metrics


@pytest.mark.parametrize("name", ["smoke", "ramp", "power-cut", "bad-air", "dhcp-flood"])
def test_the_scenarios_that_come_with_tokay_pass(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("run", name, "--turned", "--devices", "30", "--out", str(out))
    status, said, err = fleet(*words)
    assert (status, err) == (0, ""), said
    made, _ = report.read(out)
    assert total(made, "join").count >= 30
