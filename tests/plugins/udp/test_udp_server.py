"""udp_server: one stream for everybody, who it answers, and how it comes back."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.dialogue import PROFILES
from tests.peers import ADDRESS, NET, ask, free_port, stream, udp_peer

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.kernel.streams import Stream
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


@contextlib.asynccontextmanager
async def server(air: Airspace, lab: Settings, *sets: str) -> AsyncIterator[tuple[Device, int]]:
    """A device with a UDP server as stream 0, and its port."""
    port = free_port()
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        for line in sets:
            await ask(device, f"set {line}")
        assert await ask(device, f"udps start {port}") == ["[Opened: 0]", "0"]
        yield device, port


async def heard(device: Device) -> str:
    await stream(device).fill(1, 5)
    return (await ask(device, "read 0 1000"))[-1]


async def test_one_stream_for_everybody(air: Airspace, lab: Settings, loops: None) -> None:
    async with server(air, lab) as (device, port), udp_peer() as one, udp_peer() as two:
        assert await ask(device, "list") == [f"! # Type  Info\r\n# 0 UDPS  ({port})"]
        assert await ask(device, "write 0 1", b"x") == ["Command failed"]  # nobody was heard
        for far, data in ((one, b"from one"), (two, b"from two"), (one, b"one again")):
            far.send(data, (ADDRESS, port))
            assert await heard(device) == data.decode()
            await ask(device, "write 0 5", b"reply")
            assert await far.next() == (b"reply", (ADDRESS, port))
        assert two.waiting == 0
        assert await ask(device, f"udps start {port}") == ["Command failed"]
        assert await ask(device, "udps stop") == ["[Closed: 0]", "Success"]
        assert await ask(device, "udps stop") == ["Command failed"]
        assert await ask(device, "poll all") == ["None"]
        assert (await ask(device, f"udps start {port}"))[-1] == "0"


async def test_closing_the_stream_stops_it(air: Airspace, lab: Settings) -> None:
    async with server(air, lab) as (device, port):
        await ask(device, "close 0")
        assert await ask(device, "udps stop") == ["Command failed"]
        assert (await ask(device, f"udps start {port}"))[-1] == "0"


async def test_a_locked_server(air: Airspace, lab: Settings) -> None:
    async with (
        server(air, lab, "udp.server.lock_client 1") as (device, port),
        udp_peer() as one,
        udp_peer() as two,
    ):
        one.send(b"first", (ADDRESS, port))
        assert await heard(device) == "first"
        two.send(b"second", (ADDRESS, port))
        await turned_loop().settle()
        assert await ask(device, "poll 0") == ["0"]
        await ask(device, "write 0 1", b"x")
        assert (await one.next())[0] == b"x"
        await ask(device, "set udp.server.lock_client 0")
        two.send(b"second", (ADDRESS, port))
        assert await heard(device) == "second"


@pytest.mark.parametrize("host", ["127.0.0.1", "console.lab"])
async def test_a_preset_peer(air: Airspace, lab: Settings, host: str) -> None:
    air.ap("lab").hosts["console.lab"] = "127.0.0.1"
    async with udp_peer() as far, udp_peer() as other:
        sets = (f"udp.server.remote_host {host}", f"udp.server.remote_port {far.address[1]}")
        async with server(air, lab, *sets) as (device, port):
            await ask(device, "write 0 1", b"x")
            assert (await far.next())[0] == b"x"
            other.send(b"me now", (ADDRESS, port))
            assert await heard(device) == "me now"
            await ask(device, "write 0 1", b"y")
            assert (await other.next())[0] == b"y"


async def test_read_and_write_by_sub_command(air: Airspace, lab: Settings) -> None:
    async with server(air, lab) as (device, port), udp_peer() as one, udp_peer() as two:
        one.send(b"hello", (ADDRESS, port))
        two.send(b"world", (ADDRESS, port))
        await turned_loop().settle()
        here, there = (f"127.0.0.1:{far.address[1]}" for far in (one, two))
        assert await ask(device, "udps read 0 3") == [f"{here} hel"]
        assert await ask(device, "udps read 0 100") == [f"{here} lo"]
        assert await ask(device, "udps read 0 100") == [f"{there} world"]
        assert await ask(device, "udps read 0 100") == [""]
        line = f"udps write 0 127.0.0.1 {one.address[1]} 4"
        assert await ask(device, line, b"ping") == ["Success"]
        assert (await one.next())[0] == b"ping"
        assert two.waiting == 0


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_read_names_the_client_it_wants(air: Airspace, lab: Settings, profile: str) -> None:
    port = free_port()
    async with (
        Device.simulated(profile=profile, airspace=air, settings=lab) as device,
        udp_peer() as one,
        udp_peer() as two,
    ):
        await ask(device, "network_up")
        await ask(device, f"udp_server start {port}")
        here, there = (f"127.0.0.1:{far.address[1]}" for far in (one, two))
        for far, data in ((one, b"a1"), (two, b"b1"), (one, b"a2"), (two, b"b2")):
            far.send(data, (ADDRESS, port))
        await turned_loop().settle()
        assert await ask(device, "udps read 0 1") == [f"{here} a"]
        assert await ask(device, f"udps read 0 9 {there}") == [f"{there} b1"]
        assert await ask(device, f"udps read 0 9 {there}") == [f"{there} b2"]
        before = turned_loop().time()
        assert await ask(device, f"udps read 0 9 {there}") == [""]
        assert turned_loop().time() > before, "it was waited for"
        assert await ask(device, "udps read 0 9") == [f"{here} 1"]
        assert await ask(device, f"udps read 0 9 {here}") == [f"{here} a2"]
        for word in ("nobody", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:x", ":9"):
            assert await ask(device, f"udps read 0 9 {word}") == ["Invalid argument"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("udps", 4),
        ("udps begin", 7),
        ("udps start 0", 7),
        ("udps start 1 2", 5),
        ("udps stop 3", 5),
        ("udps read 0", 4),
        ("udps read 7 10", 1),
        ("udps read 0 0", 7),
        ("udps write 0 127.0.0.1 9", 4),
        ("udps write 7 127.0.0.1 9 1", 1),
        ("udps write 0 nowhere 9 1", 7),
        ("udps write 0 127.0.0.1 0 1", 7),
        ("udps write 0 127.0.0.1 9 0", 7),
    ],
)
async def test_arguments(air: Airspace, lab: Settings, line: str, code: int) -> None:
    async with server(air, lab) as (device, _):
        assert (await device.command(line, b"x")).code == code
        assert (await device.command("poll 0")).text == "0"


async def test_a_port_that_is_taken(air: Airspace, lab: Settings) -> None:
    async with udp_peer(ADDRESS) as far, Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, f"udps start {far.address[1]}")
        assert seen[-2:] == [
            f"{ADDRESS}:{far.address[1]}: Address already in use",
            "Command failed",
        ]
        assert await ask(device, "udps stop") == ["Command failed"]
        assert await ask(device, "poll all") == ["None"]


async def test_a_broadcast_is_heard(air: Airspace, lab: Settings, loops: None) -> None:
    async with server(air, lab) as (device, port), udp_peer(f"{NET}.9") as far:
        far.transport.get_extra_info("socket").setsockopt(1, 6, 1)  # SO_BROADCAST
        far.send(b"all of you", ("255.255.255.255", port))
        assert await heard(device) == "all of you"
        await ask(device, "write 0 2", b"me")
        assert await far.next() == (b"me", (ADDRESS, port))


async def test_the_data_gpio(air: Airspace, lab: Settings) -> None:
    lab |= {"udp.server.data_gpio": "7"}
    async with server(air, lab) as (device, port), udp_peer() as far:
        pins = device.board.pins
        assert isinstance(pins, SimulatedPins)
        assert pins.level(7) == 0
        far.send(b"x", (ADDRESS, port))
        await turned_loop().settle()
        assert pins.level(7) == 1
        await ask(device, "set udp.server.data_gpio 8")
        assert (pins.level(7), pins.level(8)) == (0, 1)
        await ask(device, "udps read 0 10")
        assert pins.level(8) == 0
        far.send(b"x", (ADDRESS, port))
        await turned_loop().settle()
        assert pins.level(8) == 1
        await ask(device, "close 0")
        assert pins.level(8) == 0


async def test_it_comes_back_with_the_network(air: Airspace, lab: Settings) -> None:
    async with server(air, lab) as (device, port), udp_peer() as far:
        for _ in range(3):
            await ask(device, "network_down")
            assert await ask(device, "poll all") == ["None"]
            await ask(device, "network_up")
            far.send(b"again", (ADDRESS, port))
            assert await heard(device) == "again"
        await ask(device, "udps stop")
        await ask(device, "network_restart")
        assert await ask(device, "poll all") == ["None"]


async def test_it_starts_by_itself(air: Airspace, lab: Settings) -> None:
    port = free_port()
    lab |= {"udp.server.auto_start": "1", "udp.server.port": str(port)}
    async with Device.simulated(airspace=air, settings=lab) as device, udp_peer() as far:
        opened: list[Stream] = []
        device.kernel.streams.on_auto = opened.append
        for _ in range(3):
            await ask(device, "network_up")
            assert [one.type for one in opened] == ["UDPS"]
            opened.clear()
            far.send(b"again", (ADDRESS, port))
            assert await heard(device) == "again"
            await ask(device, "network_down")
        await ask(device, "set udp.server.auto_start 0")
        await ask(device, "network_up")
        assert await ask(device, "poll all") == ["None"]
