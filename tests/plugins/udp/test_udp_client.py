"""udp_client: one write is one datagram, one read at most one, and who is heard."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.peers import ADDRESS, NET, FarDatagrams, ask, free_port, soon, stream, udp_peer

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.kernel.streams import Stream
from tokay.plugins.udp import UdpStream
from tokay.plugins.udp.inbox import MAX_BYTES, MAX_DATAGRAMS
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
ANY = "127.0.0.1"


@contextlib.asynccontextmanager
async def client(air: Airspace, lab: Settings) -> AsyncIterator[tuple[Device, FarDatagrams]]:
    """A device with a UDP client as stream 0, and its peer."""
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await ask(device, f"udpc {ANY} {far.address[1]}")
        yield device, far


def local_port(device: Device, handle: int = 0) -> int:
    opened = stream(device, handle)
    assert isinstance(opened, UdpStream)
    return opened.port


async def test_what_it_says(air: Airspace, lab: Settings) -> None:
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        port = far.address[1]
        assert await ask(device, f"udp_client {ANY} {port}") == [
            f"[Opening: {ANY}:{port}]",
            "[Opened: 0]",
            "0",
        ]
        listing = f"! # Type  Info\r\n# 0 UDPC  {ANY}:{port} ({local_port(device)})"
        assert await ask(device, "list") == [listing]
        assert far.waiting == 0  # nobody was asked
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]


@pytest.mark.parametrize("size", [1, 2, 511, 512, 1472, 1473, 9000, 65507])
async def test_one_write_is_one_datagram_and_back(
    air: Airspace, lab: Settings, loops: None, size: int
) -> None:
    async with client(air, lab) as (device, far):
        data = bytes(number % 251 for number in range(size))
        assert await ask(device, f"write 0 {size}", data) == ["Success"]
        assert await far.next() == (data, (ADDRESS, local_port(device)))
        far.send(data, (ADDRESS, local_port(device)))
        await stream(device).fill(1, 5)
        answer = await device.command("read 0 99997")
        assert answer.data == data


async def test_a_datagram_that_is_too_large(air: Airspace, lab: Settings) -> None:
    async with client(air, lab) as (device, far):
        assert await ask(device, "write 0 65508", bytes(65508)) == ["Command failed"]
        assert await ask(device, "write 0 2", b"ok") == ["Success"]
        assert (await far.next())[0] == b"ok"


async def test_edges_are_kept(air: Airspace, lab: Settings, loops: None) -> None:
    async with client(air, lab) as (device, far):
        to = (ADDRESS, local_port(device))
        for data in (b"first", b"", b"second", b"third"):
            far.send(data, to)
        await stream(device).fill(1, 5)
        assert await ask(device, "poll -c 0") == ["5"]
        assert await ask(device, "read 0 3") == ["fir"]
        assert await ask(device, "poll 0") == ["1"]
        assert await ask(device, "read 0 100") == ["st"]
        assert await ask(device, "read 0 100") == ["second"]
        assert await ask(device, "read 0 5") == ["third"]
        assert await ask(device, "poll 0") == ["0"]


async def test_anybody_may_send_and_the_peer_gets_the_answer(air: Airspace, lab: Settings) -> None:
    async with client(air, lab) as (device, far), udp_peer() as stranger:
        stranger.send(b"hello", (ADDRESS, local_port(device)))
        await stream(device).fill(1, 5)
        assert await ask(device, "read 0 100") == ["hello"]
        await ask(device, "write 0 1", b"x")
        assert (await far.next())[0] == b"x"
        assert stranger.waiting == 0


async def test_too_many_are_dropped_and_counted(air: Airspace, lab: Settings, loops: None) -> None:
    async with client(air, lab) as (device, far):
        to = (ADDRESS, local_port(device))
        for number in range(MAX_DATAGRAMS + 10):
            far.send(b"%d" % number, to)
        opened = stream(device)
        assert isinstance(opened, UdpStream)
        while opened.dropped < 10:
            await asyncio.sleep(0)
        for number in range(MAX_DATAGRAMS):
            assert await ask(device, "read 0 10") == [str(number)]
        assert await ask(device, "poll 0") == ["0"]
        # There is room again.
        far.send(b"more", to)
        await opened.fill(1, 5)
        assert await ask(device, "read 0 10") == ["more"]
        assert "Datagrams dropped: 10" in await ask(device, "close 0")


async def test_large_ones_are_bounded_too(air: Airspace, lab: Settings) -> None:
    async with client(air, lab) as (device, far):
        to = (ADDRESS, local_port(device))
        opened = stream(device)
        assert isinstance(opened, UdpStream)
        for _ in range(8):
            far.send(bytes(60_000), to)
            await turned_loop().settle()
        assert opened.dropped == 7
        held = 0
        while data := (await soon(device.command("read 0 99997"))).data:
            held += len(data)
        assert held <= MAX_BYTES


# Broadcasts.


@pytest.mark.parametrize("to", ["255.255.255.255", f"{NET}.127"], ids=["all", "subnet"])
async def test_broadcasts_between_devices(
    air: Airspace, lab: Settings, to: str, loops: None
) -> None:
    """Both open a client to a broadcast address, with a port of their own, as an app note does."""
    port = free_port()
    async with (
        Device.simulated(name="one", airspace=air, settings=lab) as one,
        Device.simulated(name="two", airspace=air, settings=lab) as two,
    ):
        for device in (one, two):
            await ask(device, "network_up")
            assert (await ask(device, f"udpc {to} {port} {port}"))[-1] == "0"
        for sender, hearer in ((one, two), (two, one)):
            await ask(sender, "write 0 5", b"hello")
            await stream(hearer).fill(1, 5)
            assert await ask(hearer, "read 0 10") == ["hello"]
            assert await ask(sender, "poll 0") == ["0"]  # nobody hears himself


async def test_broadcasts_of_another_network(air: Airspace, lab: Settings) -> None:
    port = free_port()
    async with udp_peer(f"{NET}.200") as far, Device.simulated(airspace=air, settings=lab) as one:
        await ask(one, "network_up")
        await ask(one, f"udpc 255.255.255.255 {port} {port}")
        sock = far.transport.get_extra_info("socket")
        sock.setsockopt(1, 6, 1)  # SOL_SOCKET, SO_BROADCAST
        far.send(b"not yours", ("255.255.255.255", port))
        await turned_loop().settle()
        assert await ask(one, "poll 0") == ["0"]
        far.send(b"yours", (ADDRESS, port))
        await turned_loop().settle()
        assert await ask(one, "read 0 10") == ["yours"]


# Arguments, names, pins.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("udpc", 4),
        ("udpc 127.0.0.1 0", 7),
        ("udpc 127.0.0.1 65536", 7),
        ("udpc 127.0.0.1 1 65536", 7),
        ("udpc 127.0.0.1 1 1 1", 5),
        ("udpc -x 127.0.0.1 1", 6),
        ("udpc -g 99 127.0.0.1 1", 7),
    ],
)
async def test_arguments(air: Airspace, lab: Settings, line: str, code: int) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        response = await device.command(line)
        assert response.code == code
        assert (await device.command("get wlan.network.status")).text == "0"


async def test_host_and_ports_by_variable(air: Airspace, lab: Settings) -> None:
    port = free_port()
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"set udp.client.remote_host {ANY}")
        await ask(device, f"set udp.client.remote_port {far.address[1]}")
        await ask(device, f"set udp.client.local_port {port}")
        assert (await ask(device, "udpc"))[-1] == "0"
        await ask(device, "write 0 1", b"x")
        assert await far.next() == (b"x", (ADDRESS, port))
        # The port is taken: by us.
        seen = await ask(device, "udpc")
        assert seen[-2:] == ["[Open failed]", "Command failed"]
        assert await ask(device, "poll all") == ["0,0"]


async def test_a_name_that_does_not_resolve(air: Airspace, lab: Settings) -> None:
    air.ap("lab").uplink = False
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        assert await ask(device, "udpc nowhere.lab 7") == [
            "[Opening: nowhere.lab:7]",
            "nowhere.lab: no such name on this network",
            "[Open failed]",
            "Command failed",
        ]


async def test_a_data_gpio(air: Airspace, lab: Settings) -> None:
    async with udp_peer() as far, Device.simulated(airspace=air, settings=lab) as device:
        pins = device.board.pins
        assert isinstance(pins, SimulatedPins)
        assert (await ask(device, f"udpc -g 5 {ANY} {far.address[1]}"))[-1] == "0"
        assert (await ask(device, f"udpc -g 5 {ANY} {far.address[1]}"))[-1] == "Command failed"
        assert "# 5 udp_client" in (await ask(device, "get gpio.usage"))[0].replace("  ", " ")
        assert pins.level(5) == 0
        for data in (b"one", b"two"):
            far.send(data, (ADDRESS, local_port(device)))
        await turned_loop().settle()
        assert pins.level(5) == 1
        await ask(device, "read 0 10")
        assert pins.level(5) == 1
        await ask(device, "read 0 10")
        assert pins.level(5) == 0
        await ask(device, "close 0")
        assert pins.owner(5) == ""


# By itself.


async def test_it_starts_by_itself(air: Airspace, lab: Settings) -> None:
    async with udp_peer() as far:
        lab |= {
            "udp.client.auto_start": "1",
            "udp.client.remote_host": ANY,
            "udp.client.remote_port": str(far.address[1]),
        }
        async with Device.simulated(airspace=air, settings=lab) as device:
            opened: list[Stream] = []
            device.kernel.streams.on_auto = opened.append
            for _ in range(3):
                await ask(device, "network_up")
                await turned_loop().settle()
                assert [one.type for one in opened] == ["UDPC"]
                opened.clear()
                await ask(device, "write 0 1", b"x")
                assert (await far.next())[0] == b"x"
                await ask(device, "network_down")
                assert await ask(device, "poll all") == ["None"]


@pytest.mark.parametrize(("retry", "opened"), [("0", "None"), ("1", "0,0")])
async def test_a_host_that_resolves_later(
    air: Airspace, lab: Settings, retry: str, opened: str
) -> None:
    air.ap("lab").uplink = False
    lab |= {
        "udp.client.auto_start": "1",
        "udp.client.remote_host": "late.lab",
        "udp.client.auto_retry": retry,
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await turned_loop().turn(5.5)
        assert await ask(device, "poll all") == ["None"]
        air.ap("lab").hosts["late.lab"] = ANY
        await turned_loop().turn(0.4)
        assert await ask(device, "poll all") == ["None"]
        await turned_loop().turn(0.2)
        assert await ask(device, "poll all") == [opened]
        log = [entry.text for entry in device.log]
        assert log.count("[Open failed]") == 1


async def test_auto_retry_ends_with_the_network(air: Airspace, lab: Settings) -> None:
    air.ap("lab").uplink = False
    lab |= {
        "udp.client.auto_start": "1",
        "udp.client.remote_host": "late.lab",
        "udp.client.auto_retry": "1",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        await turned_loop().turn(3)
        await ask(device, "network_down")
        air.ap("lab").hosts["late.lab"] = ANY
        await turned_loop().turn(10)
        assert await ask(device, "poll all") == ["None"]


async def test_no_host_and_auto_start(air: Airspace, lab: Settings) -> None:
    lab |= {"udp.client.auto_start": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, "network_up")
        assert "udp.client.remote_host is not set" in seen
        assert seen[-1] == "Success"
