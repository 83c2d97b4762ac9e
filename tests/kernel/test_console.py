"""The console, byte by byte, as a host sees it."""

from itertools import product

import pytest
from tests.dialogue import PROFILES, PROMPT, Talk

from tokay.board.storage import Storage
from tokay.kernel import faults
from tokay.kernel.commands import BURST_TIMEOUT, DATA_TIMEOUT, Call, command
from tokay.kernel.console import MAX_UNSENT
from tokay.kernel.log import Level
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import Stream, StreamType

COMMAND = b"R000009\r\ncommand\r\n"
SUCCESS = b"R000009\r\nSuccess\r\n"
FAILED = b"R100016\r\nCommand failed\r\n"
READY = b"R000007\r\nReady\r\n"
NASTY = b'\r\n\x00$$$\n\r\x1b[A\t\x7f"\\#\xff\r'


# docs/protocol/command-protocol.md, section 18.


def test_the_vectors_of_a_compatible_device(every: Talk) -> None:
    talk = every
    talk.send(b"set system.cmd.format machine\r\n")
    talk.expect(b"set system.cmd.format machine\r\nR000008\r\nSet OK\r\n")
    for sent, answer in [
        (b"get bus.mode\r\n", COMMAND),
        (b"set bus.mode command\r\n", b"R000008\r\nSet OK\r\n"),
        (b"get remote_terminal.password\r\n", b"R000000\r\n"),
        (b"no_such_command\r\n", b"R300017\r\nUnknown command\r\n"),
        (b"get no.such.variable\r\n", b"R600018\r\nUnknown variable\r\n"),
        (b"fcr a.txt 3\r\nabc", SUCCESS),
        (b"fop a.txt\r\n", b"R000003\r\n0\r\n"),
        (b"read 0 100\r\n", b"R000005\r\nabc\r\n"),
        (b"list\r\n", b"R000016\r\n! # Type  Info\r\n"),
        (b"fde a.txt\r\n", SUCCESS),
        (b"fde a.txt\r\n", FAILED),
        (b"set system.print_level all\r\n", b"R000008\r\nSet OK\r\n"),
        (b"fcr a.txt 3\r\nabc", b"L000014\r\nFile created\r\n" + SUCCESS),
        (b"fde a.txt\r\n", b"L000014\r\nFile deleted\r\n" + SUCCESS),
    ]:
        talk.send(sent)
        assert talk.heard() == answer, sent


@pytest.mark.parametrize("profile", ["wiconnect-2", "zentrios-3"])
def test_the_older_name_of_the_format(profile: str) -> None:
    with Talk(profile, human=True) as talk:
        talk.send(b"set system.cmd.mode machine\r\n")
        talk.expect(b"set system.cmd.mode machine\r\nR000008\r\nSet OK\r\n")


@pytest.mark.parametrize("name", ["system.cmd.format", "sy c f"])
def test_the_format_cannot_be_read(talk: Talk, name: str) -> None:
    code, _ = talk.answer(f"get {name}")
    assert code in (1, 6)


def test_the_format_is_lost_without_save_and_kept_with_it() -> None:
    storage = Storage(None)
    with Talk(human=True, storage=storage) as talk:
        talk.send(b"set system.cmd.format machine\r\n")
        talk.send(b"reboot\r\n")
        assert talk.heard().endswith(b"[Ready]\r\n" + PROMPT)
        talk.send(b"set system.cmd.format machine\r\n", b"save\r\n", b"reboot\r\n")
        talk.heard()
        talk.send(b"get bus.mode\r\n")
        talk.expect(COMMAND)
    storage.close()


# Boot.


def test_the_boot_text(every: Talk) -> None:
    assert every.boot == every.profile.version.encode() + b"\r\n[Ready]\r\n> "


def test_a_silent_device_boots_silently(talk: Talk) -> None:
    assert talk.boot == b""


# Line ends.

ENDS = (b"\r", b"\n", b"\r\n", b"\n\r")


@pytest.mark.parametrize("end", [*ENDS, b"\r\n\x00", b"\x00\r\x00\n\x00"])
def test_each_line_end_ends_one_line(talk: Talk, end: bytes) -> None:
    for _ in range(3):
        talk.send(b"get bus.mode" + end)
        talk.expect(COMMAND)


@pytest.mark.parametrize(("one", "other"), list(product(ENDS, ENDS)))
def test_line_ends_may_be_mixed(talk: Talk, one: bytes, other: bytes) -> None:
    talk.send(b"get bus.mode" + one + b"get bus.mode" + other + b"get bus.mode" + one)
    talk.expect(COMMAND * 3)


@pytest.mark.parametrize("end", ENDS)
def test_a_line_end_may_come_in_halves(talk: Talk, end: bytes) -> None:
    sent = b"get bus.mode" + end
    talk.send(*(sent[at : at + 1] for at in range(len(sent))))
    talk.expect(COMMAND)


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        (b"\r", 1),
        (b"\n", 1),
        (b"\r\n", 1),
        (b"\n\r", 1),
        (b"\r\r", 2),
        (b"\n\n", 2),
        (b"\r\n\r\n", 2),
        (b"\n\r\n\r", 2),
        (b"\r\n\r", 2),
        (b"\n\r\n", 2),
        (b"   \r\n", 1),
        (b"# a comment\r\n", 1),
        (b"  # a comment\r\n", 1),
        (b"\x00\x00", 0),
    ],
)
def test_an_empty_line_is_ready(talk: Talk, sent: bytes, lines: int) -> None:
    talk.send(sent)
    talk.expect(READY * lines)


def test_an_empty_line_in_human_format(human: Talk) -> None:
    human.send(b"\r\n")
    human.expect(b"\r\nReady\r\n> ")


def test_a_line_end_behind_the_data_is_an_empty_line(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3\r\nabc\r\n")
    talk.expect(SUCCESS + READY)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_overlong_line(profile: str) -> None:
    with Talk(profile) as talk:
        limit = int(talk.answer("get bus.command.rx_bufsize")[1])
        talk.send(b"x" * limit + b"\r\n")
        talk.expect(b"R300017\r\nUnknown command\r\n")
        talk.send(b"x" * (limit + 1) + b"\r\n")
        talk.expect(b"R800017\r\nBuffer overflow\r\n")
        talk.send(b"get bus.mode" + b"x" * 3 * limit, b"x" * limit + b"\r\n")
        talk.expect(b"R800017\r\nBuffer overflow\r\n")
        talk.send(b"get bus.mode\r\n")
        talk.expect(COMMAND)


# Words.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("   get    bus.mode   ", 0),
        ("get\tbus.mode", 0),
        ('get "bus.mode"', 0),
        ("GET bus.mode", 3),
        ("Get bus.mode", 3),
        ("get", 4),
        ("get BUS.mode", 6),
        ("get bus.mode extra", 5),
        ('get "bus.mode', 2),
        ("version please", 5),
        ("set bus.mode", 4),
        ("set bus.mode packets", 7),
        ("set bus.mode command command", 5),
        ("set system.version 1", 6),
        ("fop -q a.txt", 6),
        ("alias", 3),
        ("grep", 3),
        ("rm", 3),
    ],
)
def test_the_codes_of_a_line(talk: Talk, line: str, code: int) -> None:
    assert talk.answer(line)[0] == code


# Human format.


def test_echo_response_and_prompt(human: Talk) -> None:
    human.send(b"get bus.mode\r\n")
    human.expect(b"get bus.mode\r\ncommand\r\n> ")
    human.send(b"get remote_terminal.password\r\n")
    human.expect(b"get remote_terminal.password\r\n> ")
    human.send(b"nonsense\r\n")
    human.expect(b"nonsense\r\nUnknown command\r\n> ")


def test_echo_as_it_is_typed(human: Talk) -> None:
    for byte in b"get bus.mode":
        human.send(bytes([byte]))
        human.expect(bytes([byte]))
    human.send(b"\r")
    human.expect(b"\r\ncommand\r\n> ")
    human.send(b"\n")
    human.expect(b"")


def test_a_log_line_stands_before_the_response(human: Talk) -> None:
    human.ask("fcr a.txt 3", b"abc")
    human.send(b"fde a.txt\r\n")
    human.expect(b"fde a.txt\r\nFile deleted\r\nSuccess\r\n> ")


def test_data_is_echoed(human: Talk) -> None:
    human.send(b"fcr hello.txt 12\r\n")
    human.expect(b"fcr hello.txt 12\r\n")
    human.send(b"Hello ")
    human.expect(b"Hello ")
    human.send(b"World!")
    heard = human.heard()
    assert heard.startswith(b"World!")
    assert heard.endswith(b"Success\r\n> ")


def test_headers_and_prompt_together(human: Talk) -> None:
    human.ask("set system.cmd.header_enabled on")
    human.send(b"get bus.mode\r\n")
    human.expect(b"get bus.mode\r\nR000009\r\ncommand\r\n> ")


def test_each_setting_alone_takes_effect_with_its_own_reply(human: Talk) -> None:
    human.send(b"set system.cmd.echo off\r\n")
    human.expect(b"set system.cmd.echo off\r\nSet OK\r\n> ")
    human.send(b"set system.print_level 0\r\n")
    human.expect(b"Set OK\r\n> ")
    human.send(b"set system.cmd.header_enabled 1\r\n")
    human.expect(b"R000008\r\nSet OK\r\n> ")
    human.send(b"set system.cmd.prompt_enabled 0\r\n")
    human.expect(b"R000008\r\nSet OK\r\n")


def test_back_to_human(talk: Talk) -> None:
    talk.send(b"set system.cmd.format human\r\n")
    talk.expect(b"Set OK\r\n> ")
    talk.send(b"get bus.mode\r\n")
    talk.expect(b"get bus.mode\r\ncommand\r\n> ")


# The log.


@command("mumble")
def mumble(call: Call) -> str:
    """Say something at each level."""
    for level in Level:
        call.log(level.name, level)
    call.kernel.log.line("BARE", Level.ALERT, bare=True)
    return "said"


class Mumbler(Plugin):
    name = "mumbler"
    commands = (mumble,)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("0", []),
        ("1", ["ALERT"]),
        ("2", ["ALERT", "NOTICE"]),
        ("3", ["ALERT", "NOTICE", "INFO"]),
        ("4", ["ALERT", "NOTICE", "INFO", "DETAIL"]),
        ("5", ["ALERT", "NOTICE", "INFO", "DETAIL"]),
        ("all", ["ALERT", "NOTICE", "INFO", "DETAIL"]),
    ],
)
def test_print_levels(level: str, shown: list[str]) -> None:
    with Talk(plugins=[Mumbler]) as talk:
        talk.ask(f"set system.print_level {level}")
        talk.send(b"mumble\r\n")
        blocks = b"".join(b"L0%05d\r\n%b\r\n" % (len(s) + 2, s.encode()) for s in shown)
        bare = b"BARE\r\n" if shown else b""
        talk.expect(blocks + bare + b"R000006\r\nsaid\r\n")


def test_a_spontaneous_line_comes_between_commands() -> None:
    with Talk(settings={"system.print_level": "all"}) as talk:
        talk.run(_later(talk))
        talk.expect(b"L000007\r\nhello\r\n")


async def _later(talk: Talk) -> None:
    talk.kernel.log.line("hello")


# Safe mode.


def test_safe_mode() -> None:
    storage = Storage(None)
    faults.force(storage.device("talk"))
    with Talk(human=True, storage=storage) as talk:
        assert talk.boot == b"\r\n*** Max faults exceeded. Entering Safe Mode.\r\nSAFEMODE> "
        talk.send(b"get system.safemode.status\r\n")
        talk.expect(b"get system.safemode.status\r\n1\r\nSAFEMODE> ")
        talk.send(b"set system.cmd.format machine\r\n")
        talk.expect(b"set system.cmd.format machine\r\nS000008\r\nSet OK\r\n")
        talk.send(b"get bus.mode\r\n")
        talk.expect(b"S000009\r\ncommand\r\n")
        talk.send(b"file_open a.txt\r\n")
        talk.expect(b"S300017\r\nUnknown command\r\n")
        talk.send(b"get remote_terminal.port\r\n")
        talk.expect(b"S600018\r\nUnknown variable\r\n")
        assert talk.ask("faults_print").startswith(b"S00")
        talk.send(b"faults_reset\r\n")
        talk.expect(b"S000009\r\nSuccess\r\n")
        talk.send(b"reboot\r\n")
        heard = talk.heard()
        assert heard.startswith(b"S000011\r\nRebooting\r\n")
        assert heard.endswith(b"[Ready]\r\n> ")
        talk.send(b"get system.safemode.status\r\n")
        talk.expect(b"get system.safemode.status\r\n0\r\n> ")
    storage.close()


def test_safe_mode_can_be_forced(human: Talk) -> None:
    mac = human.device.mac
    human.send(b"force_safemode 00:00:00:00:00:00\r\n")
    assert b"Rebooting" not in human.heard()
    human.send(f"force_safemode {mac}\r\n".encode())
    heard = human.heard()
    assert b"Forcing safemode...\r\nRebooting\r\n" in heard
    assert heard.endswith(b"\r\n*** Max faults exceeded. Entering Safe Mode.\r\nSAFEMODE> ")


# Data behind a line.


def test_data_is_raw_in_one_burst(talk: Talk) -> None:
    talk.send(b"fcr nasty %d\r\n" % len(NASTY) + NASTY + b"get bus.mode\r\n")
    talk.expect(SUCCESS + COMMAND)
    assert talk.kernel.files.read("nasty", 0, 100) == NASTY


def test_data_is_raw_wherever_it_is_split(talk: Talk) -> None:
    sent = b"fcr nasty %d\r\n" % len(NASTY) + NASTY + b"get bus.mode\r\n"
    for at in range(1, len(sent)):
        talk.send(sent[:at], sent[at:])
        talk.expect(SUCCESS + COMMAND)
        assert talk.kernel.files.read("nasty", 0, 100) == NASTY, at
        talk.ask("fde nasty")


def test_data_is_raw_byte_by_byte(talk: Talk) -> None:
    sent = b"fcr nasty %d\r\n" % len(NASTY) + NASTY + b"get bus.mode\r\n"
    talk.send(*(sent[at : at + 1] for at in range(len(sent))))
    talk.expect(SUCCESS + COMMAND)
    assert talk.kernel.files.read("nasty", 0, 100) == NASTY


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_data_begins_behind_the_line_end(talk: Talk, end: bytes) -> None:
    talk.send(b"fcr a.txt 3" + end + b"abcget bus.mode" + end)
    talk.expect(SUCCESS + COMMAND)
    assert talk.kernel.files.read("a.txt", 0, 9) == b"abc"


def test_exactly_one_lf_belongs_to_the_line_end(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3\r\n\n\r\n")
    talk.expect(SUCCESS)
    assert talk.kernel.files.read("a.txt", 0, 9) == b"\n\r\n"


def test_the_reply_waits_for_the_last_byte(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3\r\n", b"ab")
    talk.expect(b"")
    talk.send(b"c")
    talk.expect(SUCCESS)


def test_data_that_does_not_come(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3\r\nab")
    talk.turn(DATA_TIMEOUT - 0.01)
    talk.expect(b"")
    talk.turn(0.02)
    talk.expect(FAILED)
    talk.send(b"get bus.mode\r\n")
    talk.expect(COMMAND)
    assert talk.kernel.files.find("a.txt") is None


def test_each_byte_begins_the_wait_anew(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3\r\n")
    for byte in (b"a", b"b", b"c"):
        talk.expect(b"")
        talk.turn(DATA_TIMEOUT - 0.1)
        talk.send(byte)
    talk.expect(SUCCESS)


@pytest.mark.parametrize(
    "line", [b"fcr sys/kernel.bin 5", b"fcr taken 5", b"write 3 5", b"write 9 5", b"write x 5"]
)
def test_a_failed_line_takes_its_burst_along(talk: Talk, line: bytes) -> None:
    talk.ask("fcr taken 1", b"x")
    talk.send(line + b"\r\nsave\rget bus.mode\r\n")
    talk.expect(FAILED + COMMAND)


def test_a_failed_line_without_data_is_answered_soon(talk: Talk) -> None:
    talk.send(b"fcr sys/kernel.bin 5\r\n")
    talk.turn(BURST_TIMEOUT)
    talk.expect(FAILED)
    talk.send(b"get bus.mode\r\n")
    talk.expect(COMMAND)


def test_a_file_with_o_is_followed_by_no_data(talk: Talk) -> None:
    talk.send(b"fcr a.txt 3 -o\r\nget bus.mode\r\n")
    talk.expect(b"R000003\r\n0\r\n" + COMMAND)


class Jam(Stream):
    """A stream without room."""

    type = StreamType.TCPC
    available = 0
    ended = False

    def take(self, limit: int) -> bytes:
        return b""

    async def room(self, timeout: float) -> bool:
        return False


@command("jam")
def jam(call: Call) -> str:
    """Open a stream without room."""
    return str(call.kernel.streams.open(Jam()))


class Jammer(Plugin):
    name = "jammer"
    commands = (jam,)


def test_a_stream_without_room() -> None:
    with Talk(plugins=[Jammer]) as talk:
        talk.ask("jam")
        talk.send(b"write 0 5\r\nhello")
        talk.expect(FAILED)


def test_a_write_check_that_fails_leaves_the_data_alone() -> None:
    with Talk(plugins=[Jammer], settings={"bus.command.write_check_enabled": "1"}) as talk:
        talk.ask("jam")
        talk.send(b"write 0 12\r\nget bus.mode\r\n")
        talk.expect(b"R900014\r\nBounds error\r\n" + COMMAND)


# Buffered commands.


@pytest.mark.parametrize(
    "line", ["ls", "ls -v", "help commands", "get bus", "get all", "list", "get uart.baud all"]
)
def test_a_buffered_command(talk: Talk, line: str) -> None:
    plain = talk.ask(line)[9:] if line != "get all" else b""
    talk.ask("set system.cmd.buffered 1")
    code, body = talk.answer(line)
    handle, size = body.split(",")
    assert (code, handle) == (0, "0")
    _, listed = talk.answer("list")
    # The list is a listing itself, so it comes as a stream as well.
    talk.ask(f"close {listed.split(',')[0]}")
    heard = talk.ask(f"read 0 {size}")
    assert heard[:9] == b"R0%05d\r\n" % (int(size) + 2)
    text = heard[9:-2]
    assert len(text) == int(size)
    assert text.endswith(b"\r\n")
    if plain:
        assert text == plain
    assert talk.answer("poll 0") == (1, "Command failed")


def test_a_buffered_command_is_read_in_pieces(talk: Talk) -> None:
    plain = talk.ask("help commands")[9:]
    talk.ask("set system.cmd.buffered 1")
    _, size = talk.answer("help commands")[1].split(",")
    read = b""
    while len(read) < int(size):
        assert talk.answer("poll 0") == (0, "1")
        read += talk.ask("read 0 100")[9:-2]
    assert read == plain


def test_one_value_is_never_buffered(talk: Talk) -> None:
    talk.ask("set system.cmd.buffered 1")
    talk.send(b"get bus.mode\r\n")
    talk.expect(COMMAND)


# Editing.


def test_tab_completes_a_name(human: Talk) -> None:
    human.send(b"get bus.m\t\r\n")
    human.expect(b"get bus.mode \r\ncommand\r\n> ")


def test_tab_completes_as_far_as_names_agree(human: Talk) -> None:
    human.send(b"file_o\t")
    human.expect(b"file_open ")
    human.send(b"\x15")
    human.heard()
    human.send(b"fi\t")
    human.expect(b"file_")
    human.send(b"\t")
    human.expect(b"\a")


def test_tab_without_anything_to_complete(human: Talk) -> None:
    human.send(b"xyz\t")
    human.expect(b"xyz\a")


def test_tab_without_echo_is_a_blank(talk: Talk) -> None:
    talk.send(b"get\tbus.mode\r\n")
    talk.expect(COMMAND)


@pytest.mark.parametrize(
    ("keys", "echo"),
    [
        (b"get bus.modx\x7fe", b"get bus.modx\b \be"),
        (b"get bus.modx\be", b"get bus.modx\b \be"),
        (b"gt bus.mode\x1b[H\x1b[Ce", b"gt bus.mode" + b"\b" * 11 + b"get bus.mode" + b"\b" * 10),
    ],
)
def test_keys_and_their_echo(human: Talk, keys: bytes, echo: bytes) -> None:
    human.send(keys)
    human.expect(echo)
    human.send(b"\r\n")
    human.expect(b"\r\ncommand\r\n> ")


def test_the_line_before_is_recalled(human: Talk) -> None:
    human.ask("get bus.mode")
    human.send(b"\x1b[A")
    human.expect(b"get bus.mode")
    human.send(b"\r\n")
    human.expect(b"\r\ncommand\r\n> ")


# A host that does not read.


def test_a_host_that_does_not_read_loses_no_response(talk: Talk) -> None:
    count = 5000
    answer = talk.ask("version")
    talk.wire.stuck = True
    sent = 0
    while sent < count:
        talk.send(b"version\r\n" * 100)
        sent += 100
    assert talk.wire.backlog <= MAX_UNSENT + len(answer)
    assert talk.wire.host_waits()
    talk.expect(b"")
    talk.wire.stuck = False
    heard = b""
    while len(heard) < count * len(answer):
        before = len(heard)
        talk.run(_let_go(talk))
        heard += talk.heard()
        assert len(heard) > before, "the device stands still"
    assert heard == answer * count
    talk.send(b"get bus.mode\r\n")
    talk.expect(COMMAND)


async def _let_go(talk: Talk) -> None:
    talk.wire.let_go()
    await talk.loop.settle()


def test_log_lines_are_lost_before_memory_is() -> None:
    with Talk(settings={"system.print_level": "all"}, plugins=[Mumbler]) as talk:
        talk.wire.stuck = True
        for _ in range(2000):
            talk.run(_say(talk, "x" * 100))
        assert talk.wire.backlog <= MAX_UNSENT + 200
        talk.run(_let_go(talk))


async def _say(talk: Talk, text: str) -> None:
    talk.kernel.log.line(text)


def test_a_host_that_sends_on_is_made_to_wait(talk: Talk) -> None:
    talk.wire.stuck = True
    while not talk.wire.host_waits():
        talk.send(b"version\r\n" * 500)
    talk.send(b"get bus.mode\r\n")
    assert talk.wire.held == b"get bus.mode\r\n"
    talk.wire.stuck = False
    while talk.wire.backlog or talk.wire.host_waits():
        talk.run(_let_go(talk))
    assert talk.heard().endswith(COMMAND)


# Input over a reboot.


def test_a_line_behind_reboot_is_for_the_next_boot() -> None:
    with Talk(human=True, settings={"system.cmd.header_enabled": "1"}) as talk:
        talk.ask("set system.cmd.echo 0")
        talk.ask("set system.msg initialized HELLO")
        talk.send(b"reboot\r\nget system.msg initialized\r\n")
        heard = talk.heard()
        assert heard.startswith(b"R000011\r\nRebooting\r\nSILABS-")
        assert b"HELLO" not in heard
        assert heard.endswith(
            b"[Ready]\r\n> get system.msg initialized\r\nR000009\r\n[Ready]\r\n> "
        )


@pytest.mark.parametrize("at", range(1, 15))
def test_a_line_may_come_on_both_sides_of_a_reboot(talk: Talk, at: int) -> None:
    line = b"get bus.mode\r\n"
    talk.send(b"reboot\r\n" + line[:at], line[at:])
    talk.expect(b"R000011\r\nRebooting\r\n" + COMMAND)


def test_what_comes_while_the_device_sleeps_is_answered_when_it_wakes(talk: Talk) -> None:
    talk.ask("set system.wakeup.timeout 5")
    talk.send(b"sleep\r\n")
    talk.turn(4)
    talk.send(b"get bus.mode\r\n")
    talk.expect(b"")
    talk.turn(2)
    talk.expect(COMMAND)


def test_shutdown_is_for_good(talk: Talk) -> None:
    talk.send(b"shutdown\r\nget bus.mode\r\n")
    talk.turn(1000)
    talk.expect(b"")
    assert talk.wire.closed
