"""A paced port: when each byte has arrived, in turned time."""

import os

import pytest
from tests.dialogue import Wire as Inner

from tokay.board.serial import LineSettings, open_port
from tokay.board.serial.paced import PacedLine, PacedPort, byte_time
from tokay.testing.clock import turned_loop


class Ear:
    """A receiver that notes when it was given what."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.drains = 0

    def feed(self, data: bytes) -> None:
        self.heard += data

    def drained(self) -> None:
        self.drains += 1


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
async def port(inner: Inner) -> PacedPort:
    port = PacedPort(inner)
    port.configure(LineSettings(baud=9600))
    return port


BYTE = 10 / 9600


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        (LineSettings(), 10 / 115200),
        (LineSettings(baud=9600), 10 / 9600),
        (LineSettings(baud=9600, parity="even"), 11 / 9600),
        (LineSettings(baud=9600, parity="odd", stop=2), 12 / 9600),
        (LineSettings(baud=1200, data=7), 9 / 1200),
    ],
)
def test_what_a_byte_takes(settings: LineSettings, seconds: float) -> None:
    assert byte_time(settings) == pytest.approx(seconds)


def test_a_wire_by_numbers() -> None:
    wire = PacedLine()
    assert wire.get_timer() is None
    wire.send(b"abc", 0.25, 10.0)
    wire.send(b"d", 0.5, 10.1)
    assert wire.receive_arrived(10.24) == b""
    assert wire.receive_arrived(10.25) == b"a"
    assert wire.receive_arrived(11.2) == b"bc"
    assert wire.receive_arrived(11.25) == b"d"
    assert wire.size == 0
    # A wire that was idle begins when something is sent, one that was busy behind that.
    wire.send(b"e", 0.25, 20.0)
    assert wire.get_timer() == 20.25
    wire.send(b"f", 0.25, 20.1)
    assert wire.receive_arrived(20.5) == b"ef"


async def test_to_the_host_byte_by_byte(port: PacedPort, inner: Inner) -> None:
    ear = Ear()
    port.attach(ear)
    port.write(b"x" * 960)
    assert port.backlog == 960
    await turned_loop().turn(BYTE * 0.99)
    assert not inner.gone
    await turned_loop().turn(0.5 - BYTE * 0.99)
    assert len(inner.gone) == pytest.approx(480, abs=5)
    assert ear.drains == 0
    await turned_loop().turn(0.499)
    assert port.backlog > 0
    await turned_loop().turn(0.001)
    assert inner.gone == b"x" * 960
    assert port.backlog == 0
    assert ear.drains == 1


async def test_one_byte_takes_one_byte_of_time(port: PacedPort, inner: Inner) -> None:
    ear = Ear()
    port.attach(ear)
    port.write(b"x")
    inner.receive(b"y")
    await turned_loop().turn(BYTE * 0.999)
    assert bytes(inner.gone + ear.heard) == b""
    await turned_loop().turn(BYTE * 0.001)
    assert bytes(inner.gone + ear.heard) == b"xy"


async def test_from_the_host_who_waits_meanwhile(port: PacedPort, inner: Inner) -> None:
    ear = Ear()
    port.attach(ear)
    inner.receive(b"x" * 960)
    assert inner.host_waits()
    await turned_loop().turn(0.5)
    assert len(ear.heard) == pytest.approx(480, abs=5)
    inner.receive(b"y" * 960)
    await turned_loop().turn(0.5)
    assert ear.heard == b"x" * 960
    await turned_loop().turn(1)
    assert ear.heard == b"x" * 960 + b"y" * 960
    assert not inner.host_waits()


async def test_both_directions_at_once(port: PacedPort, inner: Inner) -> None:
    ear = Ear()
    port.attach(ear)
    port.write(b"x" * 960)
    inner.receive(b"y" * 960)
    await turned_loop().turn(1)
    assert (len(inner.gone), len(ear.heard)) == (960, 960)


async def test_a_new_rate_holds_for_what_comes_then(port: PacedPort, inner: Inner) -> None:
    port.attach(Ear())
    port.write(b"x" * 960)
    port.configure(LineSettings(baud=115200))
    port.write(b"y" * 11520)
    await turned_loop().turn(1)
    assert inner.gone == b"x" * 960
    await turned_loop().turn(1)
    assert len(inner.gone) == 960 + 11520


async def test_a_pause_is_no_time_of_the_wire(port: PacedPort, inner: Inner) -> None:
    ear = Ear()
    port.attach(ear)
    inner.receive(b"x" * 960)
    await turned_loop().turn(0.5)
    port.pause()
    heard = len(ear.heard)
    await turned_loop().turn(10)
    assert len(ear.heard) == heard
    port.resume()
    await turned_loop().turn(0.25)
    assert len(ear.heard) == pytest.approx(heard + 240, abs=6)
    await turned_loop().turn(1)
    assert ear.heard == b"x" * 960


async def test_detached_it_keeps_what_is_on_its_way(port: PacedPort, inner: Inner) -> None:
    first, second = Ear(), Ear()
    port.attach(first)
    inner.receive(b"x" * 10)
    port.detach()
    inner.receive(b"y" * 10)
    await turned_loop().turn(1)
    assert not first.heard
    port.attach(second)
    await turned_loop().turn(1)
    assert second.heard == b"x" * 10 + b"y" * 10


async def test_the_end_comes_behind_the_last_byte(port: PacedPort, inner: Inner) -> None:
    ear, ends = Ear(), list[int]()
    port.on_end = lambda: ends.append(len(ear.heard))
    port.attach(ear)
    inner.receive(b"x" * 96)
    assert inner.on_end is not None
    inner.on_end()
    assert not ends
    await turned_loop().turn(1)
    assert ends == [96]


async def test_closing_lets_go_what_was_written(port: PacedPort, inner: Inner) -> None:
    port.attach(Ear())
    port.write(b"last words")
    port.close()
    assert inner.gone == b"last words"
    assert inner.closed


async def test_a_pty_by_name() -> None:
    port = await open_port("pty", pace=True)
    assert isinstance(port, PacedPort)
    port.configure(LineSettings(baud=1200))
    host = os.open(port.description, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    ear = Ear()
    port.attach(ear)
    os.write(host, b"x" * 120)
    await turned_loop().turn(0.5)
    assert len(ear.heard) == pytest.approx(60, abs=2)
    await turned_loop().turn(0.6)
    assert len(ear.heard) == 120
    port.write(b"y" * 120)
    await turned_loop().turn(0.999)
    assert port.backlog > 0
    await turned_loop().turn(0.1)
    assert os.read(host, 1000) == b"y" * 120
    os.close(host)
    port.close()


async def test_no_port_and_a_real_line_are_not_paced() -> None:
    assert await open_port("none", pace=True) is None
    near, far = os.openpty()
    port = await open_port(os.ttyname(far), pace=True)
    assert port is not None
    assert not isinstance(port, PacedPort)
    can_wait = [port.can_wait]
    port.configure(LineSettings(flow=True))
    assert [*can_wait, port.can_wait] == [False, True]
    port.close()
    os.close(near)
    os.close(far)
