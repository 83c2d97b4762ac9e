import sqlite3
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokay.board.storage import FileRow, Storage, StorageError

ABOUT: dict[str, Any] = {"type": 0xFE, "flags": 1, "version": "1.0.0.0", "location": "ext"}


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with Storage(tmp_path if request.param == "disk" else None) as storage:
        yield storage


def test_a_new_device_has_nothing(storage: Storage) -> None:
    device = storage.device("one")
    assert (device.settings(), device.facts(), device.files()) == ({}, {}, [])
    assert device.used("ext") == 0
    assert storage.devices() == []
    assert storage.notes == []


def test_save_replaces_all_settings(storage: Storage) -> None:
    device = storage.device("one")
    device.save({"a": "1", "b": "2"})
    device.save({"b": "3"})
    storage.device("two").save({"a": "9"})
    assert device.settings() == {"b": "3"}
    device.save({})
    assert device.settings() == {}
    assert storage.devices() == ["one", "two"]


def test_facts_are_changed_and_removed_one_by_one(storage: Storage) -> None:
    device = storage.device("one")
    device.save({"a": "1"})
    device.set_facts({"mac": "02:00", "faults": "1"})
    device.set_facts({"faults": None, "unknown": None, "join": "x"})
    assert device.facts() == {"mac": "02:00", "join": "x"}
    assert device.settings() == {"a": "1"}


def test_a_file_is_created_read_and_deleted(storage: Storage) -> None:
    device = storage.device("one")
    content = bytes(range(256)) * 100
    file = device.create("a/../b", content, created=77, **ABOUT)
    assert file == FileRow("a/../b", 25600, 0xFE, 1, "1.0.0.0", "ext", zlib.crc32(content), 77, 0)
    assert device.stat("a/../b") == file
    assert device.files() == [file]
    assert device.read("a/../b", 250, 10) == content[250:260]
    assert device.read("a/../b", 25590, 100) == content[-10:]
    assert device.read("a/../b", 25600, 1) == b""
    assert device.read("a/../b", 1 << 40, 1) == b""
    assert storage.device("two").stat("a/../b") is None
    device.delete("a/../b")
    assert device.stat("a/../b") is None


def test_missing_and_present_files(storage: Storage) -> None:
    device = storage.device("one")
    with pytest.raises(FileNotFoundError):
        device.read("x", 0, 1)
    with pytest.raises(FileNotFoundError):
        device.delete("x")
    device.create("x", b"", **ABOUT)
    with pytest.raises(FileExistsError):
        device.create("x", b"1", **ABOUT)
    with pytest.raises(ValueError, match="negative"):
        device.read("x", -1, 1)
    assert device.read("x", 0, 1) == b""


def test_handles_are_small_and_stay(storage: Storage) -> None:
    device = storage.device("one")
    assert [device.create(name, b"", **ABOUT).handle for name in "abc"] == [0, 1, 2]
    device.delete("b")
    assert device.create("z", b"", **ABOUT).handle == 1
    assert device.replace("a", b"new", **ABOUT).handle == 0
    assert device.read("a", 0, 9) == b"new"
    assert [file.name for file in device.files()] == ["a", "c", "z"]


def test_replace_makes_a_file_that_was_not_there(storage: Storage) -> None:
    device = storage.device("one")
    assert device.replace("a", b"1", **ABOUT) == device.stat("a")


def test_format_and_used_know_locations(storage: Storage) -> None:
    device = storage.device("one")
    for number in range(5):
        location = "int" if number < 2 else "ext"
        device.create(str(number), b"12345", **{**ABOUT, "location": location})
    assert (device.used("int"), device.used("ext")) == (10, 15)
    assert device.format("ext") == 3
    assert [file.name for file in device.files()] == ["0", "1"]


def test_erase_removes_the_device(storage: Storage) -> None:
    device = storage.device("one")
    device.save({"a": "1"})
    device.set_facts({"mac": "m"})
    device.create("f", b"x", **ABOUT)
    storage.device("two").create("f", b"y", **ABOUT)
    device.erase()
    assert (device.settings(), device.facts(), device.files()) == ({}, {}, [])
    assert storage.devices() == ["two"]


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with Storage(tmp_path / "a" / "b") as storage:
        storage.device("one").save({"a": "1"})
        storage.device("two").set_facts({"mac": "m"})
        storage.device("gone").save({"a": "1"})
        storage.device("gone").erase()
        file = storage.device("two").create("f", b"content", **ABOUT)
    with Storage(tmp_path / "a" / "b") as storage:
        assert storage.notes == []
        assert storage.devices() == ["one", "two"]
        assert storage.device("one").settings() == {"a": "1"}
        assert storage.device("two").facts() == {"mac": "m"}
        assert storage.device("two").files() == [file]
        assert storage.device("two").read("f", 0, 99) == b"content"


texts = st.text(st.characters() | st.characters(categories=["Cs"]))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(texts, texts), st.dictionaries(texts, texts), texts)
def test_any_text_survives(saved: dict[str, str], facts: dict[str, str], name: str) -> None:
    with Storage(None) as storage:
        device = storage.device(name)
        device.save(saved)
        device.set_facts(facts)
        device.create(name, b"x", **{**ABOUT, "version": name, "location": name})
        assert (device.settings(), device.facts()) == (saved, facts)
        assert device.read(name, 0, 1) == b"x"
        assert device.files()[0].location == name
        assert device.used(name) == 1


def test_odd_texts_survive_on_disk_and_in_the_copy(tmp_path: Path) -> None:
    odd = {"\udc80\udcff": "\x00\n\u2028\r", "pair": "\ud83d" + "\ude00", "one": "\U0001f600"}
    with Storage(tmp_path) as storage:
        storage.device("\udcfe").save(odd)
    (tmp_path / "tokay.db").unlink()
    with Storage(tmp_path) as storage:
        assert storage.device("\udcfe").settings() == odd


def test_a_group_is_one_commit(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        with storage.group():
            for number in range(50):
                storage.device(str(number)).save({"a": "1"})
        assert len(storage.devices()) == 50

        def fail() -> None:
            with storage.group():
                storage.device("0").save({"a": "2"})
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert storage.device("0").settings() == {"a": "1"}
    with Storage(tmp_path) as storage:
        assert storage.notes == []
        assert len(storage.devices()) == 50


def test_a_failure_inside_a_group_fails_the_group(tmp_path: Path) -> None:
    bad: Any = {"a": object()}
    with Storage(tmp_path) as storage:
        one = storage.device("one")
        one.save({"a": "1"})

        def swallow() -> None:
            with storage.group():
                one.save({"a": "2"})
                with pytest.raises(TypeError):
                    one.save(bad)

        with pytest.raises(StorageError):
            swallow()
        assert one.settings() == {"a": "1"}
        with storage.group():
            one.create("f", b"", **ABOUT)
            with pytest.raises(FileExistsError):
                one.create("f", b"", **ABOUT)
        assert one.stat("f") is not None


def test_threads_take_turns(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:

        def work(name: str) -> None:
            for number in range(20):
                storage.device(name).save({"a": str(number)})

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [storage.device(name).settings() for name in "abcd"] == [{"a": "19"}] * 4


def test_errors_of_sqlite_are_one_clear_line(storage: Storage) -> None:
    storage.close()
    storage.close()
    device = storage.device("one")
    calls: list[Callable[[], object]] = [
        device.settings,
        device.files,
        device.erase,
        storage.devices,
        lambda: device.save({"a": "1"}),
        lambda: device.read("a", 0, 1),
    ]
    for call in calls:
        with pytest.raises(StorageError, match="the storage is closed"):
            call()


def test_thousands_of_devices_are_small() -> None:
    with Storage(None) as storage:
        tracemalloc.start()
        fleet = [storage.device("same name") for _ in range(10_000)]
        size, _peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size / len(fleet) < 100
        assert not hasattr(fleet[0], "__dict__")


def test_reading_a_part_does_not_load_the_whole(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        device = storage.device("one")
        device.create("big", bytes(8 << 20), **ABOUT)
        tracemalloc.start()
        assert device.read("big", 4 << 20, 100) == bytes(100)
        _size, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 100_000


def test_the_copy_does_not_grow_without_end(tmp_path: Path) -> None:
    value = "x" * 10_000
    with Storage(tmp_path) as storage:
        for number in range(300):
            storage.device("one").save({"a": value, "n": str(number)})
    assert (tmp_path / "tokay.last-good").stat().st_size < 1_200_000
    with Storage(tmp_path) as storage:
        assert storage.notes == []


def test_saving_the_same_again_writes_nothing(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        storage.device("one").save({"a": "1"})
        before = (tmp_path / "tokay.last-good").read_bytes()
        storage.device("one").save({"a": "1"})
        assert (tmp_path / "tokay.last-good").read_bytes() == before


def test_closing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(2):  # a new folder, then one that is there
        with Storage(tmp_path) as storage:
            storage.device("one").replace("f", b"x", **ABOUT)
    (tmp_path / "tokay.db").write_bytes(b"garbage")
    Storage(tmp_path).close()
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        storage.device("one").save({"a": "1"})
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_bound_is_never_sql(storage: Storage) -> None:
    name = "'); DROP TABLE setting; --"
    storage.device(name).save({name: name})
    storage.device(name).create(name, b"", **ABOUT)
    assert storage.device(name).settings() == {name: name}


def test_the_database_is_plain_sqlite(tmp_path: Path) -> None:
    with Storage(tmp_path) as storage:
        storage.device("one").save({"a": "1"})
    connection = sqlite3.connect(tmp_path / "tokay.db")
    try:
        assert connection.execute("SELECT * FROM setting").fetchall() == [("one", "a", "1")]
    finally:
        connection.close()
