"""The console over TCP: with clients that know nothing of telnet, and with some that do."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.dialogue import Talk
from tests.peers import ADDRESS, Far, ask, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.plugins.network import Network
from tokay.testing.clock import turned_loop

Settings = dict[str, str]

IAC_OFFERS = b"\xff\xfb\x01\xff\xfb\x03"
PROMPT = b"> "


@pytest.fixture
def settings(lab: Settings) -> Settings:
    return lab | {"remote_terminal.enabled": "1"}


@asynccontextmanager
async def client(port: int = 2000, address: str = ADDRESS) -> AsyncIterator[Far]:
    loop = asyncio.get_running_loop()
    _, far = await loop.create_connection(lambda: Far(lambda _: None), address, port)
    try:
        yield far
    finally:
        far.transport.abort()


@asynccontextmanager
async def device(air: Airspace, settings: Settings) -> AsyncIterator[Device]:
    async with Device.simulated(airspace=air, settings=settings) as device:
        await ask(device, "network_up")
        yield device


async def test_the_conversation_of_a_field_client(
    air: Airspace, settings: Settings, loops: None
) -> None:
    """docs/protocol/command-protocol.md, section 14: bare LF, and no telnet at all."""
    async with device(air, settings), client() as far:
        assert await far.line(PROMPT) == PROMPT
        far.send(b"\n")
        assert await far.line(PROMPT) == b"\r\nReady\r\n> "
        far.send(b"list\n")
        assert await far.line(PROMPT) == b"list\r\n! # Type  Info\r\n> "
        far.send(b"get bus.mode\r\n")
        assert await far.line(PROMPT) == b"get bus.mode\r\ncommand\r\n> "
        far.send(b"set stream.auto_close 0\nget st a\n")
        assert b"\r\nSet OK\r\n> " in await far.line(b"\r\n0\r\n> ")


async def test_it_listens_only_when_it_is_enabled(air: Airspace, lab: Settings) -> None:
    async with Device.simulated(airspace=air, settings=lab) as one:
        assert not any("Remote" in line for line in await ask(one, "network_up"))
        with pytest.raises(ConnectionRefusedError):
            async with client():
                pass
        await ask(one, "set remote_terminal.enabled 1")
        assert "Remote terminal listening on port: 2000" in await ask(one, "network_restart")
        async with client() as far:
            await far.line(PROMPT)
        await ask(one, "set re p 2323")
        await ask(one, "network_restart")
        async with client(2323) as far:
            await far.line(PROMPT)
        await ask(one, "network_down")
        with pytest.raises(ConnectionRefusedError):
            async with client(2323):
                pass


async def test_it_listens_on_the_interface_that_is_named(air: Airspace, settings: Settings) -> None:
    settings |= {"remote_terminal.interface": "softap"}
    async with Device.simulated(airspace=air, settings=settings) as one:
        assert not any("Remote" in line for line in await ask(one, "network_up"))
        assert "Remote terminal listening on port: 2000" in await ask(one, "network_up -i softap")
        await ask(one, "network_down -i wlan")
        async with client(address=one.kernel.plugin(Network).address("softap")) as far:
            await far.line(PROMPT)


async def test_the_format_of_the_console_is_that_of_the_terminal(
    air: Airspace, settings: Settings
) -> None:
    async with device(air, settings | {"system.cmd.format": "machine"}), client() as far:
        far.send(b"get bus.mode\n")
        assert await far.line(b"command\r\n") == b"R000009\r\ncommand\r\n"


async def test_exit_hangs_up(air: Airspace, settings: Settings) -> None:
    async with device(air, settings) as one, client() as far:
        await far.line(PROMPT)
        far.send(b"exit\n")
        await far.gone()
        assert far.received.startswith(b"exit\r\nSuccess\r\n")
        async with client() as again:
            await again.line(PROMPT)
        assert (await ask(one, "list"))[-1] == "! # Type  Info"


async def test_one_client_at_a_time(air: Airspace, settings: Settings) -> None:
    async with device(air, settings), client() as far:
        await far.line(PROMPT)
        async with client() as second:
            await second.gone()
            assert second.received == b"Remote terminal is in use\r\n"
        far.send(b"get bus.mode\n")
        await far.line(b"command\r\n> ")
        far.close()
        for _ in range(3):
            await turned_loop().settle()
        async with client() as third:
            await third.line(PROMPT)


async def test_a_silent_client_is_disconnected(air: Airspace, settings: Settings) -> None:
    loop = turned_loop()
    async with device(air, settings), client() as far:
        await far.line(PROMPT)
        await loop.turn(59)
        far.send(b"x")
        await far.line(b"x")
        await loop.turn(59)
        assert not far.ended
        await loop.turn(2)
        assert far.ended


async def test_the_timeout_may_change_or_be_off(air: Airspace, settings: Settings) -> None:
    loop = turned_loop()
    async with device(air, settings), client() as far:
        await far.line(PROMPT)
        far.send(b"set remote_terminal.timeout 5\n")
        await far.line(b"Set OK\r\n> ")
        await loop.turn(6)
        assert far.ended
    async with device(air, settings | {"remote_terminal.timeout": "0"}), client() as far:
        await far.line(PROMPT)
        await loop.turn(100_000)
        assert not far.ended


async def test_who_waits_for_an_answer_is_not_silent(air: Airspace, settings: Settings) -> None:
    settings |= {"remote_terminal.timeout": "3", "network.dns.timeout": "10000"}
    air.do("lab", "dns_timeout")
    loop = turned_loop()
    async with device(air, settings), client() as far:
        await far.line(PROMPT)
        far.send(b"network_lookup nowhere.test\n")
        await far.line(b"\r\n")
        await loop.turn(9)
        assert not far.ended
        await loop.turn(1.5)
        await far.line(b"Command failed\r\n> ")
        await loop.turn(4)
        assert far.ended


async def test_the_network_takes_the_client_along(air: Airspace, settings: Settings) -> None:
    async with device(air, settings) as one, client() as far:
        await far.line(PROMPT)
        far.send(b"network_restart\n")
        await far.gone()
        await soon(_up(one))
        async with client() as again:
            await again.line(PROMPT)


async def test_a_reboot_from_the_terminal(air: Airspace, settings: Settings) -> None:
    async with device(air, settings) as one, client() as far:
        await far.line(PROMPT)
        far.send(b"reboot\n")
        await far.gone()
        assert far.received.startswith(b"reboot\r\nRebooting\r\n")
        await soon(_up(one))
        async with client() as again:
            await again.line(PROMPT)


async def _up(one: Device) -> None:
    await one.command("network_up")


async def test_a_password(
    air: Airspace, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings |= {"remote_terminal.password": "open sesame"}
    async with device(air, settings) as one, client() as far:
        assert await far.line(b": ") == IAC_OFFERS + b"Password: "
        far.send(b"opem\x08n sesame\r\nget bus.mode\r\n")
        assert await far.line(b"command\r\n> ") == b"\r\n> get bus.mode\r\ncommand\r\n> "
        assert not any("sesame" in entry.text for entry in one.log)
    assert "sesame" not in caplog.text


async def test_wrong_passwords_take_time_and_three_end_it(
    air: Airspace, settings: Settings
) -> None:
    settings |= {"remote_terminal.password": "open sesame"}
    loop = turned_loop()
    async with device(air, settings), client() as far:
        await far.line(b": ")
        for left in (2, 1, 0):
            # All at once is one guess.
            far.send(b"open\nsesame\nget bus.mode\n\n")
            await loop.turn(0.9)
            assert not far.received
            await loop.turn(0.2)
            more = b"Password: " if left else b""
            assert bytes(far.received) == b"\r\nWrong password\r\n" + more
            far.received.clear()
        await far.gone()


async def test_nobody_stays_without_the_password(air: Airspace, settings: Settings) -> None:
    settings |= {"remote_terminal.password": "x", "remote_terminal.timeout": "0"}
    loop = turned_loop()
    async with device(air, settings):
        async with client() as far:
            await far.line(b": ")
            far.send(b"y" * 65)
            await far.gone()
        async with client() as far:
            await far.line(b": ")
            await loop.turn(31)
            assert far.ended


async def test_a_telnet_client_is_answered(air: Airspace, settings: Settings) -> None:
    async with device(air, settings), client() as far:
        assert await far.line(PROMPT) == PROMPT
        # WILL terminal type, DO suppress go-ahead, and a question whether anybody is there.
        far.send(b"\xff\xfb\x18\xff\xfd\x03\xff\xf6get bus.mode\r\0")
        got = await far.line(b"command\r\n> ")
        assert b"\r\n[Yes]\r\n" in got
        assert b"\xff\xfb\x01" in got
        assert b"\xff\xfb\x03" in got
        assert b"\xff\xfe\x18" in got
        assert got.endswith(b"get bus.mode\r\ncommand\r\n> ")
        far.send(b"\xff\xfd\x01")  # it agrees, and nothing more is said
        far.send(b"\xff\xff\n")
        await far.line(b"Unknown command\r\n> ")


@pytest.mark.parametrize("telnet", [False, True])
async def test_bytes_of_255_are_doubled_for_telnet_clients_only(
    air: Airspace, settings: Settings, telnet: bool
) -> None:
    async with device(air, settings), client() as far:
        await far.line(PROMPT)
        twice = b"\xff\xff" if telnet else b"\xff"
        far.send(b"\xff\xfc\x18" if telnet else b"")
        far.send(b"file_create a 3\r\n" + twice + b"\x00b")
        await far.line(b"Success\r\n> ")
        far.send(b"file_open a\nread 0 3\n")
        assert twice + b"\x00b\r\n> " in await far.line(b"b\r\n> ")


async def test_the_end_of_a_client_in_mid_command(air: Airspace, settings: Settings) -> None:
    async with device(air, settings) as one:
        async with client() as far:
            await far.line(PROMPT)
            far.send(b"file_create a 100\r\nhalf")
            await far.line(b"half")
        await turned_loop().settle()
        assert (await ask(one, "get bus.mode"))[-1] == "command"
        async with client() as far:
            await far.line(PROMPT)


@pytest.mark.slow
async def test_a_client_that_floods_and_reads_nothing(
    air: Airspace, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with device(air, settings) as one, client() as far:
        await far.line(PROMPT)
        far.deaf()
        for _ in range(200):
            far.send(b"\xff\xf6" * 30000)
            await asyncio.sleep(0)
            if far.transport.is_closing():
                break
        await turned_loop().turn(1)
        assert (await ask(one, "get bus.mode"))[-1] == "command"
        async with client() as again:
            await again.line(PROMPT)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_the_serial_console_hears_nothing_meanwhile(air: Airspace, settings: Settings) -> None:
    with Talk(settings=settings | {"system.print_level": "0"}, airspace=air) as talk:
        talk.send(b"network_up\r\n")
        talk.turn(5)
        assert talk.heard().endswith(b"Success\r\n")

        async def connect() -> Far:
            _, far = await talk.loop.create_connection(lambda: Far(lambda _: None), ADDRESS, 2000)
            await talk.loop.settle()
            return far

        async def hang_up(far: Far) -> None:
            far.transport.abort()
            await talk.loop.settle()

        far = talk.run(connect())
        talk.send(b"get bus.mode\r\nset remote_ter")
        talk.expect(b"")
        talk.run(hang_up(far))
        talk.send(b"get bus.mode\r\n")
        talk.expect(b"R000009\r\ncommand\r\n")


async def test_a_client_that_sends_no_more_gets_every_answer(
    air: Airspace, settings: Settings, loops: None
) -> None:
    async with device(air, settings | {"system.cmd.echo": "0"}), client() as far:
        far.send(
            b"network_lookup localhost\nnetwork_verify wifi x 020000000001 1\nget wlan.ssid\nget wl"
        )
        far.half_close()
        await far.gone()
        assert bytes(far.received).endswith(b"> lab\r\n> "), bytes(far.received)
