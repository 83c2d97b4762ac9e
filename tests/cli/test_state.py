"""Settings over several runs: kept, fought for, damaged, and without room."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import serial
from tests.cli.conftest import Run, Start
from tests.cli.process import LIMIT, Finished, Process, mind_permissions

SAVED = ("--exec", "get wlan.ssid")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a run has saved settings."""
    home = tmp_path_factory.mktemp("saved")
    with Process(
        home, "run", "--state", "state", "--exec", "set wlan.ssid first", "--exec", "save",
        "--exec", "set wlan.ssid never-saved",
    ) as process:  # fmt: skip
        assert process.end().out == b"Set OK\nSuccess\nSet OK\n"
    return home / "state"


@pytest.fixture
def state(saved: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder for one test."""
    return shutil.copytree(saved, tmp_path / "state")


def _told(finished: Finished) -> list[str]:
    """Return what was said beside which device it is."""
    first, *rest = finished.err.splitlines()
    assert first.startswith("tokay: gecko-os-4 ")
    return rest


def test_what_is_saved_is_there_again(run: Run, state: Path) -> None:
    finished = run("--state", str(state), *SAVED)
    assert finished.out == b"first\n"
    assert _told(finished) == []
    # Another device of the folder has its own.
    assert run("--state", str(state), "--name", "other", *SAVED).out in (b"", b"\n")


def test_the_folder_without_an_option(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        finished = run("--name", "cellar", "--set", "wlan.ssid=x", *SAVED)
        assert finished.out == b"x\n"
    assert (tmp_path / ".local/state/tokay/cellar/tokay.db").is_file()


def test_nothing_is_kept_of_an_ephemeral_device(run: Run, tmp_path: Path) -> None:
    run("--ephemeral", "--exec", "set wlan.ssid x", "--exec", "save")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_one_process(start: Start, run: Run, state: Path) -> None:
    process = start("--state", str(state), "--serial", "pty", "--events")
    process.events_until("ready")
    second = run("--state", str(state), "--exec", "version")
    assert second.status == 2
    assert second.out == b""
    assert second.line == f"tokay: the state folder {state} is in use by another process"
    assert process.end(signal.SIGTERM).status == 0
    assert run("--state", str(state), *SAVED).out == b"first\n"


def test_folders_that_are_none(run: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    closed = tmp_path / "closed"
    shutil.copytree(state, closed)
    for mode in (0o000, 0o500):
        closed.chmod(mode)
        _refused(run("--state", "closed", "--exec", "save", preexec_fn=mind_permissions), "closed")
    closed.chmod(0o700)
    _refused(run("--state", "file", "--exec", "save"), "file")
    _refused(run("--state", "file/below", "--exec", "save"), "file/below")
    assert run("--state", "closed", *SAVED).out == b"first\n"


def _refused(finished: Finished, name: str) -> None:
    assert finished.status == 2
    assert finished.out == b""
    assert name in finished.line
    assert " cannot be written: " in finished.line


# Damage.


@pytest.mark.parametrize("damage", ["overwritten", "truncated", "deleted"])
def test_a_damaged_database(run: Run, state: Path, damage: str) -> None:
    database = state / "tokay.db"
    content = database.read_bytes()
    damaged = {
        "overwritten": os.urandom(len(content)),
        "truncated": content[: len(content) // 2],
        "deleted": None,
    }[damage]
    if damaged is None:
        database.unlink()
    else:
        database.write_bytes(damaged)
    finished = run("--state", str(state), *SAVED)
    assert finished.status == 0
    assert finished.out == b"first\n"
    told = _told(finished)
    assert told[0].startswith("tokay: the database could not be used (")
    assert "tokay: the settings of tokay were taken from the last good copy" in told
    if damaged is not None:
        name = told[0].rpartition("it is kept as ")[2]
        assert (state / name).read_bytes() == damaged
    # It is told once.
    finished = run("--state", str(state), *SAVED)
    assert finished.out == b"first\n"
    assert _told(finished) == []


def test_damage_is_an_event_too(run: Run, state: Path) -> None:
    (state / "tokay.db").write_bytes(b"garbage" * 1000)
    finished = run("--state", str(state), "--events", *SAVED)
    assert finished.out == b"first\n"
    events = [json.loads(line) for line in finished.err.splitlines()]
    assert events[0]["event"] == "serial"
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert notes[0].startswith("the database could not be used (")


def test_both_copies_damaged(run: Run, state: Path) -> None:
    for name in ("tokay.db", "tokay.last-good"):
        (state / name).write_bytes(b"garbage\n" * 1000)
    finished = run("--state", str(state), *SAVED)
    assert finished.status == 0
    assert finished.out in (b"", b"\n")
    assert any("no settings could be recovered" in line for line in _told(finished))
    assert len(list(state.glob("*.damaged-1"))) == 2


# No room.


def _save_without_room(process: Process, host: serial.Serial) -> None:
    """Fail to save; then go on as if nothing had been."""
    _ask(host, "set wlan.ssid second", "Set OK")
    _ask(host, "save", "Command failed")
    _ask(host, "get wlan.ssid", "second")
    _ask(host, "save", "Command failed")


def _ask(host: serial.Serial, line: str, answer: str) -> None:
    host.write(f"{line}\r\n".encode())
    reply = host.read_until(b"> ")
    assert reply.startswith(f"{line}\r\n".encode())
    assert reply.endswith(f"{answer}\r\n> ".encode())


def test_save_with_files_at_their_limit(start: Start, run: Run, state: Path) -> None:
    process = start("--state", str(state), "--serial", "pty", "--events")
    path = process.event()["path"]
    process.events_until("ready")
    with serial.Serial(path, timeout=LIMIT) as host:
        process.prlimit(1)
        _save_without_room(process, host)
        copy = _copied(state, "during")
        process.prlimit(-1)
        _ask(host, "save", "Success")
    assert process.end(signal.SIGTERM).status == 0
    assert run("--state", str(copy), *SAVED).out == b"first\n"
    finished = run("--state", str(state), *SAVED)
    assert finished.out == b"second\n"
    assert _told(finished) == []


def _copied(state: Path, name: str) -> Path:
    """Copy a folder as it is now: what a power cut would leave."""
    copy = state.with_name(name)
    shutil.copytree(state, copy)
    return copy


def test_save_on_a_full_disk(start: Start, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root; the file size limit is tested instead")
    # A mount namespace of its own: the disk goes with the process.
    within = 'mount -t tmpfs -o size=256k tokay-test disk && echo mounted >&2 && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", within, "sh")
    (tmp_path / "disk").mkdir()
    probe = subprocess.run([*before, "true"], cwd=tmp_path, capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {probe.stderr.decode().strip()}")
    process = start(
        "--state", "disk/state", "--serial", "pty", "--events", "--set", "wlan.ssid=first",
        before=before,
    )  # fmt: skip
    assert process.error_line() == "mounted"
    disk = Path(f"/proc/{process.pid}/root{tmp_path}/disk")
    path = process.event()["path"]
    process.events_until("ready")
    with serial.Serial(path, timeout=LIMIT) as host:
        filler = disk / "filler"
        _fill(filler)
        # SQLite may have room left in its own file: save until it has none.
        for number in range(100):
            host.write(f"set wlan.ssid {number}\r\nsave\r\n".encode())
            host.read_until(b"> ")
            if b"Command failed" in host.read_until(b"> "):
                break
        _ask(host, "set wlan.ssid second", "Set OK")
        _ask(host, "save", "Command failed")
        _ask(host, "get wlan.ssid", "second")
        filler.unlink()
        _ask(host, "save", "Success")
        host.write(b"reboot\r\n")
        process.events_until("ready")
        host.read_until(b"[Ready]")
        host.read_until(b"> ")
        _ask(host, "get wlan.ssid", "second")
    assert process.end(signal.SIGTERM).status == 0


def _fill(path: Path) -> None:
    """Take the last byte of a disk."""
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
