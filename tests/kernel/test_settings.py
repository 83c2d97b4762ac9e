"""Settings over time: saved, loaded, written to files, and reset."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialogue import PROFILES, Talk

from tokay.board.storage import Storage, StorageError
from tokay.kernel import settings
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError
from tokay.kernel.value_types import Boolean, Integer, Text
from tokay.kernel.variables import Variable

DONE = (0, "Success")
FAILED = (1, "Command failed")

PLAIN = Variable("toy.plain", "to p", Integer(0, 255), 7, doc="A number.")
KEPT = Variable("toy.kept", "to k", Integer(0, 255), 7, doc="In the backup.", backup=True)
LOCKABLE = Variable("toy.lockable", "to l", Text(0, 40), "", doc="Can be locked.", lockable=True)
OTHER = Variable("toy.other", "to o", Text(0, 40), "", doc="Can be locked too.", lockable=True)
SWITCH = Variable("toy.switch", "to s", Boolean(), False, doc="A switch.")
SECRET = Variable("toy.secret", "to w", Text(0, 40, secret=True), "", doc="A secret.")


class Toys(Plugin):
    name = "toys"
    variables = (PLAIN, KEPT, LOCKABLE, OTHER, SWITCH, SECRET)


@pytest.fixture
def storage() -> Iterator[Storage]:
    with Storage(None) as storage:
        yield storage


@pytest.fixture
def talk(storage: Storage) -> Iterator[Talk]:
    with Talk(plugins=[Toys], storage=storage) as talk:
        yield talk


def write(talk: Talk, name: str, text: str) -> None:
    data = text.encode("latin-1")
    assert talk.answer(f"fcr {name} {len(data)}", data) == DONE


def read(talk: Talk, name: str) -> str:
    return talk.kernel.files.read(name, 0, 99999).decode("latin-1")


# Save.


def test_what_is_saved_outlives_a_reboot(talk: Talk) -> None:
    talk.ask("set toy.plain 9")
    talk.ask("set toy.switch on")
    assert talk.answer("save") == DONE
    talk.ask("set toy.plain 10")
    talk.ask("reboot")
    assert talk.answer("get toy.plain") == (0, "9")
    assert talk.answer("get toy.switch") == (0, "1")


def test_what_is_set_back_is_saved_as_well(talk: Talk) -> None:
    talk.ask("set toy.plain 9")
    talk.ask("save")
    talk.ask("set toy.plain 7")
    talk.ask("save")
    talk.ask("reboot")
    assert talk.answer("get toy.plain") == (0, "7")


def test_what_is_saved_outlives_the_power(storage: Storage) -> None:
    with Talk(plugins=[Toys], storage=storage) as talk:
        talk.ask("set toy.plain 9")
        talk.ask("save")
    with Talk(plugins=[Toys], storage=storage) as talk:
        assert talk.answer("get toy.plain") == (0, "9")


def test_settings_of_a_plugin_that_is_gone(storage: Storage) -> None:
    with Talk(plugins=[Toys], storage=storage) as talk:
        talk.ask("set toy.plain 9")
        talk.ask("save")
    with Talk(storage=storage) as talk:
        assert talk.answer("get toy.plain")[0] == 6
        assert any("toy.plain" in entry.text for entry in talk.device.log)


def test_the_log_of_settings_not_understood_tells_no_value(storage: Storage) -> None:
    with Talk(plugins=[Toys], storage=storage) as talk:
        talk.ask("set toy.secret hush")
        talk.ask("save")
    with Talk(storage=storage) as talk:
        assert not any("hush" in entry.text for entry in talk.device.log)


def test_a_storage_that_cannot_save(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(type(talk.kernel.storage), "save", fail)
    assert talk.answer("save") == FAILED
    assert talk.answer(f"factory_reset {talk.device.mac}") == FAILED
    assert talk.answer("get bus.mode") == (0, "command")


# The file form.


def test_a_settings_file(talk: Talk) -> None:
    talk.ask("set toy.plain 9")
    talk.ask('set toy.lockable "two words"')
    talk.ask("set toy.secret hush")
    talk.ask("set uart.baud 1 9600")
    assert talk.answer("save settings.ini") == DONE
    lines = read(talk, "settings.ini").splitlines()
    assert lines[0].startswith("# ")
    assert "toy.plain 9" in lines
    assert 'toy.lockable "two words"' in lines
    assert "uart.baud 1 9600 raw" in lines
    assert "hush" not in read(talk, "settings.ini")
    names = [line.split()[0] for line in lines if not line.startswith("#")]
    assert names == sorted(names)


def test_a_settings_file_replaces_the_one_before(talk: Talk) -> None:
    assert talk.answer("save settings.ini") == DONE
    talk.ask("set toy.plain 9")
    assert talk.answer("save settings.ini") == DONE
    assert "toy.plain 9" in read(talk, "settings.ini")


@pytest.mark.parametrize("name", ["sys/settings.ini", '""', "x" * 65])
def test_a_settings_file_has_a_name_that_serves(talk: Talk, name: str) -> None:
    assert talk.answer(f"save {name}")[0] in (1, 7)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_written_is_loaded(profile: str) -> None:
    with Talk(profile, plugins=[Toys]) as talk:
        talk.ask("set toy.plain 9")
        talk.ask(r'set toy.lockable "\x01\" \\ # "')
        talk.ask("set uart.baud 0 9600")
        talk.ask("save settings.ini")
        before = talk.kernel.variables.saved()
        talk.ask("set toy.plain 10")
        talk.ask("set toy.lockable -")
        talk.ask("set uart.baud 0 19200")
        assert talk.answer("load settings.ini") == DONE
        assert talk.kernel.variables.saved() == before


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_text_is_loaded_as_it_was_written(text: str) -> None:
    with Talk(plugins=[Toys]) as talk:
        talk.kernel.variables[LOCKABLE] = text
        talk.kernel.variables[OTHER] = text[::-1]
        assert talk.answer("save settings.ini") == DONE
        talk.kernel.variables[LOCKABLE] = "before"
        talk.kernel.variables[OTHER] = "before"
        assert talk.answer("load settings.ini") == DONE
        after = talk.kernel.variables
        # What equals the default is not in the file, and so is left as it is.
        assert after[LOCKABLE] == (text or "before")
        assert after[OTHER] == (text[::-1] or "before")


def test_a_file_of_a_host(talk: Talk) -> None:
    write(
        talk,
        "mine.ini",
        '# a comment\r\n\r\ntoy.plain 1\r\n  to k 2  \r\ntoy.lockable "a b"\r\ntoy.switch on',
    )
    assert talk.answer("load mine.ini") == DONE
    variables = talk.kernel.variables
    assert (variables[PLAIN], variables[KEPT]) == (1, 2)
    assert (variables[LOCKABLE], variables[SWITCH]) == ("a b", True)


@pytest.mark.parametrize(
    "line",
    ["toy.nothing 1", "toy.plain 256", "toy.plain", "toy.plain 1 2", "nonsense", 'toy.lockable "a',
     "system.version 1", "\xff", "uart.baud 9 9600"],
)  # fmt: skip
def test_a_bad_file_changes_nothing(talk: Talk, line: str) -> None:
    talk.ask("set toy.kept 5")
    talk.ask("set toy.secret hush")
    before = talk.kernel.variables.saved()
    write(talk, "bad.ini", f"toy.plain 1\ntoy.kept 6\ntoy.switch 1\ntoy.secret new\n{line}\n")
    assert talk.answer("load bad.ini") == FAILED
    assert talk.kernel.variables.saved() == before
    # The host is told where, and no value.
    [told] = [e.text for e in talk.device.log if "bad.ini" in e.text]
    assert "line 5" in told
    assert "hush" not in told


def test_a_bad_line_in_a_file_that_reformats_the_console(talk: Talk) -> None:
    write(talk, "bad.ini", "system.cmd.format human\nnonsense\n")
    assert talk.answer("load bad.ini") == FAILED
    assert talk.answer("get bus.mode") == (0, "command")


@pytest.mark.parametrize("text", ["Ångström", "voilà", "Ü"])
def test_a_file_may_hold_utf_8(talk: Talk, text: str) -> None:
    raw = text.encode().decode("latin-1")
    write(talk, "mine.ini", f"toy.lockable {raw}\ntoy.plain 1\n")
    assert talk.answer("load mine.ini") == DONE
    assert talk.kernel.variables[LOCKABLE] == raw


@pytest.mark.parametrize("name", ["missing.ini", "sys/none"])
def test_a_file_that_is_not_there(talk: Talk, name: str) -> None:
    assert talk.answer(f"load {name}") == FAILED


def test_a_file_that_is_no_settings_file(talk: Talk) -> None:
    write(talk, "big.bin", "toy.plain 1\n" * 6000)
    assert talk.answer("load big.bin") == FAILED
    assert talk.kernel.variables[PLAIN] == 7


# Factory reset.


def test_factory_reset(talk: Talk) -> None:
    for name in ("plain", "kept"):
        talk.ask(f"set toy.{name} 9")
    talk.ask("set toy.lockable locked")
    talk.ask("set toy.other open")
    talk.ask("save")
    assert talk.answer("set system.variable_lock toy.lockable 1") == (0, "Set OK")
    assert talk.answer("get system.variable_lock") == (0, "toy.lockable")
    write(talk, "a.txt", "abc")
    heard = talk.ask(f"factory_reset {talk.device.mac}")
    assert heard.startswith(b"R000011\r\nRebooting\r\n")
    # The format of the console is in the backup.
    assert talk.answer("get toy.plain") == (0, "7")
    assert talk.answer("get toy.kept") == (0, "9")
    assert talk.answer("get toy.lockable") == (0, "locked")
    assert talk.answer("get toy.other") == (0, "")
    assert talk.answer("get system.variable_lock") == (0, "toy.lockable")
    assert read(talk, "a.txt") == "abc"


def test_factory_reset_takes_the_mac_in_any_case(talk: Talk) -> None:
    mac = talk.device.mac
    talk.ask("set toy.plain 9")
    talk.ask("save")
    for wrong in ("00:00:00:00:00:00", mac[:-1], '""'):
        assert talk.answer(f"fac {wrong}")[0] in (1, 7)
    assert talk.answer("get toy.plain") == (0, "9")
    assert talk.answer(f"fac {mac.lower()}")[0] == 0
    assert talk.answer("get toy.plain") == (0, "7")


def test_a_lock_can_be_taken_off(talk: Talk) -> None:
    talk.ask("set toy.lockable locked")
    talk.ask("save")
    talk.ask("set system.variable_lock toy.lockable 1")
    talk.ask("set system.variable_lock toy.lockable 0")
    assert talk.answer("get system.variable_lock") == (0, "")
    talk.ask(f"fac {talk.device.mac}")
    assert talk.answer("get toy.lockable") == (0, "")


@pytest.mark.parametrize(
    ("words", "code"),
    [("toy.plain 1", 7), ("no.such 1", 6), ("toy.lockable maybe", 7), ("toy.lockable", 4)],
)
def test_what_cannot_be_locked(talk: Talk, words: str, code: int) -> None:
    assert talk.answer(f"set system.variable_lock {words}")[0] == code


# Settings given with the device.


def test_settings_given_with_the_device_are_saved(storage: Storage) -> None:
    with Talk(plugins=[Toys], storage=storage, settings={"toy.plain": "3", "to k": "4"}) as talk:
        assert talk.answer("get toy.plain") == (0, "3")
        talk.ask("reboot")
        assert talk.answer("get toy.plain") == (0, "3")
    with Talk(plugins=[Toys], storage=storage) as talk:
        assert talk.answer("get toy.kept") == (0, "4")


def test_settings_given_with_the_device_that_do_not_fit(storage: Storage) -> None:
    with (
        pytest.raises(CommandError),
        Talk(plugins=[Toys], storage=storage, settings={"toy.plain": "300"}),
    ):
        pass


def test_an_empty_setting_given_with_the_device(storage: Storage) -> None:
    with Talk(plugins=[Toys], storage=storage, settings={"toy.lockable": "x"}) as talk:
        assert talk.answer("get toy.lockable") == (0, "x")
    with Talk(plugins=[Toys], storage=storage, settings={"toy.lockable": ""}) as talk:
        assert talk.answer("get toy.lockable") == (0, "")


def test_saving_twice_is_saving_once(talk: Talk) -> None:
    talk.ask("set toy.plain 9")
    settings.save(talk.kernel)
    once = talk.kernel.storage.settings()
    settings.save(talk.kernel)
    assert talk.kernel.storage.settings() == once
    assert once.keys() >= {"toy.plain"}


# What is not saved.


def test_what_is_not_saved_is_told_and_taken_back(talk: Talk) -> None:
    talk.ask("set toy.plain 9")
    talk.ask("set toy.secret swordfish")
    talk.ask("save")
    before = talk.answer("get system.unsaved")[1]
    assert "toy" not in before
    talk.ask("set toy.plain 10")
    talk.ask('set toy.other "two words"')
    talk.ask('set toy.secret ""')
    assert talk.answer("get system.unsaved")[1].split("\r\n")[-3:] == [
        "toy.other", "toy.plain", "toy.secret",
    ]  # fmt: skip
    assert talk.answer("revert") == DONE
    assert talk.answer("get toy.plain") == (0, "9")
    assert talk.answer("get toy.other") == (0, "")
    assert talk.kernel.variables[SECRET] == "swordfish"
    assert talk.answer("get system.unsaved") == (0, "")


def test_what_is_taken_back_is_heard(talk: Talk) -> None:
    heard: list[int] = []
    talk.kernel.variables.watch(PLAIN, lambda _, value: heard.append(value))
    talk.ask("set toy.plain 10")
    talk.ask("revert")
    assert heard == [10, 7]
