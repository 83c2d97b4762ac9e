"""tcp_server: its clients, its bounds, its pins, and how it comes back with the network."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers import ADDRESS, Far, ask, free_port, read, soon

from tokay.board.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import TurnedLoop

Settings = dict[str, str]


async def call(port: int, host: str = ADDRESS) -> Far:
    """Connect to a device, as its client."""
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    await soon(loop.create_connection(lambda: far, host, port, local_addr=("127.0.0.1", 0)))
    return far


async def settle() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(20):
        await asyncio.sleep(0)
    if isinstance(loop, TurnedLoop):
        await loop.settle()


def pin(device: Device, number: int) -> int:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins.level(number)


@pytest_asyncio.fixture
async def server(air: Airspace, lab: Settings) -> AsyncIterator[Device]:
    lab |= {"stream.auto_close": "1"}
    async with Device.simulated(airspace=air, settings=lab) as device:
        yield device


@pytest.fixture
def port() -> int:
    return free_port()


async def test_clients_and_how_they_are_listed(server: Device, port: int) -> None:
    assert (await ask(server, f"tcps start {port}"))[-1] == "Success"
    fars = [await call(port), await call(port)]
    await settle()
    rows = [
        f"# {n} TCPS  {ADDRESS}:{port} {'127.0.0.1'}:{port_of(far)}" for n, far in enumerate(fars)
    ]
    assert await ask(server, "list") == ["\r\n".join(["! # Type  Info", *rows])]
    fars[1].send(b"to one")
    assert await read(server, 6, 1) == b"to one"
    assert await ask(server, "write 0 5", b"hello") == ["Success"]
    assert await fars[0].take(5) == b"hello"
    stopped = await ask(server, "tcps stop")
    assert stopped == ["[Closed: 0]", "[Closed: 1]", "Success"]
    for far in fars:
        await far.gone()
    assert await ask(server, "poll all") == ["None"]
    with pytest.raises(ConnectionRefusedError):
        await call(port)


def port_of(far: Far) -> int:
    port: int = far.transport.get_extra_info("sockname")[1]
    return port
