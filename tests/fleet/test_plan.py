"""What happens when: from the stages and the seed alone."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.fleet.conftest import Load

from tokay.fleet import plan
from tokay.fleet.control import Begin, local_pair
from tokay.fleet.layout import REGION, free_base, layout, subnets
from tokay.fleet.plan import Action, What
from tokay.fleet.scenario import Scenario, Source
from tokay.fleet.shard.shard import Shard

GROUP = '[[group]]\nname = "a"\ncount = 100\n[[group]]\nname = "b"\ncount = 20\n'


def stage(do: str, **keys: object) -> str:
    """Return the table of a stage."""
    rows = [f"{key} = {value!r}" for key, value in keys.items()]
    return "\n".join(["[[stage]]", f"do = {do!r}", *rows, ""])


def actions(scenario: Scenario) -> list[Action]:
    made = list(plan.actions(scenario, layout(scenario)))
    assert [action.at for action in made] == sorted(action.at for action in made)
    return made


def test_a_linear_ramp_is_even(scenario: Load) -> None:
    made = actions(scenario(GROUP + stage("ramp", over=12)))
    assert sorted(action.index for action in made) == list(range(120))
    assert [action.at for action in made] == pytest.approx([n / 10 for n in range(120)])
    assert {action.what for action in made} == {What.POWER_ON}


def test_arrivals_at_a_rate_have_poisson_gaps(scenario: Load) -> None:
    made = actions(scenario(GROUP + stage("ramp", rate=10)))
    gaps = [later.at - sooner.at for sooner, later in pairwise(made)]
    assert sum(gaps) / len(gaps) == pytest.approx(0.1, rel=0.3)
    assert max(gaps) > 2.5 * sum(gaps) / len(gaps)


def test_ramps_go_on_where_the_last_one_ended(scenario: Load) -> None:
    text = stage("ramp", devices=30, name="some") + stage("ramp") + stage("ramp", devices=10)
    made = actions(scenario(GROUP + text))
    first, second, down = made[:30], made[30:120], made[120:]
    assert not {action.index for action in first} & {action.index for action in second}
    assert {action.what for action in down} == {What.POWER_OFF}
    assert len(down) == 110


def test_a_storm_cuts_all_and_brings_all_back_within_a_second(scenario: Load) -> None:
    text = stage("storm", away=10, within=1, duration=20, groups=["b"])
    made = actions(scenario(GROUP + text))
    cuts = [action for action in made if action.what is What.POWER_CUT]
    back = [action for action in made if action.what is What.POWER_ON]
    assert [action.index for action in cuts] == list(range(100, 120))
    assert {action.at for action in cuts} == {0.0}
    assert all(10 <= action.at <= 11 for action in back)
    assert {action.index for action in back} == set(range(100, 120))


def test_churn_comes_at_its_rates_and_every_cut_is_mended(scenario: Load) -> None:
    rates = {"power_cuts": 2, "reboots": 1, "rejoins": 0.5}
    text = stage("churn", duration=200, away=3, jitter=1, **rates)
    made = actions(scenario(GROUP + text))
    count = Counter(action.what for action in made)
    assert count[What.POWER_CUT] == count[What.POWER_ON] == pytest.approx(400, rel=0.2)
    assert count[What.REBOOT] == pytest.approx(200, rel=0.3)
    assert count[What.REJOIN] == pytest.approx(100, rel=0.4)


def test_an_outage_takes_a_share_of_the_access_points(scenario: Load) -> None:
    text = "[[access_point]]\nssid='site-{number}'\ncount=10\n" + stage(
        "outage", share=0.3, away=20
    )
    made = actions(scenario(GROUP + text))
    off = [action.index for action in made if action.what is What.AIR_OFF]
    assert len(off) == 3
    assert off == [action.index for action in made if action.what is What.AIR_ON]
    assert {action.at for action in made} == {0.0, 20.0}


def test_the_seed_decides(scenario: Load) -> None:
    text = GROUP + stage("churn", duration=20, reboots=5)
    assert actions(scenario(text, seed=4)) == actions(scenario(text, seed=4))
    assert actions(scenario(text, seed=4)) != actions(scenario(text, seed=5))


def test_a_hold_takes_what_is_left_of_the_duration(scenario: Load) -> None:
    text = "duration = 60\n" + GROUP + stage("ramp", over=10) + stage("hold")
    made = scenario(text)
    spans = plan.spans(made, layout(made))
    assert [(span.name, span.begins, span.ends) for span in spans] == [
        ("ramp-1", 0.0, 10.0),
        ("hold-2", 10.0, 60.0),
    ]


# Where devices are.


def test_devices_fill_the_sized_access_points_first(scenario: Load) -> None:
    text = GROUP + "[[access_point]]\nssid='big'\n[[access_point]]\nssid='small'\ndevices=10\n"
    laid = layout(scenario(text + stage("ramp")))
    homes = Counter(laid.access_points[laid.place(n).access_point].ssid for n in range(120))
    assert homes == {"big": 110, "small": 10}
    assert laid.place(100).group.name == "b"
    assert laid.place(100).number == 0


def test_networks_of_shards_do_not_overlap(scenario: Load) -> None:
    text = (
        GROUP + "[[access_point]]\nssid='x'\n[[access_point]]\nssid='y'\nsubnet='127.90.0.0/16'\n"
    )
    laid = layout(scenario(text + stage("ramp")))
    networks = [network for shard in range(5) for network in subnets(laid, shard, 5) if network]
    assert len(networks) == 10
    for number, one in enumerate(networks):
        assert one.num_addresses >= 12 + 4
        assert not any(one.overlaps(other) for other in networks[:number])
    assert sum(str(network).startswith("127.90.") for network in networks) == 5


def test_two_fleets_on_one_machine_take_different_addresses(scenario: Load) -> None:
    laid = layout(scenario(GROUP + stage("ramp")))
    first = free_base(laid, 2, lambda address: False)
    taken = REGION.network_address + first + 2
    second = free_base(laid, 2, lambda address: address == taken)
    mine = [net for shard in range(2) for net in subnets(laid, shard, 2, first)]
    theirs = [net for shard in range(2) for net in subnets(laid, shard, 2, second)]
    assert not any(one.overlaps(other) for one in mine if one for other in theirs if other)


async def test_a_device_is_the_same_in_whichever_shard_it_is(tmp_path: Path) -> None:
    text = GROUP.replace("count = 20", 'count = 20\nsettings = {"mdns.name" = "x-{serial}"}\n')
    source = Source(text + stage("ramp"), "x.toml", str(tmp_path))
    found = []
    for shard, shards in ((0, 1), (110 % 7, 7)):
        channel, _ = local_pair()
        one = Shard(channel, Begin(source, shard, shards, "", 0, {}))
        await one.prepare()
        device = one.members[110].device
        dice = one._preparation.identity(110, one._layout.place(110)).random("host")
        stored = one.storage.device(device.name).settings()
        found.append((device.name, device.mac, stored, dice.random()))
        one.storage.close()
    assert found[0] == found[1]
    assert found[0][0] == "b-10"
    assert found[0][2]["mdns.name"].startswith("x-")
