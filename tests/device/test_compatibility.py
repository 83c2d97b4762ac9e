"""Programs of the field on the serial port and the remote terminal, as they shape what they send.

docs/protocol/web-and-discovery.md, section 7; docs/protocol/network.md, sections 1.7, 6.2 and 6.3;
docs/protocol/command-protocol.md, section 14. Those that speak HTTP are in
tests/plugins/http_server/test_compatibility.py.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.device.line import SUCCESS, Line, lab_air
from tests.dialogue import PROFILES
from tests.peers import Far, Peer, call, free_port

Plug = Callable[..., Line]
GONE = (1, "Command failed")


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Make a line to a device; it is left at the end."""
    lines: list[Line] = []

    def make(profile: str, **settings: str) -> Line:
        named = {name.replace("__", "."): value for name, value in settings.items()}
        line = Line(profile, lab_air(tmp_path, monkeypatch), named)
        lines.append(line.__enter__())
        return line

    yield make
    for line in lines:
        line.__exit__(None, None, None)


# The host library of AMW007 on a small controller: machine format, and it polls.


class Wgx:
    """It ends every line with LF CR, puts CR LF behind what it writes, and reads columns."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def ask(self, command: str) -> tuple[int, str]:
        self.line.send(command.encode() + b"\n\r")
        heard = self.line.heard()
        if not heard:
            self.line.turn(1)
            heard = self.line.heard()
        return self.line.reply(heard)

    def write(self, handle: int, data: bytes) -> None:
        self.line.send(b"write %d %d\r\n" % (handle, len(data)) + data + b"\r\n")
        assert self.line.heard() == SUCCESS + b"R000007\r\nReady\r\n"

    def listed(self) -> list[tuple[str, str]]:
        """Ask for the open streams, through a stream of their own, by fixed columns."""
        code, text = self.ask("list")
        assert code == 0
        handle, size = text.split(",")
        code, text = self.ask(f"read {handle} {size}")
        assert code == 0
        return [(row[2], row[4:8]) for row in text.split("\r\n") if row.startswith("#")]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_host_that_polls(plug: Plug, profile: str) -> None:
    line = plug(profile, stream__auto_close="0", system__cmd__buffered="1")
    host = Wgx(line)
    with line.server() as server:
        assert host.ask(f"tcpc 127.0.0.1 {server.port}") == (0, "0")
        far = server.all[0]
        assert ("0", "TCPC") in host.listed()
        host.write(0, b"what\0\r\nis new?")
        assert line.run(far.take(14)) == b"what\0\r\nis new?"
        assert host.ask("poll 0") == (0, "0")
        far.send(b"x" * 100)
        line.turn(0.001)
        assert host.ask("poll 0") == (0, "1")
        assert host.ask("read 0 66") == (0, "x" * 66)
        far.close()
        line.turn(0.001)
        assert host.ask("read 0 66") == (0, "x" * 34)
        assert host.ask("read 0 66") == (0, "")  # nothing, so it polls, and closes
        assert host.ask("poll 0") == (0, "2")
        assert host.ask("close 0") == (0, "Success")
        assert host.ask("poll 0") == GONE


# A product of WiConnect 2 that downloads: it knows no status but `1` and a failed command.


@pytest.mark.parametrize("size", [0, 1, 1400, 30_000])
def test_a_download_loop(plug: Plug, size: int) -> None:
    line = plug("wiconnect-2")
    body = bytes(number * 7 % 251 for number in range(size))

    async def serve(far: Far) -> None:
        await far.line()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
        for at in range(0, len(head + body), 999):  # it comes in pieces
            far.send((head + body)[at : at + 999])
        far.close()

    peer = Peer(serve)
    line.run(peer.__aenter__())
    handle = line.reply(line.late(f"http_get 127.0.0.1:{peer.port}/file"))[1]
    got = bytearray()
    for _ in range(1000):
        code, status = line.reply(line.late(f"poll {handle}"))
        if (code, status) == GONE:
            break
        if status == "1":
            heard = line.late(f"read {handle} 1000")
            got += heard[9:-2] if len(heard) > 9 else b""
        else:
            line.late(f"read {handle} 1000")
    else:
        pytest.fail("it would poll for ever")
    assert bytes(got) == body
    line.run(peer.__aexit__(None, None, None))


# The remote terminal, as the tools for a charging station use it.


class Juice:
    """It sends bare line feeds, and reads until the first `>`."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.far = line.run(call(2000))

    def hear(self) -> str:
        return self.line.run(self.far.line(b">")).decode("latin-1")

    def ask(self, command: str) -> str:
        """Return what is between the echo and the prompt."""
        self.far.send(command.encode() + b"\n")
        echo, _, answer = self.hear().partition("\r\n")
        assert echo.strip() == command
        assert answer.endswith(">")
        return answer[:-1]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_remote_terminal(plug: Plug, profile: str) -> None:
    line = plug(profile)
    line.ask("set system.cmd.format human")
    host = Juice(line)
    assert host.hear() == ">"
    port = free_port()
    opened = host.ask(f"udpc 127.0.0.1 {port}")
    assert opened.rstrip().endswith("0")
    rows = host.ask("list").split("\r\n")
    assert rows[0] == "! # Type  Info"
    _, handle, kind, empty, info, *_ = rows[1].split(" ")
    assert (handle, kind, empty, info) == ("0", "UDPC", "", f"127.0.0.1:{port}")
    values = dict(row.split(": ", 1) for row in host.ask("get all").split("\r\n") if ": " in row)
    assert {"wlan.ssid", "wlan.mac"} <= values.keys()
    assert "Success" in host.ask(f"stream_close {handle}")
    assert host.ask("list").split("\r\n")[1:] == [""]
    assert "Set OK" in host.ask("set udp.client.remote_host 10.9.8.7")
    assert "Success" in host.ask("save")
    host.far.close()
    line.turn(0.001)
