"""The unit files, as systemd reads them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.interop.conftest import left_out
from tests.interop.peers import PeerError, find

UNITS = Path(__file__).parents[2] / "deploy/systemd"
BARS = {"tokay@.service": 2.5, "tokay-bridge@.service": 1.5}


@pytest.fixture(scope="module")
def analyze() -> list[str]:
    try:
        return find("systemd-analyze").command
    except PeerError as error:
        left_out(str(error))


@pytest.mark.parametrize(("unit", "bar"), BARS.items())
def test_how_much_a_service_is_exposed(analyze: list[str], unit: str, bar: float) -> None:
    done = subprocess.run(
        [*analyze, "security", "--offline=yes", "--no-pager", UNITS / unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level.*: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= bar


@pytest.mark.parametrize("unit", BARS)
def test_systemd_understands_every_line(analyze: list[str], unit: str, tmp_path: Path) -> None:
    text = (UNITS / unit).read_text()
    assert "/usr/bin/tokay" in text
    here = Path(sys.executable).with_name("tokay")
    copy = tmp_path / unit.replace("@", "@gateway")
    copy.write_text(text.replace("/usr/bin/tokay", str(here)))
    done = subprocess.run(
        [*analyze, "verify", "--man=no", "--recursive-errors=no", copy],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert unit.split("@", maxsplit=1)[0] not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("unit", BARS)
def test_the_options_of_a_unit_are_those_of_the_command(unit: str) -> None:
    from tokay.cli import run
    from tokay.cli.parser import Parser

    line = re.search(
        r"^ExecStart=/usr/bin/tokay run (.*)$", (UNITS / unit).read_text(), re.MULTILINE
    )
    assert line is not None
    parser = Parser("tokay run", None)
    run.add_arguments(parser)
    assert parser.parse(line[1].split()).config
