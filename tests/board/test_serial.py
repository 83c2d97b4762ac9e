"""Serial ports, from the host's end."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tokay.board.serial import LineSettings, SerialError, SerialPort, open_port
from tokay.board.serial.tcp import TcpPort


class Ear:
    """A receiver that keeps what it is given."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.drains = 0
        self._changed = asyncio.Event()

    def feed(self, data: bytes) -> None:
        self.heard += data
        self._changed.set()

    def drained(self) -> None:
        self.drains += 1
        self._changed.set()

    async def until(self, met: Callable[[], bool]) -> None:
        while not met():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 10)

    async def hears(self, data: bytes) -> None:
        await self.until(lambda: len(self.heard) >= len(data))
        assert self.heard == data
        self.heard.clear()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def opened(form: str) -> SerialPort:
    port = await open_port(form)
    assert port is not None
    return port


async def read(fd: int, size: int) -> bytes:
    """Read the host's end without keeping the loop from the device's."""
    data = b""
    while len(data) < size:
        data += await asyncio.to_thread(os.read, fd, size - len(data))
    return data


@pytest.fixture
async def pty() -> AsyncIterator[SerialPort]:
    port = await opened("pty")
    yield port
    port.close()


# A pseudo-terminal.


async def test_a_pty_carries_bytes_both_ways(pty: SerialPort) -> None:
    ear = Ear()
    pty.attach(ear)
    host = os.open(pty.description, os.O_RDWR | os.O_NOCTTY)
    every = bytes(range(256))
    os.write(host, every)
    await ear.hears(every)
    pty.write(every)
    assert await read(host, 256) == every
    os.close(host)


async def test_hosts_may_come_and_go(pty: SerialPort) -> None:
    ear = Ear()
    ended: list[bool] = []
    pty.on_end = lambda: ended.append(True)
    pty.attach(ear)
    for greeting in (b"first", b"second"):
        host = os.open(pty.description, os.O_RDWR | os.O_NOCTTY)
        os.write(host, greeting)
        os.close(host)
        await ear.hears(greeting)
    assert ended == []


async def test_what_comes_while_nobody_is_attached_is_kept(pty: SerialPort) -> None:
    host = os.open(pty.description, os.O_RDWR | os.O_NOCTTY)
    os.write(host, b"early")
    ear = Ear()
    pty.attach(ear)
    await ear.hears(b"early")
    pty.detach()
    os.write(host, b"late")
    await asyncio.sleep(0.05)
    assert not ear.heard
    pty.attach(ear)
    await ear.hears(b"late")
    os.close(host)


async def test_a_paused_port_lets_the_host_wait(pty: SerialPort) -> None:
    ear = Ear()
    pty.attach(ear)
    pty.pause()
    host = os.open(pty.description, os.O_RDWR | os.O_NOCTTY)
    os.write(host, b"wait")
    await asyncio.sleep(0.05)
    assert not ear.heard
    pty.resume()
    await ear.hears(b"wait")
    os.close(host)


async def test_what_a_host_does_not_read_waits(pty: SerialPort) -> None:
    ear = Ear()
    pty.attach(ear)
    host = os.open(pty.description, os.O_RDWR | os.O_NOCTTY)
    data = bytes(range(256)) * 1024
    for at in range(0, len(data), 5000):
        pty.write(data[at : at + 5000])
    assert pty.backlog > 0
    assert ear.drains == 0
    assert await read(host, len(data)) == data
    await ear.until(lambda: ear.drains > 0)
    assert pty.backlog == 0
    os.close(host)


async def test_a_pty_has_a_link(tmp_path: Path) -> None:
    link = tmp_path / "tokay"
    port = await opened(f"pty:{link}")
    assert port.description == str(link)
    assert link.is_symlink()
    assert str(link.readlink()).startswith("/dev/pts/")
    ear = Ear()
    port.attach(ear)
    host = os.open(link, os.O_RDWR | os.O_NOCTTY)
    os.write(host, b"hello")
    await ear.hears(b"hello")
    os.close(host)
    port.close()
    assert not link.is_symlink()
    port.close()


async def test_a_link_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "tokay"
    link.symlink_to("/dev/pts/99999")
    port = await opened(f"pty:{link}")
    assert str(link.readlink()) != "/dev/pts/99999"
    port.close()
    assert not link.is_symlink()


async def test_a_link_that_another_has_taken_over_is_left(tmp_path: Path) -> None:
    link = tmp_path / "tokay"
    first = await opened(f"pty:{link}")
    second = await opened(f"pty:{link}")
    first.close()
    assert link.exists()
    second.close()
    assert not link.is_symlink()


async def test_a_file_of_others_in_the_place_of_the_link(tmp_path: Path) -> None:
    link = tmp_path / "precious"
    link.write_text("mine", "utf-8")
    with pytest.raises(SerialError, match="precious"):
        await open_port(f"pty:{link}")
    assert link.read_text("utf-8") == "mine"
    with pytest.raises(SerialError):
        await open_port(f"pty:{tmp_path}")
    with pytest.raises(SerialError):
        await open_port(f"pty:{tmp_path / 'missing' / 'tokay'}")


async def test_a_pty_gives_its_descriptors_back() -> None:
    before = open_descriptors()
    for _ in range(3):
        port = await opened("pty")
        port.write(b"x" * 100_000)
        port.close()
        port.write(b"too late")
    assert open_descriptors() == before


async def test_a_pty_takes_any_line_settings(pty: SerialPort) -> None:
    pty.configure(LineSettings(baud=1234567, parity="odd", stop=2, flow=True))


# A tty.


async def test_a_tty() -> None:
    near, far = os.openpty()
    path = os.ttyname(far)
    port = await opened(path)
    assert port.description == path
    ear = Ear()
    port.attach(ear)
    every = bytes(range(256))
    os.write(near, every)
    await ear.hears(every)
    port.write(every)
    assert await read(near, 256) == every
    port.configure(LineSettings(baud=9600, parity="even", stop=2))
    with pytest.raises(OSError, match="12345"):
        port.configure(LineSettings(baud=12345))
    port.close()
    os.close(near)
    os.close(far)


async def test_a_tty_that_is_unplugged_ends() -> None:
    near, far = os.openpty()
    port = await opened(os.ttyname(far))
    os.close(far)
    ear = Ear()
    ended = asyncio.Event()
    port.on_end = ended.set
    port.attach(ear)
    os.close(near)
    await asyncio.wait_for(ended.wait(), 10)
    port.write(b"into the void")
    port.close()


@pytest.mark.parametrize("form", ["/dev/null", "/dev/no-such-tty", "/tmp"])
async def test_what_is_no_tty(form: str) -> None:
    before = open_descriptors()
    with pytest.raises(SerialError, match=form) as caught:
        await open_port(form)
    assert "\n" not in str(caught.value)
    assert open_descriptors() == before


# A TCP address.


@pytest.fixture
async def tcp() -> AsyncIterator[SerialPort]:
    port = await opened("tcp:127.0.0.1:0")
    yield port
    port.close()
    await asyncio.sleep(0)


Host = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: SerialPort) -> Host:
    _, address, number = port.description.split(":")
    return await asyncio.open_connection(address, int(number))


async def hang_up(host: Host) -> None:
    host[1].close()
    await host[1].wait_closed()


async def test_tcp_carries_bytes_both_ways(tcp: SerialPort) -> None:
    ear = Ear()
    tcp.attach(ear)
    host = await connect(tcp)
    every = bytes(range(256))
    host[1].write(every)
    await ear.hears(every)
    tcp.write(every)
    assert await host[0].readexactly(256) == every
    await hang_up(host)


async def test_a_second_host_is_turned_away(tcp: SerialPort) -> None:
    ear = Ear()
    tcp.attach(ear)
    first = await connect(tcp)
    first[1].write(b"one")
    await ear.hears(b"one")
    second = await connect(tcp)
    assert await asyncio.wait_for(second[0].read(), 10) == b""
    await hang_up(second)
    tcp.write(b"still yours")
    assert await first[0].readexactly(11) == b"still yours"
    await hang_up(first)


async def test_the_next_host_may_come_when_the_first_is_gone(tcp: SerialPort) -> None:
    ear = Ear()
    tcp.attach(ear)
    for greeting in (b"first", b"second"):
        host = await connect(tcp)
        host[1].write(greeting)
        await ear.hears(greeting)
        await hang_up(host)
        await ear.until(lambda: ear.drains > 0)
        ear.drains = 0


async def test_without_a_host_output_goes_nowhere(tcp: SerialPort) -> None:
    tcp.attach(Ear())
    tcp.write(b"hello?" * 100_000)
    assert tcp.backlog == 0


async def test_what_a_host_sends_while_nobody_is_attached_is_kept(tcp: SerialPort) -> None:
    host = await connect(tcp)
    host[1].write(b"early")
    await asyncio.sleep(0.05)
    ear = Ear()
    tcp.attach(ear)
    await ear.hears(b"early")
    tcp.detach()
    host[1].write(b"late")
    await asyncio.sleep(0.05)
    assert not ear.heard
    tcp.attach(ear)
    await ear.hears(b"late")
    await hang_up(host)


async def test_a_host_that_does_not_read_is_noticed(tcp: SerialPort) -> None:
    ear = Ear()
    tcp.attach(ear)
    host = await connect(tcp)
    host[1].write(b"x")
    await ear.hears(b"x")
    size = 0
    while tcp.backlog == 0:
        tcp.write(bytes(100_000))
        size += 100_000
    await host[0].readexactly(size)
    await ear.until(lambda: ear.drains > 0)
    assert tcp.backlog == 0
    await hang_up(host)


async def test_a_paused_tcp_port_does_not_grow(tcp: SerialPort) -> None:
    ear = Ear()
    tcp.attach(ear)
    host = await connect(tcp)
    host[1].write(b"x")
    await ear.hears(b"x")
    tcp.pause()
    host[1].write(bytes(20_000_000))
    await asyncio.sleep(0.1)
    assert isinstance(tcp, TcpPort)
    assert len(tcp._held) + len(ear.heard) < 1_000_000
    tcp.resume()
    await ear.hears(bytes(20_000_000))
    await hang_up(host)


async def test_an_address_in_use(tcp: SerialPort) -> None:
    with pytest.raises(SerialError, match="cannot be opened"):
        await open_port(tcp.description)


async def test_ipv6() -> None:
    try:
        port = await opened("tcp:[::1]:0")
    except SerialError:
        pytest.skip("this machine has no IPv6")
    assert "::1" in port.description
    port.close()


async def test_a_closed_port_listens_no_more() -> None:
    port = await opened("tcp:127.0.0.1:0")
    number = int(port.description.rsplit(":", 1)[1])
    port.close()
    await asyncio.sleep(0)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", number)) != 0


# Names.


async def test_no_port() -> None:
    assert await open_port("none") is None


@pytest.mark.parametrize(
    "form",
    ["", "serial", "ptyx", "tcp", "tcp:", "tcp:2000", "tcp:localhost", "tcp:localhost:",
     "tcp:localhost:x", "tcp:localhost:65536", "tcp:localhost:-1", "tcp::2000", "ttyS0",
     "tcp:localhost:²", "stdio:x"],
)  # fmt: skip
async def test_unknown_forms(form: str) -> None:
    with pytest.raises(SerialError) as caught:
        await open_port(form)
    assert "\n" not in str(caught.value)


async def test_a_host_that_is_not_known() -> None:
    with pytest.raises(SerialError):
        await open_port("tcp:no-such-host.invalid:2000")
