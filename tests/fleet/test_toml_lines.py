import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tokay.fleet.toml_lines import key_lines

TEXT = """\
seed = 1  # a comment with [brackets]
title = '''
[not.a.table]
x = 1
'''

[[group]]
name = "a # b"
settings = { "wlan.ssid" = "x", other = [1, 2] }
command = [
  { run = "ver", every = 1 },

  { run = ["a", "b"],
    after = 2 },
]

[[group.command]]
run = "late"

[[group]]
name = "second"
[thresholds]
join.p99 = "< 3 s"
"""


def test_every_key_has_its_line() -> None:
    lines = key_lines(TEXT.replace("\n[[group.command]]", "\n[[group.event]]"))
    assert lines["seed",] == 1
    assert lines["title",] == 2
    assert lines["group", 0, "name"] == 8
    assert lines["group", 0, "settings", "wlan.ssid"] == 9
    assert lines["group", 0, "command", 0, "every"] == 11
    assert lines["group", 0, "command", 1, "after"] == 14
    assert lines["group", 0, "event", 0, "run"] == 18
    assert lines["group", 1, "name"] == 21
    assert lines["thresholds", "join", "p99"] == 23
    assert ("not", "a") not in lines


@given(st.text(alphabet="[]{}=.,\"'\\#\n ab1", max_size=60))
def test_nothing_makes_it_fail(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


KEYS = st.sampled_from(["a", "b-c", "d"])
VALUES = st.one_of(st.integers(), st.booleans(), st.text("x#=[{'", max_size=5))


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.lists(VALUES, max_size=3), max_size=3)))
def test_it_finds_what_tomllib_finds(tables: dict[str, dict[str, list[Any]]]) -> None:
    text = ""
    for name, table in tables.items():
        text += f"[{name}]\n"
        for key, values in table.items():
            shown = ", ".join(_toml(value) for value in values)
            text += f"{key} = [ {shown} ]\n"
    parsed = tomllib.loads(text)
    lines = key_lines(text)
    rows = text.split("\n")
    for name, table in parsed.items():
        for key in table:
            assert rows[lines[name, key] - 1].startswith(f"{key} = ")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'
