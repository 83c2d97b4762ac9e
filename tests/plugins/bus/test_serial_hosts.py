"""Hosts that come to a serial port at a TCP address, and leave it in every way."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.dialogue import PROFILES
from tests.peers import Peer, soon

from tokay.board.air.airspace import Airspace
from tokay.board.serial import tcp
from tokay.device import Device

Settings = dict[str, str]
Host = tuple[asyncio.StreamReader, asyncio.StreamWriter]
FORMS = ("tcp:127.0.0.1:0", "rfc2217://127.0.0.1:0")
QUIET = {"system.cmd.echo": "0", "system.cmd.prompt_enabled": "0"}


@asynccontextmanager
async def connect(device: Device) -> AsyncIterator[Host]:
    port = int(device.serial_port.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def plain(reader: asyncio.StreamReader) -> bytes:
    """Return all that came, without what RFC 2217 negotiates at the start."""
    data = await soon(reader.read(-1))
    while data.startswith(b"\xff"):
        data = data[3:]
    return data


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("form", FORMS)
async def test_a_host_that_sends_no_more_gets_every_answer(
    air: Airspace, lab: Settings, form: str, profile: str
) -> None:
    async with Device.simulated(
        airspace=air, serial=form, settings=lab | QUIET, profile=profile
    ) as device:
        async with connect(device) as (reader, writer):
            # The first takes its time; the last line has no end, and is none.
            writer.write(b"network_up\r\nget wlan.network.status\r\nget wlan.ssid\r\nget wl")
            writer.write_eof()
            told = await plain(reader)
            assert told.endswith(b"Success\r\n2\r\nlab\r\n"), told
        async with connect(device) as (reader, writer):
            # The next one finds a clean line, and nothing of what was meant for the last.
            writer.write(b"get bus.mode\r\n")
            writer.write_eof()
            assert await plain(reader) == b"command\r\n"


async def test_what_a_host_left_behind_is_carried_out_before_the_next_begins(
    air: Airspace, lab: Settings
) -> None:
    async with Device.simulated(airspace=air, serial=FORMS[0], settings=lab | QUIET) as device:
        async with connect(device) as (_, writer):
            writer.write(b"network_up\r\nset system.indicator.state 0\r\nset wlan.ss")
            await writer.drain()
            # Close in order: what was sent comes before the end.
            writer.close()
            await writer.wait_closed()
        async with connect(device) as (reader, writer):
            writer.write(b"get wlan.network.status\r\n")
            writer.write_eof()
            assert await plain(reader) == b"2\r\n"


async def test_a_host_that_is_turned_away_is_logged(air: Airspace, lab: Settings) -> None:
    async with (
        Device.simulated(airspace=air, serial=FORMS[0], settings=lab | QUIET) as device,
        connect(device) as (reader, writer),
    ):
        writer.write(b"get bus.mode\r\n")
        assert await soon(reader.readline()) == b"command\r\n"
        async with connect(device) as (second, _):
            assert await soon(second.read(-1)) == b""
        assert b"A second host was turned away: 127.0.0.1\r\n" in await soon(reader.readline())


async def test_a_host_that_vanished_makes_way(
    air: Airspace, lab: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It acknowledges nothing, as one whose cable was pulled; nobody can wait for that here."""
    gone: list[bool] = []
    monkeypatch.setattr(tcp, "_is_gone", lambda _: bool(gone))
    async with (
        Device.simulated(airspace=air, serial=FORMS[0], settings=lab | QUIET) as device,
        connect(device) as (reader, writer),
    ):
        writer.write(b"get bus.mode\r\nget wl")
        assert await soon(reader.readline()) == b"command\r\n"
        gone.append(True)
        async with connect(device) as (second, there):
            there.write(b"get wlan.ssid\r\n")
            assert await soon(second.readline()) == b"lab\r\n"


async def test_silence_is_probed(air: Airspace, lab: Settings, loops: None) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as near:
        far, _ = listener.accept()
        with far:
            transport, _ = await asyncio.get_running_loop().create_connection(
                asyncio.Protocol, sock=near.dup()
            )
            tcp._keep_alive(transport)
            sock = transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            for option, value in tcp.KEEPALIVE:
                assert sock.getsockopt(socket.IPPROTO_TCP, option) == value
            assert not tcp._is_gone(transport)
            transport.abort()


@pytest.mark.parametrize("form", FORMS)
async def test_in_stream_mode_too(air: Airspace, stream: Settings, form: str) -> None:
    async with Peer() as peer:
        settings = stream | {
            "tcp.client.auto_start": "1",
            "tcp.client.remote_host": "127.0.0.1",
            "tcp.client.remote_port": str(peer.port),
        }
        async with Device.simulated(airspace=air, serial=form, settings=settings) as device:
            far = await peer.next()
            async with connect(device) as (reader, writer):
                writer.write(b"question")
                writer.write_eof()
                assert await far.take(8) == b"question"
                far.send(b"answer")
                far.close()
                assert await plain(reader) == b"answer"
