"""The clock from the network: when a device asks, whom, and what it does with the answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.peers import ask, get, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.network import Interface
from tokay.protocols.ntp import SERVER, Packet, to_ntp
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
TRUE = 1790000000


class TimeServer(asyncio.DatagramProtocol):
    """Answers as ``change`` says; None is silence."""

    def __init__(self) -> None:
        self.questions: list[bytes] = []
        self.start = asyncio.get_running_loop().time()
        self.change: Callable[[Packet], list[bytes]] = lambda packet: [packet.encode()]
        self._asked = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.questions.append(data)
        time = TRUE + asyncio.get_running_loop().time() - self.start
        honest = Packet(
            mode=SERVER, stratum=1, origin=Packet.decode(data).transmitted,
            received=to_ntp(time), transmitted=to_ntp(time),
        )  # fmt: skip
        for answer in self.change(honest):
            self.transport.sendto(answer, addr)
        self._asked.set()

    async def asked(self, times: int) -> None:
        """Wait until so many questions have come, and their answers are there."""
        while len(self.questions) < times:
            self._asked.clear()
            await soon(_of(self._asked))
        await turned_loop().settle()


async def _of(event: asyncio.Event) -> None:
    await event.wait()


@asynccontextmanager
async def time_server(air: Airspace) -> AsyncIterator[TimeServer]:
    """Put a time server on the network, called time.lab; its port is moved, for tests own none."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        TimeServer, ("127.0.0.1", 0)
    )
    air.ap("lab").hosts["time.lab"] = "127.0.0.1"
    air.subnet(air.ap("lab")).udp_redirects["127.0.0.1", 123] = server.port
    try:
        yield server
    finally:
        transport.close()


@pytest.fixture
def lab(lab: Settings) -> Settings:
    return lab | {"ntp.server": "time.lab", "wlan.auto_join.enabled": "1"}


def lines(device: Device) -> list[str]:
    return [entry.text for entry in device.log if entry.text.startswith("NTP")]


async def test_the_clock_is_set_when_the_network_comes(air: Airspace, lab: Settings) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        assert await get(device, "time.last_set") == ["-1"]
        await server.asked(1)
        assert await get(device, "time.rtc", "time.last_set") == [str(TRUE), "0"]
        (line,) = lines(device)
        assert line.startswith("NTP: stratum 1, offset +2436")
        await turned_loop().turn(3599)
        assert await get(device, "time.rtc", "time.last_set") == [str(TRUE + 3599), "3599"]
        assert len(server.questions) == 1
        await turned_loop().turn(2)
        await server.asked(2)
        assert lines(device)[1].endswith("drift +0.0 ppm")
        assert await get(device, "time.last_set") != ["3601"]


async def test_the_clock_goes_on_being_right_after_a_reboot(air: Airspace, lab: Settings) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "save")
        await server.asked(1)
        await ask(device, "reboot")
        await server.asked(2)
        assert await get(device, "time.rtc") == [str(TRUE)]


async def test_a_host_that_set_the_clock_wrongly(air: Airspace, lab: Settings) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        await server.asked(1)
        await ask(device, "set time.rtc 1000")
        await turned_loop().turn(3601)
        await server.asked(2)
        assert await get(device, "time.rtc") == [str(TRUE + 3601)]


async def test_off_and_on(air: Airspace, lab: Settings) -> None:
    lab |= {"ntp.enabled": "0"}
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        await turned_loop().turn(4000)
        assert server.questions == []
        await ask(device, "set ntp.enabled 1")
        await server.asked(1)
        await ask(device, 'set ntp.server ""')
        await turned_loop().turn(4000)
        assert len(server.questions) == 1
        await ask(device, "set ntp.server 127.0.0.1")
        await server.asked(2)
        await ask(device, "set ntp.interval 60")
        await server.asked(3)
        await turned_loop().turn(61)
        await server.asked(4)
        await ask(device, "network_down")
        await turned_loop().turn(4000)
        assert len(server.questions) == 4
        await ask(device, "network_up")
        await server.asked(5)


async def test_another_interface(air: Airspace, lab: Settings) -> None:
    lab |= {"ntp.interface": "softap"}
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        await turned_loop().turn(100)
        assert server.questions == []
        assert await ask(device, "set ntp.interface eth") == ["Set OK"]
        assert await get(device, "ntp.interface") == ["ethernet"]


async def test_a_server_that_is_silent_is_asked_ever_more_rarely(
    air: Airspace, lab: Settings
) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        server.change = lambda packet: []
        await turned_loop().turn(86_400)
        # 15, 30, 60 ... seconds, then every hour, five of silence each.
        assert 30 <= len(server.questions) <= 33
        assert lines(device) == []
        assert await get(device, "time.last_set") == ["-1"]


async def test_nobody_is_there(air: Airspace, lab: Settings) -> None:
    """The port is closed: the refusal is heard at once, and the next attempt is timed."""
    lab |= {"ntp.server": "127.0.0.1"}
    async with time_server(air) as server:
        pass
    async with Device.simulated(airspace=air, settings=lab) as device:
        await turned_loop().turn(100)
        assert lines(device) == []
    assert server.questions == []


async def test_the_volunteers_are_left_alone(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The factory setting names them; a simulated network does not look them up."""
    monkeypatch.setattr("tokay.board.air.loopback_link.system_resolve", None)
    del lab["ntp.server"]
    async with Device.simulated(airspace=air, settings=lab) as device:
        await turned_loop().turn(10_000)
        assert await get(device, "ntp.server", "time.last_set") == ["pool.ntp.org", "-1"]
        assert await ask(device, "network_lookup 2.pool.ntp.org") == ["Command failed"]


REFUSED = [
    ({"mode": 5}, "wrong mode 5"),
    ({"stratum": 0}, "zero stratum, kiss code none"),
    ({"origin": 7}, "wrong origin: not the answer to this question"),
    ({"transmitted": to_ntp(99), "received": to_ntp(99)}, "a time before this device was made"),
    ({"leap": 3}, "the server is not synchronized"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
async def test_an_answer_is_refused_by_name(
    air: Airspace, lab: Settings, changes: dict[str, Any], reason: str
) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        server.change = lambda packet: [replace(packet, **changes).encode()]
        await server.asked(1)
        assert lines(device) == [f"NTP answer refused: {reason}"]
        assert await get(device, "time.last_set") == ["-1"]
        server.change = lambda packet: [packet.encode()]
        await server.asked(2)
        assert await get(device, "time.last_set") == ["0"]


async def test_a_flood_brings_few_lines_and_the_right_answer_still_counts(
    air: Airspace, lab: Settings
) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        server.change = lambda packet: [*[b"x" * 2000] * 30, b"", packet.encode()]
        await server.asked(1)
        assert len(lines(device)) == 4 + 1
        assert await get(device, "time.last_set") == ["0"]


async def test_kisses(air: Airspace, lab: Settings) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:

        def kiss(code: bytes) -> None:
            number = int.from_bytes(code)
            server.change = lambda packet: [replace(packet, stratum=0, reference=number).encode()]

        kiss(b"RATE")
        await server.asked(1)
        await turned_loop().turn(7000)
        assert len(server.questions) == 1
        kiss(b"DENY")
        await server.asked(2)
        await turned_loop().turn(10 * 86_400)
        assert len(server.questions) == 2
        assert lines(device) == [
            "NTP: the server asks for fewer questions (RATE)",
            "NTP: the server asks for none (DENY)",
        ]
        await ask(device, "network_restart")
        await server.asked(3)


async def test_between_questions_nothing_is_open(air: Airspace, lab: Settings) -> None:
    opened: list[asyncio.DatagramTransport] = []
    real = Interface.open_udp

    async def open_udp(self: Interface, *args: Any, **options: Any) -> Any:
        transport, protocol = await real(self, *args, **options)
        opened.append(transport)
        return transport, protocol

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interface, "open_udp", open_udp)
        async with time_server(air) as server, Device.simulated(airspace=air, settings=lab):
            await server.asked(1)
            assert [transport.is_closing() for transport in opened] == [True]


@pytest.mark.parametrize("restart", ["network_restart", "set ntp.interval 4000"])
async def test_what_a_boot_has_learnt_outlives_the_interface(
    air: Airspace, lab: Settings, restart: str
) -> None:
    async with time_server(air) as server, Device.simulated(airspace=air, settings=lab) as device:
        await server.asked(1)
        server.start -= 10 * 366 * 86400  # from now on it is ten years ahead
        await ask(device, restart)
        await server.asked(2)
        assert "a jump of years" in lines(device)[-1]
        assert (await get(device, "time.rtc"))[0].startswith(str(TRUE)[:7])
