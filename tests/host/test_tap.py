"""The tap: nothing is lost, both ways at once."""

import io
import json
import os
import threading
import tty
from pathlib import Path

import pytest

from tokay.host import Disconnected, ModuleError
from tokay.host.tap import Tap
from tokay.host.transcript import read_transcript

SIZE = 500_000


def send(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data[:4096]) :]


def receive(fd: int, size: int, into: bytearray) -> None:
    while len(into) < size:
        into += os.read(fd, 65536)


def test_bytes_in_both_directions_at_once(tmp_path: Path) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    transcript = io.StringIO()
    tap = Tap(f"pty:{os.ttyname(slave)}", tmp_path / "link", transcript)
    host = os.open(tmp_path / "link", os.O_RDWR | os.O_NOCTTY)
    running = threading.Thread(target=tap.run)
    running.start()
    there, back = os.urandom(SIZE), os.urandom(SIZE)
    at_module, at_host = bytearray(), bytearray()
    work = [
        threading.Thread(target=send, args=(host, there)),
        threading.Thread(target=send, args=(master, back)),
        threading.Thread(target=receive, args=(master, SIZE, at_module)),
        threading.Thread(target=receive, args=(host, SIZE, at_host)),
    ]
    for one in work:
        one.start()
    for one in work:
        one.join()
    tap.stop()
    running.join()
    tap.close()
    for fd in (host, master, slave):
        os.close(fd)
    assert at_module == there
    assert at_host == back
    pieces = list(read_transcript(transcript.getvalue().splitlines()))
    assert b"".join(one.data for one in pieces if one.sender == "host") == there
    assert b"".join(one.data for one in pieces if one.sender == "module") == back
    assert json.loads(transcript.getvalue().splitlines()[0])["tokay_transcript"] == 1


def test_a_module_that_goes_ends_the_tap(tmp_path: Path) -> None:
    master, slave = os.openpty()
    tap = Tap(f"pty:{os.ttyname(slave)}", None, io.StringIO())
    os.close(slave)
    os.close(master)
    with pytest.raises(Disconnected, match="the module is gone"):
        tap.run()
    tap.close()


def test_what_cannot_be_tapped(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="a serial port"):
        Tap("tcp://127.0.0.1", None, io.StringIO())
    master, slave = os.openpty()
    (tmp_path / "there").touch()
    with pytest.raises(Disconnected, match="exists"):
        Tap(f"pty:{os.ttyname(slave)}", tmp_path / "there", io.StringIO())
    os.close(slave)
    os.close(master)
