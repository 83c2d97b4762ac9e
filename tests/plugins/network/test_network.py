"""Interfaces: which word means which, who listens on them, and how a lease is kept and lost."""

import asyncio
import errno
import socket
from typing import Any, ClassVar

import pytest
from tests.peers import ADDRESS, NET, Events, ask, get, soon

from tokay.board.air.airspace import Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.link import TcpListener
from tokay.device import Device
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result
from tokay.plugins.network import Interface, Network
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


class Hello(asyncio.Protocol):
    """Says hello and goes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


class Hellos(Plugin):
    """Listens on port 80 and on any port, whenever there is a network."""

    name = "hellos"
    after = ("network",)
    told: ClassVar[list[str]] = []
    listeners: ClassVar[list[TcpListener]] = []

    async def network_up(self, interface: Interface) -> None:
        self.told.append(f"up {interface.name}")
        self.listeners[:] = [
            await interface.listen_tcp(Hello, 80),
            await interface.listen_tcp(Hello, 0),
        ]

    def network_down(self, interface: Interface) -> None:
        self.told.append(f"down {interface.name}")


@pytest.fixture
def hellos() -> type[Hellos]:
    del Hellos.told[:], Hellos.listeners[:]
    return Hellos


@pytest.fixture
def unprivileged(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unprivileged(socket.socket):
        def bind(self, address: Any) -> None:
            if 0 < address[1] < 1024:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(address)

    monkeypatch.setattr("tokay.board.air.loopback_link.socket.socket", Unprivileged)


async def hear(address: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


# Words.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("network_up", 0),
        ("network_up -i wlan", 0),
        ("network_up -i default", 0),
        ("network_up wlan", 0),
        ("network_up -i softap", 0),
        ("network_up -i ethernet", 1),
        ("network_up -i wan", 7),
        ("network_up wan", 7),
        ("network_up -i", 4),
        ("network_down -i wan", 7),
        ("network_down -i ethernet", 1),
        ("network_restart -i wan", 7),
        ("tcp_client -i wan 127.0.0.1 1", 7),
        ("http_get -i ethernet 127.0.0.1", 1),
    ],
)
async def test_which_interface(air: Airspace, lab: Settings, line: str, code: int) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await soon(device.command(line))).code == code


async def test_what_a_word_stands_for(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        network = device.kernel.plugin(Network)
        assert network.resolve("") == network.resolve("default") == "wlan"
        assert network.resolve("ethernet") == "ethernet"
        await ask(device, "set network.default_interface softap")
        assert network.resolve("") == network.resolve("default") == "softap"
        assert network.resolve("wlan") == "wlan"
        with pytest.raises(CommandError) as refused:
            network.resolve("WLAN")
        assert refused.value.result is Result.BAD_ARGS
        # The factory's interface is no longer the one that commands bring up.
        assert (await ask(device, "network_up"))[0].startswith("Starting SoftAP: ")
        assert (await ask(device, "network_up -i wlan"))[-1] == "Success"


# Servers.


async def test_ports_of_plugins_are_told(
    air: Airspace, lab: Settings, events: Events, hellos: type[Hellos], unprivileged: None
) -> None:
    async with Device.simulated(
        airspace=air, settings=lab, on_event=events, plugins=[hellos]
    ) as device:
        seen = await ask(device, "network_up")
        assert seen[-4:] == [
            f"IPv4 address: {ADDRESS}",
            "Port 80 needs privileges: listening on 8080",
            "[Associated]",
            "Success",
        ]
        free = hellos.listeners[1].port
        (told,) = events["network_up"]
        assert told["ports"] == {"80": 8080, str(free): free}
        assert await hear(device.address, 8080) == await hear(device.address, free) == b"hello"
        await ask(device, "network_down")
        assert hellos.told == ["up wlan", "down wlan"]
        with pytest.raises(ConnectionRefusedError):
            await hear(ADDRESS, free)


async def test_a_port_that_may_be_had_is_worth_no_line(
    air: Airspace, lab: Settings, events: Events
) -> None:
    class High(Plugin):
        name = "high"

        async def network_up(self, interface: Interface) -> None:
            await interface.listen_tcp(Hello, 8081)

    async with Device.simulated(
        airspace=air, settings=lab, on_event=events, plugins=[High]
    ) as device:
        assert (await ask(device, "network_up"))[-3:] == [
            f"IPv4 address: {ADDRESS}",
            "[Associated]",
            "Success",
        ]
        assert events["network_up"][0]["ports"] == {"8081": 8081}


@pytest.mark.parametrize("when", ["network_up", "network_down"])
async def test_a_plugin_that_fails_takes_no_other_along(
    air: Airspace,
    lab: Settings,
    hellos: type[Hellos],
    when: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Clumsy(Plugin):
        name = "clumsy"
        after = ("network",)

        def network_up(self, interface: Interface) -> None:
            if when == "network_up":
                raise ValueError(when)

        def network_down(self, interface: Interface) -> None:
            if when == "network_down":
                raise ValueError(when)

    class Last(Hellos):
        name = "last"
        after = ("clumsy",)

        async def network_up(self, interface: Interface) -> None:
            self.told.append(f"also {interface.name}")

    async with Device.simulated(
        airspace=air, settings=lab, plugins=[hellos, Clumsy, Last]
    ) as device:
        assert (await ask(device, "network_up"))[-1] == "Success"
        assert (await ask(device, "network_restart"))[-1] == "Success"
        assert (await ask(device, "network_down"))[-1] == "Success"
        assert await get(device, "wlan.network.status") == ["0"]
    for told in ("up wlan", "also wlan"):
        assert hellos.told.count(told) == 2
    assert hellos.told.count("down wlan") == 4
    assert {record.getMessage() for record in caplog.records} == {
        f"plugin clumsy fails when the network {'comes' if when == 'network_up' else 'goes'}"
    }
    caplog.clear()


async def test_a_network_lost_while_a_plugin_gets_ready(
    air: Airspace, lab: Settings, events: Events
) -> None:
    class Slow(Plugin):
        name = "slow"
        after = ("network",)

        async def network_up(self, interface: Interface) -> None:
            air.ap("lab").power(False)
            await asyncio.sleep(1)

    async with Device.simulated(
        airspace=air, settings=lab, on_event=events, plugins=[Slow]
    ) as device:
        assert (await ask(device, "network_up"))[-3:] == [
            "Link lost: the access point went off",
            "[Disassociated]",
            "Command failed",
        ]
        assert events["network_up"] == []
        assert await get(device, "wlan.network.status") == ["0"]


# Names.


@pytest.mark.parametrize(
    ("name", "address"),
    [("printer.lab", "127.0.0.9"), ("PRINTER.lab.", "127.0.0.9"), ("127.4.5.6", "127.4.5.6")],
)
async def test_a_name_resolves(air: Airspace, lab: Settings, name: str, address: str) -> None:
    air.ap("lab").hosts["printer.lab"] = "127.0.0.9"
    async with Device.simulated(airspace=air, settings=lab) as device:
        interface = await soon(device.kernel.plugin(Network).need())
        assert await interface.resolve(name) == address


async def test_a_name_that_nobody_knows(air: Airspace, lab: Settings) -> None:
    air.ap("lab").uplink = False
    async with Device.simulated(airspace=air, settings=lab) as device:
        interface = await soon(device.kernel.plugin(Network).need())
        for name in ("nowhere.lab", "999.1.1.1", "-", "a" * 300):
            with pytest.raises(socket.gaierror, match="no such name"):
                await interface.resolve(name)


async def test_a_resolver_that_is_silent(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: LoopbackLink, name: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(LoopbackLink, "resolve", silent)
    lab |= {"network.dns.timeout": "700"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        interface = await soon(device.kernel.plugin(Network).need())
        begun = turned_loop().time()
        with pytest.raises(socket.gaierror, match=r"slow\.lab does not resolve in time"):
            await soon(interface.resolve("slow.lab"))
        assert turned_loop().time() - begun == pytest.approx(0.7)


# A lease over its life, of a day.

DAY = 86_400


async def test_a_lease_is_renewed(air: Airspace, lab: Settings, events: Events) -> None:
    lan = air.subnet(air.ap("lab"))
    asked: list[str] = []
    exchange = lan.handle_dhcp

    def note(datagram: bytes, destination: str, now: float) -> list[bytes]:
        asked.append(destination)
        return exchange(datagram, destination, now)

    lan.handle_dhcp = note  # type: ignore[method-assign]
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "network_up")
        assert asked == ["255.255.255.255"] * 2
        seen = len(device.log)
        await turned_loop().turn(3 * DAY)
        # Each renewal goes to the server alone, at half of the lease.
        assert asked[2:] == [f"{NET}.1"] * 6
        assert device.log[seen:] == []
        assert device.address == ADDRESS
        assert events["network_down"] == []


async def test_a_lease_that_is_not_renewed_is_lost(
    air: Airspace, lab: Settings, events: Events
) -> None:
    lan = air.subnet(air.ap("lab"))
    exchange = lan.handle_dhcp
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "network_up")
        lan.handle_dhcp = lambda *_: []  # type: ignore[method-assign]
        await turned_loop().turn(DAY - 1)
        assert device.address == ADDRESS
        seen = len(device.log)
        await turned_loop().turn(2)
        assert [entry.text for entry in device.log[seen:]] == ["DHCP lease lost", "[Disassociated]"]
        assert events["network_down"] == [{"interface": "wlan"}]
        assert await get(device, "wlan.network.status", "wlan.network.ip") == ["0", "0.0.0.0"]
        assert air.ap("lab").stations == {}
        lan.handle_dhcp = exchange  # type: ignore[method-assign]
        assert (await ask(device, "network_up"))[-1] == "Success"


async def test_a_server_that_answers_again_in_time_keeps_the_interface_up(
    air: Airspace, lab: Settings, events: Events
) -> None:
    lan = air.subnet(air.ap("lab"))
    exchange = lan.handle_dhcp
    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "network_up")
        lan.handle_dhcp = lambda *_: []  # type: ignore[method-assign]
        await turned_loop().turn(0.9 * DAY)  # past T2: any server is asked by now
        lan.handle_dhcp = exchange  # type: ignore[method-assign]
        await turned_loop().turn(2 * DAY)
        assert events["network_down"] == []
        assert device.address == ADDRESS


async def test_a_server_that_takes_the_address_back(
    air: Airspace, lab: Settings, events: Events
) -> None:
    """A NAK ends the lease at once (RFC 2131 section 4.4.5)."""
    lan = air.subnet(air.ap("lab"))
    exchange = lan.handle_dhcp

    def refuse(datagram: bytes, destination: str, now: float) -> list[bytes]:
        # The message type is the first option of an answer: an ACK (5) becomes a NAK (6).
        return [
            answer.replace(b"\x63\x82\x53\x63\x35\x01\x05", b"\x63\x82\x53\x63\x35\x01\x06")
            for answer in exchange(datagram, destination, now)
        ]

    async with Device.simulated(airspace=air, settings=lab, on_event=events) as device:
        await ask(device, "network_up")
        lan.handle_dhcp = refuse  # type: ignore[method-assign]
        seen = len(device.log)
        await turned_loop().turn(DAY / 2 + 1)
        assert [entry.text for entry in device.log[seen:]] == ["DHCP lease lost", "[Disassociated]"]
        assert len(events["network_down"]) == 1


async def test_a_lease_is_given_back(air: Airspace, lab: Settings) -> None:
    lab2 = lab | {"wlan.ssid": "lab"}
    async with (
        Device.simulated(name="one", airspace=air, settings=lab) as one,
        Device.simulated(name="two", airspace=air, settings=lab2) as two,
    ):
        await ask(one, "network_up")
        await ask(two, "network_up")
        assert (one.address, two.address) == (ADDRESS, f"{NET}.3")
        await ask(one, "network_down")
        await ask(one, "network_up")
        assert one.address == ADDRESS


async def test_a_host_name_reaches_the_server(air: Airspace, lab: Settings) -> None:
    lan = air.subnet(air.ap("lab"))
    sent: list[bytes] = []
    exchange = lan.handle_dhcp

    def note(datagram: bytes, destination: str, now: float) -> list[bytes]:
        sent.append(datagram)
        return exchange(datagram, destination, now)

    lan.handle_dhcp = note  # type: ignore[method-assign]
    lab |= {"wlan.dhcp.hostname": "teapot"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
    assert all(b"\x0c\x06teapot" in datagram for datagram in sent[:2])
    assert b"\x35\x01\x07" in sent[-1]  # a RELEASE when the power goes


async def test_an_idle_kernel_has_no_interface(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        kernel: Kernel = device.kernel
        assert kernel.plugin(Network).find() is None
        assert kernel.plugin(Network).address() == ""
