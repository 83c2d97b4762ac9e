"""Stream mode over `/stream`: what a page sends comes out of the serial port, and back."""

import pytest
from tests.peers import ADDRESS, Events, ask, soon
from tests.plugins.bus.host import Host
from tests.plugins.http_server.conftest import PORT, Web
from tests.plugins.websocket.conftest import FarWebSocket, open_websocket, upgrade
from tests.websocket_cases import BINARY, Frame, close, text

from tokay.board.air.airspace import Airspace
from tokay.device import Device

Settings = dict[str, str]


@pytest.fixture
def streaming(lab: Settings) -> Settings:
    return lab | {
        "bus.mode": "stream",
        "bus.log_bus": "none",
        "bus.stream.flush_time": "0",
        "bus.stream.flush_count": "0",
        "wlan.auto_join.enabled": "1",
        "http.server.enabled": "1",
        "http.server.port": str(PORT),
    }


async def taken(far: FarWebSocket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        for opcode, payload, _ in await far.hear():
            assert opcode == BINARY
            got += payload
    return bytes(got)


async def test_a_page_is_bridged(
    air: Airspace, streaming: Settings, events: Events, loops: None
) -> None:
    device = Device.simulated(airspace=air, settings=streaming, serial="pty", on_event=events)
    async with device:
        if not events["network_up"]:
            await events.next("network_up")
        web = Web(device, ADDRESS)
        host = Host(device.serial_port)
        for _ in range(2):
            far = await open_websocket(web, "/stream")
            far.send(text(b"to the "), Frame(BINARY, b"host"))
            assert await soon(host.take(11)) == b"to the host"
            every = bytes(range(256)) * 8
            await host.send(every)
            assert await taken(far, len(every)) == every
            # One client at a time, and its stream is not to be read by command.
            other = await web.connect()
            other.send(upgrade(web, "/stream"))
            assert (await other.answer()).status == 503
            assert (await ask(device, "stream_read 0 10"))[-1] == "Command failed"
            far.send(close(1000))
            await far.closing()
            await far.far.gone()
            other.far.transport.abort()
        host.close()


async def test_a_host_that_does_not_read(
    air: Airspace, streaming: Settings, events: Events
) -> None:
    """The page waits, and nothing is lost."""
    device = Device.simulated(airspace=air, settings=streaming, serial="pty", on_event=events)
    async with device:
        if not events["network_up"]:
            await events.next("network_up")
        host = Host(device.serial_port)
        far = await open_websocket(Web(device, ADDRESS), "/stream")
        data = bytes(range(256)) * 40000
        far.send(Frame(BINARY, data))
        assert far.far.unsent
        assert await soon(host.take(len(data))) == data
        far.far.transport.abort()
        host.close()
