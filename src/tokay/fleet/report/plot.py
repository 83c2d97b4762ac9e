"""Plots as SVG: lines or stacked areas over the time of a run, with marks and shaded times."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 26, 26
TICKS = 5
_STEPS = (1, 2, 5, 10)
_TIME_STEPS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    21600,
    43200,
    86400,
)


class Series(NamedTuple):
    """One line: a name, a colour class of the page (`c0` ...), and its values; None is a hole."""

    name: str
    colour: str
    values: Sequence[float | None]


class Mark(NamedTuple):
    """Where a stage begins."""

    at: float
    text: str


class Shade(NamedTuple):
    """A time in which something was not there."""

    begins: float
    ends: float
    text: str


class Axis(NamedTuple):
    """The time of a plot and what is marked in it."""

    times: Sequence[float]
    end: float
    marks: Sequence[Mark]
    shades: Sequence[Shade]


def plot(
    title: str,
    axis: Axis,
    series: Sequence[Series],
    *,
    label: Callable[[float], str] = lambda value: f"{value:g}",
    stacked: bool = False,
) -> str:
    """Return a figure, or nothing when there is nothing to show."""
    if not any(value for one in series for value in one.values):
        return ""
    lines = _stack(series, len(axis.times)) if stacked else [list(one.values) for one in series]
    top = max((value for line in lines for value in line if value is not None), default=0.0)
    ceiling, step = _scale(top)
    x = _Scale(0.0, axis.end or 1.0, LEFT, WIDTH - RIGHT)
    y = _Scale(0.0, ceiling, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_shades(axis, x),
        *_grid(axis, x, y, ceiling, step, label),
        *(_areas(axis, series, lines, x, y) if stacked else _lines(axis, series, lines, x, y)),
        *_marks(axis, x),
        "</svg>",
    ]
    legend = "".join(
        f'<span class="key"><i class="{one.colour}"></i>{escape(one.name)}</span>' for one in series
    )
    return f"<figure><figcaption>{escape(title)}{legend}</figcaption>{''.join(parts)}</figure>"


def seconds_label(value: float) -> str:
    """Return a time as people write it: `350 ms`, `2.5 s`."""
    if value == 0:
        return "0"
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def clock_label(value: float) -> str:
    """Return a time from the start: `1:30`, `2:00:00`."""
    whole = round(value)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class _Scale:
    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low, self._begin = low, begin
        self._factor = (end - begin) / ((high - low) or 1.0)

    def __call__(self, value: float) -> str:
        return f"{self._begin + (value - self._low) * self._factor:.1f}"


def _scale(top: float) -> tuple[float, float]:
    """Return a round end of an axis, and the step between two ticks."""
    rough = (top or 1.0) / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * one for one in _STEPS if power * one >= rough * 0.999999)
    return math.ceil(top / step - 1e-9) * step or step, step


def _stack(series: Sequence[Series], count: int) -> list[list[float | None]]:
    heights = [0.0] * count
    stacked: list[list[float | None]] = []
    for one in series:
        heights = [low + (value or 0.0) for low, value in zip(heights, one.values, strict=True)]
        stacked.append(list(heights))
    return stacked


def _areas(
    axis: Axis,
    series: Sequence[Series],
    lines: Sequence[Sequence[float | None]],
    x: _Scale,
    y: _Scale,
) -> list[str]:
    parts = []
    below: Sequence[float | None] = [0.0] * len(axis.times)
    for one, line in zip(series, lines, strict=True):
        upper = [f"{x(at)},{y(value or 0)}" for at, value in zip(axis.times, line, strict=True)]
        lower = [f"{x(at)},{y(value or 0)}" for at, value in zip(axis.times, below, strict=True)]
        points = " ".join(upper + lower[::-1])
        parts.append(f'<polygon class="area {one.colour}" points="{points}"/>')
        below = line
    return parts


def _lines(
    axis: Axis,
    series: Sequence[Series],
    lines: Sequence[Sequence[float | None]],
    x: _Scale,
    y: _Scale,
) -> list[str]:
    parts = []
    for one, line in zip(series, lines, strict=True):
        path, pen_down = [], False
        for at, value in zip(axis.times, line, strict=True):
            if value is None:
                pen_down = False
                continue
            path.append(f"{'L' if pen_down else 'M'}{x(at)} {y(value)}")
            pen_down = True
        # A point with holes on both sides is a line of no length, which round ends make a dot.
        parts.append(f'<path class="line {one.colour}" d="{_dots(path)}"/>')
    return parts


def _dots(path: list[str]) -> str:
    drawn = []
    for number, piece in enumerate(path):
        drawn.append(piece)
        alone = piece[0] == "M" and (number + 1 == len(path) or path[number + 1][0] == "M")
        if alone:
            drawn.append("h0")
    return "".join(drawn)


def _grid(
    axis: Axis,
    x: _Scale,
    y: _Scale,
    ceiling: float,
    step: float,
    label: Callable[[float], str],
) -> list[str]:
    parts = []
    for number in range(round(ceiling / step) + 1):
        value = number * step
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value)}" dy="4" text-anchor="end">'
            f"{escape(label(float(f'{value:.6g}')))}</text>"
        )
    every = next((one for one in _TIME_STEPS if axis.end / one <= 12), axis.end / 12)
    for number in range(int(axis.end / every) + 1):
        at = number * every
        parts.append(
            f'<text class="tick" x="{x(at)}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{clock_label(at)}</text>"
        )
    return parts


def _marks(axis: Axis, x: _Scale) -> list[str]:
    bottom = HEIGHT - BOTTOM
    return [
        f'<line class="mark" x1="{x(mark.at)}" x2="{x(mark.at)}" y1="{TOP}" y2="{bottom}"/>'
        f'<text class="mark" x="{x(mark.at)}" y="{TOP - 8 - 10 * (number % 2)}" dx="3">'
        f"{escape(mark.text)}</text>"
        for number, mark in enumerate(axis.marks)
    ]


def _shades(axis: Axis, x: _Scale) -> list[str]:
    return [
        f'<rect class="gap" x="{x(shade.begins)}" y="{TOP}" height="{HEIGHT - TOP - BOTTOM}"'
        f' width="{max(1.0, float(x(shade.ends)) - float(x(shade.begins))):.1f}">'
        f"<title>{escape(shade.text)}</title></rect>"
        for shade in axis.shades
    ]
