"""Whatever happens to the files of a folder: the last good settings, a note, never a mixture."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokay.board.storage import Storage, StorageError

ABOUT: dict[str, Any] = {"type": 0xFE, "flags": 1, "version": "1.0.0.0", "location": "ext"}
DEVICES = {
    f"device-{n}": {f"wlan.key{k}": f"{n}:{k}:" + "v" * (k * 7) for k in range(20)}
    for n in range(12)
}
FILES = {f"file-{n}": bytes([n]) * (n * 1500) for n in range(8)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder as it is after closing, and as a power cut leaves it: all of it in the WAL."""
    closed = tmp_path_factory.mktemp("closed")
    cut = tmp_path_factory.mktemp("cut") / "folder"
    with Storage(closed) as storage:
        for name, saved in DEVICES.items():
            storage.device(name).save({"old": "1"})
            storage.device(name).set_facts({"mac": name})
            storage.device(name).save(saved)
        for name, content in FILES.items():
            storage.device("device-3").create(name, content, **ABOUT)
        shutil.copytree(closed, cut)
    return {"closed": closed, "cut": cut}


def copy_of(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))


def check(folder: Path, *, settings_kept: bool = True) -> list[str]:
    """Open twice: everything that is there must be whole, and the second time nothing is new."""
    with Storage(folder) as storage:
        notes = storage.notes
        for name, saved in DEVICES.items():
            found = storage.device(name).settings()
            assert found == saved or (not settings_kept and found in ({}, {"old": "1"})), notes
            assert storage.device(name).facts() == {"mac": name} or not settings_kept
        device = storage.device("device-3")
        files = device.files()
        for file in files:
            assert device.read(file.name, 0, 1 << 20) == FILES[file.name]
        # (A repair cut off after its last step has told its notes to a process that is gone.)
        assert len(files) == len(FILES) or notes or any(folder.glob("*.damaged-*"))
        device.save({"after": "1"})
    with Storage(folder) as storage:
        assert storage.notes == []
        assert storage.device("device-3").settings() == {"after": "1"}
    assert all("\n" not in note for note in notes)
    return notes


def truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def scribble(path: Path, rng: random.Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(rng.randrange(1, 4)):
            file.seek(rng.randrange(size))
            length = min(rng.choice([1, 16, 512, 4096, 20_000]), size - file.tell())
            file.write(rng.choice([rng.randbytes(length), bytes(length), b"\xff" * length]))


@pytest.mark.parametrize("which", ["closed", "cut"])
@pytest.mark.parametrize("name", ["tokay.db", "tokay.db-wal"])
@pytest.mark.slow
def test_cut_short_at_any_page(
    folders: dict[str, Path], tmp_path: Path, which: str, name: str
) -> None:
    source = folders[which]
    if not (source / name).exists():
        return
    size = (source / name).stat().st_size
    rng = random.Random(size)
    page = 4096 if name == "tokay.db" else 4096 + 24
    head = 0 if name == "tokay.db" else 32
    pages = list(range(head, size, page))
    cuts = rng.sample(pages, min(len(pages), 40)) + [rng.randrange(size) for _ in range(20)]
    for cut in [0, head, *cuts]:
        folder = copy_of(source, tmp_path / "x")
        truncate(folder / name, cut)
        notes = check(folder)
        if name == "tokay.db" and which == "closed":
            assert notes, cut


@pytest.mark.parametrize("which", ["closed", "cut"])
@pytest.mark.parametrize("name", ["tokay.db", "tokay.db-wal"])
@pytest.mark.slow
def test_overwritten_anywhere(
    folders: dict[str, Path], tmp_path: Path, which: str, name: str
) -> None:
    source = folders[which]
    if not (source / name).exists():
        return
    for seed in range(60):
        folder = copy_of(source, tmp_path / "x")
        scribble(folder / name, random.Random(seed))
        check(folder)


def test_overwritten_copy_costs_nothing(folders: dict[str, Path], tmp_path: Path) -> None:
    for seed in range(30):
        folder = copy_of(folders["closed"], tmp_path / "x")
        scribble(folder / "tokay.last-good", random.Random(seed))
        # A last line that does not end is what a power cut leaves: that is mended silently.
        torn = not (folder / "tokay.last-good").read_bytes().endswith(b"\n")
        assert any("copy" in note for note in check(folder)) or torn


@pytest.mark.slow
def test_both_overwritten_leave_whole_records_only(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    for seed in range(60):
        folder = copy_of(folders["closed"], tmp_path / "x")
        rng = random.Random(seed)
        scribble(folder / "tokay.db", rng)
        scribble(folder / "tokay.last-good", rng)
        check(folder, settings_kept=False)


def test_one_damaged_page_costs_no_other_file(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    data = (folder / "tokay.db").read_bytes()
    place = data.index(bytes([7]) * 4000)  # within file-7 alone
    (folder / "tokay.db").write_bytes(data[:place] + b"?" + data[place + 1 :])
    notes = check(folder)
    assert "7 files were recovered, 1 were found damaged" in notes
    assert (folder / "tokay.db.damaged-1").read_bytes()[place : place + 1] == b"?"


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


Harm = Callable[[Path], object]
HARMS: dict[str, tuple[Harm, str]] = {
    "missing": (lambda f: (f / "tokay.db").unlink(), "missing"),
    "empty": (lambda f: (f / "tokay.db").write_bytes(b""), "empty"),
    "garbage": (lambda f: (f / "tokay.db").write_bytes(b"garbage" * 5000), "not a database"),
    "zeros": (lambda f: (f / "tokay.db").write_bytes(bytes(8192)), "kept as tokay.db.damaged-1"),
    "directory": (
        lambda f: directory(f / "tokay.db"),
        "a directory was in its place",
    ),
    "wal directory": (lambda f: (f / "tokay.db-wal").mkdir(), "tokay.db-wal was out of place"),
    "garbage wal": (lambda f: (f / "tokay.db-wal").write_bytes(b"?" * 50_000), ""),
    "journal": (lambda f: (f / "tokay.db-journal").write_bytes(b"?" * 5000), "journal was out"),
    "copy missing": (
        lambda f: (f / "tokay.last-good").unlink(),
        "copy of the settings was missing",
    ),
    "copy empty": (lambda f: (f / "tokay.last-good").write_bytes(b""), ""),
    "copy directory": (
        lambda f: directory(f / "tokay.last-good"),
        "copy of the settings was damaged",
    ),
    "copy torn": (lambda f: append(f / "tokay.last-good", b"0badc0de {"), ""),
    "leftovers": (lambda f: (f / "tokay.db.building").write_bytes(b"?"), ""),
}


@pytest.mark.parametrize("harm", HARMS)
def test_harm(folders: dict[str, Path], tmp_path: Path, harm: str) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    act, said = HARMS[harm]
    act(folder)
    notes = check(folder)
    assert said in "\n".join(notes)
    assert bool(said) == bool(notes)


def test_a_stale_wal_of_another_day(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    shutil.copy(folders["cut"] / "tokay.db-wal", folder / "tokay.db-wal")
    check(folder)


def test_an_old_database_put_back_takes_the_newer_settings(tmp_path: Path) -> None:
    with Storage(tmp_path / "f") as storage:
        storage.device("one").save({"a": "1"})
        storage.device("gone").save({"a": "1"})
    old = (tmp_path / "f" / "tokay.db").read_bytes()
    with Storage(tmp_path / "f") as storage:
        storage.device("one").save({"a": "2"})
        storage.device("gone").erase()
    (tmp_path / "f" / "tokay.db").write_bytes(old)
    with Storage(tmp_path / "f") as storage:
        assert storage.devices() == ["one"]
        assert storage.device("one").settings() == {"a": "2"}
        assert "had lost its last saves" in storage.notes[0]


def sql(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(statement)
    finally:
        connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE setting SET value = 'x' WHERE device = 'device-5' AND name = 'wlan.key3'",
        "DELETE FROM setting WHERE device = 'device-5' AND name = 'wlan.key3'",
        "DELETE FROM fact",
        "DELETE FROM device WHERE name = 'device-5'",
        "DELETE FROM state",
        "UPDATE state SET sequence = 9223372036854775807",
        "UPDATE device SET sequence = 'x'",
        "UPDATE setting SET value = 7",
        "UPDATE file SET size = 5 WHERE name = 'file-3'",
        "DROP TABLE setting",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 99999999",
        "PRAGMA application_id = 1",
    ],
)
def test_silent_damage_is_noticed(folders: dict[str, Path], tmp_path: Path, statement: str) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    sql(folder / "tokay.db", statement)
    assert check(folder)
    assert (folder / "tokay.db.damaged-1").exists()


def test_damage_again_takes_the_next_number(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    for _ in range(3):
        (folder / "tokay.db").write_bytes(b"garbage" * 100)
        with Storage(folder) as storage:
            assert storage.device("device-1").settings() == DEVICES["device-1"]
    kept = sorted(path.name for path in folder.glob("*damaged*"))
    assert kept == ["tokay.db.damaged-1", "tokay.db.damaged-2", "tokay.db.damaged-3"]


@pytest.mark.parametrize("header", [b"", b"garbage" * 5])
def test_what_is_moved_aside_is_left_as_it_was(
    folders: dict[str, Path], tmp_path: Path, header: bytes
) -> None:
    folder = copy_of(folders["cut"], tmp_path / "x")
    wal = (folder / "tokay.db-wal").read_bytes()
    place = wal.rindex(b"7:19:")
    wal = wal[:place] + b"?" + wal[place + 1 :]  # breaks the chain of frames from here on
    data = (folder / "tokay.db").read_bytes()
    if header:
        data = header + data[len(header) :]
        wal = wal[:20_000]
    (folder / "tokay.db-wal").write_bytes(wal)
    (folder / "tokay.db").write_bytes(data)
    check(folder)
    assert (folder / "tokay.db.damaged-1").read_bytes() == data
    assert (folder / "tokay.db.damaged-1-wal").read_bytes() == wal


def test_both_gone_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    for name in ("tokay.db", "tokay.last-good"):
        (folder / name).write_bytes(b"garbage\n" * 100)
    with Storage(folder) as storage:
        assert storage.devices() == []
        assert "no settings could be recovered: every device has factory settings" in storage.notes
    assert (folder / "tokay.last-good.damaged-1").exists()


@pytest.mark.parametrize("missing", [(), ("tokay.db",), ("tokay.db", "tokay.db-wal")])
def test_an_interrupted_repair_is_completed(
    folders: dict[str, Path], tmp_path: Path, missing: tuple[str, ...]
) -> None:
    folder = copy_of(folders["cut"], tmp_path / "x")
    shutil.copy(folders["closed"] / "tokay.db", folder / "tokay.db.new")
    for name in missing:
        (folder / name).unlink()
    assert check(folder) == ["a repair that had been interrupted was completed"]


@pytest.mark.parametrize("harm", ["garbage", "cut short", "missing", "new folder"])
def test_a_power_cut_at_any_step_of_a_repair(
    folders: dict[str, Path], tmp_path: Path, harm: str
) -> None:
    for step in range(40):
        folder = copy_of(folders["cut"], tmp_path / "x")
        if harm == "garbage":
            (folder / "tokay.db-wal").unlink()
            shutil.copy(folders["closed"] / "tokay.db", folder)
            with (folder / "tokay.db").open("r+b") as file:
                file.seek(3 * 4096)
                file.write(b"?" * 4096)
        elif harm == "cut short":
            truncate(folder / "tokay.db-wal", 60_000)
        elif harm == "missing":
            (folder / "tokay.db").unlink()
        else:
            shutil.rmtree(folder)
        child = os.fork()
        if child == 0:
            die_at_step(step)
            Storage(folder)
            os._exit(7)
        _pid, status = os.waitpid(child, 0)
        if harm == "new folder":
            with Storage(folder) as storage:
                assert storage.devices() == []
        else:
            check(folder)
        if os.waitstatus_to_exitcode(status) == 7:
            assert step >= 5
            return
    pytest.fail("it never came to an end")


def die_at_step(step: int) -> None:
    """End this process before its n-th sync or change of a name."""
    left = step

    def dying(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(0)
            return function(*arguments, **options)

        return call

    os.fsync = dying(os.fsync)
    for name in ("rename", "unlink", "touch"):
        setattr(Path, name, dying(getattr(Path, name)))


def test_a_newer_schema_is_refused_and_not_touched(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    sql(folder / "tokay.db", "PRAGMA user_version = 2")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(StorageError, match=r"written by a newer Tokay \(schema 2"):
        Storage(folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["tokay.db", "tokay.last-good"])
def test_a_symbolic_link_is_refused(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = copy_of(folders["closed"], tmp_path / "x")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is a symbolic link"):
        Storage(folder)
    (folder / name).unlink()
    (tmp_path / "elsewhere").rename(folder / name)
    assert check(folder) == []


def test_names_of_many_devices_stay_one_line(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage, storage.group():
        for number in range(100):
            storage.device(f"{number:03}").save({"a": "1"})
    (tmp_path / "tokay.db").unlink()
    with Storage(tmp_path) as storage:
        assert storage.notes[1] == (
            "the settings of 000, 001, 002 and 97 more were taken from the last good copy"
        )
        assert len(storage.devices()) == 100
