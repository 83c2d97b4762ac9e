"""Profiles: the four that come along, and files of one's own."""

from importlib import resources
from pathlib import Path

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.device import built_in
from tokay.kernel.argument_grammar import Usage
from tokay.kernel.profile import DEFAULT_PROFILE, ProfileError, load, names
from tokay.kernel.tokenizer import split


def test_the_profiles_that_come_along() -> None:
    assert tuple(names()) == PROFILES
    assert DEFAULT_PROFILE in PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_whole(name: str) -> None:
    profile = load(name)
    assert profile.name == name
    # The web app takes three or four fields apart at the commas.
    assert len(profile.version.split(",")) in (3, 4)
    assert all(field.strip() for field in profile.version.split(","))
    assert profile.product in profile.version
    assert len(profile.mac_prefix) == 8
    assert 115200 in profile.bauds
    assert profile.bauds == sorted(set(profile.bauds))
    assert profile.files.crc in ("crc16", "crc32")
    assert profile.files.listing in ("gecko4", "zentrios")
    for usage in profile.commands.usage.values():
        assert Usage(usage).required


def test_a_profile_is_loaded_once() -> None:
    assert load("gecko-os-4") is load("gecko-os-4")


@pytest.mark.parametrize("name", PROFILES)
def test_a_device_has_what_its_profile_leaves_it(name: str) -> None:
    with Talk(name) as talk:
        profile, kernel = talk.profile, talk.kernel
        for command in profile.commands.without:
            assert kernel.commands.find(command) is None
        for variable in profile.variables.without:
            assert variable not in kernel.variables.table.by_name
        for key, text in profile.variables.defaults.items():
            if key in kernel.variables.table.by_name:
                assert talk.answer(f"get {key}") == (0, " ".join(split(text)))
        for command, usage in profile.commands.usage.items():
            found = kernel.commands.find(command)
            assert found is not None
            assert found.usage.text == usage
        assert talk.answer("version") == (0, profile.version)
        assert talk.device.mac.startswith(profile.mac_prefix)


def test_shortcuts_of_commands_do_not_collide() -> None:
    names = [c.name for plugin in built_in() for c in plugin.commands]
    shortcuts = [c.shortcut for plugin in built_in() for c in plugin.commands]
    assert len(set(names)) == len(names)
    assert len(set(shortcuts)) == len(shortcuts)
    assert all(len(s) <= 6 or s in names for s in shortcuts)


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    text = (resources.files("tokay.kernel") / "profiles" / "gecko-os-4.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('product = "WGM160P"', 'product = "MINE"'), "utf-8")
    with Talk(str(path)) as talk:
        assert talk.profile.product == "MINE"
        assert talk.answer("get bus.mode") == (0, "command")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid"),
        ('name = "x"', "missing required field"),
        ("\xff", "cannot be read"),
    ],
)
def test_a_profile_that_does_not_fit(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ProfileError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_field_is_a_mistake(tmp_path: Path) -> None:
    text = (resources.files("tokay.kernel") / "profiles" / "gecko-os-4.toml").read_text("utf-8")
    path = tmp_path / "typo.toml"
    path.write_text('colour = "red"\n' + text, "utf-8")
    with pytest.raises(ProfileError, match="colour"):
        load(str(path))


@pytest.mark.parametrize("name", ["gecko", "", "missing.toml", "../gecko-os-4"])
def test_a_profile_that_is_not_there(name: str) -> None:
    with pytest.raises(ProfileError):
        load(name)
