"""Devices in an airspace that are found by name, and find others."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from ipaddress import IPv4Address

import pytest
from tests.peers import ADDRESS, NET, Events, Peer, ask, get

from tokay.board.air.airspace import Airspace
from tokay.board.air.multicast_medium import SimulatedGroup
from tokay.device import Device
from tokay.plugins.discovery import link_responder
from tokay.plugins.network import Network
from tokay.protocols import llmnr, mdns, netbios
from tokay.protocols.dns import QR, DnsMessage, Question, RecordType, ResourceRecord, name_from_text
from tokay.testing.clock import turned_loop

Named = Callable[..., dict[str, str]]
MDNS = (mdns.GROUP, mdns.PORT)


@pytest.fixture(autouse=True)
def nothing_left() -> object:
    yield
    assert not link_responder._wires


class Neighbour:
    """Somebody else on the network: says what a test wants, and hears all."""

    def __init__(self, air: Airspace, address: str = f"{NET}.99") -> None:
        self._ether = air.subnet(air.ap("lab")).multicast
        self.address = address
        self.heard: list[tuple[bytes, str, bool]] = []
        self._groups: dict[int, SimulatedGroup] = {}
        for group, port in (MDNS, (llmnr.GROUP, llmnr.PORT), ("", netbios.PORT)):
            self._groups[port] = self._ether.join(address, group, port, self._hear)

    def _hear(self, data: bytes, source: tuple[str, int], group: bool) -> None:
        if source[0] != self.address:
            self.heard.append((data, source[0], group))

    async def say(self, data: bytes, to: tuple[str, int] = MDNS) -> list[tuple[bytes, str, bool]]:
        """Send, and return what is heard within half a second."""
        self.heard.clear()
        self._groups[to[1]].send(data, to)
        await turned_loop().turn(0.5)
        return self.heard

    def close(self) -> None:
        for group in self._groups.values():
            group.close()


async def up(device: Device) -> list[str]:
    lines = await ask(device, "network_up")
    await turned_loop().turn(3)
    return lines


async def test_it_is_told_which_name(air: Airspace, named: Named) -> None:
    async with Device.simulated(airspace=air, settings=named("anole-#")) as device:
        digits = device.mac.replace(":", "")[-3:]
        lines = await ask(device, "network_up")
        at = lines.index("Starting mDNS")
        assert lines[at - 1] == f"IPv4 address: {ADDRESS}"
        assert lines[at + 1] == f"mDNS domain: anole-{digits}.local"


@pytest.mark.parametrize(
    ("text", "name"), [("x.local", "x"), ("X.LOCAL.", "X"), ("a.local.b", "a.local.b")]
)
async def test_local_in_a_name_is_that_which_is_appended(
    air: Airspace, named: Named, text: str, name: str
) -> None:
    async with Device.simulated(airspace=air, settings=named(text)) as device:
        assert f"mDNS domain: {name}.local" in await ask(device, "network_up")
        assert await get(device, "mdns.name") == [text]


async def test_devices_find_one_another(air: Airspace, named: Named) -> None:
    async with (
        Device.simulated(airspace=air, settings=named("anole"), name="a") as first,
        Device.simulated(airspace=air, settings=named("gecko"), name="b") as second,
    ):
        await up(first)
        await up(second)
        assert await ask(first, "network_lookup gecko.local") == [second.address]
        assert await ask(second, "nlo ANOLE.Local.") == [first.address]
        assert await ask(second, "nlo gecko.local") == [second.address]
        listing = (await ask(first, "mdns_discover"))[-1]
        rows = listing.split("\r\n")
        assert rows[0].startswith("!")
        assert len(rows) == 2
        assert rows[1].startswith(f"# 0 gecko {second.address}:80 mac={second.mac},uuid=")
        assert (await ask(first, "mdns _nothing._udp"))[-1] == rows[0]
        assert (await ask(first, "mdns http"))[-1] == listing
        assert await ask(first, "mdns a..b") == ["Invalid argument"]


async def test_a_client_command_takes_a_local_name(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air, "127.0.0.1")
    try:
        async with (
            Peer() as peer,
            Device.simulated(airspace=air, settings=named("anole")) as device,
        ):
            await up(device)
            record = ResourceRecord(
                name_from_text("printer.local"), RecordType.A, 120, bytes((127, 0, 0, 1))
            )
            told = DnsMessage(0, QR, answers=(record,)).encode()
            asked = asyncio.ensure_future(device.command(f"tcp_client printer.local {peer.port}"))
            await turned_loop().settle()
            await neighbour.say(told)
            assert (await asked).text == "0"
            await peer.next()
    finally:
        neighbour.close()


async def test_dns_is_asked_after_the_neighbours(air: Airspace, named: Named) -> None:
    air.ap("lab").hosts["printer.local"] = "127.0.0.7"
    loop = turned_loop()
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        await up(device)
        before = loop.time()
        assert await ask(device, "nlo printer.local") == ["127.0.0.7"]
        assert loop.time() - before == pytest.approx(2)
        before = loop.time()
        assert await ask(device, "nlo nobody.local") == ["Command failed"]
        assert loop.time() - before < 6
        await ask(device, "set mdns.enabled 0")
        await ask(device, "network_restart")
        before = loop.time()
        assert await ask(device, "nlo printer.local") == ["127.0.0.7"]
        assert loop.time() == before


async def test_a_name_that_somebody_has(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air)
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        await ask(device, "network_up")
        theirs = ResourceRecord(
            name_from_text("anole.local"), RecordType.A, 120, bytes((127, 0, 0, 99)), 0x8001
        )
        await turned_loop().turn(0.4)
        await neighbour.say(DnsMessage(0, QR, answers=(theirs,)).encode())
        await turned_loop().turn(3)
        assert [one.text for one in device.log][-1] == "mDNS domain: anole-2.local"
        question = DnsMessage(5, 0, (Question(name_from_text("anole-2.local")),)).encode()
        ((data, source, group),) = await neighbour.say(question)
        assert source == device.address
        assert group
        assert DnsMessage.decode(data).answers[0].address == IPv4Address(device.address)
    neighbour.close()


async def test_goodbye_comes_with_network_down(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air)
    for command in ("network_down", "reboot", "off"):
        async with Device.simulated(airspace=air, settings=named("anole")) as device:
            await up(device)
            neighbour.heard.clear()
            if command != "off":
                await ask(device, command)
                await turned_loop().settle()
                (goodbye,) = [DnsMessage.decode(data) for data, _, _ in neighbour.heard]
                assert {record.ttl for record in goodbye.answers} == {0}
            neighbour.heard.clear()
    neighbour.close()


async def test_services(air: Airspace, named: Named) -> None:
    service = "telnet;http,,8080,path=/x,a=b;Boiler room,_ipp._tcp.local,631"
    settings = named("anole", mdns_service=service)
    async with (
        Device.simulated(airspace=air, settings=settings, name="a") as device,
        Device.simulated(airspace=air, settings=named("gecko"), name="b") as other,
    ):
        await up(device)
        await up(other)

        async def found(type: str) -> list[str]:
            rows = (await ask(other, f"mdns_discover {type}"))[-1].split("\r\n")[1:]
            return [row.partition(" mac=")[0] for row in rows]

        where = device.address
        assert await found("_telnet._tcp") == [f"# 0 anole {where}:2000"]
        assert await found("_http._tcp.local") == [f"# 0 anole {where}:8080 path=/x,a=b"]
        assert await found("_ipp._tcp") == [f"# 0 Boiler room {where}:631"]


@pytest.mark.parametrize(
    "words",
    ["ftp", '"x,_http"', '"x,_http._tcp,0"', '"http,,99999"', '"x,_http._tcp"',
     '"http;http;http;http;http"', '",_http._tcp,80"'],
)  # fmt: skip
async def test_services_that_are_none(air: Airspace, named: Named, words: str) -> None:
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        assert await ask(device, f"set mdns.service {words}") == ["Invalid argument"]
        for good in ("http", "none", '""', "tcp;udp;https", '"x,_a._udp,1,t"'):
            assert await ask(device, f"set md s {good}") == ["Set OK"]
        assert await get(device, "mdns.service") == ["x,_a._udp,1,t"]
        assert await ask(device, "set mdns.name a,b") == ["Invalid argument"]


async def test_llmnr_and_netbios(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air)
    async with Device.simulated(airspace=air, settings=named("Anole")) as device:
        await up(device)
        query = DnsMessage(9, 0, (Question(name_from_text("anole")),)).encode()
        ((data, source, group),) = await neighbour.say(query, (llmnr.GROUP, llmnr.PORT))
        assert (source, group) == (device.address, False)
        assert DnsMessage.decode(data).answers[0].address == IPv4Address(device.address)
        dotted = DnsMessage(9, 0, (Question(name_from_text("anole.LOCAL")),)).encode()
        ((data, _, _),) = await neighbour.say(dotted, (llmnr.GROUP, llmnr.PORT))
        assert DnsMessage.decode(data).answers[0].address == IPv4Address(device.address)
        assert not await neighbour.say(query, (device.address, llmnr.PORT))
        name = netbios.encode_name("anole")
        request = struct.pack("!6H", 9, 0x0110, 1, 0, 0, 0) + name + struct.pack("!2H", 0x20, 1)
        ((data, source, _),) = await neighbour.say(request, ("255.255.255.255", netbios.PORT))
        assert source == device.address
        assert data.endswith(IPv4Address(device.address).packed)


async def test_netbios_is_for_short_names(air: Airspace, named: Named) -> None:
    """Fifteen characters, `.local` included."""
    neighbour = Neighbour(air)
    for text, asked, answers in (
        ("nine-char", "nine-char", 1),
        ("nine-char", "NINE-CHAR.LOCAL", 1),
        ("nine-char", "nine-char.lan", 0),
        ("tenletters", "tenletters", 0),
    ):
        async with Device.simulated(airspace=air, settings=named(text)) as device:
            await up(device)
            request = (
                struct.pack("!6H", 9, 0x0110, 1, 0, 0, 0)
                + netbios.encode_name(asked)
                + struct.pack("!2H", 0x20, 1)
            )
            to = ("255.255.255.255", netbios.PORT)
            assert len(await neighbour.say(request, to)) == answers
    neighbour.close()


async def test_strangers_from_beyond_the_link_are_not_heard(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air, "10.1.2.3")
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        await up(device)
        question = DnsMessage(5, 0, (Question(name_from_text("anole.local")),)).encode()
        assert not await neighbour.say(question)
        query = DnsMessage(9, 0, (Question(name_from_text("anole")),)).encode()
        assert not await neighbour.say(query, (llmnr.GROUP, llmnr.PORT))
    neighbour.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 11,
        bytes(9000),
        b"\xff" * 9000,
        struct.pack("!6H", 0, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
        struct.pack("!6H", 0, 0, 1, 0, 0, 0) + b"\xc0\x0e\xc0\x0c\0\1\0\1",
        struct.pack("!6H", 0, 0x8000, 0, 65535, 65535, 65535),
        struct.pack("!6H", 0, 0, 400, 0, 0, 0) + b"\5anole\5local\0\0\xff\0\1" * 400,
    ],
    ids=["nothing", "short", "zeros", "ones", "a loop", "two loops", "counts", "400 questions"],
)
async def test_bad_packets(air: Airspace, named: Named, data: bytes) -> None:
    neighbour = Neighbour(air)
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        await up(device)
        for to in (MDNS, (llmnr.GROUP, llmnr.PORT), ("255.255.255.255", netbios.PORT)):
            heard = await neighbour.say(data, to)
            assert len(heard) <= 1
        await turned_loop().turn(2)
        question = DnsMessage(5, 0, (Question(name_from_text("anole.local")),)).encode()
        assert len(await neighbour.say(question)) == 1
    neighbour.close()


async def test_a_flood_of_queries_gets_no_flood_back(air: Airspace, named: Named) -> None:
    neighbour = Neighbour(air)
    async with Device.simulated(airspace=air, settings=named("anole")) as device:
        await up(device)
        query = DnsMessage(9, 0, (Question(name_from_text("anole")),)).encode()
        for _ in range(1000):
            neighbour._groups[llmnr.PORT].send(query, (llmnr.GROUP, llmnr.PORT))
        assert (
            len(await neighbour.say(query, (llmnr.GROUP, llmnr.PORT))) == link_responder.MAX_REPLIES
        )
        await turned_loop().turn(1)
        assert len(await neighbour.say(query, (llmnr.GROUP, llmnr.PORT))) == 1
    neighbour.close()


@pytest.mark.parametrize("profile", ["gecko-os-2", "zentrios-3", "wiconnect-2"])
async def test_older_products_are_not_found(
    air: Airspace, lab: dict[str, str], profile: str
) -> None:
    async with Device.simulated(profile=profile, airspace=air, settings=lab) as device:
        lines = await ask(device, "network_up")
        assert "Starting mDNS" not in lines
        if profile != "gecko-os-2":
            assert (await ask(device, "mdns_discover"))[-1].startswith("!")


async def test_names_are_seen_for_thirty_days(air: Airspace, named: Named) -> None:
    loop = turned_loop()
    async with (
        Device.simulated(airspace=air, settings=named("anole"), name="a") as first,
        Device.simulated(airspace=air, settings=named("gecko"), name="b") as second,
    ):
        await up(first)
        await up(second)
        for _ in range(3):
            await loop.turn(10 * 86_400)
            assert await ask(first, "nlo gecko.local") == [second.address]
            assert " gecko " in (await ask(first, "mdns_discover"))[-1]


async def test_a_thousand_devices_answer(air: Airspace, named: Named) -> None:
    """All with the same setting, as a fleet has it."""
    neighbour = Neighbour(air, "127.0.0.1")
    air.ap("lab")  # the subnet has room for 125; names are what counts here
    members = []
    try:
        ap = air.ap("lab")
        lan = air.subnet(ap)
        from tokay.board.air.loopback_link import LoopbackLink

        for number in range(1000):
            link = LoopbackLink(f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}", ap, lan,
                                lambda _link, _reason: None)  # fmt: skip
            address = f"127.250.{number >> 8}.{number & 255}"
            link._address = IPv4Address(address)
            member = link_responder.join(link, address)
            member.publish("fleet", (mdns.MdnsService("_http._tcp", 80),))
            members.append(member)
        await turned_loop().turn(3)
        browse = mdns.MdnsBrowse("_http._tcp", 0)
        await neighbour.say(browse.question())
        for data, _, _ in neighbour.heard:
            browse.receive(DnsMessage.decode(data))
        found = browse.instances()
        assert len(found) == 1000
        assert len({one.instance for one in found}) == 1000
        assert len({one.address for one in found}) == 1000
        for number in (1, 500, 1000):
            text = "fleet" if number == 1 else f"fleet-{number}"
            question = DnsMessage(5, 0, (Question(name_from_text(f"{text}.local")),)).encode()
            assert len(await neighbour.say(question)) == 1
    finally:
        for member in members:
            member.close()
        neighbour.close()


async def test_programs_of_this_machine_see_it(air: Airspace, named: Named) -> None:
    """A plain question over loopback, as `dig -p 5353 @224.0.0.251` asks it."""
    air.multicast_outside = True
    name = f"outside-{NET.replace('.', '-')}"
    async with AsyncExitStack() as stack:
        device = await stack.enter_async_context(
            Device.simulated(airspace=air, settings=named(name))
        )
        await up(device)
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        here = socket.inet_aton("127.0.0.1")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        question = DnsMessage(5, 0, (Question(name_from_text(f"{name}.local")),)).encode()
        for to in (mdns.GROUP, device.address):
            sock.sendto(question, (to, mdns.PORT))
            data, source = await asyncio.wait_for(
                asyncio.get_running_loop().sock_recvfrom(sock, 9000), None
            )
            assert source == (device.address, mdns.PORT)
            assert DnsMessage.decode(data).answers[0].address == IPv4Address(device.address)
        assert device.kernel.plugin(Network).find("wlan") is not None


async def test_the_soft_ap_has_its_own_wire(air: Airspace, named: Named, events: Events) -> None:
    settings = named("anole", mdns_interface="softap")
    async with Device.simulated(airspace=air, settings=settings, on_event=events) as device:
        assert "Starting mDNS" not in await ask(device, "network_up")
        lines = await ask(device, "network_up -i softap")
        assert "mDNS domain: anole.local" in lines
        await turned_loop().turn(2)
        own = device.kernel.plugin(Network).address("softap")
        assert await ask(device, "network_lookup -i softap anole.local") == [own]
        await ask(device, "network_down -i softap")
        assert await ask(device, "network_lookup anole.local") == ["Command failed"]


async def test_many_devices_that_join_together_are_all_found(
    air: Airspace, named: Named, loops: None
) -> None:
    """Nothing may be logged: on uvloop a timer for about now has no ``when``."""
    count = 100
    async with AsyncExitStack() as stack:
        devices = [
            await stack.enter_async_context(
                Device.simulated(name=f"d{index}", airspace=air, settings=named(f"crowd-{index}"))
            )
            for index in range(count)
        ]
        logs = await asyncio.gather(*(ask(device, "network_up") for device in devices))
        expected = [f"mDNS domain: crowd-{index}.local" for index in range(count)]
        assert [line for log in logs for line in log if "domain" in line] == expected
