"""Joining a network, as a host sees it: every way through the steps, line by line."""

import asyncio

import pytest
from tests.dialogue import Talk
from tests.peers import ADDRESS, NET, Events, Peer, ask, get, soon

from tokay.board.air.access_point import derived_bssid
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.radio import JoinRequest
from tokay.board.security import Security
from tokay.device import Device
from tokay.kernel.results import CommandError
from tokay.plugins.network import Network, NetworkStatus
from tokay.plugins.wlan import Wlan
from tokay.plugins.wlan import join as join_module
from tokay.plugins.wlan.join import TRANSITIONS, JoinStep, Outcome
from tokay.testing.clock import turned_loop

Row = tuple[JoinStep, Outcome]
Settings = dict[str, str]

UP = [
    "[Associating to lab]",
    "Security type from probe: WPA2-AES",
    "Obtaining IPv4 address via DHCP",
    f"IPv4 address: {ADDRESS}",
    "[Associated]",
    "Success",
]
BSSID = derived_bssid(b"lab")
AGAIN = [UP[0], *UP[2:]]
RESULT = ("wlan.join.result", "wlan.network.status")

NONE, SUCCESS, NO_SSID, NO_PASSKEY, BAD_SECURITY, NOT_FOUND, FAILED, ABORTED = "01345678"
DOWN, READY, JOINING = "023"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """The rows of the table that joins have gone through, in order."""
    rows: list[Row] = []

    class Noted(dict[Row, JoinStep]):
        def __getitem__(self, row: Row) -> JoinStep:
            rows.append(row)
            return super().__getitem__(row)

    monkeypatch.setattr(join_module, "TRANSITIONS", Noted(TRANSITIONS))
    return rows


def way(*steps: str) -> list[Row]:
    """Return rows: `count+` is step 1 that ended well, `probe-` step 3 that did not."""
    ends = {"+": Outcome.YES, "-": Outcome.NO}
    return [(JoinStep[step[:-1].upper()], ends[step[-1]]) for step in steps]


# Name of the tale, what is set differently, the rows, what is seen, result and status.
TALES: dict[str, tuple[Settings, list[Row], list[str], list[str]]] = {
    "joined": (
        {},
        way("count+", "recall-", "probe+", "associate+", "address+", "done+"),
        UP,
        [SUCCESS, READY],
    ),
    "no ssid": (
        {"wlan.ssid": ""},
        way("count-", "failed-"),
        ["No SSID", "Command failed"],
        [NO_SSID, DOWN],
    ),
    "unknown network": (
        {"wlan.ssid": "elsewhere"},
        way("count+", "recall-", "probe-", "failed-"),
        ["[Associating to elsewhere]", "Network not found", "Join failed", "Command failed"],
        [NOT_FOUND, DOWN],
    ),
    "right bssid with another ssid": (
        {"wlan.ssid": "elsewhere", "wlan.bssid": BSSID},
        way("count+", "recall-", "probe+", "associate+", "address+", "done+"),
        ["[Associating to elsewhere]", *UP[1:]],
        [SUCCESS, READY],
    ),
    "bssid without an ssid": (
        {"wlan.ssid": "", "wlan.bssid": BSSID},
        way("count+", "recall-", "probe+", "associate+", "address+", "done+"),
        [f"[Associating to {BSSID}]", *UP[1:]],
        [SUCCESS, READY],
    ),
    "another bssid with the right ssid": (
        {"wlan.bssid": "02:00:00:00:00:77"},
        way("count+", "recall-", "probe-", "failed-"),
        [UP[0], "Network not found", "Join failed", "Command failed"],
        [NOT_FOUND, DOWN],
    ),
    "wrong passkey": (
        {"wlan.passkey": "wrong horse"},
        way(
            "count+", "recall-", "probe+", "associate-",
            "count+", "recall+", "associate-",
            "count+", "recall+", "associate-", "count-", "failed-",
        ),
        [
            "[Associating to lab]", "Security type from probe: WPA2-AES", "Join failed",
            "[Associating to lab]", "Join failed",
            "[Associating to lab]", "Join failed",
            "Command failed",
        ],
        [FAILED, DOWN],
    ),
    "no passkey": (
        {"wlan.passkey": "", "wlan.join.retries": "1"},
        way("count+", "recall-", "probe+", "associate-", "count-", "failed-"),
        [
            "[Associating to lab]", "Security type from probe: WPA2-AES", "No passkey",
            "Join failed", "Command failed",
        ],
        [NO_PASSKEY, DOWN],
    ),
    "wrong security": (
        {"wlan.security": "wpa_tkip", "wlan.join.retries": "1"},
        way("count+", "recall-", "probe+", "associate-", "count-", "failed-"),
        [UP[0], "Security type not supported", "Join failed", "Command failed"],
        [BAD_SECURITY, DOWN],
    ),
    "right security": (
        {"wlan.security": "wpa2_mixed"},
        way("count+", "recall-", "probe+", "associate+", "address+", "done+"),
        AGAIN,
        [SUCCESS, READY],
    ),
    "no attempts": (
        {"wlan.join.retries": "0"},
        way("count-", "failed-"),
        ["Command failed"],
        [FAILED, DOWN],
    ),
    "static address": (
        {"wlan.dhcp.enabled": "off", "wlan.static.ip": f"{NET}.99"},
        way("count+", "recall-", "probe+", "associate+", "address+", "done+"),
        [*UP[:2], f"IPv4 address: {NET}.99", *UP[4:]],
        [SUCCESS, READY],
    ),
    "static address of another network": (
        {"wlan.dhcp.enabled": "off", "wlan.static.ip": "127.1.2.3"},
        way("count+", "recall-", "probe+", "associate+", "address-", "failed-"),
        [
            *UP[:2], f"127.1.2.3 is no station's address in {NET}.0/25",
            "Command failed",
        ],
        [FAILED, DOWN],
    ),
    "static address not set": (
        {"wlan.dhcp.enabled": "off"},
        way("count+", "recall-", "probe+", "associate+", "address-", "failed-"),
        [*UP[:2], "wlan.static.ip is not set", "Command failed"],
        [FAILED, DOWN],
    ),
}  # fmt: skip


@pytest.mark.parametrize("tale", TALES)
async def test_a_join(air: Airspace, lab: Settings, taken: list[Row], tale: str) -> None:
    changed, rows, seen, ends = TALES[tale]
    settings = {name: value for name, value in (lab | changed).items() if value}
    async with Device.simulated(airspace=air, settings=settings) as device:
        assert await get(device, *RESULT) == [NONE, DOWN]
        assert await ask(device, "network_up") == seen
        assert taken == rows
        assert await get(device, *RESULT) == ends
        stations = air.ap("lab").stations
        assert list(stations) == ([device.mac] if ends[1] == READY else [])


@pytest.mark.parametrize("tale", TALES)
def test_a_join_from_a_serial_console(
    air: Airspace, lab: Settings, taken: list[Row], tale: str
) -> None:
    changed, rows, seen, _ = TALES[tale]
    settings = {name: value for name, value in (lab | changed).items() if value}
    with Talk(human=True, settings=settings, airspace=air) as talk:
        talk.ask("set system.cmd.echo 0")
        assert talk.ask("network_up") == "\r\n".join([*seen, "> "]).encode()
        assert taken == rows


def test_auto_join_from_a_serial_console(air: Airspace, lab: Settings, taken: list[Row]) -> None:
    lab |= {"wlan.ssid": "elsewhere", "wlan.auto_join.enabled": "1"}
    with Talk(settings=lab, airspace=air) as talk:
        assert talk.answer("network_up") == (0, "In progress")
        talk.turn(10)
        assert taken == way(*["count+", "recall-", "probe-", "failed+"] * 2,
                            "count+", "recall-", "probe-", "failed-")  # fmt: skip
        assert talk.answer("get wlan.join.result") == (0, NOT_FOUND)


def test_the_tales_go_through_every_row() -> None:
    told = {row for _, rows, _, _ in TALES.values() for row in rows}
    assert told | set(ROUNDS) == set(TRANSITIONS)


ROUNDS = way(
    "count+", "recall-", "probe-", "failed+",
    "count+", "recall-", "probe-", "failed+",
    "count+", "recall-", "probe+", "associate+", "address+", "done+",
)  # fmt: skip


async def test_auto_join_goes_on_behind_the_command(
    air: Airspace, lab: Settings, taken: list[Row], events: Events
) -> None:
    air.ap("lab").power(False)
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "set wlan.auto_join.enabled 1")
        await ask(device, "set wlan.auto_join.retry_delay 30")
        assert await ask(device, "network_up") == [
            "[Associating to lab]", "Network not found", "Join failed", "Command failed",
        ]  # fmt: skip
        await turned_loop().turn(31)
        assert events["network_up"] == []
        air.ap("lab").power(True)
        begun = turned_loop().time()
        await events.next("network_up")
        assert turned_loop().time() - begun == pytest.approx(29)
        assert taken == ROUNDS
        assert await get(device, *RESULT) == [SUCCESS, READY]


async def test_auto_join_brings_a_lost_network_back(air: Airspace, lab: Settings) -> None:
    loop = turned_loop()
    lab |= {"wlan.auto_join.enabled": "1", "wlan.auto_join.retries": "0"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await loop.settle()
        assert await get(device, *RESULT) == [SUCCESS, READY]
        air.ap("lab").power(on=False)
        await loop.turn(60)
        assert (await get(device, *RESULT))[1] in (DOWN, JOINING)
        air.ap("lab").power(on=True)
        await loop.turn(5)
        assert await get(device, *RESULT) == [SUCCESS, READY]


async def test_auto_join_leaves_alone_what_was_forced_down(air: Airspace, lab: Settings) -> None:
    loop = turned_loop()
    lab |= {"wlan.auto_join.enabled": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await loop.settle()
        await ask(device, "network_down")
        await loop.turn(600)
        assert await get(device, *RESULT) == [SUCCESS, DOWN]
        assert (await ask(device, "network_up"))[-1] == "Success"


async def test_what_was_joined_is_known_after_a_reboot(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "network_up") == UP
        await ask(device, "reboot")
        await device.steady()
        assert await ask(device, "network_up") == AGAIN


async def test_a_kept_lease_needs_no_dhcp_server(air: Airspace, lab: Settings) -> None:
    lab |= {"wlan.dhcp.cache_enabled": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "network_up") == UP
        air.subnet(air.ap("lab")).dhcp_silent()
        await ask(device, "reboot")
        await device.steady()
        assert await ask(device, "network_up") == AGAIN
        assert device.address == ADDRESS


async def test_notices_carry_the_time(air: Airspace, lab: Settings) -> None:
    del lab["system.cmd.timestamp"]
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        # Association notices never do (docs/protocol/network.md, section 1.6).
        assert await ask(device, f"tcpc 127.0.0.1 {peer.port}") == [
            *UP[:-1],
            f"[2019-01-01 | 00:00:00: Opening: 127.0.0.1:{peer.port}]",
            "[2019-01-01 | 00:00:00: Opened: 0]",
            "0",
        ]


async def test_what_the_network_gave(air: Airspace, lab: Settings, events: Events) -> None:
    given = [f"wlan.network.{what}" for what in ("ip", "netmask", "gateway", "dns")]
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        assert await get(device, *given) == ["0.0.0.0"] * 4
        await ask(device, "network_up")
        assert await get(device, *given) == [
            ADDRESS, "255.255.255.128", f"{NET}.1", f"{NET}.1",
        ]  # fmt: skip
        assert device.address == ADDRESS
        assert events["network_up"] == [{"interface": "wlan", "address": ADDRESS, "ports": {}}]
        assert await ask(device, "rssi") == ["-48"]
        await ask(device, "network_down")
        assert await get(device, *given) == ["0.0.0.0"] * 4
        assert await ask(device, "rssi") == ["Command failed"]


async def test_what_static_settings_gave(air: Airspace, lab: Settings) -> None:
    lab |= {
        "wlan.dhcp.enabled": "off",
        "wlan.static.ip": f"{NET}.99",
        "wlan.static.netmask": "255.255.255.128",
        "wlan.static.gateway": f"{NET}.1",
        "wlan.static.dns": f"{NET}.53",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        given = [f"wlan.network.{what}" for what in ("ip", "netmask", "gateway", "dns")]
        assert await get(device, *given) == [
            f"{NET}.99", "255.255.255.128", f"{NET}.1", f"{NET}.53",
        ]  # fmt: skip


async def test_up_may_be_repeated(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "network_up") == UP
        assert await ask(device, "nup") == ["Success"]
        assert await ask(device, "network_up -i wlan") == ["Success"]
        assert await ask(device, "network_up wlan") == ["Success"]


async def test_down_up_and_restart(air: Airspace, lab: Settings, events: Events) -> None:
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        assert await ask(device, "network_down") == ["Success"]
        await ask(device, "network_up")
        assert await ask(device, "network_down") == ["[Disassociated]", "Success"]
        assert await get(device, *RESULT) == [SUCCESS, DOWN]
        assert air.ap("lab").stations == {}
        assert await ask(device, "network_up") == AGAIN
        assert await ask(device, "network_restart") == ["[Disassociated]", *AGAIN]
        assert await get(device, *RESULT) == [SUCCESS, READY]
        assert [name for name, _ in events.heard if name.startswith("network")] == [
            "network_up", "network_down", "network_up", "network_down", "network_up",
        ]  # fmt: skip


async def test_a_restart_takes_up_what_was_set(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "set wlan.dhcp.enabled 0")
        await ask(device, f"set wlan.static.ip {NET}.33")
        assert await get(device, "wlan.network.ip") == [ADDRESS]
        assert await ask(device, "nre") == [
            "[Disassociated]",
            "[Associating to lab]",
            f"IPv4 address: {NET}.33",
            "[Associated]",
            "Success",
        ]


async def test_a_restart_of_what_is_down_brings_it_up(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "network_restart") == UP


async def test_two_commands_that_need_the_network_join_once(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        one, two = await asyncio.gather(
            ask(device, f"tcpc 127.0.0.1 {peer.port}"), ask(device, f"tcpc 127.0.0.1 {peer.port}")
        )
        opening = f"[Opening: 127.0.0.1:{peer.port}]"
        assert one == [*UP[:-1], opening, "[Opened: 0]", "0"]
        assert two == [opening, "[Opened: 1]", "1"]


async def test_services_that_need_the_network_share_one_join(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        network = device.kernel.plugin(Network)
        first = asyncio.ensure_future(network.need())
        hasty = asyncio.ensure_future(network.need())
        last = asyncio.ensure_future(network.need())
        while device.kernel.plugin(Wlan).status is not NetworkStatus.JOINING:
            await asyncio.sleep(0)
        hasty.cancel()
        assert await soon(network.need()) is await first is await last
        assert [entry.text for entry in device.log].count("[Associating to lab]") == 1


async def test_down_gives_a_join_up(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        network = device.kernel.plugin(Network)
        air.subnet(air.ap("lab")).handle_dhcp = lambda *_: []  # type: ignore[method-assign]
        needed = asyncio.ensure_future(network.need())
        await turned_loop().settle()
        assert await get(device, *RESULT) == ["2", JOINING]
        assert await ask(device, "network_down") == ["Success"]
        assert await get(device, *RESULT) == [ABORTED, DOWN]
        assert air.ap("lab").stations == {}
        with pytest.raises(CommandError):
            await needed


async def test_power_off_in_the_middle_of_a_join(air: Airspace, lab: Settings) -> None:
    air.subnet(air.ap("lab")).handle_dhcp = lambda *_: []  # type: ignore[method-assign]
    async with Device.simulated(airspace=air, settings=lab) as device:
        joining = asyncio.ensure_future(device.command("network_up"))
        await turned_loop().settle()
        assert list(air.ap("lab").stations) == [device.mac]
    assert (await joining).text == "Command failed"
    assert air.ap("lab").stations == {}


# Addresses that do not come.


async def test_a_network_without_an_address_left(air: Airspace, lab: Settings) -> None:
    air.add(AccessPoint("small", subnet=f"{NET}.128/30"))
    lab |= {"wlan.ssid": "small"}
    async with (
        Device.simulated(name="first", airspace=air, settings=lab) as first,
        Device.simulated(name="second", airspace=air, settings=lab) as second,
    ):
        assert (await ask(first, "network_up"))[-1] == "Success"
        assert first.address == f"{NET}.130"
        begun = turned_loop().time()
        assert await ask(second, "network_up") == [
            "[Associating to small]",
            "Security type from probe: Open",
            "Obtaining IPv4 address via DHCP",
            "DHCP timed out",
            "Command failed",
        ]
        assert turned_loop().time() - begun == pytest.approx(10)
        assert await get(second, *RESULT) == [FAILED, DOWN]
        # The first gives the address back, and the second has it.
        await ask(first, "network_down")
        assert (await ask(second, "network_up"))[-1] == "Success"
        assert second.address == f"{NET}.130"


async def test_the_dhcp_limit_is_a_setting(air: Airspace, lab: Settings) -> None:
    air.subnet(air.ap("lab")).handle_dhcp = lambda *_: []  # type: ignore[method-assign]
    async with Device.simulated(airspace=air, settings=lab | {"wlan.dhcp.timeout": "3"}) as device:
        begun = turned_loop().time()
        assert (await ask(device, "network_up"))[-2:] == ["DHCP timed out", "Command failed"]
        assert turned_loop().time() - begun == pytest.approx(3)


async def test_an_access_point_that_does_not_answer(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: SimulatedRadio, request: JoinRequest) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(SimulatedRadio, "join", silent)
    lab |= {"wlan.join.timeout": "2500", "wlan.join.retries": "4"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        begun = turned_loop().time()
        seen = await ask(device, "network_up")
        assert seen.count("[Associating to lab]") == seen.count("Join failed") == 4
        assert seen[-1] == "Command failed"
        assert turned_loop().time() - begun == pytest.approx(4 * 2.5)
        assert await get(device, *RESULT) == [FAILED, DOWN]


async def test_a_scan_that_does_not_end(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(self: SimulatedRadio, **_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(SimulatedRadio, "scan", endless)
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await ask(device, "network_up"))[-1] == "Command failed"
        assert await get(device, *RESULT) == [NOT_FOUND, DOWN]


# Losing the network.


async def test_the_access_point_goes_off(air: Airspace, lab: Settings, events: Events) -> None:
    async with (
        Peer() as peer,
        Device.simulated(airspace=air, settings=lab, on_event=events) as device,
    ):
        for _ in range(2):
            await ask(device, f"tcp_client 127.0.0.1 {peer.port}")
        seen = len(device.log)
        air.ap("lab").power(False)
        assert await events.next("network_down") == {"interface": "wlan"}
        assert [entry.text for entry in device.log[seen:]] == [
            "Link lost: the access point went off",
            "[Closed: 0]",
            "[Closed: 1]",
            "[Disassociated]",
        ]
        assert await get(device, *RESULT) == [SUCCESS, DOWN]
        assert await ask(device, "poll all") == ["None"]
        for far in peer.all:
            await far.gone()
        assert (await ask(device, "network_up"))[-1] == "Command failed"
        air.ap("lab").power(True)
        assert (await ask(device, "network_up"))[-1] == "Success"


async def test_the_access_point_throws_the_device_out(
    air: Airspace, lab: Settings, events: Events
) -> None:
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "network_up")
        assert air.deauthenticate(device.mac)
        await events.next("network_down")
        # The next command that needs the network joins again.
        assert await ask(device, "network_up") == AGAIN


# What a join remembers.


async def test_a_second_join_needs_no_probe(air: Airspace, lab: Settings, taken: list[Row]) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "network_down")
        del taken[:]
        assert await ask(device, "network_up") == AGAIN
        assert taken == way("count+", "recall+", "associate+", "address+", "done+")
        # Over a reboot too.
        await ask(device, "save")
        await ask(device, "reboot")
        assert await ask(device, "network_up") == AGAIN


@pytest.mark.parametrize(
    "change",
    ["wlan.ssid other", "wlan.security wpa2_mixed", "wlan.bssid 02:00:00:00:00:02"],
)
async def test_other_settings_are_probed_for(air: Airspace, lab: Settings, change: str) -> None:
    air.add(
        AccessPoint(
            "other", passphrase="correct horse", subnet=f"{NET}.0/25",
            security=Security.WPA2_MIXED, bssid="02:00:00:00:00:03",
        )
    )  # fmt: skip
    air.add(
        AccessPoint(
            "lab", passphrase="correct horse", subnet=f"{NET}.0/25", bssid="02:00:00:00:00:02"
        )
    )
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "network_down")
        await ask(device, f"set {change}")
        asked = "security" in change
        seen = await ask(device, "network_up")
        assert seen[-1] == "Success"
        probed = [line for line in seen if line.startswith("Security type from probe")]
        assert len(probed) == (0 if asked else 1)


async def test_stale_details_are_probed_for_anew(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "network_down")
        air.ap("lab").channel = 11
        assert await ask(device, "network_up") == [
            "[Associating to lab]",
            "Join failed",
            *UP,
        ]
        await ask(device, "network_down")
        assert await ask(device, "network_up") == AGAIN


async def test_stale_details_do_not_outlive_the_join_that_found_them_so(
    air: Airspace, lab: Settings
) -> None:
    async with Device.simulated(airspace=air, settings=lab | {"wlan.join.retries": "1"}) as device:
        await ask(device, "network_up")
        await ask(device, "network_down")
        air.ap("lab").channel = 11
        assert (await ask(device, "network_up"))[-1] == "Command failed"
        assert await ask(device, "network_up") == UP


async def test_details_outlive_a_join_that_got_no_address(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, "network_down")
        await ask(device, "set wlan.dhcp.enabled 0")
        assert (await ask(device, "network_up"))[-1] == "Command failed"
        await ask(device, "set wlan.dhcp.enabled 1")
        assert await ask(device, "network_up") == AGAIN


async def test_a_hidden_network_is_found_by_its_name(air: Airspace, lab: Settings) -> None:
    air.add(AccessPoint("unseen", hidden=True, subnet=f"{NET}.0/25"))
    async with Device.simulated(airspace=air, settings=lab | {"wlan.ssid": "unseen"}) as device:
        assert (await ask(device, "network_up"))[-1] == "Success"


async def test_a_network_by_its_bssid_alone(air: Airspace, lab: Settings) -> None:
    del lab["wlan.ssid"]
    bssid = air.ap("lab").bssid
    async with Device.simulated(airspace=air, settings=lab | {"wlan.bssid": bssid}) as device:
        assert await ask(device, "network_up") == [f"[Associating to {bssid}]", *UP[1:]]


async def test_the_strongest_of_two_is_joined(air: Airspace, lab: Settings) -> None:
    near = air.add(AccessPoint("lab", passphrase="correct horse", rssi=-20, subnet=f"{NET}.0/25"))
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        assert list(near.stations) == [device.mac]


# Secrets.


@pytest.mark.parametrize("passkey", ["correct horse", "wrong horse battery"])
async def test_the_passkey_is_in_no_log_and_no_listing(
    air: Airspace, lab: Settings, passkey: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, f'set wlan.passkey "{passkey}"')
        for hide in ("0", "1"):
            seen += await ask(device, f"set wlan.hide_passkey {hide}")
            seen += await ask(device, "network_restart")
            seen += await ask(device, "get all")
            seen += await ask(device, "get wlan")
        seen += await ask(device, "get wlan.passkey")
        seen += await ask(device, "save")
        seen += [entry.text for entry in device.log]
        assert passkey not in "\n".join(seen)
    assert passkey not in caplog.text


async def test_the_passkey_is_masked_when_it_is_hidden(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await get(device, "wlan.passkey") == ["correct horse"]
        await ask(device, "set wlan.hide_passkey 1")
        (masked,) = await get(device, "wlan.passkey")
        assert masked
        assert set(masked) == {"*"}
        # The mask stands for any length, and the device still joins with what is behind it.
        assert (await ask(device, "network_up"))[-1] == "Success"
