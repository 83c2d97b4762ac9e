"""`tokay run` from its start to its end: ports, commands, events, signals."""

import json
import os
import pty
import signal
import socket
import subprocess
import termios
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
import serial
from tests.cli.conftest import Run, Start
from tests.cli.process import LIMIT, read_until, serial_line

JOIN = ("--set", "wlan.ssid=tokay", "--set", "wlan.passkey=tokay-lab")
VERSION = b"SILABS-WGM160P-4.0.0, Gecko_OS-STANDARD-4.0.12-1198, WGM160P"
READY = VERSION + b"\r\n[Ready]\r\n> "
ENDS = (signal.SIGINT, signal.SIGTERM)


# --exec


def test_exec_prints_responses_and_ends(run: Run) -> None:
    finished = run("--ephemeral", "--exec", "version", "--exec", "set wlan.ssid x")
    assert finished.status == 0
    assert finished.out == VERSION + b"\nSet OK\n"
    assert finished.line.startswith("tokay: gecko-os-4 4C:55:CC:")


def test_exec_stops_at_the_first_failure(run: Run) -> None:
    finished = run("--ephemeral", "--exec", "version", "--exec", "nope 1", "--exec", "version")
    assert finished.status == 1
    assert finished.out == VERSION + b"\n"
    assert finished.err.splitlines()[1:] == ["tokay: nope: Unknown command"]


def test_a_failure_ends_a_run_with_a_serial_port_too(run: Run) -> None:
    finished = run("--ephemeral", "--serial", "pty", "--exec", "set wlan.passkey s3cretpass x")
    assert finished.status == 1
    assert "s3cretpass" not in finished.err
    assert finished.err.endswith("tokay: set: Too many arguments\n")


def test_exec_goes_on_with_a_serial_port(start: Start) -> None:
    process = start("--ephemeral", "--serial", "pty", "--exec", "set wlan.ssid cellar")
    process.error_line()
    path = process.error_line().removeprefix("tokay: serial port: ")
    process.read_until(b"Set OK\n")
    with serial.Serial(path, timeout=LIMIT) as port:
        port.write(b"get wlan.ssid\r\n")
        assert port.read_until(b"cellar\r\n> ").endswith(b"cellar\r\n> ")
    assert process.end(signal.SIGTERM).status == 0


def test_exec_over_a_reboot_and_the_end(run: Run) -> None:
    finished = run(
        "--ephemeral", "--exec", "reboot", "--exec", "get wlan.join.retries",
        "--exec", "shutdown", "--exec", "version",
    )  # fmt: skip
    # `shutdown` has no reply, and nothing can come behind it.
    assert finished.out == b"Rebooting\n3\n"
    assert finished.status == 1
    assert finished.err.endswith("tokay: version: the device was stopped first\n")


def test_a_signal_ends_a_command(start: Start) -> None:
    words = [word for line in ("version", "sleep", "version") for word in ("--exec", line)]
    process = start("--ephemeral", "--set", "system.wakeup.timeout=1000", *words)
    process.read_until(VERSION)
    finished = process.end(signal.SIGINT)
    assert finished.status == 1
    assert finished.err.splitlines()[-1].endswith(": the device was stopped first")


def test_output_that_nobody_reads(run: Run) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        finished = run("--ephemeral", "--exec", "get all", "--exec", "get all", stdout=writer)
    finally:
        os.close(writer)
    assert finished.status == 0
    assert finished.err.count("\n") == 1


def test_output_that_is_not_read_to_its_end(start: Start) -> None:
    reader, writer = os.pipe()
    process = start("--ephemeral", "--events", stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    read_until(reader, READY)
    os.close(reader)
    assert process.stdin is not None
    process.stdin.write(b"get all\r\nget all\r\n")
    assert process.end().status == 0


def test_events_that_are_not_read_to_their_end(start: Start) -> None:
    reader, writer = os.pipe()
    process = start("--ephemeral", "--events", *JOIN, stdin=subprocess.PIPE, stderr=writer)
    os.close(writer)
    read_until(reader, b'{"event": "ready"}\n')
    os.close(reader)
    assert process.stdin is not None
    process.stdin.write(b"network_up\r\nget wlan.network.status\r\n")
    finished = process.end()
    assert finished.status == 0
    assert b"Success\r\n> get wlan.network.status\r\n2\r\n> " in finished.out


def test_output_that_cannot_be_written(run: Run) -> None:
    with Path("/dev/full").open("wb") as full:
        finished = run(
            "--ephemeral", "--exec", "version", "--exec", "version", stdout=full.fileno()
        )
    assert finished.status == 1
    assert finished.err.splitlines()[1:] == [
        "tokay: standard output cannot be written: No space left on device"
    ]


@pytest.mark.parametrize(
    ("closed", "options"), [((0, 3), ["--exec", "version"]), ((0, 2), []), ((2, 3), ["--events"])]
)
def test_standard_files_that_are_closed(
    run: Run, closed: tuple[int, int], options: list[str]
) -> None:
    finished = run(
        "--ephemeral", *options,
        preexec_fn=lambda: os.closerange(closed[0], closed[1]),
    )  # fmt: skip
    assert finished.status == 0
    assert b'{"event"' not in finished.out


# The host on standard input.

ASKED = b"version\r\nreboot\r\nget wlan.join.retries\r\n"
ANSWERED = [VERSION, b"Rebooting", VERSION, b"[Ready]", b"3"]


def test_a_pipe_is_answered_to_its_end(start: Start) -> None:
    process = start("--ephemeral", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(ASKED)
    process.stdin.flush()
    finished = process.end()
    assert finished.status == 0
    assert _rows(finished.out) == ANSWERED


def _rows(out: bytes) -> list[bytes]:
    """Return what a device said behind its first prompt, without echo and prompts."""
    assert out.startswith(READY)
    rows = out[len(READY) :].replace(b"> ", b"").split(b"\r\n")
    return [row for row in rows if row and row not in ASKED.split(b"\r\n")]


def test_a_plain_file_is_answered_to_its_end(run: Run, tmp_path: Path) -> None:
    (tmp_path / "asked").write_bytes(ASKED)
    with (tmp_path / "asked").open("rb") as asked:
        finished = run("--ephemeral", stdin=asked.fileno())
    assert finished.status == 0
    assert _rows(finished.out) == ANSWERED


def test_nothing_is_answered_with_a_prompt(run: Run) -> None:
    finished = run("--ephemeral")
    assert finished.status == 0
    assert finished.out == READY


def test_input_that_ends_before_the_commands_do(run: Run) -> None:
    finished = run("--ephemeral", "--serial", "stdio", *JOIN, "--exec", "network_up")
    assert finished.status == 0
    assert b"Success\n" in finished.out


def test_the_last_answer_waits_for_a_slow_reader(start: Start, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    room = _fill(writer)
    lines = b"#\r\n" * 8
    (tmp_path / "asked").write_bytes(lines)
    with (tmp_path / "asked").open("rb") as asked:
        process = start("--ephemeral", "--events", stdin=asked.fileno(), stdout=writer)
    os.close(writer)
    process.events_until("ready")
    with os.fdopen(reader, "rb") as pipe:
        out = pipe.read()[room:]
    assert out == READY + b"#\r\nReady\r\n> " * 8
    assert process.end().status == 0


def _fill(writer: int) -> int:
    """Fill a pipe to its last byte; return how many went in."""
    os.set_blocking(writer, False)
    filled = 0
    for size in (4096, 1):
        try:
            while True:
                filled += os.write(writer, bytes(size))
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    return filled


# Serial ports.


def test_a_pty_with_a_link(start: Start, tmp_path: Path) -> None:
    link = tmp_path / "module"
    link.symlink_to("/somewhere/else")
    process = start("--ephemeral", "--serial", f"pty:{link}", "--events")
    assert process.event() == {"event": "serial", "path": str(link)}
    assert str(link.readlink()).startswith("/dev/pts/")
    process.events_until("ready")
    with serial.Serial(str(link), timeout=LIMIT) as port:
        port.write(b"\r\n")
        assert port.read_until(b"Ready\r\n> ").endswith(b"Ready\r\n> ")
    assert process.end(signal.SIGINT).status == 0
    assert not link.is_symlink()


def test_a_tcp_port_of_the_machines_choice(start: Start) -> None:
    process = start("--ephemeral", "--serial", "tcp:127.0.0.1:0", "--set", "system.cmd.echo=0")
    prefix = "tokay: serial port: tcp:127.0.0.1:"
    assert process.error_line().startswith("tokay: gecko-os-4 ")
    line = process.error_line()
    assert line.startswith(prefix)
    with socket.create_connection(("127.0.0.1", int(line.removeprefix(prefix))), LIMIT) as host:
        host.sendall(b"get wlan.join.retries\r\n")
        with host.makefile("rb") as replies:
            assert replies.readline() == b"3\r\n"
    assert process.end(signal.SIGTERM).status == 0


def test_the_log_on_the_second_port(start: Start) -> None:
    process = start(
        "--ephemeral", "--serial", "pty", "--serial", "pty", "--set", "bus.log_bus=uart1", *JOIN
    )
    process.error_line()
    ports = [process.error_line().removeprefix("tokay: serial port: ") for _ in range(2)]
    with serial_line(ports[0]) as bus, serial_line(ports[1]) as log:
        os.write(bus, b"network_up\r\n")
        assert read_until(bus, b"Success\r\n> ") == b"> network_up\r\nSuccess\r\n> "
        said = read_until(log, b"[Associated]\r\n")
        assert said.startswith(VERSION + b"\r\n[Ready]\r\n[Associating to tokay]\r\n")
    assert process.end(signal.SIGTERM).status == 0


# Events.


def test_events_tell_it_all(start: Start) -> None:
    commands = ("network_up", "network_down", "reboot")
    words = [word for line in commands for word in ("--exec", line)]
    process = start("--ephemeral", "--serial", "pty", "--events", *JOIN, *words)
    first = process.event()
    assert first.keys() == {"event", "path"}
    assert first["event"] == "serial"
    assert Path(first["path"]).is_char_device()
    assert process.event() == {"event": "ready"}
    up = process.events_until("network_up")
    assert up.keys() == {"event", "interface", "address", "ports"}
    assert up["interface"] == "wlan"
    assert IPv4Address(up["address"]) in IPv4Network("127.77.0.0/16")
    assert all(asked.isdigit() and type(bound) is int for asked, bound in up["ports"].items())
    assert process.events_until("network_down") == {"event": "network_down", "interface": "wlan"}
    assert process.events_until("ready") == {"event": "ready"}
    finished = process.end(signal.SIGTERM)
    assert finished.status == 0
    assert finished.line == '{"event": "off"}'


def test_every_line_of_a_run_with_events_is_one(start: Start) -> None:
    process = start("--ephemeral", "--events", *JOIN, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"network_up\r\nversion\r\nnope\r\n")
    finished = process.end()
    events = [json.loads(line) for line in finished.err.splitlines()]
    assert [event["event"] for event in events] == [
        "serial", "ready", "network_up", "network_down", "off",
    ]  # fmt: skip


# Signals.


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_ends_it_and_gives_the_terminal_back(start: Start, number: int) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    try:
        process = start("--ephemeral", stdin=slave)
        process.read_until(READY)
        during = termios.tcgetattr(slave)
        assert not during[3] & (termios.ECHO | termios.ICANON)
        assert during[3] & termios.ISIG
        os.write(master, b"get wlan.join.retries\r")
        process.read_until(b"3\r\n> ")
        finished = process.end(number)
        assert finished.status == 0
        assert finished.err.count("\n") == 1
        assert termios.tcgetattr(slave) == before
        assert os.get_blocking(slave)
    finally:
        os.close(master)
        os.close(slave)


def test_ctrl_c_at_the_prompt(start: Start) -> None:
    master, slave = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        os.close(os.open(os.ttyname(slave), os.O_RDWR))  # the first terminal opened is ours

    try:
        process = start("--ephemeral", stdin=slave, preexec_fn=take_terminal)
        process.read_until(READY)
        os.write(master, b"\x03")
        assert process.end().status == 0
    finally:
        os.close(master)
        os.close(slave)


def test_shutdown_ends_it(start: Start) -> None:
    process = start("--ephemeral", stdin=subprocess.PIPE)
    process.read_until(READY)
    assert process.stdin is not None
    process.stdin.write(b"shutdown\r\nversion\r\n")
    process.stdin.flush()
    finished = process.end()
    assert finished.status == 0
    assert VERSION not in finished.out
