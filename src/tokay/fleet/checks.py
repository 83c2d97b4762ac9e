"""What must be true of a scenario before it runs, beyond the types of its keys."""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

from tokay.board.air.access_point import AccessPoint, AirspaceError
from tokay.board.air.airspace import Airspace
from tokay.device import built_in
from tokay.fleet import layout as layouts
from tokay.fleet import plan, template, thresholds
from tokay.fleet.behaviour import find_behaviour
from tokay.fleet.errors import FleetError, ScenarioError
from tokay.fleet.identity import MAX_DEVICES
from tokay.fleet.scenario import (
    EVENTS,
    AccessPointRow,
    AnyStage,
    Churn,
    Command,
    FileSource,
    Group,
    Outage,
    Ramp,
    Scenario,
    Storm,
)
from tokay.kernel.kernel import tables
from tokay.kernel.profile import ProfileError
from tokay.kernel.profile import load as load_profile

VALUES = frozenset(
    ("index", "number", "group", "mac", "serial", "name", "ssid", "certificate", "key", "ca",
     "http_host", "http_port", "https_host", "https_port", "tcp_host", "tcp_port")
)  # fmt: skip
"""What every template knows."""
COMMAND_VALUES = frozenset(("reply", "handle", "size", "count"))
"""What a command's templates know as well."""
MAX_SECONDS = 366 * 86400.0
_SECONDS = (
    "duration", "jitter", "over", "rate", "away", "within", "power_cuts", "reboots", "rejoins",
)  # fmt: skip
_Path = tuple[str | int, ...]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def check(scenario: Scenario, folder: Path) -> None:
    """Raise ScenarioError for what cannot run; ``folder`` is where files beside it are."""
    _check_groups(scenario, folder)
    _check_numbers(scenario)
    _check_stages(scenario)
    air = Airspace()
    for number, row in enumerate(scenario.access_point):
        _check_access_point(air, row, number)
    _check_authority(scenario, folder)
    for number, event in enumerate(scenario.event):
        try:
            air.script.add(event)
        except AirspaceError as error:
            raise ScenarioError(str(error), ("event", number)) from None
    laid = layouts.layout(scenario)
    spans = plan.spans(scenario, laid)
    scopes = [*(span.name for span in spans), *(group.name for group in scenario.group)]
    thresholds.parse(scenario.thresholds, scopes)
    if spans[-1].ends <= 0:
        raise ScenarioError("nothing takes any time: give a duration", ("duration",))


def _check_numbers(scenario: Scenario) -> None:
    _seconds(scenario.duration, ("duration",))
    _seconds(scenario.jitter, ("jitter",))
    if not 1 <= scenario.devices <= MAX_DEVICES:
        message = f"there must be 1 to {MAX_DEVICES} devices, not {scenario.devices}"
        raise ScenarioError(message, ("group",))


def _check_groups(scenario: Scenario, folder: Path) -> None:
    known: set[str] = set()
    for at, group in enumerate(scenario.group):
        where = ("group", at)
        if not _NAME.fullmatch(group.name):
            message = "must be 1 to 40 letters, digits, dashes and underscores"
            raise ScenarioError(message, (*where, "name"))
        if group.name in known:
            raise ScenarioError(f"{group.name} is there already", (*where, "name"))
        known.add(group.name)
        if group.count < 0:
            raise ScenarioError("must be 0 or more", (*where, "count"))
        try:
            variables, _ = tables(load_profile(group.profile), tuple(built_in()))
        except ProfileError as error:
            raise ScenarioError(str(error), (*where, "profile")) from None
        for key in group.settings:
            if not key.split() or variables.find(key.split()) is None:
                message = f"{group.profile} has no such variable"
                raise ScenarioError(message, (*where, "settings", key))
        _check_templates(group, folder, at)
        if group.behaviour:
            try:
                find_behaviour(group.behaviour, folder)
            except FleetError as error:
                raise ScenarioError(str(error), (*where, "behaviour")) from None
        for number, command in enumerate(group.command):
            _check_command(command, (*where, "command", number))


def _check_templates(group: Group, folder: Path, at: int) -> None:
    columns = _columns(group, folder, at)
    known = VALUES | {f"csv.{column}" for column in columns}
    for key, value in group.settings.items():
        _template(str(value), known, ("group", at, "settings", key))
    for name, source in group.files.items():
        where = ("group", at, "files", name)
        if isinstance(source, FileSource):
            if not (folder / source.path).is_file():
                raise ScenarioError(f"{source.path}: no such file", where)
        else:
            _template(source, known, where)
    for number, command in enumerate(group.command):
        for text in (*command.lines, command.data):
            _template(text, known | COMMAND_VALUES, ("group", at, "command", number, "run"))


def _columns(group: Group, folder: Path, at: int) -> list[str]:
    if not group.rows:
        return []
    rows = list(read_rows(group, folder, at))
    if len(rows) < group.count:
        message = f"{group.rows} has {len(rows)} rows for {group.count} devices"
        raise ScenarioError(message, ("group", at, "rows"))
    return list(rows[0])


def read_rows(group: Group, folder: Path, at: int = 0) -> Iterator[dict[str, str]]:
    """Yield the rows of a group's CSV file. Raises ScenarioError."""
    try:
        with (folder / group.rows).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {key: value or "" for key, value in row.items() if isinstance(key, str)}
    except OSError as error:
        raise ScenarioError(f"{group.rows}: {error.strerror}", ("group", at, "rows")) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(f"{group.rows}: {error}", ("group", at, "rows")) from None


def _template(text: str, known: frozenset[str] | set[str], where: tuple[str | int, ...]) -> None:
    try:
        unknown = template.names(text) - known
    except ScenarioError as error:
        raise ScenarioError(str(error), where) from None
    if unknown:
        names = " ".join(sorted(f"{{{name}}}" for name in known))
        raise ScenarioError(f"nothing is called {{{min(unknown)}}}; there are {names}", where)


def _check_command(command: Command, where: tuple[str | int, ...]) -> None:
    if not command.lines or not all(line.strip() for line in command.lines):
        raise ScenarioError("there is no command", (*where, "run"))
    for key in ("after", "every", "jitter", "timeout"):
        _seconds(getattr(command, key), (*where, key))
    if command.timeout <= 0:
        raise ScenarioError("must be more than 0 s", (*where, "timeout"))
    if command.every and command.every < 0.01:
        raise ScenarioError("must be 0.01 s or more", (*where, "every"))
    if command.on and command.every:
        raise ScenarioError("give on or every, not both", (*where, "on"))
    if command.on and command.on not in EVENTS:
        raise ScenarioError(f"must be one of {', '.join(EVENTS)}", (*where, "on"))
    if command.data and not any("{size}" in line for line in command.lines):
        raise ScenarioError("data needs a line with {size}", (*where, "data"))
    try:
        re.compile(command.expect)
    except re.error as error:
        raise ScenarioError(f"not a regular expression: {error}", (*where, "expect")) from None


def _check_stages(scenario: Scenario) -> None:
    groups = {group.name for group in scenario.group}
    points = {point.ssid for point in layouts.layout(scenario).access_points}
    known: set[str] = set()
    for at, stage in enumerate(scenario.stage):
        where = ("stage", at)
        name = scenario.stage_name(at)
        if not _NAME.fullmatch(name):
            message = "must be 1 to 40 letters, digits, dashes and underscores"
            raise ScenarioError(message, (*where, "name"))
        if name in known or name in groups:
            raise ScenarioError(f"{name} is there already", (*where, "name"))
        known.add(name)
        for key in _SECONDS:
            if hasattr(stage, key):
                _seconds(getattr(stage, key), (*where, key))
        if unknown := set(stage.groups) - groups:
            raise ScenarioError(f"no group {min(unknown)!r}", (*where, "groups"))
        if not 0 <= getattr(stage, "share", 1.0) <= 1:
            raise ScenarioError("must be 0 to 1", (*where, "share"))
        _check_stage(stage, points, where, stage.jitter or scenario.jitter)


def _check_stage(stage: AnyStage, points: set[str], where: _Path, jitter: float) -> None:
    """Check what one kind of stage has of its own."""
    match stage:
        case Ramp(over=over, rate=rate) if over and rate:
            raise ScenarioError("give over or rate, not both", (*where, "rate"))
        case Ramp(devices=int(devices)) if devices < 0:
            raise ScenarioError("must be 0 or more", (*where, "devices"))
        case Churn() if not (stage.power_cuts or stage.reboots or stage.rejoins):
            raise ScenarioError("nothing churns: give power_cuts, reboots or rejoins", where)
        case Churn(duration=0):
            raise ScenarioError("churn needs a duration", where)
        case Outage(access_points=[*names]) if set(names) - points:
            missing = min(set(names) - points)
            raise ScenarioError(f"no access point {missing!r}", (*where, "access_points"))
        case Storm(away=away) | Outage(away=away) | Churn(away=away) if jitter > away:
            raise ScenarioError("jitter must be at most away", (*where, "jitter"))
        case _:
            pass


def _check_access_point(air: Airspace, row: AccessPointRow, number: int) -> None:
    where = ("access_point", number)
    if row.count < 1 or row.devices < 0:
        raise ScenarioError("count must be 1 or more, devices 0 or more", where)
    if row.count > 1 and "{number}" not in row.ssid:
        raise ScenarioError("many access points need {number} in their SSID", (*where, "ssid"))
    for one in layouts.expand_row(row):
        try:
            air.ap(one.ssid)
        except LookupError:
            pass
        else:
            raise ScenarioError(f"{one.ssid} is there already", (*where, "ssid"))
        try:
            air.add(AccessPoint(**layouts.access_point_keys(one)))
        except AirspaceError as error:
            raise ScenarioError(str(error), where) from None


def _check_authority(scenario: Scenario, folder: Path) -> None:
    given = scenario.ca
    for key, path in (("certificate", given.certificate), ("key", given.key)):
        if path and not (folder / path).is_file():
            raise ScenarioError(f"{path}: no such file", ("ca", key))
    if bool(given.certificate) != bool(given.key):
        raise ScenarioError("a CA needs both certificate and key", ("ca",))


def _seconds(value: float, where: tuple[str | int, ...]) -> None:
    if not 0 <= value <= MAX_SECONDS or math.isnan(value):
        raise ScenarioError(f"must be 0 to {MAX_SECONDS:.0f}, not {value}", where)
