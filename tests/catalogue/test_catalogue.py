"""Everything known of the real devices against everything declared here.

``later.toml`` names what is not there yet, and what is declared but does not yet do what it says.
That list may only shrink: its length is written down below.
"""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokay.device import built_in
from tokay.kernel import profile
from tokay.kernel.commands import CommandTable
from tokay.kernel.kernel import tables
from tokay.kernel.variables import VariableTable

HERE = Path(__file__).parent
PROFILES = ("gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2")
KNOWN = PROFILES[:3]
"""The products of which it is known what they have."""
LATER_VARIABLES = 27
LATER_COMMANDS = 0


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text("utf-8"))


VARIABLES: list[dict[str, Any]] = read("variables.toml")["variable"]
COMMANDS: list[dict[str, Any]] = read("commands.toml")["command"]
LATER = read("later.toml")
OURS = read("ours.toml")


def later(kind: str) -> set[str]:
    return {name for names in LATER[kind].values() for name in names}


Show = Callable[[str], None]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Print a line though pytest captures: the count is what this test is read for."""

    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

    return write


def declared(name: str) -> tuple[VariableTable, CommandTable]:
    return tables(profile.load(name), tuple(built_in()))


@pytest.mark.parametrize("product", KNOWN)
def test_variables(product: str, show: Show) -> None:
    table, _ = declared(product)
    expected = {one["name"] for one in VARIABLES if product in one["profiles"]}
    missing = expected - table.by_name.keys() - later("variables")
    show(f"{product}: {len(expected & table.by_name.keys())} of {len(expected)} variables")
    assert not missing


@pytest.mark.parametrize("product", KNOWN)
def test_commands(product: str, show: Show) -> None:
    _, table = declared(product)
    expected = {one["name"] for one in COMMANDS if product in one["profiles"]}
    missing = expected - table.by_name.keys() - later("commands")
    show(f"{product}: {len(expected & table.by_name.keys())} of {len(expected)} commands")
    assert not missing


@pytest.mark.parametrize("product", PROFILES)
def test_shortcuts_and_defaults_that_are_certain(product: str) -> None:
    table, commands = declared(product)
    for one in VARIABLES:
        variable = table.by_name.get(one["name"])
        if variable is None or product not in one["profiles"]:
            continue
        if "shortcut" in one:
            assert " ".join(variable.shortcut) == one["shortcut"], one["name"]
        if variable.getter is None and variable.setter is None:
            assert one["set"], f"{one['name']} is read-only"
        else:
            assert one["set"] == (variable.setter is not None), one["name"]
    for one in COMMANDS:
        command = commands.by_name.get(one["name"])
        if command is not None and "shortcut" in one:
            assert command.shortcut == one["shortcut"]


def test_defaults_that_are_certain() -> None:
    table, _ = declared("gecko-os-4")
    for one in VARIABLES:
        variable = table.by_name.get(one["name"])
        if "default" not in one or variable is None or variable.kind is None or variable.index:
            continue
        default = table.defaults.get(variable.name, variable.default)
        assert variable.kind.show(default) == one["default"], one["name"]


@pytest.mark.parametrize("product", PROFILES)
def test_no_two_share_a_name_or_a_shortcut(product: str) -> None:
    variables, commands = declared(product)
    assert len(variables.by_name) == len(variables.sorted)
    assert len(variables.by_shortcut) == sum(1 for one in variables.sorted if one.shortcut)
    words = [one.shortcut for one in commands.sorted]
    assert len(set(words)) == len(words)
    assert all(len(one.shortcut) <= 6 or one.shortcut == one.name for one in commands.sorted)


def test_nothing_is_declared_that_is_not_known() -> None:
    """What is of our own making says why it is there."""
    known = {one["name"] for one in VARIABLES}
    here = {v.name for product in PROFILES for v in declared(product)[0].sorted}
    assert here - known == set(OURS["variables"])
    known = {one["name"] for one in COMMANDS}
    here = {c.name for product in PROFILES for c in declared(product)[1].sorted}
    assert here - known == set(OURS["commands"])


def test_the_list_of_what_comes_later_only_shrinks() -> None:
    assert len(later("variables")) == LATER_VARIABLES
    assert len(later("commands")) == LATER_COMMANDS
    assert later("variables") <= {one["name"] for one in VARIABLES}
    assert later("commands") <= {one["name"] for one in COMMANDS}
    here = {c.name for product in PROFILES for c in declared(product)[1].sorted}
    assert not later("commands") & here
    without_effect = set(LATER["variables"]["declared_without_effect"])
    names = {v.name for product in PROFILES for v in declared(product)[0].sorted}
    assert without_effect <= names
    assert not (later("variables") - without_effect) & names
