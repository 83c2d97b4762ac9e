"""The conformance checks by their numbers, for every profile.

Source: docs/protocol/network.md, section 17.

Headers on; echo, prompt and log off.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.device.line import SUCCESS, Line, lab_air
from tests.dialogue import PROFILES
from tests.peers import ADDRESS, call, free_port

FAILED = b"R100016\r\nCommand failed\r\n"
PAYLOAD = b"a\r\nb\0"


@pytest.fixture(params=PROFILES)
def line(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    with Line(request.param, lab_air(tmp_path, monkeypatch)) as line:
        yield line


def test_1_to_5_a_stream(line: Line) -> None:
    assert line.connect() == b"R000003\r\n0\r\n"
    assert line.ask("write 0 5", PAYLOAD) == SUCCESS
    line.turn(0.001)
    assert line.ask("poll 0") == b"R000003\r\n1\r\n"
    assert line.late("read 0 100") == b"R000007\r\n" + PAYLOAD + b"\r\n"
    assert line.late("read 0 100") == b"R000000\r\n"


def test_6_the_peer_closes(line: Line) -> None:
    line.ask("set stream.auto_close 0")
    line.connect()
    line.close_far()
    assert line.ask("poll 0") == b"R000003\r\n2\r\n"
    assert line.ask("close 0") == SUCCESS
    assert line.ask("poll 0") == FAILED


def test_7_the_peer_closes_and_something_is_unread(line: Line) -> None:
    line.ask("set stream.auto_close 1")
    line.connect()
    line.ask("write 0 4", b"last")
    line.turn(0.001)
    line.close_far()
    assert line.late("read 0 100") == b"R000006\r\nlast\r\n"
    assert line.ask("poll 0") == FAILED


def test_8_nine_streams(line: Line) -> None:
    for handle in range(8):
        assert line.connect() == b"R000003\r\n%d\r\n" % handle
    assert line.connect() == FAILED
    assert line.ask("close 3") == SUCCESS
    assert line.connect() == b"R000003\r\n3\r\n"


def test_9_and_10_nothing_open(line: Line) -> None:
    assert line.ask("close all") == SUCCESS
    assert line.ask("poll all") == b"R000006\r\nNone\r\n"
    assert line.ask("poll 0") == line.ask("read 0 1") == line.ask("close 0") == FAILED


def test_11_a_request_in_pieces(line: Line) -> None:
    with line.server() as server:
        url = f"127.0.0.1:{server.port}/x"
        assert line.ask(f"hpo -o {url} application/json") == b"R000003\r\n0\r\n"
        assert line.ask("write 0 7", b"a\r\nb\0cd") == SUCCESS
        far = server.all[0]
        head = line.run(far.line()).decode().split("\r\n")
        assert head[0] == "POST /x HTTP/1.1"
        assert "Transfer-Encoding: chunked" in head
        assert "Content-Type: application/json" in head
        assert bytes(far.received) == b"7\r\na\r\nb\0cd\r\n"
        far.received.clear()
        assert line.ask("hre 0") == b""  # it waits for the server
        assert bytes(far.received) == b"0\r\n\r\n"
        far.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        line.turn(0.001)
        assert line.heard() == b"R000005\r\n200\r\n"
        assert line.late("read 0 5") == b"R000007\r\nhello\r\n"


def test_12_a_server_and_two_clients(line: Line) -> None:
    port = free_port()
    assert line.ask(f"tcps start {port}") == SUCCESS
    clients = [line.run(call(port)) for _ in range(2)]
    line.turn(0.001)
    code, listing = line.answer("list")
    rows = listing.split("\r\n")
    assert code == 0
    assert rows[0] == "! # Type  Info"
    for handle, row in enumerate(rows[1:]):
        near, far = row.removeprefix(f"# {handle} TCPS  ").split(" ")
        assert near == f"{ADDRESS}:{port}"
        assert far.startswith("127.0.0.1:")
    assert len(rows) == 3
    assert line.ask("tcps stop") == SUCCESS
    assert line.ask("poll all") == b"R000006\r\nNone\r\n"
    for client in clients:
        line.run(client.gone())


def test_13_a_listing_in_a_stream(line: Line) -> None:
    line.connect()
    line.ask("set system.cmd.buffered 1")
    code, body = line.answer("list")
    handle, size = body.split(",")
    assert (code, handle) == (0, "1")
    heard = line.late(f"read {handle} {size}")
    assert heard[:9] == b"R0%05d\r\n" % (int(size) + 2)
    assert heard[9:].startswith(b"! # Type  Info\r\n# 0 TCPC  127.0.0.1:")
    assert len(heard) == 9 + int(size) + 2


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\n\r", b"\r\n\0", b"\0\r\n"])
def test_14_line_ends(line: Line, end: bytes) -> None:
    for _ in range(3):
        line.send(b"poll all" + end)
        assert line.heard() == b"R000006\r\nNone\r\n"


def test_data_in_the_same_burst_and_what_follows_it(line: Line) -> None:
    """Hosts put a CR LF behind the payload. Source: docs/protocol/network.md, section 1.7."""
    line.connect()
    line.send(b"write 0 5\r\n" + PAYLOAD + b"\r\n")
    assert line.heard() == SUCCESS + b"R000007\r\nReady\r\n"
    line.turn(0.001)
    line.send(b"read 0 5\n\r")
    line.turn(1)
    assert line.heard() == b"R000007\r\n" + PAYLOAD + b"\r\n"


def test_15_the_remote_terminal(line: Line) -> None:
    """As a field client speaks with it: bare line feeds, to a device in human format."""
    for command in ("set system.cmd.prompt_enabled 1", "set system.cmd.echo on"):
        line.ask(command)
    line.ask("set system.cmd.header_enabled 0")
    far = line.run(call(2000))
    for sent, heard in ((b"", b"> "), (b"\n", b"\r\nReady\r\n> "),
                        (b"list\n", b"list\r\n! # Type  Info\r\n> ")):  # fmt: skip
        far.send(sent)
        line.turn(0.001)
        assert line.run(far.take(len(heard))) == heard
    assert not far.received
    far.close()
    line.turn(0.001)
