"""The library against software devices, over each kind of console."""

import asyncio
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tokay import Device
from tokay.host import (
    AddressError,
    Busy,
    CommandFailed,
    Disconnected,
    Event,
    FramingError,
    Generation,
    LoginFailed,
    Module,
    Restarted,
    Timeout,
)

JOINED = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab", "remote_terminal.enabled": "1"}
KINDS = ("serial", "pty", "tcp", "telnet", "rfc2217")
PROFILES = {
    "gecko-os-4": Generation.GECKO_OS_4,
    "gecko-os-2": Generation.GECKO_OS_2,
    "zentrios-3": Generation.ZENTRIOS_3,
    "wiconnect-2": Generation.WICONNECT_2,
}


@asynccontextmanager
async def reached(kind: str, profile: str = "gecko-os-4") -> AsyncIterator[tuple[Device, str]]:
    """Run a device; give it and a URL of that kind which leads to it."""
    serial = {"rfc2217": "rfc2217:127.0.0.1:0"}.get(kind, "pty")
    async with Device.simulated(profile=profile, serial=serial, settings=JOINED) as device:
        if kind in ("tcp", "telnet"):
            assert (await device.command("network_up")).ok
            yield device, f"{kind}://{device.address}:2000"
        elif kind == "rfc2217":
            yield device, device.serial_port
        else:
            yield device, f"{kind}:{device.serial_port}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation_over_each_console(kind: str) -> None:
    async with reached(kind) as (device, url), Module.open(url) as module:
        assert await module.get("wlan.mac") == device.mac
        await module.set("wlan.ssid", "two words")
        assert await module.get("wlan.ssid") == "two words"
        payload = bytes(range(256)) * 4
        await module.command(f"file_create a.bin {len(payload)}", payload)
        async with module.stream(await module.command("file_open a.bin")) as stream:
            assert await stream.read_all() == payload


@pytest.mark.parametrize(("profile", "generation"), PROFILES.items())
async def test_the_generation_is_found(profile: str, generation: Generation) -> None:
    async with reached("pty", profile) as (device, url), Module.open(url) as module:
        version = await module.version()
        assert version.generation is generation
        assert version.text == (await device.command("version")).text


async def test_a_refusal_has_code_text_and_log(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with pytest.raises(CommandFailed) as failure:
            await module.command("file_delete nothing")
        assert (failure.value.code, failure.value.text) == (1, "Command failed")
        assert (await module.ask("nonsense")).code == 3


async def test_a_failed_write_does_not_put_the_next_command_out_of_step(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with pytest.raises(CommandFailed):
            await module.command("stream_write 5 14", b"\r\nset bus.mod\n")
        assert await module.get("bus.mode") == "command"


async def test_events_are_told_apart_from_answers(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        seen: list[Event] = []
        stop = module.on("log", seen.append)
        response = await module.command("file_create a.txt 1", b"x")
        assert (response.text, response.log) == ("Success", ("File created",))
        assert [event.text for event in seen] == ["File created"]
        stop()
        await module.command("file_delete a.txt")
        assert len(seen) == 1


async def test_events_as_an_iterator(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with module.subscribe() as queue:
            device.kernel.log.line("something of its own")
            event = await queue.get()
            assert event is not None
            assert (event.name, event.text) == ("log", "something of its own")


async def test_the_trace_hears_every_byte(device: Device) -> None:
    heard: list[tuple[float, str, bytes]] = []
    url = f"pty:{device.serial_port}"
    async with Module.open(url, trace=lambda *what: heard.append(what)) as module:
        heard.clear()
        await module.get("wlan.mac")
    sent = b"".join(data for _, side, data in heard if side == "host")
    got = b"".join(data for _, side, data in heard if side == "module")
    assert sent.startswith(b"get wlan.mac\r\n")
    assert got.startswith(b"R000019\r\n" + device.mac.encode())


async def test_the_console_is_left_as_it_was_found(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        assert await module.get("system.cmd.echo") == "1"
        await module.set("system.cmd.prompt_enabled", "off")
        await module.save()
        with pytest.raises(CommandFailed):
            await module.set("system.print_level", "loud")
    for name, value in (("echo", "1"), ("header_enabled", "0"), ("prompt_enabled", "0")):
        assert (await device.command(f"get system.cmd.{name}")).text == value


async def test_the_bare_wire(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        async with module.wire() as wire:
            wire.write(b"get bus.mode\r\n")
            assert await wire.read_until(b"command\r\n") == b"R000009\r\ncommand\r\n"
            with pytest.raises(Timeout):
                await wire.read(timeout=0.01)
        assert await module.get("bus.mode") == "command"


async def test_a_restart_is_an_event_and_the_console_is_found_again(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with module.subscribe() as queue:
            device.reboot()
            while (event := await queue.get()) is not None and event.name != "restarted":
                pass
        assert await module.get("bus.mode") == "command"


async def test_a_restart_ends_a_command_with_its_name(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        asked = asyncio.create_task(module.command("file_create a.txt 4", b"abc"))
        while not device.kernel.engine._busy:
            await asyncio.sleep(0)
        device.reboot()
        # This one answers before it restarts; hardware does not.
        with pytest.raises((Restarted, CommandFailed)):
            await asked
        assert await module.get("bus.mode") == "command"


# Bad input.


class Impostor:
    """A pty with nobody behind it but the test."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self.open = True

    def close(self) -> None:
        if self.open:
            self.open = False
            os.close(self.master)
            os.close(self._slave)

    def answer(self, *answers: bytes) -> None:
        """Answer whatever comes with the next of these, and the last for ever."""
        waiting = list(answers)

        def readable() -> None:
            os.read(self.master, 65536)
            os.write(self.master, waiting.pop(0) if len(waiting) > 1 else waiting[0])

        asyncio.get_running_loop().add_reader(self.master, readable)

    def silence(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    impostor = Impostor()
    yield impostor
    impostor.close()


async def test_silence_is_a_timeout(impostor: Impostor) -> None:
    with pytest.raises(Timeout, match="does not answer"):
        await Module.open(f"pty:{impostor.path}", open_timeout=0.1)


@pytest.mark.parametrize(
    "answer",
    [b"login: ", b"\x00\xff" * 2000, b"ERROR\r\n", b"R099999\r\nx", b"Linux 6.1\r\n# 0 x\r\n"],
)
async def test_another_device_on_the_port(impostor: Impostor, answer: bytes) -> None:
    impostor.answer(answer)
    with pytest.raises(FramingError, match="no module's console") as failure:
        await Module.open(f"pty:{impostor.path}", open_timeout=0.2)
    assert failure.value.received.startswith(answer[:4])
    impostor.silence()


class Liar(Impostor):
    """A module until it is asked for `stream_read`: then it answers with what the test says."""

    def __init__(self, lie: bytes) -> None:
        super().__init__()
        self.lie = lie

    def answer_commands(self) -> None:
        def readable() -> None:
            for line in os.read(self.master, 65536).split(b"\r\n")[:-1]:
                os.write(self.master, self.reply(line))

        asyncio.get_running_loop().add_reader(self.master, readable)

    def reply(self, line: bytes) -> bytes:
        if line.startswith(b"stream_read"):
            return self.lie
        if line == b"tokay":
            return b"R300017\r\nUnknown command\r\n"
        if line.startswith(b"get"):
            return b"R000003\r\n1\r\n"
        return b"R000008\r\nSet OK\r\n" if line else b"R000007\r\nReady\r\n"


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        (b"R000003\r\nfive5", FramingError),
        (b"R000001\r\nx", FramingError),
        (b"R000100\r\nshort\r\n", Timeout),
        (b"x" * 4000, Timeout),
        (b"no end of it\r\n" * 500, Timeout),
        (b"L000006\r\nmore\r\n" * 500, Timeout),
        (b"R0000", Timeout),
    ],
)
async def test_headers_that_lie_and_answers_without_end(
    lie: bytes, error: type[Timeout | FramingError]
) -> None:
    liar = Liar(lie)
    try:
        liar.answer_commands()
        async with Module.open(f"pty:{liar.path}") as module:
            with pytest.raises(error) as failure:
                await module.command("stream_read 0 5", timeout=0.5)
            assert isinstance(failure.value, Timeout | FramingError)
            assert lie[:4] in failure.value.received
            assert await module.get("any") == "1"
    finally:
        liar.silence()
        liar.close()


async def test_the_next_open_works_after_a_failure(device: Device) -> None:
    with pytest.raises((Timeout, FramingError)):
        await Module.open(f"pty:{device.serial_port}", open_timeout=0)
    async with Module.open(f"pty:{device.serial_port}") as module:
        assert await module.get("bus.mode") == "command"


async def test_a_port_that_vanishes() -> None:
    async with Device.simulated(serial="pty") as device:
        module = await Module.open(f"pty:{device.serial_port}")
        gone = asyncio.create_task(module.wait_for("never", timeout=30))
    with pytest.raises(Disconnected):
        await module.command("version")
    with pytest.raises(Disconnected):
        await module.command("version")
    await module.close()
    with pytest.raises(Disconnected):
        await gone


async def test_a_port_in_use_is_busy(device: Device) -> None:
    url = f"pty:{device.serial_port}"
    async with Module.open(url):
        with pytest.raises(Busy):
            await Module.open(url)


async def test_no_such_port() -> None:
    with pytest.raises(Disconnected, match="No such file"):
        await Module.open("serial:/dev/nothing")
    with pytest.raises(Disconnected, match="no serial port"):
        await Module.open("serial:/dev/null")


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Disconnected, match="refused"):
            await Module.open(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


async def test_a_command_that_is_not_answered_says_what_came(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with pytest.raises(Timeout, match="no answer within") as failure:
            # The data are one byte short.
            await module.command("file_create a.txt 4", b"abc", timeout=0.2)
        assert failure.value.received == b""
        # Its answer comes late, and with the bytes of what follows.
        assert await module.get("bus.mode") == "command"


async def test_a_cancelled_command_leaves_the_module_usable(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        asked = asyncio.create_task(module.command("file_create a.txt 4", b"abc"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await module.get("bus.mode") == "command"


async def test_a_hundred_unasked_lines_are_events(device: Device) -> None:
    async with Module.open(f"pty:{device.serial_port}") as module:
        with module.subscribe() as queue:
            for number in range(1500):
                device.kernel.log.line(f"line {number}")
                if number % 100 == 0:
                    assert await module.get("bus.mode") == "command"
            assert await module.get("bus.mode") == "command"
            first = await queue.get()
            assert first is not None
            assert first.text == f"line {queue.dropped}"
            assert queue.dropped == 500


async def when_free(url: str) -> None:
    """Open the remote terminal, as soon as the device has noticed that the last client is gone."""
    while True:
        try:
            await Module.open(url)
        except Busy:
            await asyncio.sleep(0)
        else:
            return


async def test_passwords_of_the_remote_terminal() -> None:
    settings = {**JOINED, "remote_terminal.password": "open sesame"}
    async with Device.simulated(settings=settings) as device:
        assert (await device.command("network_up")).ok
        where = f"{device.address}:2000"
        for scheme in ("tcp", "telnet"):
            async with Module.open(f"{scheme}://:open%20sesame@{where}") as module:
                assert await module.get("wlan.mac") == device.mac
                # Who speaks telnet first may be reset before it hears why.
                with pytest.raises(Busy if scheme == "tcp" else (Busy, Disconnected)):
                    await Module.open(f"{scheme}://{where}")
        with pytest.raises(LoginFailed, match="wants a password"):
            await when_free(f"tcp://{where}")
        with pytest.raises(LoginFailed, match="refuses"):
            await when_free(f"tcp://:wrong@{where}")


@pytest.mark.parametrize(
    "url",
    [
        "", "nothing", "gopher://x", "tcp://", "tcp://x:99999", "serial:", "tcp://x?what=1",
        "serial:/dev/tty?baud=fast", "serial:/dev/tty?parity=mark", "serial:/dev/tty?rtscts=2",
        "serial:/dev/tty?baud=123456789", "http://[::1", "pty:/dev/pts/0?baud=9600",
    ],
)  # fmt: skip
async def test_urls_that_name_no_module(url: str, device: Device) -> None:
    with pytest.raises(AddressError):
        await Module.open(url.replace("/dev/tty", device.serial_port))
