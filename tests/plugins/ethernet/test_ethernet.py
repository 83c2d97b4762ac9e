"""The Ethernet interface, as a host sees it: started, pulled, plugged, beside the WLAN."""

import asyncio
from ipaddress import IPv4Address
from typing import Any

import pytest
from tests.peers import ADDRESS, NET, Events, Peer, ask, get, soon

from tokay.board.air.airspace import Airspace
from tokay.board.air.cable import Cable
from tokay.device import Device
from tokay.kernel.plugin import Plugin
from tokay.plugins.ethernet import port
from tokay.plugins.network import Interface, Network, take_address
from tokay.testing.clock import turned_loop

Settings = dict[str, str]

HERE = f"{NET}.130"
STATUS = "ethernet.network.status"
DOWN, NO_ADDRESS, READY = "012"
GIVEN = [f"ethernet.network.{what}" for what in ("ip", "netmask", "gateway", "dns")]
UP = [
    "Starting Ethernet",
    "Obtaining IPv4 address via DHCP",
    f"IPv4 address: {HERE}",
    "Ethernet started",
    "Success",
]
AUTO = {"ethernet.auto_start.enabled": "1"}
STATIC = {"ethernet.dhcp.enabled": "0", "ethernet.static.ip": f"{NET}.200"}


@pytest.fixture
def cable(air: Airspace) -> Cable:
    """A cable whose network is beside that of the air."""
    return Cable(f"{NET}.128/25", locks=air.locks)


def texts(device: Device, seen: int = 0) -> list[str]:
    return [entry.text for entry in device.log[seen:]]


# Up and down.


async def test_up_and_down(cable: Cable, events: Events) -> None:
    async with Device.simulated(ethernet=cable, on_event=events) as device:
        assert await get(device, STATUS, *GIVEN) == [DOWN, *["0.0.0.0"] * 4]
        assert await ask(device, "network_up -i ethernet") == UP
        assert events["network_up"] == [{"interface": "ethernet", "address": HERE, "ports": {}}]
        assert await get(device, STATUS, *GIVEN) == [
            READY, HERE, "255.255.255.128", f"{NET}.129", f"{NET}.129",
        ]  # fmt: skip
        assert await ask(device, "network_up -i ethernet") == ["Success"]
        assert await ask(device, "network_down -i ethernet") == ["Ethernet stopped", "Success"]
        assert events["network_down"] == [{"interface": "ethernet"}]
        assert await get(device, STATUS, *GIVEN) == [DOWN, *["0.0.0.0"] * 4]
        assert await ask(device, "network_down -i ethernet") == ["Success"]
        assert await ask(device, "network_restart -i ethernet") == UP


async def test_the_lease_is_given_back(cable: Cable) -> None:
    async with Device.simulated(ethernet=cable) as device:
        await ask(device, "network_up -i ethernet")
        assert cable.airspace.locks.in_use(IPv4Address(HERE))
    assert not cable.airspace.locks.in_use(IPv4Address(HERE))
    assert not cable.far_end.stations


async def test_a_device_without_a_cable(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab | AUTO) as device:
        await turned_loop().turn(60)
        assert await ask(device, "network_up -i ethernet") == ["Command failed"]
        assert await ask(device, "network_down -i ethernet") == ["Command failed"]
        assert await get(device, STATUS, *GIVEN) == [DOWN, *["0.0.0.0"] * 4]
        with pytest.raises(RuntimeError, match="no simulated cable"):
            _ = device.cable


async def test_a_product_without_ethernet(cable: Cable) -> None:
    with pytest.raises(Exception, match=r"^ethernet: zentrios-3 has none$"):
        await Device.simulated(profile="zentrios-3", ethernet=cable).__aenter__()
    async with Device.simulated(profile="zentrios-3") as device:
        assert (await ask(device, "get ethernet.mac"))[-1] == "Unknown variable"


async def test_its_own_address(cable: Cable) -> None:
    async with Device.simulated(ethernet=cable) as device:
        wlan, ethernet = await get(device, "wlan.mac", "ethernet.mac")
        assert int(ethernet.replace(":", ""), 16) == int(wlan.replace(":", ""), 16) + 1
        await ask(device, "network_up -i ethernet")
        assert list(cable.far_end.stations) == [ethernet]
    async with Device.simulated() as device:
        assert await get(device, "ethernet.mac") == [ethernet]


async def test_nothing_to_choose(cable: Cable) -> None:
    async with Device.simulated(ethernet=cable) as device:
        assert (await soon(device.command("network_up -i ethernet -s"))).code == 7


async def test_a_command_that_needs_it_starts_it(cable: Cable) -> None:
    settings = {"network.default_interface": "ethernet", "system.cmd.timestamp": "off"}
    async with Peer() as peer, Device.simulated(ethernet=cable, settings=settings) as device:
        assert await ask(device, f"tcp_client 127.0.0.1 {peer.port}") == [
            *UP[:-1], f"[Opening: 127.0.0.1:{peer.port}]", "[Opened: 0]", "0",
        ]  # fmt: skip
        assert (await peer.next()).address[0] == HERE


# The address.


async def test_a_static_address(cable: Cable) -> None:
    settings = STATIC | {"ethernet.static.gateway": f"{NET}.129", "ethernet.static.dns": "9.9.9.9"}
    async with Device.simulated(ethernet=cable, settings=settings) as device:
        assert await ask(device, "network_up -i ethernet") == [
            UP[0], f"IPv4 address: {NET}.200", *UP[3:],
        ]  # fmt: skip
        assert await get(device, *GIVEN) == [
            f"{NET}.200", "255.255.255.0", f"{NET}.129", "9.9.9.9",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ethernet.dhcp.enabled": "0"}, "ethernet.static.ip is not set"),
        (STATIC | {"ethernet.static.ip": "127.1.2.3"}, "127.1.2.3 is no station's address in {}"),
    ],
)
async def test_a_static_address_that_is_none(cable: Cable, settings: Settings, reason: str) -> None:
    async with Device.simulated(ethernet=cable, settings=settings) as device:
        assert await ask(device, "network_up -i ethernet") == [
            UP[0], reason.format(f"{NET}.128/25"), "Command failed",
        ]  # fmt: skip
        assert await get(device, STATUS) == [DOWN]
        assert not cable.far_end.stations


async def test_a_link_without_an_address(cable: Cable) -> None:
    cable.subnet.dhcp_silent()
    async with Device.simulated(
        ethernet=cable, settings=AUTO | {"ethernet.dhcp.timeout": "7"}
    ) as device:
        await turned_loop().turn(6)
        assert await get(device, STATUS) == [NO_ADDRESS]
        assert await ask(device, "network_up -i ethernet") == ["In progress"]
        seen = len(device.log)
        await turned_loop().turn(2)
        assert texts(device, seen) == ["DHCP timed out"]
        assert await get(device, STATUS) == [DOWN]
        cable.subnet.dhcp_normal()
        await turned_loop().turn(3)
        assert await get(device, STATUS) == [READY]


async def test_a_host_name_of_its_own(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    exchange = type(cable.subnet).handle_dhcp

    def note(lan: object, datagram: bytes, destination: str, now: float) -> list[bytes]:
        asked.append(datagram)
        return exchange(cable.subnet, datagram, destination, now)

    monkeypatch.setattr(type(cable.subnet), "handle_dhcp", note)
    settings = {"ethernet.dhcp.hostname": "lizard"}
    async with Device.simulated(ethernet=cable, settings=settings) as device:
        await ask(device, "network_up -i ethernet")
    assert b"\x0c\x06lizard" in asked[0]


async def test_a_kept_lease_needs_no_dhcp_server(
    air: Airspace, lab: Settings, cable: Cable
) -> None:
    kept = {"ethernet.dhcp.cache_enabled": "1", "wlan.dhcp.cache_enabled": "1"}
    async with Device.simulated(airspace=air, ethernet=cable, settings=lab | kept) as device:
        assert await ask(device, "network_up -i ethernet") == UP
        await ask(device, "network_up")
        cable.subnet.dhcp_silent()
        air.subnet(air.ap("lab")).dhcp_silent()
        await ask(device, "reboot")
        await device.steady()
        # Each interface has its own.
        assert await ask(device, "network_up -i ethernet") == UP
        assert (await ask(device, "network_up"))[-1] == "Success"
        assert device.address == ADDRESS
        await ask(device, "set ethernet.dhcp.cache_enabled 0")
        await ask(device, "save")
        await ask(device, "reboot")
        await device.steady()
        assert (await ask(device, "network_up -i ethernet"))[-1] == "Command failed"


async def test_a_lease_that_ends(cable: Cable, events: Events) -> None:
    cable.subnet.dhcp_lease(60)
    async with Device.simulated(ethernet=cable, settings=AUTO, on_event=events) as device:
        await turned_loop().settle()
        assert await get(device, STATUS) == [READY]
        cable.subnet.dhcp_silent()
        seen = len(device.log)
        await events.next("network_down")
        assert texts(device, seen) == ["DHCP lease lost", "Ethernet stopped"]
        cable.subnet.dhcp_normal()
        await events.next("network_up")
        assert await get(device, STATUS) == [READY]


# By itself.


async def test_auto_start_at_boot(cable: Cable, events: Events) -> None:
    async with Device.simulated(ethernet=cable, settings=AUTO, on_event=events) as device:
        await turned_loop().settle()
        assert events["network_up"] == [{"interface": "ethernet", "address": HERE, "ports": {}}]
        await ask(device, "save")
        await ask(device, "reboot")
        await device.steady()
        await turned_loop().settle()
        assert await get(device, STATUS) == [READY]


@pytest.mark.parametrize(("delay", "pause"), [("3", 3.0), ("20", 20.0), ("0", 0.1)])
async def test_auto_start_waits_for_the_cable(cable: Cable, delay: str, pause: float) -> None:
    cable.pull()
    settings = AUTO | {"ethernet.auto_start.retry_delay": delay}
    async with Device.simulated(ethernet=cable, settings=settings) as device:
        await turned_loop().turn(10 * pause + pause / 2)
        # Said once, however long it takes.
        assert texts(device)[-2:] == ["Starting Ethernet", "No Ethernet link"]
        assert texts(device).count("No Ethernet link") == 1
        cable.plug()
        await turned_loop().turn(pause / 4)
        assert await get(device, STATUS) == [DOWN]
        await turned_loop().turn(pause / 2)
        assert await get(device, STATUS) == [READY]


async def test_whoever_needs_it_does_not_wait_for_the_pause(cable: Cable) -> None:
    cable.pull()
    settings = AUTO | {"ethernet.auto_start.retry_delay": "200"}
    async with Device.simulated(ethernet=cable, settings=settings) as device:
        await turned_loop().settle()
        network = device.kernel.plugin(Network)
        cable.plug()
        before = turned_loop().time()
        assert (await soon(network.need("ethernet"))).address.address == HERE
        assert turned_loop().time() == before


async def test_auto_start_leaves_alone_what_was_taken_down(cable: Cable) -> None:
    async with Device.simulated(ethernet=cable, settings=AUTO) as device:
        await turned_loop().settle()
        assert await ask(device, "network_down -i ethernet") == ["Ethernet stopped", "Success"]
        await turned_loop().turn(100)
        assert await get(device, STATUS) == [DOWN]
        cable.pull()
        cable.plug()
        await turned_loop().turn(100)
        assert await get(device, STATUS) == [DOWN]


async def test_down_ends_auto_start(cable: Cable) -> None:
    cable.pull()
    async with Device.simulated(ethernet=cable, settings=AUTO) as device:
        await turned_loop().turn(5)
        assert await ask(device, "network_down -i ethernet") == ["Success"]
        cable.plug()
        await turned_loop().turn(100)
        assert await get(device, STATUS) == [DOWN]


# The cable.


async def test_no_cable(cable: Cable) -> None:
    cable.pull()
    async with Device.simulated(ethernet=cable) as device:
        for _ in range(2):
            assert await ask(device, "network_up -i ethernet") == [
                "Starting Ethernet", "No Ethernet link", "Command failed",
            ]  # fmt: skip
        cable.plug()
        await turned_loop().turn(100)
        assert await get(device, STATUS) == [DOWN]
        assert await ask(device, "network_up -i ethernet") == UP


async def test_the_cable_is_pulled(cable: Cable, events: Events) -> None:
    async with (
        Peer() as peer,
        Device.simulated(ethernet=cable, settings=AUTO, on_event=events) as device,
    ):
        await turned_loop().settle()
        await ask(device, "set system.cmd.timestamp off")
        await ask(device, f"tcp_client -i ethernet 127.0.0.1 {peer.port}")
        far = await peer.next()
        seen = len(device.log)
        cable.pull()
        assert await events.next("network_down") == {"interface": "ethernet"}
        await turned_loop().turn(30)
        assert texts(device, seen) == [
            "Link lost: the cable was pulled",
            "[Closed: 0]",
            "Ethernet stopped",
            "Starting Ethernet",
            "No Ethernet link",
        ]
        await far.gone()
        assert await get(device, STATUS) == [DOWN]
        cable.plug()
        assert (await events.next("network_up"))["address"] == HERE


async def test_without_auto_start_it_stays_down(cable: Cable) -> None:
    async with Device.simulated(ethernet=cable) as device:
        await ask(device, "network_up -i ethernet")
        cable.pull()
        await turned_loop().settle()
        cable.plug()
        await turned_loop().turn(100)
        assert await get(device, STATUS) == [DOWN]
        assert await ask(device, "network_up -i ethernet") == UP


async def test_the_cable_is_pulled_before_there_is_an_address(cable: Cable) -> None:
    cable.subnet.dhcp_silent()
    async with Device.simulated(ethernet=cable, settings=AUTO) as device:
        await turned_loop().turn(2)
        assert await get(device, STATUS) == [NO_ADDRESS]
        seen = len(device.log)
        cable.pull()
        # Nobody waits for a DHCP server that cannot be reached.
        await turned_loop().settle()
        assert texts(device, seen) == ["Link lost: the cable was pulled", "No Ethernet link"]
        cable.subnet.dhcp_normal()
        cable.plug()
        await turned_loop().turn(3)
        assert await get(device, STATUS) == [READY]


async def test_the_cable_is_pulled_as_the_address_comes(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(*args: Any) -> Any:
        taken = await take_address(*args)
        monkeypatch.undo()
        cable.pull()
        await asyncio.sleep(0)  # the device hears of it in the turn before this one goes on
        return taken

    monkeypatch.setattr(port, "take_address", take)
    async with Device.simulated(ethernet=cable, settings=AUTO) as device:
        await turned_loop().settle()
        assert texts(device)[-1] == "Link lost: the cable was pulled"
        assert await get(device, STATUS) == [DOWN]
        cable.plug()
        await turned_loop().turn(3)
        assert await get(device, STATUS) == [READY]


async def test_the_cable_is_pulled_before_it_counts_as_up(cable: Cable, events: Events) -> None:
    class Slow(Plugin):
        """A service that is not ready before the cable is out."""

        name = "slow"

        async def network_up(self, interface: Interface) -> None:
            if not events["network_down"]:
                cable.pull()
                await asyncio.sleep(1)

    async with Device.simulated(
        ethernet=cable, settings=AUTO, on_event=events, plugins=[Slow]
    ) as device:
        await turned_loop().turn(2)
        assert [event for event, _ in events.heard if "network" in event] == ["network_down"]
        assert await get(device, STATUS) == [DOWN]
        cable.plug()
        await events.next("network_up")
        assert await get(device, STATUS) == [READY]


async def test_down_in_the_middle_of_a_start(cable: Cable) -> None:
    cable.subnet.dhcp_silent()
    async with Device.simulated(ethernet=cable, settings=AUTO) as device:
        await turned_loop().turn(2)
        assert await ask(device, "network_down -i ethernet") == ["Success"]
        assert await get(device, STATUS) == [DOWN]
        assert not cable.far_end.stations
        cable.subnet.dhcp_normal()
        assert (await ask(device, "network_up -i ethernet"))[-1] == "Success"


async def test_power_off_in_the_middle_of_a_start(cable: Cable) -> None:
    cable.subnet.dhcp_silent()
    async with Device.simulated(ethernet=cable, settings=AUTO):
        await turned_loop().turn(2)
        assert cable.far_end.stations
    assert not cable.far_end.stations


# Beside others.


async def test_beside_the_wlan(air: Airspace, lab: Settings, cable: Cable, events: Events) -> None:
    async with (
        Peer() as peer,
        Device.simulated(airspace=air, ethernet=cable, settings=lab, on_event=events) as device,
    ):
        await ask(device, f"tcp_client 127.0.0.1 {peer.port}")
        await ask(device, f"tcp_client -i ethernet 127.0.0.1 {peer.port}")
        addresses = [(await peer.next()).address[0] for _ in range(2)]
        assert addresses == [ADDRESS, HERE]
        # The one goes, and the other does not notice.
        cable.pull()
        await events.next("network_down")
        assert await get(device, "wlan.network.status", STATUS) == [READY, DOWN]
        assert await get(device, "wlan.network.ip", "ethernet.network.ip") == [ADDRESS, "0.0.0.0"]
        cable.plug()
        assert (await ask(device, "network_up -i ethernet"))[-1] == "Success"
        await ask(device, "network_down")
        assert await get(device, "wlan.network.status", STATUS) == [DOWN, READY]


async def test_two_devices_on_one_cable(cable: Cable) -> None:
    async with (
        Device.simulated(name="one", ethernet=cable) as one,
        Device.simulated(name="two", ethernet=cable) as two,
    ):
        for device in (one, two):
            assert (await ask(device, "network_up -i ethernet"))[-1] == "Success"
        assert await get(one, "ethernet.network.ip") != await get(two, "ethernet.network.ip")
        assert len(cable.far_end.stations) == 2


async def test_a_cable_of_ones_own() -> None:
    async with Device.simulated(ethernet=True) as device:
        assert (await ask(device, "network_up -i ethernet"))[-1] == "Success"
        (address,) = await get(device, "ethernet.network.ip")
        assert address.startswith("127.79.")
        device.cable.pull()
        await turned_loop().settle()
        assert await get(device, STATUS) == [DOWN]


async def test_on_any_loop(loops: None, cable: Cable, events: Events) -> None:
    async with Device.simulated(ethernet=cable, settings=AUTO, on_event=events) as device:
        if not events["network_up"]:
            await events.next("network_up")
        assert await get(device, STATUS) == [READY]
        cable.pull()
        await events.next("network_down")
