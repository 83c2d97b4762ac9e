"""What `tokay run` takes, and the one line that each mistake is worth."""

import json
import os
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.process import LIMIT, Process, environment, mind_permissions

OPTIONS = (
    "--profile", "--name", "--state", "--ephemeral", "--serial", "--pace", "--set", "--exec",
    "--airspace", "--radio", "--ethernet", "--buses", "--i2c", "--spi", "--events",
)  # fmt: skip
SERIAL_FORMS = (
    "stdio",
    "pty",
    "pty:LINK",
    "/dev/tty...",
    "tcp:HOST:PORT",
    "rfc2217:HOST:PORT",
    "none",
)
PROFILES = "gecko-os-2, gecko-os-4, wiconnect-2, zentrios-3"


def test_help_names_every_option(tmp_path: Path) -> None:
    with Process(tmp_path, "run", "--help") as process:
        finished = process.end()
    assert finished.status == 0
    assert finished.err == ""
    text = finished.out.decode()
    for word in (*OPTIONS, *SERIAL_FORMS, *PROFILES.split(", "), "[default: gecko-os-4]"):
        assert word in text


def test_tokay_alone_shows_what_there_is(tmp_path: Path) -> None:
    with Process(tmp_path, "--help") as process:
        finished = process.end()
    assert finished.status == 0
    assert b"run" in finished.out


FILES = {
    "closed.toml": b"",
    "torn.toml": b"name = ",
    "short.toml": b'name = "x"',
    "binary.toml": b"\xff",
    "typo.toml": b"[[access_point]]\nssid = 1\n",
    "more.toml": b"[[access_point]]\nssid = 'a'\nfoo = 1\n",
    "high.toml": b"[[access_point]]\nssid = 'a'\nchannel = 999\n",
}
"""Files beside the process; `closed.toml` may not be read, `odd.toml` is a profile with a default
that its variable does not take."""

MISTAKES: dict[tuple[str, ...], str] = {
    ("--profile", "nope"): f"unknown profile nope: choose one of {PROFILES}",
    ("--profile", "gone.toml"): "profile gone.toml cannot be read: No such file or directory",
    ("--profile", "closed.toml"): "profile closed.toml cannot be read: Permission denied",
    ("--profile", "torn.toml"): "profile torn.toml is not valid: *",
    ("--profile", "short.toml"): "profile short.toml is not valid: * field `product`",
    ("--profile", "binary.toml"): "profile binary.toml cannot be read: *",
    ("--profile", "odd.toml"): "profile gecko-os-4 is not valid: wlan.join.retries: *",
    ("--airspace", "gone.toml"): "gone.toml: No such file or directory",
    ("--airspace", "closed.toml"): "closed.toml: Permission denied",
    ("--airspace", "torn.toml"): "torn.toml: *",
    ("--airspace", "typo.toml"): "typo.toml: access_point[0].ssid: Expected `str`, got `int`",
    ("--airspace", "more.toml"): "more.toml: access_point[0]: * unknown field `foo`",
    ("--airspace", "high.toml"): "high.toml: access_point[0].channel: *",
    ("--airspace", "binary.toml"): "binary.toml: *",
    ("--buses", "gone.toml"): "gone.toml: No such file or directory",
    ("--buses", "torn.toml"): "torn.toml: *",
    ("--buses", "typo.toml"): "typo.toml: * unknown field `access_point`",
    ("--i2c", "97"): "i2c 97: /dev/i2c-97: No such file or directory",
    ("--spi", "x"): "spi x: use B.C or /dev/spidevB.C",
    ("--ethernet", "a b"): "ethernet a b: use simulated or the name of an interface",
    ("--profile", "gecko-os-2", "--ethernet", "simulated"): "ethernet: gecko-os-2 has none",
    ("--name", "a b"): "--name takes 1-63 letters, *",
    ("--name", ""): "--name takes 1-63 letters, *",
    ("--name", "x" * 64): "--name takes 1-63 letters, *",
    ("--name", "../x"): "--name takes 1-63 letters, *",
    ("--name", ".."): "--name takes 1-63 letters, *",
    ("--state", "here"): "--state and --ephemeral exclude each other",
    ("--set", "wlan.ssid"): "--set wlan.ssid: use VARIABLE=VALUE",
    ("--set", "=x"): "--set =x: use VARIABLE=VALUE",
    ("--set", "no.such=1"): "--set no.such: Unknown variable",
    ("--set", "wlan.mac=4C:55:CC:00:00:01"): "--set wlan.mac: read-only",
    ("--set", "uart.baud 0=7"): "--set uart.baud 0: 7 is no standard rate",
    ("--set", "uart.baud 9=9600"): "--set uart.baud 9: 9 is not in 0 to 1",
    ("--set", "uart.baud=9600"): "--set uart.baud: Too few arguments",
    ("--serial", "foo"): "unknown serial port foo: use stdio, pty, pty:LINK, *",
    ("--serial", "pty:"): "unknown serial port pty:: use stdio, pty, pty:LINK, *",
    ("--serial", "tcp:x"): "unknown serial port tcp:x: use tcp:HOST:PORT",
    ("--serial", "rfc2217:x"): "unknown serial port rfc2217:x: use rfc2217:HOST:PORT",
    ("--serial", "tcp:127.0.0.1:70000"): "unknown serial port *: use tcp:HOST:PORT",
    ("--serial", "tcp:127.0.0.1:²"): "unknown serial port *: use tcp:HOST:PORT",
    ("--serial", "/dev/gone"): "serial port /dev/gone cannot be opened: No such *",
    ("--serial", "/dev/null"): "serial port /dev/null cannot be opened: * is no serial port",
    ("--serial", "pty:/gone/link"): "serial port pty:/gone/link cannot be opened: No such *",
    ("--serial", "pty:torn.toml"): "serial port pty:torn.toml cannot be opened: File exists",
    ("--serial", "stdio", "--serial", "stdio"): "--serial stdio can be given once",
    ("--serial", "pty") * 3: "--serial was given 3 times: gecko-os-4 has 2 serial ports",
}

MAKE_ALL = """
import json, sys
from tokay.cli import main
for options in json.loads(sys.argv[1]):
    sys.argv = ["tokay", "run", "--ephemeral", *options]
    try:
        main()
    except SystemExit as end:
        print(end.code, end="\\0", file=sys.stderr, flush=True)
"""
MARK = "\0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """Make every mistake, one after the other in one process; give what each was worth."""
    folder = tmp_path_factory.mktemp("mistakes")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "closed.toml").chmod(0)
    profile = files("tokay.kernel").joinpath("profiles/gecko-os-4.toml").read_text("utf-8")
    odd = profile + '\n[variables.defaults]\n"wlan.join.retries" = "many"\n'
    (folder / "odd.toml").write_text(odd, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MAKE_ALL, json.dumps(list(MISTAKES))],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env=environment(folder),
        preexec_fn=mind_permissions,
        timeout=LIMIT,
        check=True,
    )
    assert done.stdout == b""
    *said, rest = done.stderr.decode().split(MARK)
    assert rest == ""
    return dict(zip(MISTAKES, said, strict=True))


@pytest.mark.parametrize("options", MISTAKES, ids=" ".join)
def test_a_mistake_is_worth_one_line(
    made: dict[tuple[str, ...], str], options: tuple[str, ...]
) -> None:
    line, status = made[options].split("\n")
    assert status == "2"
    start, star, end = f"tokay: {MISTAKES[options]}".partition("*")
    assert line.startswith(start)
    assert line.endswith(end) if star else line == start


def test_a_word_that_is_no_option(run: Run) -> None:
    finished = run("--nope")
    assert finished.status == 2
    assert "No such option: --nope" in finished.err


def test_an_airspace_of_ones_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "air.toml").write_text(
        '[[access_point]]\nssid = "cellar"\npassphrase = "long enough"\nsubnet = "127.77.9.0/24"\n'
    )
    join = ["--set", "wlan.ssid=cellar", "--set", "wlan.passkey=long enough"]
    finished = run("--ephemeral", "--airspace", "air.toml", *join, "--exec", "network_up")
    assert finished.status == 0
    assert "IPv4 address: 127.77.9." in finished.err
    assert "long enough" not in finished.err


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        form = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        finished = run("--ephemeral", "--serial", form)
    assert finished.status == 2
    assert finished.line.startswith(f"tokay: serial port {form} cannot be opened: ")
    assert "in use" in finished.line


def test_set_is_as_if_it_had_been_saved(run: Run) -> None:
    settings = {
        "wlan.ssid": "  two  blanks ",
        "uart.baud 0": "9600",
        "uart.baud 1": "14400 raw",
        "system.msg initialized": "[Up and running]",
        "wl j r": "7",
        "wlan.passkey": 'quote " and = sign',
    }
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    asked = (
        "get wlan.ssid", "get uart.baud 0", "get uart.baud 1", "get system.msg initialized",
        "get wlan.join.retries", "get wlan.passkey",
    )  # fmt: skip
    # The second boot reads what is saved.
    questions = [word for line in ("reboot", *asked) for word in ("--exec", line)]
    finished = run("--ephemeral", *options, *questions)
    assert finished.status == 0
    lines = finished.out.decode().splitlines()
    assert lines[1:] == [
        "  two  blanks ", "9600", "14400", "[Up and running]", "7", 'quote " and = sign',
    ]  # fmt: skip


def test_set_takes_the_bytes_of_the_command_line(run: Run) -> None:
    raw = os.fsdecode("café".encode() + b"\xff")
    finished = run("--ephemeral", "--set", f"wlan.ssid={raw}", "--exec", "get wlan.ssid")
    assert finished.status == 0
    assert finished.out == b"caf\\xC3\\xA9\\xFF\n"


def test_an_empty_value_is_a_value(run: Run, tmp_path: Path) -> None:
    state = ["--state", str(tmp_path / "state")]
    assert run(*state, "--set", "wlan.ssid=one", "--exec", "version").status == 0
    finished = run(*state, "--set", "wlan.ssid=", "--exec", "get wlan.ssid")
    assert finished.status == 0
    assert finished.out in (b"", b"\n")


def test_a_cable(run: Run) -> None:
    finished = run("--ephemeral", "--ethernet", "simulated", "--exec", "network_up -i ethernet")
    assert finished.status == 0
    assert "IPv4 address: 127.79." in finished.err
