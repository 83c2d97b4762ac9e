"""Disks that are full or cannot be written, folders of another: one clear line each."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokay
from tokay.board.storage import Storage, StorageError

ABOUT: dict[str, Any] = {"type": 0xFE, "flags": 1, "version": "1.0.0.0", "location": "ext"}
SOURCE = str(Path(tokay.__file__).parent.parent)


def fill(disk: Path) -> Path:
    """Take the last byte of a disk."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            while True:
                try:
                    file.write(bytes(size))
                except OSError:
                    break
    return path


def in_child(act: Callable[[], None]) -> str:
    """Run something in a forked process; return what its StorageError said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                act()
                said = "nothing was raised"
            except StorageError as error:
                said = str(error)
            except BaseException as error:  # noqa: BLE001
                said = repr(error)
            os.write(writer, said.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


def test_a_full_disk_keeps_the_old_settings(small_disk: Path) -> None:
    folder = small_disk / "state"
    big = {f"key{n}": "x" * 5000 for n in range(20)}
    with Storage(folder) as storage:
        device = storage.device("one")
        device.save({"a": "1"})
        device.create("f", b"content", **ABOUT)
        filler = fill(small_disk)
        for _ in range(3):
            with pytest.raises(StorageError, match=r"^no space left on the storage$"):
                device.save(big)
            with pytest.raises(StorageError, match=r"^no space left on the storage$"):
                device.replace("f", bytes(100_000), **ABOUT)
        assert device.settings() == {"a": "1"}
        assert device.read("f", 0, 99) == b"content"
        filler.unlink()
        device.save(big)
        assert device.settings() == big
    with Storage(folder) as storage:
        assert storage.notes == []
        assert storage.device("one").settings() == big


def test_a_folder_on_a_full_disk_opens(small_disk: Path) -> None:
    folder = small_disk / "state"
    with Storage(folder) as storage:
        storage.device("one").save({"a": "1"})
    filler = fill(small_disk)
    with Storage(folder) as storage:
        assert storage.device("one").settings() == {"a": "1"}
        assert storage.notes == []
    # A repair finds no room either: nothing is lost, and it is made when there is room.
    data = (folder / "tokay.db").read_bytes()
    with (folder / "tokay.db").open("r+b") as file:
        file.write(b"garbage")
    with pytest.raises(StorageError, match=r"no space left on the storage|No space left"):
        Storage(folder)
    assert (folder / "tokay.db").read_bytes()[7:] == data[7:]
    filler.unlink()
    with Storage(folder) as storage:
        assert storage.device("one").settings() == {"a": "1"}
        assert storage.notes


def test_a_new_folder_on_a_full_disk(small_disk: Path) -> None:
    (small_disk / "state").mkdir()
    filler = fill(small_disk)
    with pytest.raises(StorageError, match=r"[Nn]o space left"):
        Storage(small_disk / "state")
    filler.unlink()
    with Storage(small_disk / "state") as storage:
        assert storage.devices() == []


def test_the_copy_catches_up_when_there_is_room_again(small_disk: Path) -> None:
    folder = small_disk / "state"
    with Storage(folder) as storage:
        device = storage.device("one")
        for number in range(10):  # the WAL has room of its own after this
            device.save({"a": "x" * 3000, "n": str(number)})
        filler = fill(small_disk)
        saved = {}
        for number in range(10, 40):
            wanted = {"a": "x" * 3000, "n": str(number)}
            try:
                device.save(wanted)
                saved = wanted
            except StorageError as error:
                assert str(error) == "no space left on the storage"  # noqa: PT017
            assert device.settings() == saved or not saved
        filler.unlink()
        device.save({"last": "1"})
        if storage.notes:
            assert storage.notes == [
                "the last good copy cannot be written: No space left on device"
            ]
    (folder / "tokay.db").unlink()
    with Storage(folder) as storage:
        assert storage.device("one").settings() == {"last": "1"}


def test_a_file_size_limit_keeps_the_old_settings(tmp_path: Path) -> None:
    def act() -> None:
        with Storage(tmp_path) as storage:
            device = storage.device("one")
            device.save({"a": "1"})
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
            failed = ""
            try:
                device.create("f", bytes(200_000), **ABOUT)
            except StorageError as error:
                failed = str(error)
            assert device.settings() == {"a": "1"}
            assert device.files() == []
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            device.save({"a": "2"})
            raise StorageError(failed)

    assert in_child(act) == "the storage failed: disk I/O error"
    with Storage(tmp_path) as storage:
        assert storage.notes == []
        assert storage.device("one").settings() == {"a": "2"}


def test_a_read_only_disk(small_disk: Path) -> None:
    folder = small_disk / "state"
    with Storage(folder) as storage:
        storage.device("one").save({"a": "1"})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError) as raised:
        Storage(folder)
    assert str(raised.value) == (
        f"the state folder {folder} cannot be written: Read-only file system"
    )


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_that_permissions_close(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    with Storage(folder) as storage:
        storage.device("one").save({"a": "1"})
    (folder / "tokay.lock").unlink()

    def act() -> None:
        os.chdir(folder.parent)
        if os.geteuid() == 0:  # permissions do not bind root
            os.setresuid(65534, 65534, 65534)
        Storage(folder)

    for parent in list(folder.parents)[:3]:
        parent.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    folder.chmod(mode)
    try:
        said = in_child(act)
    finally:
        folder.chmod(0o700)
    assert said == f"the state folder {folder} cannot be written: Permission denied"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x")
    for folder in (tmp_path / "state", tmp_path / "state" / "below"):
        with pytest.raises(StorageError, match=r"^the state folder .* cannot be written: "):
            Storage(folder)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Storage(tmp_path), pytest.raises(StorageError) as raised:
        Storage(tmp_path)
    assert str(raised.value) == f"the state folder {tmp_path} is in use by another process"
    Storage(tmp_path).close()


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from tokay.board.storage import Storage\n"
        "storage = Storage(Path(sys.argv[2])); print('ready', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-I", "-c", code, SOURCE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(StorageError, match="is in use by another process"):
            Storage(tmp_path)
        child.kill()
    Storage(tmp_path).close()


def test_a_database_open_in_another_program(tmp_path: Path) -> None:
    Storage(tmp_path).close()
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); print('ready', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path / "tokay.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(StorageError, match="is in use by another process"):
            Storage(tmp_path)
        child.kill()
    Storage(tmp_path).close()


def test_importing_it_needs_nothing_else_of_tokay() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tokay.board.storage\n"
        "print([m for m in sys.modules if m.startswith('tokay.') and 'board' not in m])"
    )
    command = [sys.executable, "-I", "-c", code, SOURCE]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
