"""`tokay` itself: what it shows, and which sub-command it calls."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
from tests.cli.process import LIMIT, Finished, Process, environment

from tokay.cli import START, SUB_COMMANDS
from tokay.options import DeviceOptions, OptionError, RunOptions

KNOWN = ", ".join(entry.name for entry in SUB_COMMANDS)


def _tokay(home: Path, *arguments: str) -> Finished:
    with Process(home, *arguments) as process:
        return process.end()


def test_tokay_alone_shows_five_things_to_do(tmp_path: Path) -> None:
    finished = _tokay(tmp_path)
    assert (finished.status, finished.err) == (0, "")
    assert finished.out.decode() == START
    assert START.count("\n  tokay run") == 5


def test_help_names_every_sub_command(tmp_path: Path) -> None:
    finished = _tokay(tmp_path, "--help")
    assert finished.status == 0
    for entry in SUB_COMMANDS:
        assert entry.name in finished.out.decode()
        assert entry.help in finished.out.decode()


def test_the_table_names_modules_that_are_there() -> None:
    for entry in SUB_COMMANDS:
        module = import_module(entry.module)
        assert callable(module.add_arguments)
        assert callable(module.main)


def test_the_version(tmp_path: Path) -> None:
    finished = _tokay(tmp_path, "--version")
    assert finished.status == 0
    assert finished.out.decode() == f"tokay {version('tokay')}\n"


def test_python_m_tokay(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tokay", "--version"],
        capture_output=True, env=environment(tmp_path), cwd=tmp_path, timeout=LIMIT, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(b"tokay ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rnu"], "no sub-command rnu: did you mean `tokay run`?"),
        (["xyz"], f"no sub-command xyz: there is {KNOWN}"),
        (["--nope"], "No such option: --nope; `tokay --help` lists the sub-commands"),
        (["run", "--nmae", "x"],
         "No such option: --nmae (did you mean --name?); see `tokay run --help`"),
        (["run", "--prof", "x"],
         "No such option: --prof (did you mean --profile?); see `tokay run --help`"),
        (["run", "x"], "x stands where an option is expected; see `tokay run --help`"),
        (["run", "--name"], "argument --name: expected one argument; see `tokay run --help`"),
    ],
)  # fmt: skip
def test_a_mistake_is_worth_one_line(tmp_path: Path, arguments: list[str], line: str) -> None:
    finished = _tokay(tmp_path, *arguments)
    assert (finished.status, finished.out) == (2, b"")
    assert finished.line == f"tokay: {line}"


# The table of options.


def test_a_device_takes_the_table_as_data() -> None:
    given = {"name": "cellar", "set": {"wlan.ssid": "x"}, "ephemeral": True, "exec": ["version"]}
    options = msgspec.convert(given, RunOptions)
    assert options.settings == {"wlan.ssid": "x"}
    assert options.commands == ["version"]
    assert options.state_folder() is None
    assert isinstance(options, DeviceOptions)


@pytest.mark.parametrize("name", ["", "..", "a b", "../x", "x" * 64, "cellar\n"])
def test_a_name_that_is_no_folder(name: str) -> None:
    with pytest.raises(OptionError, match="--name takes 1-63 letters"):
        DeviceOptions(name=name)
