import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokay.board.wpa.control_socket import ControlSocket, NoAnswerError, next_of
from tokay.kernel.turned_loop import run_turned
from tokay.protocols.wpa_ctrl import Name, WpaCtrlError


class Program:
    """The other end of a control socket, played by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._peer = ""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(10)

    def take(self) -> str:
        """Return the next command."""
        data, self._peer = self._socket.recvfrom(4096)
        return data.decode()

    def send(self, text: str) -> None:
        """Answer, or tell of an event."""
        self._socket.sendto(text.encode(), self._peer)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "program")
    yield program
    program.close()


async def test_a_command_is_answered_whatever_comes_between(
    program: Program, tmp_path: Path
) -> None:
    control = ControlSocket(program.path, tmp_path)
    with control.events() as events:
        asked = asyncio.ensure_future(control.command("SCAN TYPE=ONLY"))
        await asyncio.sleep(0)
        assert program.take() == "SCAN TYPE=ONLY"
        program.send("<3>CTRL-EVENT-SCAN-STARTED ")
        program.send("<3>")
        program.send("OK\n")
        program.send("<3>CTRL-EVENT-SCAN-RESULTS ")
        await asked
        assert (await next_of(events, Name.SCAN_RESULTS)).name == Name.SCAN_RESULTS
    control.close()
    control.close()


async def test_an_error_names_the_command_and_never_the_value(
    program: Program, tmp_path: Path
) -> None:
    control = ControlSocket(program.path, tmp_path)
    asked = asyncio.ensure_future(control.command('SET_NETWORK 0 sae_password "tokay-lab"'))
    await asyncio.sleep(0)
    program.take()
    program.send("FAIL\n")
    with pytest.raises(WpaCtrlError) as caught:
        await asked
    assert "tokay-lab" not in str(caught.value)
    assert str(caught.value).endswith("FAIL")
    control.close()


async def test_who_gives_up_waiting_leaves_the_answer_to_nobody_else(
    program: Program, tmp_path: Path
) -> None:
    control = ControlSocket(program.path, tmp_path)
    first = asyncio.ensure_future(control.ask("ONE"))
    await asyncio.sleep(0)
    assert program.take() == "ONE"
    first.cancel()
    second = asyncio.ensure_future(control.ask("TWO"))
    await asyncio.sleep(0)
    program.send("1\n")
    with pytest.raises(asyncio.CancelledError):
        await first
    while not second.done():
        await asyncio.sleep(0)
        program._socket.setblocking(False)
        try:
            assert program.take() == "TWO"
        except BlockingIOError:
            continue
        program.send("2\n")
        break
    assert (await second).text == b"2"
    control.close()


def test_a_program_that_stalls_is_given_up(program: Program, tmp_path: Path) -> None:
    async def check() -> None:
        control = ControlSocket(program.path, tmp_path)
        with pytest.raises(NoAnswerError):
            await control.ask("PING")
        with pytest.raises(WpaCtrlError):
            await control.ask("PING")
        control.close()

    run_turned(check())


async def test_a_program_that_is_gone(program: Program, tmp_path: Path) -> None:
    with pytest.raises(WpaCtrlError):
        ControlSocket(tmp_path / "nobody", tmp_path)
    control = ControlSocket(program.path, tmp_path)
    program.close()
    with pytest.raises(WpaCtrlError, match="gone"):
        await control.ask("PING")
    control.close()
    assert list(tmp_path.glob("c*")) == []
