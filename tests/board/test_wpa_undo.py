import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokay.board.wpa.undo import Undo, end_process, remove_folder

PROGRAM = """
import asyncio, socket, sys
from pathlib import Path
from tokay.board.wpa.undo import Undo, end_process, remove_folder

async def main():
    with socket.socket() as keep:
        undo = Undo(keep)
        await undo.open()
        undo.add("folder", remove_folder(Path(sys.argv[1])))
        undo.add("program", end_process(int(sys.argv[2])))
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "radio"
    made.mkdir()
    (made / "socket").touch()
    return made


async def test_what_was_added_is_undone_at_the_end(
    folder: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    with socket.socket() as keep:
        undo = Undo(keep)
        await undo.open()
        undo.add("program", end_process(sleeper.pid))
        undo.add("folder", remove_folder(folder))
        await undo.close()
        await undo.close()
    assert not folder.exists()
    assert sleeper.wait(10) == -signal.SIGTERM


async def test_what_was_dropped_stays(folder: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    with socket.socket() as keep:
        undo = Undo(keep)
        await undo.open()
        undo.add("program", end_process(sleeper.pid))
        undo.add("folder", remove_folder(folder))
        undo.drop("program")
        undo.drop("folder")
        await undo.close()
    assert folder.exists()
    assert sleeper.poll() is None


def test_it_is_undone_when_the_device_is_killed(
    folder: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    device = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folder, str(sleeper.pid)], stdout=subprocess.PIPE
    )
    assert device.stdout is not None
    assert device.stdout.readline() == b"ready\n"
    device.kill()
    device.wait()
    device.stdout.close()
    assert sleeper.wait(20) == -signal.SIGTERM


async def test_the_process_that_undoes_is_itself_killed(folder: Path) -> None:
    with socket.socket() as keep:
        undo = Undo(keep)
        await undo.open()
        undo.add("folder", remove_folder(folder))
        first = undo._process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while undo._process is first:
                await asyncio.sleep(0)
        await undo.close()
    assert not folder.exists()
