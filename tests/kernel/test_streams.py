"""Streams: handles, the life of a stream, and back-pressure."""

from collections.abc import Iterator

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.kernel.commands import Call, command
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import HIGH_WATER, MAX_STREAMS, Inbox, Stream, StreamType


class Pipe(Stream):
    """A connection whose peer is the test."""

    type = StreamType.TCPC

    def __init__(self, talk: "list[Pipe]") -> None:
        super().__init__("(1234)")
        self.inbox = Inbox(lambda: None, lambda: None)
        self.left = self.closed = False
        self.sent = bytearray()
        talk.append(self)

    @property
    def available(self) -> int:
        return self.inbox.size

    @property
    def ended(self) -> bool:
        return self.left

    def take(self, limit: int) -> bytes:
        return self.inbox.take(limit)

    async def room(self, timeout: float) -> bool:
        return not self.left

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        self.sent += data

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


PIPES: list[Pipe] = []


@command("pipe")
def pipe(call: Call) -> str:
    """Open a pipe."""
    return str(call.kernel.streams.open(Pipe(PIPES)))


class Pipes(Plugin):
    name = "pipes"
    commands = (pipe,)


class Peer:
    """The far end of pipes."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def says(self, number: int, data: bytes) -> None:
        async def say() -> None:
            PIPES[number].inbox.put(data)
            self._talk.kernel.streams.arrived(PIPES[number])

        self._talk.run(say())

    def leaves(self, number: int) -> None:
        async def leave() -> None:
            PIPES[number].left = True
            self._talk.kernel.streams.arrived(PIPES[number])

        self._talk.run(leave())


@pytest.fixture
def talk() -> Iterator[Talk]:
    PIPES.clear()
    with Talk(plugins=[Pipes]) as talk:
        yield talk


@pytest.fixture
def peer(talk: Talk) -> Peer:
    return Peer(talk)


def auto_close(talk: Talk, on: bool) -> None:
    assert talk.answer(f"set stream.auto_close {int(on)}") == (0, "Set OK")


def is_closed(number: int) -> bool:
    return PIPES[number].closed


GONE = (1, "Command failed")


# Handles.


def test_the_lowest_free_handle_comes_first(talk: Talk) -> None:
    assert [talk.answer("pipe")[1] for _ in range(4)] == ["0", "1", "2", "3"]
    talk.ask("close 2")
    talk.ask("close 0")
    assert [talk.answer("pipe")[1] for _ in range(3)] == ["0", "2", "4"]


def test_eight_streams_at_most(talk: Talk) -> None:
    for number in range(MAX_STREAMS):
        assert talk.answer("pipe") == (0, str(number))
    assert talk.answer("pipe") == GONE
    talk.ask("close 5")
    assert talk.answer("pipe") == (0, "5")


def test_files_and_listings_share_the_handles(talk: Talk) -> None:
    talk.ask("fcr a.txt 3", b"abc")
    assert talk.answer("fop a.txt") == (0, "0")
    assert talk.answer("pipe") == (0, "1")
    assert talk.answer("fcr b.txt 3 -o") == (0, "2")
    talk.ask("set system.cmd.buffered 1")
    assert talk.answer("ls")[1].startswith("3,")


def test_a_finished_stream_does_not_stand_in_the_way(talk: Talk, peer: Peer) -> None:
    for _ in range(MAX_STREAMS):
        talk.ask("pipe")
    peer.says(3, b"x")
    peer.leaves(3)
    assert talk.answer("pipe") == GONE
    talk.ask("read 3 10")
    assert talk.answer("pipe") == (0, "3")


@pytest.mark.parametrize("line", ["poll", "close", "read {} 1"])
@pytest.mark.parametrize("handle", ["0", "7", "8", "99", "-1", "x", "1.0"])
def test_a_handle_that_is_not_open(talk: Talk, line: str, handle: str) -> None:
    talk.send((line if "{}" in line else line + " {}").format(handle).encode() + b"\r\n")
    talk.turn(1)
    assert talk.reply(talk.heard()) == GONE


def test_the_list(talk: Talk, peer: Peer) -> None:
    talk.send(b"list\r\n")
    talk.expect(b"R000016\r\n! # Type  Info\r\n")
    talk.ask("pipe")
    talk.ask("fcr a.txt 3", b"abc")
    talk.ask("fop a.txt")
    assert talk.answer("list")[1].split("\r\n") == [
        "! # Type  Info",
        "# 0 TCPC  (1234)",
        "# 1 FILE  a.txt-1.0.0.0  (3, 0)",
    ]
    peer.leaves(0)
    assert "TCPC" not in talk.answer("list")[1]


def test_poll_all(talk: Talk, peer: Peer) -> None:
    assert talk.answer("poll all") == (0, "None")
    auto_close(talk, False)
    for _ in range(3):
        talk.ask("pipe")
    peer.says(1, b"data")
    peer.leaves(2)
    assert talk.answer("poll all") == (0, "0,0|1,1|2,2")


def test_poll_counts(talk: Talk, peer: Peer) -> None:
    talk.ask("pipe")
    assert talk.answer("poll -c 0") == (0, "0")
    peer.says(0, b"four")
    assert talk.answer("poll -c 0") == (0, "4")


def test_close_all(talk: Talk) -> None:
    for _ in range(3):
        talk.ask("pipe")
    assert talk.answer("close all") == (0, "Success")
    assert all(one.closed for one in PIPES)
    assert talk.answer("poll all") == (0, "None")
    assert talk.answer("close all") == (0, "Success")


# The life of a stream. Source: docs/protocol/network.md, section 6.


def test_an_open_stream(talk: Talk, peer: Peer) -> None:
    talk.ask("pipe")
    assert talk.answer("poll 0") == (0, "0")
    peer.says(0, b"hello")
    assert talk.answer("poll 0") == (0, "1")
    assert talk.answer("read 0 2") == (0, "he")
    assert talk.answer("poll 0") == (0, "1")
    assert talk.answer("read 0 3") == (0, "llo")
    assert talk.answer("poll 0") == (0, "0")
    assert talk.answer("write 0 3", b"abc") == (0, "Success")
    assert PIPES[0].sent == b"abc"
    assert talk.answer("close 0") == (0, "Success")
    assert is_closed(0)
    assert talk.answer("close 0") == GONE


def test_auto_close_once_all_is_read(talk: Talk, peer: Peer) -> None:
    auto_close(talk, True)
    talk.ask("pipe")
    peer.says(0, b"hello")
    peer.leaves(0)
    assert talk.answer("poll 0") == (0, "1")
    assert talk.answer("read 0 3") == (0, "hel")
    assert talk.answer("poll 0") == (0, "1")
    assert talk.answer("read 0 100") == (0, "lo")
    assert talk.answer("read 0 100") == (0, "")
    assert is_closed(0)
    assert talk.answer("read 0 100") == GONE
    assert talk.answer("poll 0") == GONE
    assert talk.answer("close 0") == GONE


def test_a_poll_of_what_is_read_to_the_end_finds_nothing(talk: Talk, peer: Peer) -> None:
    auto_close(talk, True)
    talk.ask("pipe")
    peer.says(0, b"x")
    peer.leaves(0)
    talk.ask("read 0 1")
    assert talk.answer("poll 0") == GONE
    assert is_closed(0)


def test_a_host_may_close_what_it_has_read_to_the_end(talk: Talk, peer: Peer) -> None:
    auto_close(talk, True)
    talk.ask("pipe")
    peer.says(0, b"x")
    peer.leaves(0)
    talk.ask("read 0 1")
    assert talk.answer("close 0") == (0, "Success")


def test_a_stream_without_data_goes_with_its_peer(talk: Talk, peer: Peer) -> None:
    auto_close(talk, True)
    talk.ask("pipe")
    peer.leaves(0)
    assert is_closed(0)
    assert talk.answer("poll 0") == GONE


def test_without_auto_close_the_handle_stays(talk: Talk, peer: Peer) -> None:
    auto_close(talk, False)
    talk.ask("pipe")
    peer.says(0, b"hello")
    peer.leaves(0)
    assert talk.answer("poll 0") == (0, "1")
    assert talk.answer("read 0 100") == (0, "hello")
    for _ in range(3):
        assert talk.answer("poll 0") == (0, "2")
        assert talk.answer("read 0 100") == (0, "")
    assert not is_closed(0)
    assert talk.answer("close 0") == (0, "Success")
    assert is_closed(0)
    assert talk.answer("poll 0") == GONE


@pytest.mark.parametrize("profile", PROFILES)
def test_a_file_closes_itself_whatever_auto_close_says(profile: str) -> None:
    with Talk(profile) as talk:
        auto_close(talk, False)
        talk.ask("fcr a.txt 3", b"abc")
        talk.ask("fop a.txt")
        assert talk.answer("poll 0") == (0, "1")
        assert talk.answer("read 0 2") == (0, "ab")
        assert talk.answer("read 0 9") == (0, "c")
        assert talk.answer("poll 0") == GONE
        assert talk.answer("list") == (0, "! # Type  Info")


def test_what_a_type_does_not_do(talk: Talk) -> None:
    talk.ask("fcr a.txt 3", b"abc")
    talk.ask("fop a.txt")
    assert talk.answer("write 0 1", b"x") == GONE
    talk.ask("close 0")
    talk.ask("fcr b.txt 3 -o")
    talk.send(b"read 0 1\r\n")
    talk.turn(1)
    assert talk.reply(talk.heard()) == GONE
    assert talk.answer("poll 0") == (0, "0")
    talk.ask("close 0")
    talk.ask("set system.cmd.buffered 1")
    talk.ask("ls")
    assert talk.answer("write 0 1", b"x") == GONE


def test_notices() -> None:
    PIPES.clear()
    with Talk(plugins=[Pipes], settings={"system.print_level": "all"}) as talk:
        talk.ask("set system.cmd.timestamp 0")
        talk.send(b"pipe\r\n")
        talk.expect(b"L000013\r\n[Opened: 0]\r\nR000003\r\n0\r\n")
        talk.send(b"close 0\r\n")
        talk.expect(b"L000012\r\nClosing: 0\r\nL000013\r\n[Closed: 0]\r\nR000009\r\nSuccess\r\n")
        talk.ask("set system.cmd.timestamp 1")
        talk.send(b"pipe\r\n")
        talk.expect(b"L000036\r\n[2019-01-01 | 00:00:00: Opened: 0]\r\nR000003\r\n0\r\n")


# Reading with a time limit.


def test_a_read_waits_for_what_it_asked_for(talk: Talk, peer: Peer) -> None:
    talk.ask("set bus.command.read_timeout 1000")
    talk.ask("pipe")
    talk.send(b"read 0 4\r\n")
    peer.says(0, b"ab")
    talk.turn(0.5)
    talk.expect(b"")
    peer.says(0, b"cdef")
    talk.run(talk.loop.settle())
    talk.expect(b"R000006\r\nabcd\r\n")
    assert talk.answer("read 0 2") == (0, "ef")


def test_a_read_that_runs_out_of_time_gives_what_there_is(talk: Talk, peer: Peer) -> None:
    talk.ask("set bus.command.read_timeout 1000")
    talk.ask("pipe")
    talk.send(b"read 0 4\r\n")
    peer.says(0, b"ab")
    talk.turn(0.99)
    talk.expect(b"")
    talk.turn(0.02)
    talk.expect(b"R000004\r\nab\r\n")
    talk.send(b"read 0 4\r\n")
    talk.turn(1)
    talk.expect(b"R000000\r\n")


def test_a_read_ends_when_the_peer_leaves(talk: Talk, peer: Peer) -> None:
    talk.ask("set bus.command.read_timeout 1000")
    talk.ask("pipe")
    talk.send(b"read 0 4\r\n")
    peer.says(0, b"ab")
    peer.leaves(0)
    talk.run(talk.loop.settle())
    talk.expect(b"R000004\r\nab\r\n")


def test_a_read_of_a_stream_that_is_lost_meanwhile(talk: Talk, peer: Peer) -> None:
    talk.ask("set bus.command.read_timeout 1000")
    talk.ask("pipe")
    talk.send(b"read 0 4\r\n")
    peer.leaves(0)
    talk.turn(2)
    talk.expect(b"R000000\r\n")
    assert talk.answer("poll 0") == GONE


def test_a_read_with_no_patience(talk: Talk, peer: Peer) -> None:
    talk.ask("set bus.command.read_timeout 0")
    talk.ask("pipe")
    talk.send(b"read 0 4\r\n")
    talk.expect(b"R000000\r\n")
    peer.says(0, b"abc")
    talk.send(b"read 0 4\r\n")
    talk.expect(b"R000005\r\nabc\r\n")


@pytest.mark.parametrize("size", ["0", "-1", "x", "100000"])
def test_a_read_of_no_size(talk: Talk, size: str) -> None:
    talk.ask("pipe")
    assert talk.answer(f"read 0 {size}")[0] == 7


def test_the_largest_read(talk: Talk, peer: Peer) -> None:
    talk.ask("pipe")
    peer.says(0, bytes(99_997))
    heard = talk.ask("read 0 99997")
    assert heard[:9] == b"R099999\r\n"
    assert len(heard) == 9 + 99_999


# Back-pressure.


class Valve:
    def __init__(self) -> None:
        self.turns: list[str] = []
        self.inbox = Inbox(lambda: self.turns.append("pause"), lambda: self.turns.append("resume"))


def test_a_peer_is_stopped_while_much_is_unread() -> None:
    valve = Valve()
    valve.inbox.put(bytes(HIGH_WATER))
    assert valve.turns == []
    valve.inbox.put(b"x")
    valve.inbox.put(b"y")
    assert valve.turns == ["pause"]
    valve.inbox.take(HIGH_WATER // 2)
    assert valve.turns == ["pause"]
    valve.inbox.take(2)
    assert valve.turns == ["pause", "resume"]
    valve.inbox.put(bytes(HIGH_WATER))
    assert valve.turns == ["pause", "resume", "pause"]


def test_an_inbox_keeps_order_and_count() -> None:
    inbox = Valve().inbox
    for chunk in (b"abc", b"", b"defg", b"h"):
        inbox.put(chunk)
    assert inbox.size == 8
    assert inbox.take(0) == b""
    assert inbox.take(2) == b"ab"
    assert inbox.take(4) == b"cdef"
    assert inbox.size == 2
    assert inbox.take(100) == b"gh"
    assert inbox.take(100) == b""
    assert inbox.size == 0
