"""What is wrong with a scenario is told in one line, with the line of the file and the key."""

from pathlib import Path

import pytest
from tests.fleet.conftest import Load

from tokay.fleet.errors import FleetError
from tokay.fleet.scenario import Source
from tokay.fleet.scenario_file import find, load, ready_names

GROUP = '[[group]]\nname = "a"\ncount = 4\n'
END = "[[stage]]\ndo = 'hold'\nduration = 5\n"

MISTAKES = {
    GROUP + "chanel = 1\n" + END: ":4: group[0].chanel: unknown key chanel",
    GROUP
    + "command = [\n {run='ver'},\n {run='ver', evry=1}]\n"
    + END: ":6: group[0].command[1].evry: unknown key evry",
    GROUP + "[[stage]]\ndo = 'dance'\n": ":5: stage[0].do: invalid value 'dance'",
    GROUP + "[stage]\n": ":4: stage: expected `array`, got `object`",
    "seed = 'x'\n" + GROUP: ":1: seed: expected `int`, got `str`",
    "seed = 1\nseed = 2\n": "fleet.toml: Cannot overwrite a value",
    "seed = 1\n": "object missing required field `group`",
    GROUP.replace("4", "-4") + END: ":3: group[0].count: must be 0 or more",
    GROUP.replace("4", "0") + END: ":1: group: there must be 1 to",
    GROUP + GROUP + END: ":5: group[1].name: a is there already",
    GROUP.replace('"a"', '"a b"') + END: ":2: group[0].name: must be 1 to 40 letters",
    GROUP + "profile = 'nokia'\n" + END: ":4: group[0].profile: unknown profile nokia",
    GROUP
    + 'settings = {"mdns.name" = "x{indx}"}\n'
    + END: ":4: group[0].settings.mdns.name: nothing is called {indx}",
    GROUP + 'files = {"a" = "{"}\n' + END: ":4: group[0].files.a: '{': { without its other half",
    GROUP
    + 'files = {"a" = {path = "no.txt"}}\n'
    + END: ":4: group[0].files.a: no.txt: no such file",
    GROUP + 'settings = {"wlan.sid" = "x"}\n' + END: "settings.wlan.sid: gecko-os-4 has no such",
    GROUP + "rows = 'no.csv'\n" + END: ":4: group[0].rows: no.csv: No such file",
    GROUP + "access_points = ['x']\n" + END: ":4: group[0].access_points: no access point 'x'",
    GROUP + "behaviour = 'nothing'\n" + END: ":4: group[0].behaviour: nothing: use module:function",
    GROUP
    + "behaviour = 'json:loads'\n"
    + END: ":4: group[0].behaviour: json:loads: json has no coroutine function loads",
    GROUP + "behaviour = 'no_such_module:f'\n" + END: "no_such_module:f: cannot be imported",
    GROUP
    + "command = [{run='ver', on='dawn'}]\n"
    + END: ":4: group[0].command[0].on: must be one of ready",
    GROUP + "command = [{run='ver', expect='('}]\n" + END: "expect: not a regular expression",
    GROUP + "command = [{run='ver', after=-1}]\n" + END: "after: must be 0 to",
    GROUP + "command = [{run='ver', after=nan}]\n" + END: "after: must be 0 to",
    GROUP + "command = [{run=[]}]\n" + END: "run: there is no command",
    GROUP + "command = [{run='ver', data='x'}]\n" + END: "data: data needs a line with {size}",
    GROUP
    + END
    + "[[event]]\nap = 'x'\ndo = 'power_off'\n": ":7: event[0]: ap: no access point 'x'",
    GROUP
    + END
    + "[[access_point]]\nssid = 'x'\nchannel = 99\n": ":7: access_point[0]: channel: must be 1",
    GROUP + END + "[[access_point]]\nssid = 'x'\n" * 2: "x is there already",
    GROUP + END + "[[access_point]]\nssid = 'x'\ndevices = 2\n": "2 devices find no room",
    GROUP + "[[stage]]\ndo = 'hold'\n": ":4: stage[0]: one hold may be without duration",
    GROUP + "[[stage]]\ndo = 'churn'\nduration = 5\n": ":4: stage[0]: nothing churns",
    GROUP + "[[stage]]\ndo = 'ramp'\nover = 1\nrate = 2\n": ":7: stage[0].rate: give over or rate",
    GROUP + "[[stage]]\ndo = 'storm'\nshare = 2\n": ":6: stage[0].share: must be 0 to 1",
    GROUP + "[[stage]]\ndo = 'ramp'\ngroups = ['x']\n": ":6: stage[0].groups: no group 'x'",
    GROUP + "[[stage]]\ndo = 'outage'\naccess_points = ['x']\n": "no access point 'x'",
    GROUP
    + END
    + "[thresholds]\njoin.p98 = '< 1 s'\n": ":8: thresholds.join.p98: must end in a statistic",
    GROUP
    + END
    + "[thresholds]\njoin.p99 = 'fast'\n": ":8: thresholds.join.p99: must be a condition",
    GROUP + END + "[thresholds]\njoin.p99 = '< 3 %'\n": "p99 takes s or ms or us, not '%'",
    GROUP + END + "[ca]\ncertificate = 'x.pem'\n": ":8: ca.certificate: x.pem: no such file",
    "jitter = 20\n" + GROUP + "[[stage]]\ndo = 'storm'\n": "jitter must be at most away",
    GROUP: "nothing takes any time",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_in_one_line(text: str, scenario: Load, tmp_path: Path) -> None:
    with pytest.raises(FleetError) as caught:
        scenario(text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/fleet.toml")
    assert MISTAKES[text] in message
    assert "\n" not in message


def test_the_scenarios_that_come_with_tokay_are_right() -> None:
    names = ready_names()
    assert "smoke" in names
    for name in names:
        scenario = load(find(name))
        assert scenario.description
        assert scenario.thresholds


def test_the_scenario_of_the_manual_is_right(scenario: Load) -> None:
    page = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text("utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    assert scenario(text).devices == 1000


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FleetError, match=r"nothing\.toml: no such file, and no scenario of ours:"):
        find("nothing.toml")


def test_groups_are_scaled_in_their_proportions(scenario: Load) -> None:
    text = '[[group]]\nname="a"\ncount=3\n[[group]]\nname="b"\ncount=1\n' + END
    made = scenario(text, devices=10, seed=9)
    assert [group.count for group in made.group] in ([8, 2], [7, 3])
    assert made.devices == 10
    assert made.seed == 9


def test_a_group_may_have_a_row_of_a_table_each(scenario: Load, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("contract,site\nc1,x\nc2,y\n", "utf-8")
    text = (
        '[[group]]\nname="a"\ncount=2\nrows="rows.csv"\nsettings={"mdns.name"="{csv.contract}"}\n'
    )
    scenario(text + END)
    with pytest.raises(FleetError, match=r"rows\.csv has 2 rows for 3 devices"):
        scenario(text + END, devices=3)


def test_the_source_of_a_ready_scenario_is_its_text() -> None:
    source = find("smoke")
    assert isinstance(source, Source)
    assert source.text.startswith("description")
