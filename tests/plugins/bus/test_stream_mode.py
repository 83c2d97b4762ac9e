"""Stream mode: the serial port and a stream joined, and command mode in between."""

from typing import Any

import pytest
from tests.dialogue import MACHINE, PROFILES, Talk
from tests.plugins.bus.conftest import STREAM_MODE, Far

from tokay.board.storage import Storage
from tokay.kernel.events import RemoteTerminalChanged
from tokay.kernel.files import FileReader
from tokay.kernel.log import Level
from tokay.kernel.streams import HIGH_WATER, StreamType, TextStream
from tokay.plugins.bus import Bus
from tokay.plugins.http_client.http_stream import HttpStream
from tokay.plugins.network.stream import TcpStream
from tokay.plugins.udp.stream import UdpStream
from tokay.plugins.websocket.stream import WebSocketStream

AT_ONCE = {"bus.stream.flush_time": "0", "bus.stream.flush_count": "0"}
STARTED = b"L000020\r\nCommand Mode Start\r\n"


def break_in(talk: Talk) -> None:
    talk.turn(3)
    talk.send(b"$$$")
    talk.expect(STARTED)


def logged(talk: Talk) -> list[str]:
    return [entry.text for entry in talk.device.log]


# Both ways.


@pytest.mark.parametrize("profile", PROFILES)
def test_bytes_go_both_ways(profile: str) -> None:
    every = bytes(range(256))
    with Talk(profile, settings=STREAM_MODE) as talk:
        far = Far(talk).open()
        far.says(every)
        talk.expect(every)
        talk.send(every)
        talk.turn(0.010)
        assert far.heard() == every


def test_a_stream_type_that_nobody_knows_is_bridged_when_it_says_so() -> None:
    with Talk(settings=STREAM_MODE) as talk:
        far = Far(talk, "METER").open()
        far.says(b"42")
        talk.expect(b"42")


def test_what_our_streams_say_of_themselves() -> None:
    said = {
        kind: (kind.bridgeable, kind.datagrams)
        for kind in (TcpStream, UdpStream, WebSocketStream, HttpStream, FileReader, TextStream)
    }
    assert said == {
        TcpStream: (True, False),
        UdpStream: (True, True),
        WebSocketStream: (True, True),
        HttpStream: (False, False),
        FileReader: (False, False),
        TextStream: (False, False),
    }


def test_there_is_neither_echo_nor_prompt_nor_answer() -> None:
    settings = STREAM_MODE | {"system.print_level": "0"}
    with Talk(human=True, settings=settings) as talk:
        assert talk.boot == b""
        talk.send(b"ver\r\n")
        talk.expect(b"")


def test_gathered_bytes_go_after_flush_time_to_the_millisecond(talk: Talk, far: Far) -> None:
    talk.send(b"a", b"b")
    talk.turn(0.009)
    assert far.heard() == b""
    talk.turn(0.001)
    assert far.sent == [b"ab"]


def test_gathered_bytes_go_by_count(talk: Talk, far: Far) -> None:
    talk.send(b"x" * 1459)
    assert far.sent == []
    talk.send(b"x" * 3)
    assert far.sent == [b"x" * 1460]
    talk.turn(0.010)
    assert far.sent == [b"x" * 1460, b"xx"]


@pytest.mark.parametrize("type", [StreamType.UDPC, StreamType.UDPS, StreamType.WEBC])
def test_datagrams_are_what_was_gathered(talk: Talk, type: str) -> None:
    far = Far(talk, type).open()
    talk.send(b"x" * 3000)
    assert far.sent == [b"x" * 1460] * 2
    talk.turn(1)
    assert far.sent == [b"x" * 1460, b"x" * 1460, b"x" * 80]


def test_without_time_and_count_nothing_waits() -> None:
    with Talk(settings=STREAM_MODE | AT_ONCE) as talk:
        far = Far(talk).open()
        talk.send(b"a", b"b")
        assert far.sent == [b"a", b"b"]


def test_the_variables_can_be_changed_on_the_way(talk: Talk, far: Far) -> None:
    talk.send(b"abc")
    for line in ("set bus.stream.flush_time 0", "set bu s c 16", "set bu s s +++"):
        assert talk.run(talk.device.command(line)).ok
    assert far.heard() == b"abc"
    talk.turn(3)
    talk.send(b"+")
    talk.turn(0.5)
    talk.send(b"++")
    talk.expect(STARTED)


@pytest.mark.parametrize(
    ("line", "code"),
    [("bus.stream.flush_count 15", 7), ("bus.stream.flush_count 16", 0),
     ("bus.stream.flush_count 0", 0), ("bus.stream.flush_count 65536", 7),
     ("bus.stream.cmd_seq " + "x" * 16, 7), ("bus.stream.cmd_seq " + "x" * 15, 0),
     ('bus.stream.cmd_seq ""', 0), ("bus.stream.cmd_gpio 99", 7), ("bus.stream.cmd_gpio -1", 0)],
)  # fmt: skip
def test_what_can_be_set(line: str, code: int) -> None:
    with Talk() as talk:
        assert talk.answer(f"set {line}")[0] == code


# Which stream.


def test_the_first_stream_wins_and_the_next_comes_when_it_is_gone(talk: Talk, far: Far) -> None:
    second = Far(talk).open()
    second.says(b"second")
    far.says(b"first")
    talk.expect(b"first")
    talk.send(b"x")
    talk.turn(1)
    assert (far.heard(), second.heard()) == (b"x", b"")
    far.leaves()
    assert far.closed
    third = Far(talk).open()
    third.says(b"third")
    talk.expect(b"third")


def test_a_stream_that_its_peer_closed_goes_whatever_auto_close_says(talk: Talk, far: Far) -> None:
    talk.run(talk.device.command("set stream.auto_close 0"))
    far.says(b"bye")
    far.leaves()
    talk.expect(b"bye")
    assert far.closed
    assert len(talk.kernel.streams) == 0


def test_streams_of_commands_are_not_bridged(talk: Talk) -> None:
    async def work() -> None:
        talk.kernel.streams.open(Far(talk))

    talk.run(work())
    assert talk.kernel.streams.bridged is None


def test_a_type_that_cannot_be_bridged_is_refused_by_name(talk: Talk) -> None:
    Far(talk, StreamType.HTTP).open()
    assert logged(talk)[-1] == "HTTP streams cannot be bridged"
    far = Far(talk).open()
    far.says(b"yes")
    talk.expect(b"yes")


def test_the_bridged_stream_is_listed_but_not_for_commands(talk: Talk, far: Far) -> None:
    far.says(b"mine")
    assert talk.run(talk.device.command("list")).text == "! # Type  Info\r\n# 0 TCPC  far"
    for line, data in (("read 0 4", b""), ("write 0 2", b"no")):
        answer = talk.run(talk.device.command(line, data))
        assert answer.text == "Command failed"
        assert list(answer.log) == ["Stream 0 is bridged to the serial port"]
    assert far.heard() == b""
    assert talk.run(talk.device.command("poll 0")).text == "0"
    assert talk.run(talk.device.command("close 0")).text == "Success"
    assert far.closed


def test_other_streams_are_for_commands(talk: Talk, far: Far) -> None:
    second = Far(talk).open()
    second.says(b"hello")
    assert talk.run(talk.device.command("read 1 5")).text == "hello"


def test_servers_know(talk: Talk) -> None:
    assert talk.kernel.streams.bridging
    with Talk() as other:
        assert not other.kernel.streams.bridging
        far = Far(other).open()
        far.says(b"mine")
        assert other.answer("read 0 4") == (0, "mine")


# Breaking in, and back.


def test_breaking_in_and_leaving(talk: Talk, far: Far) -> None:
    talk.send(b"data")
    break_in(talk)
    assert far.heard() == b"data"
    assert talk.answer("get bus.mode") == (0, "stream")
    assert talk.answer("list") == (0, "! # Type  Info\r\n# 0 TCPC  far")
    assert talk.answer("exit") == (0, "Success")
    talk.send(b"more")
    talk.turn(1)
    assert far.heard() == b"more"
    talk.expect(b"")
    break_in(talk)
    assert talk.answer("ver")[0] == 0


def test_less_than_three_seconds_are_not_enough(talk: Talk, far: Far) -> None:
    talk.send(b"data")
    talk.turn(2.999)
    talk.send(b"$$$")
    talk.turn(2.999)
    talk.send(b"$$$")
    talk.expect(b"")
    talk.turn(1)
    assert far.heard() == b"data$$$$$$"
    talk.turn(2)
    talk.send(b"$$$")
    talk.expect(STARTED)


@pytest.mark.parametrize("bursts", [(b"$$$",), (b"$", b"$", b"$"), (b"$$", b"$")])
def test_the_text_in_pieces(talk: Talk, far: Far, bursts: tuple[bytes, ...]) -> None:
    talk.turn(3)
    talk.send(*bursts)
    talk.expect(STARTED)
    assert far.heard() == b""


def test_half_a_text_is_data_a_second_later(talk: Talk, far: Far) -> None:
    talk.turn(3)
    talk.send(b"$$")
    talk.turn(1.009)
    assert far.heard() == b""
    talk.turn(0.001)
    assert far.heard() == b"$$"


def test_a_person_sees_the_start_and_a_prompt() -> None:
    settings = STREAM_MODE | {"system.print_level": "0"}
    with Talk(human=True, settings=settings) as talk:
        talk.turn(3)
        talk.send(b"$$$")
        talk.expect(b"Command Mode Start\r\n> ")
        talk.send(b"get bu m\r\n")
        talk.expect(b"get bu m\r\nstream\r\n> ")


def test_commands_in_one_burst_with_the_text(talk: Talk, far: Far) -> None:
    talk.turn(3)
    talk.send(b"$$$get bu m\r\nexit\r\nand on")
    talk.expect(STARTED + b"R000008\r\nstream\r\n" + b"R000009\r\nSuccess\r\n")
    talk.turn(1)
    assert far.heard() == b"and on"


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n", b"\n\r"])
def test_the_line_end_of_exit_is_no_data(talk: Talk, far: Far, end: bytes) -> None:
    break_in(talk)
    talk.send(*[bytes((byte,)) for byte in b"exit" + end + b"data\n"])
    talk.turn(1)
    # LF CR: the LF was the end, and what a CR would belong to is not known any more.
    assert far.heard() == (b"\rdata\n" if end == b"\n\r" else b"data\n")


def test_what_the_peer_sends_meanwhile_waits(talk: Talk, far: Far) -> None:
    break_in(talk)
    far.says(b"x" * HIGH_WATER)
    assert not far.waits()
    far.says(b"y")
    assert far.waits()
    assert talk.answer("read 0 9") == (1, "Command failed")
    talk.expect(b"")
    talk.send(b"exit\r\n")
    talk.expect(b"R000009\r\nSuccess\r\n" + b"x" * HIGH_WATER + b"y")
    assert not far.waits()


def test_a_peer_that_leaves_meanwhile(talk: Talk, far: Far) -> None:
    break_in(talk)
    far.says(b"last words")
    far.leaves()
    assert talk.ask("exit") == b"R000009\r\nSuccess\r\nlast words"
    assert far.closed
    assert talk.kernel.streams.bridged is None


def test_a_stream_that_opens_meanwhile(talk: Talk) -> None:
    break_in(talk)
    far = Far(talk).open()
    far.says(b"hello")
    talk.expect(b"")
    assert talk.ask("exit") == b"R000009\r\nSuccess\r\nhello"
    talk.send(b"you")
    talk.turn(1)
    assert far.heard() == b"you"


def test_exit_where_there_is_nowhere_to_go() -> None:
    with Talk() as talk:
        assert talk.answer("exit") == (0, "Success")
        assert talk.answer("get bus.mode") == (0, "command")


def test_exit_of_another_front_end_is_not_of_the_port(talk: Talk, far: Far) -> None:
    break_in(talk)
    assert talk.run(talk.device.command("exit")).ok
    assert talk.answer("get bus.mode") == (0, "stream")


def test_other_front_ends_go_on_in_stream_mode(talk: Talk, far: Far) -> None:
    far.says(b"data")
    assert talk.run(talk.device.command("get bus.mode")).text == "stream"
    talk.send(b"data")
    talk.turn(1)
    assert far.heard() == b"data"
    talk.expect(b"data")


def test_a_remote_terminal_has_the_parser_and_the_data_flows_on(talk: Talk, far: Far) -> None:
    async def terminal(connected: bool) -> None:
        talk.kernel.events.emit(RemoteTerminalChanged(connected))

    talk.run(terminal(True))
    talk.send(b"data")
    talk.turn(1)
    assert far.heard() == b"data"
    break_in(talk)
    assert talk.ask("get bus.mode") == b""
    talk.run(terminal(False))
    assert talk.answer("get bus.mode") == (0, "stream")


# The pin.


def pin_talk(**settings: str) -> Talk:
    return Talk(settings=STREAM_MODE | {"bus.stream.cmd_gpio": "5"} | settings)


def drive(talk: Talk, pin: int, level: int | None) -> None:
    async def drive() -> None:
        pins: Any = talk.device.board.pins
        pins.drive(pin, level)

    talk.run(drive())


def test_a_pin_makes_it_command_mode_while_it_is_high() -> None:
    with pin_talk() as talk:
        far = Far(talk).open()
        talk.send(b"data")
        drive(talk, 5, 1)
        talk.expect(STARTED)
        assert far.heard() == b"data"
        assert talk.answer("get bus.mode") == (0, "stream")
        # It is the pin that holds command mode.
        assert talk.answer("exit") == (0, "Success")
        assert talk.answer("get bus.mode") == (0, "stream")
        drive(talk, 5, 0)
        talk.send(b"more")
        talk.turn(1)
        talk.expect(b"")
        assert far.heard() == b"more"


def test_a_pin_that_is_high_at_boot_and_one_that_is_set_later() -> None:
    with pin_talk() as talk:
        drive(talk, 6, 1)
        talk.expect(b"")
        talk.run(talk.device.command("set bus.stream.cmd_gpio 6"))
        talk.expect(STARTED)
        assert talk.ask("save") == b"R000009\r\nSuccess\r\n"
        assert STARTED in talk.ask("reboot")
        assert talk.answer("set bus.stream.cmd_gpio -1") == (0, "Set OK")
        talk.send(b"data")
        talk.expect(b"")


def test_an_output_is_no_word_of_the_host() -> None:
    with pin_talk() as talk:
        for line in ("gpio_dir 5 out", "gpio_set 5 1"):
            assert talk.run(talk.device.command(line)).ok
        talk.expect(b"")


def test_the_older_product_has_a_pin_from_the_factory() -> None:
    with Talk("gecko-os-2", settings=STREAM_MODE) as talk:
        drive(talk, 0, 1)
        talk.expect(STARTED)
        assert talk.answer("get bus.stream.cmd_gpio") == (0, "0")


# Slow ends.


def test_a_slow_host_makes_the_peer_wait(talk: Talk, far: Far) -> None:
    talk.wire.stuck = True
    data = bytes(range(256)) * 256
    far.says(data)
    assert not far.waits()
    far.says(b"!")
    assert far.waits()
    talk.wire.stuck = False
    talk.run(_let_go(talk))
    assert not far.waits()
    talk.expect(data + b"!")


async def _let_go(talk: Talk) -> None:
    talk.wire.let_go()


def test_a_slow_peer_makes_the_host_wait(talk: Talk, far: Far) -> None:
    far.slow = True
    talk.send(b"x" * 4000)
    assert not talk.wire.host_waits()
    talk.send(b"y" * 1460)
    assert talk.wire.host_waits()
    talk.send(b"z" * 10_000)
    assert far.heard() == b""
    far.reads()
    assert not talk.wire.host_waits()
    talk.turn(1)
    assert far.heard() == b"x" * 4000 + b"y" * 1460 + b"z" * 10_000
    assert talk.kernel.plugin(Bus).dropped == 0


def test_a_wait_that_we_made_is_no_silence(talk: Talk, far: Far) -> None:
    far.slow = True
    talk.send(b"x" * 10_000)
    talk.turn(10)
    talk.send(b"$$$")
    assert talk.wire.host_waits()
    far.reads()
    talk.turn(1)
    assert far.heard() == b"x" * 10_000 + b"$$$"
    talk.expect(b"")


def test_without_a_stream_the_host_waits_once_the_buffer_is_full(talk: Talk) -> None:
    talk.send(b"x" * 4096)
    talk.turn(1)
    assert talk.wire.host_waits()
    talk.send(b"y" * 5000)
    far = Far(talk).open()
    talk.turn(1)
    assert far.heard() == b"x" * 4096 + b"y" * 5000
    assert not talk.wire.host_waits()


def test_the_buffer_has_room_for_what_is_gathered() -> None:
    with Talk(settings=STREAM_MODE | {"bus.stream.flush_count": "9000"}) as talk:
        talk.send(b"x" * 8999)
        talk.turn(1)
        assert not talk.wire.host_waits()
        talk.send(b"x")
        talk.turn(1)
        assert talk.wire.host_waits()


def test_a_host_that_cannot_wait_loses_what_does_not_fit(talk: Talk) -> None:
    talk.wire.can_wait = False
    talk.send(b"x" * 5000, b"y" * 100)
    talk.turn(0.010)
    assert not talk.wire.host_waits()
    bus = talk.kernel.plugin(Bus)
    assert bus.dropped == 1004
    talk.turn(1)
    assert logged(talk)[-1] == "uart0: 1004 bytes dropped"
    assert talk.device.log[-1].level is Level.NOTICE
    far = Far(talk).open()
    assert far.heard() == b"x" * 4096
    far.slow = True
    talk.send(*[b"z" * 1460] * 3)
    assert bus.dropped == 1004 + 3 * 1460 - 4096
    far.reads()
    assert far.heard() == b"z" * 4096
    talk.turn(2)
    assert logged(talk)[-1] == "uart0: 284 bytes dropped"


def test_a_host_that_cannot_wait_can_break_in_all_the_same(talk: Talk) -> None:
    talk.wire.can_wait = False
    talk.send(b"x" * 10_000)
    break_in(talk)
    assert talk.answer("get bus.mode") == (0, "stream")
    assert talk.ask("exit") == b"R000009\r\nSuccess\r\n"
    assert Far(talk).open().heard() == b"x" * 4096


def test_what_a_closing_stream_does_not_take_is_for_the_next(talk: Talk, far: Far) -> None:
    far.broken = True
    talk.send(b"kept")
    talk.turn(1)
    far.leaves()
    assert Far(talk).open().heard() == b"kept"


def test_a_datagram_without_a_destination_is_dropped_and_told(talk: Talk) -> None:
    far = Far(talk, StreamType.UDPS).open()
    far.broken = True
    talk.send(b"nobody")
    talk.turn(2)
    assert logged(talk)[-1] == "uart0: 6 bytes dropped"
    far.broken = False
    talk.send(b"somebody")
    talk.turn(1)
    assert far.heard() == b"somebody"


# The log.


def test_the_log_is_between_the_data_on_the_same_bus() -> None:
    settings = STREAM_MODE | {"system.cmd.timestamp": "0"}
    with Talk(human=True, settings=settings) as talk:
        assert talk.boot.endswith(b"[Ready]\r\n")
        far = Far(talk).open()
        far.says(b"data")
        far.leaves()
        talk.expect(b"[Opened: 0]\r\ndata[Closed: 0]\r\n")


@pytest.mark.parametrize("where", [{"bus.log_bus": "none"}, {"system.print_level": "0"},
                                   {"bus.log_bus": "uart1"}])  # fmt: skip
def test_the_log_is_elsewhere_or_silent(where: dict[str, str]) -> None:
    with Talk(human=True, settings=STREAM_MODE | where) as talk:
        assert talk.boot == b""
        far = Far(talk).open()
        far.says(b"data")
        far.leaves()
        talk.expect(b"data")


# Boots.


def test_data_is_kept_over_a_reboot(talk: Talk) -> None:
    assert talk.run(talk.device.command("save")).ok
    talk.send(b"early")
    talk.run(talk.device.command("reboot"))
    talk.turn(1)
    talk.send(b" and late")
    far = Far(talk).open()
    talk.turn(1)
    assert far.heard() == b"early and late"


def test_what_stands_behind_reboot_is_for_the_next_boot(talk: Talk) -> None:
    break_in(talk)
    talk.ask("save")
    talk.send(b"reboot\r\nhello")
    talk.turn(0.1)
    far = Far(talk).open()
    talk.turn(1)
    assert far.heard() == b"hello"


def test_data_is_never_taken_for_commands() -> None:
    with Talk(settings=STREAM_MODE) as talk:
        talk.send(b"factory_reset\r\n")
        for line in ("set bus.mode command", "save", "reboot"):
            talk.run(talk.device.command(line))
        talk.turn(1)
        talk.expect(b"")
        assert talk.answer("get bus.mode") == (0, "command")


def test_safe_mode_has_a_console() -> None:
    storage = Storage(None)
    with Talk(settings=STREAM_MODE, storage=storage) as talk:
        talk.run(talk.device.command("save"))
        talk.run(talk.device.command(f"force_safemode {talk.device.mac}"))
        talk.turn(5)
        talk.heard()
        assert talk.ask("get bus.mode").startswith(b"S000008\r\nstream")
    storage.close()


def test_settling_is_having_sent_all(talk: Talk, far: Far) -> None:
    async def settle() -> None:
        talk.wire.receive(b"data")
        await talk.loop.turn_until(talk.kernel.plugin(Bus).settle())

    talk.run(settle())
    assert far.heard() == b"data"


def test_a_device_goes_off_in_every_state() -> None:
    for bursts in ([], [b"data"], [b"$$"]):
        with Talk(settings=STREAM_MODE | MACHINE) as talk:
            far = Far(talk).open()
            far.slow = bool(bursts)
            talk.turn(3)
            talk.send(*bursts)


def test_a_websocket_client_that_was_started_by_hand_is_bridged(talk: Talk) -> None:
    break_in(talk)
    far = Far(talk, StreamType.WEBC)

    async def open_by_hand() -> None:
        talk.kernel.streams.open(far)

    talk.run(open_by_hand())
    far.says(b"early")
    talk.send(b"exit\r\n")
    talk.expect(b"R000009\r\nSuccess\r\nearly")
    talk.send(b"to the server")
    talk.turn(1)
    assert far.heard() == b"to the server"
