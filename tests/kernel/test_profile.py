"""Profiles: the four that come along, and files of one's own."""

import re
from importlib import resources
from pathlib import Path

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.device import Device, built_in
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


def test_a_profile_extends_another(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'extends = "zentrios-3"\nname = "mine"\nbauds = [9600]\n'
        '[files]\nmost_files = 7\n'
        '[commands]\nwithout = ["wps"]\n'
        '[variables.defaults]\n"wlan.join.retries" = "7"\n'
    )  # fmt: skip
    base = load("zentrios-3")
    with Talk(str(tmp_path / "mine.toml")) as talk:
        mine = talk.profile
        assert (mine.name, mine.bauds, mine.files.most_files) == ("mine", [9600], 7)
        assert (mine.product, mine.files.crc) == (base.product, base.files.crc)
        assert set(mine.commands.without) == {*base.commands.without, "wps"}
        assert mine.variables.defaults == {**base.variables.defaults, "wlan.join.retries": "7"}
        assert talk.answer("get wlan.join.retries") == (0, "7")
        assert talk.kernel.commands.find("wps") is None


@pytest.mark.parametrize("base", ["7", '"no-such"', '"{self}"'])
def test_a_profile_that_extends_nothing(tmp_path: Path, base: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"extends = {base.format(self=path)}\n")
    with pytest.raises(ProfileError, match=r"cannot extend|unknown profile no-such"):
        load(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('commands.without = ["wpz"]', "no command wpz"),
        ('commands.usage.wpz = "x"', "no command wpz"),
        ('variables.without = ["system.boot.file"]', "no variable system.boot.file"),
        ('variables.defaults."wlan.sid" = "x"', "no variable wlan.sid"),
    ],
)
def test_a_name_that_nobody_knows_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "gecko-os-4"\n{text}\n')
    with pytest.raises(ProfileError, match=f"{re.escape(message)}$"):
        Device.simulated(profile=str(path))


def test_a_generation_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "gecko-os-4"\ngeneration = "gecko-os-5"\n')
    with pytest.raises(ProfileError, match="no generation gecko-os-5: there is wiconnect-2, "):
        load(str(path))


def test_the_table_of_generations() -> None:
    assert "dfu_update" in load("zentrios-3").commands.without  # since
    assert "dfu_update" not in load("gecko-os-2").commands.without
    assert "bus.command.tx_bufsize" in load("zentrios-3").variables.without  # since and until
    assert "bus.command.tx_bufsize" not in load("gecko-os-2").variables.without
    assert "bus.command.tx_bufsize" in load("gecko-os-4").variables.without
    assert "websocket_client" not in load("zentrios-3").commands.without  # without
    assert "websocket_client" in load("gecko-os-2").commands.without


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
