"""What docs/airspace.md shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec

from tokay import Airspace
from tokay.board.air import fault_events

PAGE = (Path(__file__).parents[2] / "docs" / "airspace.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_prints_what_the_page_says() -> None:
    (example,), (printed,) = blocks("python"), blocks("text")
    found = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=False, timeout=60
    )
    assert found.stderr == ""
    assert found.stdout == printed


def test_the_files_load(tmp_path: Path) -> None:
    files = blocks("toml")
    assert len(files) == 2
    for text in files:
        path = tmp_path / "air.toml"
        path.write_text(text)
        Airspace.load(path)


def test_every_event_and_key_is_in_the_table() -> None:
    rows: dict[str, set[str]] = {}
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            _, words, keys, *_ = line.split("|")
            for word in re.findall(r"`([a-z_]+)`", words):
                rows[word] = set(re.findall(r"`([a-z]+)`", keys))
    common = {field.name for field in msgspec.structs.fields(fault_events.FaultEvent)}
    for kind in fault_events.AnyFaultEvent.__args__:
        info = msgspec.inspect.type_info(kind)
        assert isinstance(info, msgspec.inspect.StructType)
        names = {field.encode_name for field in info.fields if field.name not in common}
        assert info.tag in rows
        assert names == rows[str(info.tag)], info.tag
