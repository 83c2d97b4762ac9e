"""Reads a scenario and checks it whole, so that a run never fails for a word in its file."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tokay.fleet.checks import check
from tokay.fleet.errors import FleetError, ScenarioError
from tokay.fleet.scenario import Scenario, Source
from tokay.fleet.toml_lines import key_lines

READY = files("tokay.fleet") / "scenarios"


def ready_names() -> list[str]:
    """Return the scenarios that come with Tokay."""
    found = (entry.name for entry in READY.iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def find(name: str) -> Source:
    """Return the source of a scenario: a file, or one that comes with Tokay. Raises FleetError."""
    path = Path(name)
    try:
        if name in ready_names():
            text = (READY / f"{name}.toml").read_text("utf-8")
            return Source(text, f"{name}.toml", str(READY))
        return Source(path.read_text("utf-8"), path.name, str(path.parent))
    except FileNotFoundError:
        known = ", ".join(ready_names())
        raise FleetError(f"{name}: no such file, and no scenario of ours: {known}") from None
    except OSError as error:
        raise FleetError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FleetError(f"{name}: not UTF-8") from None


def load(source: Source) -> Scenario:
    """Return the scenario of a source, checked. Raises FleetError that begins `FILE:LINE:`."""
    where = source.name if source.folder == str(READY) else str(source.path)
    try:
        tables = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise FleetError(f"{where}: {error}") from None
    try:
        scenario = _convert(tables)
        if source.seed is not None:
            scenario.seed = source.seed
        if source.devices is not None:
            _scale(scenario, source.devices)
        check(scenario, Path(source.folder))
    except ScenarioError as error:
        raise FleetError(_message(source.text, where, error)) from None
    return scenario


def _convert(tables: dict[str, Any]) -> Scenario:
    try:
        return msgspec.convert(tables, Scenario)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `")
        path = _path(at)
        if what.startswith("Object contains unknown field `"):
            key = what.split("`")[1]
            raise ScenarioError(f"unknown key {key}", (*path, key)) from None
        raise ScenarioError(what[:1].lower() + what[1:], path) from None


def _path(text: str) -> tuple[str | int, ...]:
    """Read msgspec's way of saying where: `$.group[0].count`."""
    path: list[str | int] = []
    for part in text.removesuffix("`").replace("[", ".[").split("."):
        if part.startswith("[") and part[1:-1].isdigit():
            path.append(int(part[1:-1]))
        elif part not in ("$", "", "[...]"):
            path.append(part)
    return tuple(path)


def _message(text: str, where: str, error: ScenarioError) -> str:
    lines = key_lines(text)
    path = error.path
    while path and path not in lines:
        path = path[:-1]
    line = f":{lines[path]}" if path else ""
    said = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path
    ).lstrip(".")
    return f"{where}{line}: {said + ': ' if said else ''}{error}"


def _scale(scenario: Scenario, devices: int) -> None:
    """Make the groups as large as ``devices`` in all, in their proportions."""
    total = scenario.devices
    if devices < 1 or total < 1:
        raise ScenarioError("there must be one device at least", ("group",))
    shares = [group.count * devices / total for group in scenario.group]
    counts = [int(share) for share in shares]
    rest = sorted(range(len(shares)), key=lambda one: counts[one] - shares[one])
    for one in rest[: devices - sum(counts)]:
        counts[one] += 1
    for group, count in zip(scenario.group, counts, strict=True):
        group.count = count
    for row in scenario.access_point:
        row.devices = -(-row.devices * devices // total)
