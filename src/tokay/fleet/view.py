"""What a run shows while it goes on: a live table in a terminal, or lines where there is none."""

from typing import Protocol

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tokay.fleet.collector import Gap, ShardHealth
from tokay.fleet.report.plot import clock_label
from tokay.fleet.timeline import Metric

STATES = (("joined", "blue"), ("joining", "yellow"), ("on", "magenta"), ("off", "bright_black"))
MAX_ROWS = 16
MAX_SHARDS = 12


class Picture(msgspec.Struct):
    """A run at one moment: what a view shows, and what `tokay fleet watch` is sent."""

    scenario: str
    step: str
    stage: str
    elapsed: float
    duration: float
    devices: int
    states: dict[str, int]
    width: float
    """Seconds of the interval that ``recent`` is of."""
    recent: dict[str, Metric]
    totals: dict[str, tuple[int, int]]
    """For each metric how many, and how many errors."""
    shards: list[ShardHealth]
    gaps: list[Gap]
    noted: int
    note: str


class View(Protocol):
    """Shows pictures."""

    def show(self, picture: Picture) -> None:
        """Show one in the place of the last."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainView:
    """A line for each thing that is new: for logs and pipes."""

    def __init__(self) -> None:
        self._stage = ""
        self._gaps: list[float | None] = []
        self._all_joined = False

    def show(self, picture: Picture) -> None:
        """Print what has changed."""
        if picture.step == "running" and picture.stage != self._stage:
            if not self._stage:
                many = "s" if len(picture.shards) > 1 else ""
                _say(f"running: {picture.devices} devices, {len(picture.shards)} shard{many}")
            self._stage = picture.stage
            self._all_joined = False
            _say(f"{clock_label(picture.elapsed)} {picture.stage}")
        for number, gap in enumerate(picture.gaps):
            if number == len(self._gaps):
                self._gaps.append(None)
                self._all_joined = False
                _say(f"{clock_label(gap.began)} shard {gap.shard} is gone: {gap.reason}")
            if gap.until is not None and self._gaps[number] is None:
                _say(f"{clock_label(gap.until)} shard {gap.shard} is back")
            self._gaps[number] = gap.until
        all_joined = picture.states.get("joined", 0) == picture.devices
        if all_joined and not self._all_joined:
            self._all_joined = True
            _say(f"{clock_label(picture.elapsed)} all {picture.devices} devices are joined")

    def close(self) -> None:
        """Do nothing: every line stands for itself."""


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


class LiveView:
    """A table that is drawn anew: states, rates, latencies, errors, shards and their health."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, picture: Picture) -> None:
        """Draw it."""
        self._live.update(render(picture), refresh=True)

    def close(self) -> None:
        """Take it off the screen."""
        self._live.stop()


def open_view() -> View:
    """Return the view that fits standard output."""
    console = Console()
    return LiveView(console) if console.is_terminal else PlainView()


def render(picture: Picture) -> Group:
    """Return a picture for a terminal."""
    head = Text.assemble(
        (picture.scenario, "bold"), f"  {picture.step}  {picture.stage}  ",
        f"{clock_label(picture.elapsed)} of {clock_label(picture.duration)}",
    )  # fmt: skip
    bar = ProgressBar(total=picture.duration or 1.0, completed=picture.elapsed, width=60)
    parts: list[RenderableType] = [head, bar, _states(picture), _metrics(picture), _shards(picture)]
    if picture.gaps:
        last = picture.gaps[-1]
        parts.append(
            Text(f"gaps: {len(picture.gaps)}, last shard {last.shard}: {last.reason}", "red")
        )
    if picture.note:
        parts.append(Text(f"notes: {picture.noted}, last {picture.note}", "yellow"))
    return Group(*parts)


def _states(picture: Picture) -> Text:
    text = Text()
    for state, colour in STATES:
        count = picture.states.get(state, 0)
        width = round(60 * count / picture.devices) if picture.devices else 0
        text.append("█" * (width or (1 if count else 0)), colour)
    text.append("\n")
    for state, colour in STATES:
        text.append(f"{state} {picture.states.get(state, 0)}  ", colour)
    return text


def _metrics(picture: Picture) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for head in ("a second", "p50", "p99", "all", "errors"):
        table.add_column(head, justify="right")
    shown = [name for name in picture.totals if "." not in name][:MAX_ROWS]
    for name in shown:
        now = picture.recent.get(name, Metric(0, 0, 0.0, 0.0))
        count, errors = picture.totals[name]
        table.add_row(
            name, f"{now.count / picture.width:.4g}", _time(now.p50), _time(now.p99), str(count),
            Text(str(errors) if errors else "", "red"),
        )  # fmt: skip
    return table


def _shards(picture: Picture) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("shard", "state", "devices", "restarts", "CPU s", "MB", "late"):
        table.add_column(head, justify="left" if head == "state" else "right")
    for number, shard in enumerate(picture.shards[:MAX_SHARDS]):
        table.add_row(
            str(number), Text(shard.state, "red" if shard.state == "gone" else "green"),
            str(shard.devices), str(shard.restarts), f"{shard.cpu:.1f}",
            f"{shard.memory / 1e6:.0f}", _time(shard.lag),
        )  # fmt: skip
    if len(picture.shards) > MAX_SHARDS:
        table.add_row(f"... {len(picture.shards)}")
    return table


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
