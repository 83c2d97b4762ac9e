"""tcp_server: its clients, its bounds, its pins, and how it comes back with the network."""

import asyncio
import socket

import pytest
from tests.peers import ADDRESS, Far, ask, call, free_port, read, stream

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import TurnedLoop, turned_loop

Settings = dict[str, str]


async def settle() -> None:
    """Let the device hear of what is on its way."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, TurnedLoop):
        await loop.settle()
    else:
        await asyncio.sleep(0.02)


def levels(device: Device, *numbers: int) -> tuple[int, ...]:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return tuple(pins.level(number) for number in numbers)


def port_of(far: Far) -> int:
    port: int = far.transport.get_extra_info("sockname")[1]
    return port


def dropped(far: Far) -> bool:
    return far.ended


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def lab(lab: Settings) -> Settings:
    return lab | {"stream.auto_close": "1"}


async def test_clients_and_how_they_are_listed(
    air: Airspace, lab: Settings, port: int, loops: None
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await ask(device, f"tcps start {port}"))[-1] == "Success"
        fars = [await call(port), await call(port)]
        await settle()
        assert "[Opened: 1]" in [entry.text for entry in device.log]
        rows = [f"# {n} TCPS  {ADDRESS}:{port} 127.0.0.1:{port_of(fars[n])}" for n in range(2)]
        assert await ask(device, "list") == ["\r\n".join(["! # Type  Info", *rows])]
        fars[1].send(b"to one")
        assert await read(device, 6, 1) == b"to one"
        assert await ask(device, "write 0 5", b"hello") == ["Success"]
        assert await fars[0].take(5) == b"hello"
        assert await ask(device, "tcps stop") == ["[Closed: 0]", "[Closed: 1]", "Success"]
        for far in fars:
            await far.gone()
        assert await ask(device, "poll all") == ["None"]
        with pytest.raises(ConnectionRefusedError):
            await call(port)


async def test_the_port_of_the_variable(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"tcp.server.port": str(port)}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await ask(device, "tcp_server start"))[-1] == "Success"
        await call(port)
        assert await ask(device, "tcp_server start") == ["Command failed"]
        assert await ask(device, f"tcp_server stop {port + 1}") == ["Command failed"]
        assert (await ask(device, f"tcp_server stop {port}"))[-1] == "Success"
        assert await ask(device, "tcp_server stop") == ["Command failed"]
        assert (await ask(device, "tcp_server start"))[-1] == "Success"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("tcps", 4),
        ("tcps begin", 7),
        ("tcps start 0", 7),
        ("tcps start 65536", 7),
        ("tcps start 1 2", 5),
        ("tcps stop x", 7),
        ("tcps -x start", 6),
        ("tcps -i moon start 4000", 7),
    ],
)
async def test_arguments(air: Airspace, lab: Settings, line: str, code: int) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await device.command(line)).code == code


async def test_a_port_that_is_taken(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        with socket.socket() as other:
            other.bind((ADDRESS, 0))
            other.listen()
            taken = other.getsockname()[1]
            seen = await ask(device, f"tcps start {taken}")
            assert seen == [f"{ADDRESS}:{taken}: Address already in use", "Command failed"]
            assert await ask(device, "tcps stop") == ["Command failed"]
        assert await ask(device, f"tcps start {taken}") == ["Success"]


async def test_on_the_soft_ap(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"softap.ssid": "mine", "softap.passkey": "password"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert (await ask(device, f"tcps -i softap start {port}"))[-1] == "Success"
        found = [e for e in device.log if e.text.startswith("IPv4 address")]
        address = found[-1].text.split()[-1]
        far = await call(port, address)
        far.send(b"hi")
        await stream_of(device, 0)
        assert await read(device, 2) == b"hi"
        with pytest.raises(ConnectionRefusedError):
            await call(port)


async def stream_of(device: Device, handle: int) -> None:
    for _ in range(100):
        if any(one.handle == handle for one in device.kernel.streams):
            return
        await settle()
    pytest.fail("no stream opened")


# Bounds.


async def test_most_clients(air: Airspace, lab: Settings, port: int, loops: None) -> None:
    lab |= {"tcp.server.max_clients": "2"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        fars = [await call(port) for _ in range(3)]
        await fars[2].gone()
        assert await ask(device, "poll all") == ["0,0|1,0"]
        assert not dropped(fars[0])
        fars[0].close()
        await settle()
        assert await ask(device, "poll all") == ["1,0"]
        await call(port)
        await settle()
        assert await ask(device, "poll all") == ["0,0|1,0"]


async def test_a_table_that_is_full(air: Airspace, lab: Settings, port: int, loops: None) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        await ask(device, "file_create -o notes 4")
        fars = [await call(port) for _ in range(11)]
        for far in fars[7:]:
            await far.gone()
        assert await ask(device, "poll all") == ["|".join(f"{n},0" for n in range(8))]
        # However many are refused, the log says so once.
        said = [entry.text for entry in device.log].count("No streams available")
        assert said == 1
        fars[3].send(b"still here")
        assert await read(device, 10, 4) == b"still here"


async def test_one_client_in_stream_mode(air: Airspace, lab: Settings, port: int) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        device.kernel.streams.bridging = True
        await call(port)
        second = await call(port)
        await second.gone()
        assert await ask(device, "poll all") == ["0,0"]


async def test_an_idle_client_is_dropped(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"tcp.server.idle_timeout": "30"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        talker, hearer, silent = [await call(port) for _ in range(3)]
        await settle()
        for _ in range(4):
            await turned_loop().turn(20)
            talker.send(b".")
            await ask(device, "write 1 1", b".")
            await settle()
        assert dropped(silent)
        assert not dropped(talker)
        assert not dropped(hearer)
        assert await ask(device, "poll all") == ["0,1|1,0"]
        # What came from a client that is dropped can still be read.
        await turned_loop().turn(31)
        assert dropped(talker)
        assert await ask(device, "poll all") == ["0,1"]
        assert await ask(device, "read 0 10") == ["...."]
        assert await ask(device, "poll all") == ["[Closed: 0]", "None"]


async def test_the_idle_timeout_changes_at_once(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"tcp.server.idle_timeout": "0"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        far = await call(port)
        await turned_loop().turn(100_000)
        assert not dropped(far)
        await ask(device, "set tcp.server.idle_timeout 65535")
        await settle()
        assert dropped(far)
        far = await call(port)
        await settle()
        await ask(device, "set tcp.server.idle_timeout 10")
        await turned_loop().turn(9)
        assert not dropped(far)
        await turned_loop().turn(2)
        assert dropped(far)


async def test_a_client_that_breaks_off(
    air: Airspace, lab: Settings, port: int, loops: None
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        for _ in range(30):
            (await call(port)).reset()
        last = await call(port)
        last.send(b"after the storm")
        await settle()
        opened = [one.handle for one in device.kernel.streams if not one.ended]
        assert len(opened) == 1
        assert await read(device, 15, opened[0]) == b"after the storm"


# Pins.


async def test_the_pins(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"tcp.server.connected_gpio": "4", "tcp.server.data_gpio": "5"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        (usage,) = await ask(device, "get gpio.usage")
        assert "tcp.server.connected" in usage
        assert "tcp.server.data" in usage
        assert levels(device, 4, 5) == (0, 0)
        one, two = await call(port), await call(port)
        await settle()
        assert levels(device, 4, 5) == (1, 0)
        two.send(b"ab")
        await settle()
        assert levels(device, 4, 5) == (1, 1)
        await ask(device, "read 1 1")
        assert levels(device, 4, 5) == (1, 1)
        await ask(device, "read 1 1")
        assert levels(device, 4, 5) == (1, 0)
        one.send(b"last words")
        await settle()
        one.close()
        two.close()
        await settle()
        assert levels(device, 4, 5) == (0, 1)  # nobody is there, and something is unread
        await ask(device, "read 0 100")
        assert levels(device, 4, 5) == (0, 0)
        await call(port)
        await settle()
        assert levels(device, 4, 5) == (1, 0)
        await ask(device, "network_down")
        assert levels(device, 4, 5) == (0, 0)


async def test_pins_that_are_set_later(air: Airspace, lab: Settings, port: int) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        await call(port)
        await settle()
        await ask(device, "set tcp.server.connected_gpio 4")
        assert levels(device, 4) == (1,)
        await ask(device, "set tcp.server.connected_gpio -1")
        assert levels(device, 4) == (0,)


# The network goes and comes.


async def test_it_comes_back_with_the_network(
    air: Airspace, lab: Settings, port: int, loops: None
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        for _ in range(3):
            far = await call(port)
            await settle()
            await ask(device, "network_down")
            await far.gone()
            assert await ask(device, "poll all") == ["None"]
            with pytest.raises(OSError, match=r"refused|Connect"):
                await call(port)
            await ask(device, "network_up")
        await ask(device, "tcps stop")
        await ask(device, "network_restart")
        with pytest.raises(ConnectionRefusedError):
            await call(port)


async def test_it_starts_by_itself(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {"tcp.server.auto_start": "1", "tcp.server.port": str(port)}
    async with Device.simulated(airspace=air, settings=lab) as device:
        opened: list[str] = []
        device.kernel.streams.on_auto = lambda stream: opened.append(stream.type)
        for _ in range(3):
            await ask(device, "network_up")
            await call(port)
            await settle()
            assert opened == ["TCPS"]
            opened.clear()
            await ask(device, "network_down")
        # A changed port applies when the network comes anew.
        other = free_port()
        await ask(device, f"set tcp.server.port {other}")
        await ask(device, "network_up")
        await call(other)
        await ask(device, "set tcp.server.auto_start 0")
        await call(other)
        await ask(device, "network_restart")
        with pytest.raises(ConnectionRefusedError):
            await call(other)


async def test_only_on_its_interface(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {
        "tcp.server.auto_start": "1",
        "tcp.server.port": str(port),
        "tcp.server.auto_interface": "softap",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        with pytest.raises(ConnectionRefusedError):
            await call(port)


async def test_the_clients_of_a_server_by_command_are_not_auto(
    air: Airspace, lab: Settings, port: int
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        opened: list[str] = []
        device.kernel.streams.on_auto = lambda stream: opened.append(stream.type)
        await ask(device, f"tcps start {port}")
        await call(port)
        await settle()
        assert await ask(device, "poll all") == ["0,0"]
        assert opened == []


async def test_keep_alive(air: Airspace, lab: Settings, port: int) -> None:
    lab |= {
        "tcp.keepalive.enabled": "1",
        "tcp.keepalive.initial_timeout": "7",
        "tcp.keepalive.retry_count": "3",
        "tcp.keepalive.retry_timeout": "2",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        await call(port)
        await settle()
        await ask(device, f"tcpc {ADDRESS} {port}")
        await settle()
        assert len(device.kernel.streams) == 3
        for handle in range(3):
            sock = stream(device, handle)._transport.get_extra_info("socket")  # type: ignore[attr-defined]
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPCNT, socket.TCP_KEEPINTVL)
            assert [sock.getsockopt(socket.IPPROTO_TCP, one) for one in options] == [7, 3, 2]
        await ask(device, "set tcp.keepalive.enabled 0")
        await ask(device, f"tcpc {ADDRESS} {port}")
        sock = stream(device, 3)._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


async def test_small_writes_go_at_once(
    air: Airspace, lab: Settings, port: int, loops: None
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcps start {port}")
        await ask(device, f"tcpc {ADDRESS} {port}")
        await settle()
        for handle in range(2):
            sock = stream(device, handle)._transport.get_extra_info("socket")  # type: ignore[attr-defined]
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
