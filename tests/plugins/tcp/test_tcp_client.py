"""tcp_client: how it connects, how often it tries, and what it says."""

import asyncio

import pytest
from tests.peers import ADDRESS, Events, Peer, ask, free_port, get

from tokay.board.air.airspace import Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.device import Device
from tokay.plugins.network import Network
from tokay.testing.clock import turned_loop

Settings = dict[str, str]

ONCE = {"tcp.client.retries": "0"}
FAILED = ["[Open failed]", "Command failed"]


async def test_a_connection(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        where = f"127.0.0.1:{peer.port}"
        assert await ask(device, f"tcp_client 127.0.0.1 {peer.port}") == [
            f"[Opening: {where}]",
            "[Opened: 0]",
            "0",
        ]
        far = await peer.next()
        host, port = far.address
        assert host == device.address == ADDRESS
        assert await ask(device, "stream_list") == [f"! # Type  Info\r\n# 0 TCPC  {where} ({port})"]
        assert await ask(device, "write 0 5", b"a\r\nb\0") == ["Success"]
        assert await far.take(5) == b"a\r\nb\0"
        assert await ask(device, "get network.traffic") == ["0,5"]
        far.send(b"abc")
        assert await ask(device, "read 0 3") == ["abc"]
        assert await ask(device, "get network.traffic") == ["3,5"]
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
        await far.gone()
        for command in ("poll 0", "read 0 1", "close 0"):
            assert await ask(device, command) == ["Command failed"]
        assert await ask(device, "write 0 1", b"x") == ["Command failed"]
        assert await ask(device, "list") == ["! # Type  Info"]


async def test_a_connection_by_name_shows_the_name(air: Airspace, lab: Settings) -> None:
    air.ap("lab").hosts["printer.lab"] = "127.0.0.1"
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, f"tcpc printer.lab {peer.port}")
        assert seen[-3:] == [f"[Opening: printer.lab:{peer.port}]", "[Opened: 0]", "0"]
        (listing,) = await ask(device, "list")
        assert f"# 0 TCPC  printer.lab:{peer.port} (" in listing


async def test_the_network_that_cannot_be_joined(air: Airspace, lab: Settings) -> None:
    lab |= {"wlan.ssid": "elsewhere"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "tcpc 127.0.0.1 9") == [
            "[Associating to elsewhere]",
            "Network not found",
            "Join failed",
            "Command failed",
        ]


# Attempts.


@pytest.mark.parametrize(("retries", "period"), [(0, 1000), (1, 250), (3, 1000), (2, 0)])
async def test_refused_as_often_as_it_may(
    air: Airspace, lab: Settings, retries: int, period: int
) -> None:
    lab |= {"tcp.client.retries": str(retries), "tcp.client.retry_period": str(period)}
    port = free_port()
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        begun = turned_loop().time()
        assert await ask(device, f"tcpc 127.0.0.1 {port}") == [
            f"[Opening: 127.0.0.1:{port}]",
            *[f"127.0.0.1:{port}: Connection refused"] * (retries + 1),
            *FAILED,
        ]
        assert turned_loop().time() - begun == pytest.approx(retries * period / 1000)


async def test_a_server_that_comes_in_time(air: Airspace, lab: Settings) -> None:
    lab |= {"tcp.client.retry_period": "2000"}
    port = free_port()
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        begun = turned_loop().time()
        asked = asyncio.ensure_future(device.command(f"tcpc 127.0.0.1 {port}"))
        await turned_loop().turn(3)
        async with Peer(port=port):
            await turned_loop().turn(2)
            answer = await asked
            assert turned_loop().time() - begun == pytest.approx(5)
            assert answer.text == "0"
            assert answer.log[-1] == "[Opened: 0]"


async def test_a_server_that_does_not_answer(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: LoopbackLink, *_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(LoopbackLink, "connect_tcp", silent)
    lab |= {
        "tcp.client.connect_timeout": "1500",
        "tcp.client.retries": "2",
        "tcp.client.retry_period": "500",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        begun = turned_loop().time()
        assert await ask(device, "tcpc 127.0.0.1 9") == [
            "[Opening: 127.0.0.1:9]",
            *["Connect timed out"] * 3,
            *FAILED,
        ]
        assert turned_loop().time() - begun == pytest.approx(3 * 1.5 + 2 * 0.5)


async def test_a_name_that_does_not_resolve(air: Airspace, lab: Settings) -> None:
    air.ap("lab").uplink = False
    async with Device.simulated(airspace=air, settings=lab | ONCE) as device:
        await ask(device, "network_up")
        assert await ask(device, "tcpc nowhere.lab 7") == [
            "[Opening: nowhere.lab:7]",
            "nowhere.lab: no such name on this network",
            *FAILED,
        ]


async def test_a_resolver_that_is_silent(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: LoopbackLink, name: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(LoopbackLink, "resolve", silent)
    lab |= ONCE | {"network.dns.timeout": "700"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        assert await ask(device, "tcpc slow.lab 7") == [
            "[Opening: slow.lab:7]",
            "slow.lab does not resolve in time",
            *FAILED,
        ]


async def test_beyond_an_air_without_uplink(air: Airspace, lab: Settings) -> None:
    air.ap("lab").uplink = False
    async with Device.simulated(airspace=air, settings=lab | ONCE) as device:
        assert (await ask(device, "tcpc 192.0.2.1 7"))[-3:] == [
            "192.0.2.1: Network is unreachable",
            *FAILED,
        ]


# Arguments.


async def test_a_local_port(air: Airspace, lab: Settings) -> None:
    port = free_port()
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        assert (await ask(device, f"tcpc -l {port} 127.0.0.1 {peer.port}"))[-1] == "0"
        far = await peer.next()
        assert far.address == (ADDRESS, port)
        (listing,) = await ask(device, "list")
        assert listing.endswith(f"({port})")
        # The same pair of ports cannot be had twice.
        await ask(device, "set tcp.client.retries 0")
        seen = await ask(device, f"tcpc -l {port} 127.0.0.1 {peer.port}")
        assert seen[-2:] == FAILED
        assert await ask(device, "poll all") == ["0,0"]


async def test_a_local_port_by_variable(air: Airspace, lab: Settings) -> None:
    port = free_port()
    lab |= {"tcp.client.local_port": str(port)}
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        assert (await peer.next()).address[1] == port
        await ask(device, f"tcpc -l 0 127.0.0.1 {peer.port}")
        assert (await peer.next()).address[1] != port


async def test_host_and_port_by_variable(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "set tcp.client.remote_host 127.0.0.1")
        await ask(device, f"set tcp.client.remote_port {peer.port}")
        assert (await ask(device, "tcpc"))[-1] == "0"
        await peer.next()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("tcpc", 4),
        ("tcpc 127.0.0.1 0", 7),
        ("tcpc 127.0.0.1 65536", 7),
        ("tcpc 127.0.0.1 x", 7),
        ("tcpc -l 65536 127.0.0.1 9", 7),
        ("tcpc -l -1 127.0.0.1 9", 7),
        ("tcpc -x 127.0.0.1 9", 6),
        ("tcpc 127.0.0.1 9 9", 5),
    ],
)
async def test_arguments_are_looked_at_before_the_radio(
    air: Airspace, lab: Settings, line: str, code: int
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        response = await device.command(line)
        assert response.code == code
        assert not response.log
        assert await get(device, "wlan.join.result") == ["0"]


# Handles.


async def test_eight_streams_and_the_ninth(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        line = f"tcpc 127.0.0.1 {peer.port}"
        assert [(await ask(device, line))[-1] for _ in range(8)] == list("01234567")
        assert await ask(device, line) == ["No streams available", "Command failed"]
        for _ in range(8):
            await peer.next()
        assert len(peer.all) == 8
        assert await ask(device, "poll all") == ["|".join(f"{h},0" for h in range(8))]
        await ask(device, "close 5")
        await ask(device, "close 2")
        assert (await ask(device, line))[-1] == "2"
        assert (await ask(device, line))[-1] == "5"
        closing = [part for h in range(8) for part in (f"Closing: {h}", f"[Closed: {h}]")]
        assert await ask(device, "close all") == [*closing, "Success"]
        for far in peer.all:
            await far.gone()


async def test_nothing_open(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, "close all") == ["Success"]
        assert await ask(device, "poll all") == ["None"]
        assert await ask(device, "list") == ["! # Type  Info"]
        assert await ask(device, "close 0") == ["Command failed"]
        assert await ask(device, "poll 8") == ["Command failed"]


async def test_a_listing_in_a_stream(air: Airspace, lab: Settings) -> None:
    lab |= {"system.cmd.buffered": "on"}
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        port = (await peer.next()).address[1]
        text = f"! # Type  Info\r\n# 0 TCPC  127.0.0.1:{peer.port} ({port})\r\n"
        assert await ask(device, "list") == [f"1,{len(text)}"]
        assert await ask(device, "read 1 1000") == [text]


# The network goes.


async def test_network_down_closes_what_stands_on_it(
    air: Airspace, lab: Settings, events: Events
) -> None:
    async with (
        Peer() as peer,
        Device.simulated(airspace=air, settings=lab, on_event=events) as device,
    ):
        for _ in range(3):
            await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        await ask(device, "file_create -o notes 4")
        assert await ask(device, "network_down") == [
            "[Closed: 0]",
            "[Closed: 1]",
            "[Closed: 2]",
            "[Disassociated]",
            "Success",
        ]
        for far in peer.all:
            await far.gone()
        # A file does not stand on the network.
        assert await ask(device, "poll all") == ["3,0"]


async def test_the_network_goes_while_a_command_reads(air: Airspace, lab: Settings) -> None:
    lab |= {"bus.command.read_timeout": "60000"}
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        reading = asyncio.ensure_future(device.command("read 0 10"))
        await turned_loop().settle()
        begun = turned_loop().time()
        air.ap("lab").power(False)
        assert (await reading).data == b""
        assert turned_loop().time() == begun


async def test_the_network_goes_while_a_command_connects(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails at once, whatever attempts are left."""

    async def silent(self: LoopbackLink, *_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(LoopbackLink, "connect_tcp", silent)
    async with Device.simulated(airspace=air, settings=lab) as device:
        connecting = asyncio.ensure_future(device.command("tcpc 127.0.0.1 9"))
        await turned_loop().settle()
        air.ap("lab").power(False)
        answer = await connecting
        assert answer.text == "Command failed"
        assert answer.log[-4:] == [
            "Link lost: the access point went off",
            "[Disassociated]",
            "wlan went down",
            "[Open failed]",
        ]
        assert await ask(device, "poll all") == ["None"]


async def test_a_connection_that_comes_when_the_network_has_gone(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = LoopbackLink.connect_tcp

    async def late(self: LoopbackLink, *args: object, **options: object) -> object:
        made: object = await connect(self, *args, **options)  # type: ignore[arg-type]
        device.kernel.plugin(Network).interface_down("wlan")
        return made

    monkeypatch.setattr(LoopbackLink, "connect_tcp", late)
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        seen = await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        assert seen[-2:] == FAILED
        assert await ask(device, "poll all") == ["None"]
        far = await peer.next()
        await far.gone()


async def test_the_power_goes_while_a_command_connects(air: Airspace, lab: Settings) -> None:
    port = free_port()
    lab |= {"tcp.client.retry_period": "60000"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        connecting = asyncio.ensure_future(device.command(f"tcpc 127.0.0.1 {port}"))
        await turned_loop().settle()
    assert (await connecting).text == "Command failed"


async def test_a_reboot_closes_streams(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        far = await peer.next()
        await ask(device, "reboot")
        await far.gone()
        assert await ask(device, "poll all") == ["None"]
