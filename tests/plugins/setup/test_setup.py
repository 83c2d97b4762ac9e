"""Web setup: how it starts, how it ends, and what is there afterwards."""

from pathlib import Path

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.pins import SimulatedPins
from tokay.board.radio import JoinError, JoinRequest
from tokay.board.storage import Storage
from tokay.kernel.events import SetupPageRequested
from tokay.plugins.softap import SoftAp

LAB = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}
PREFIXES = {
    "gecko-os-4": "Gecko_OS-",
    "gecko-os-2": "Gecko OS-",
    "zentrios-3": "ZentriOS-",
    "wiconnect-2": "WiConnect-",
}
BUTTON = 13


@pytest.fixture
def airspace(tmp_path: Path) -> Airspace:
    return Airspace.default(locks=AddressLocks(tmp_path / "claims"))


def on_air(talk: Talk) -> list[str]:
    """The names of soft APs."""
    return [one.ssid for one in talk.airspace.access_points[1:]]


def digits(talk: Talk) -> str:
    return talk.device.mac.replace(":", "")[-3:]


def logged(talk: Talk) -> list[str]:
    return [entry.text for entry in talk.kernel.log.entries]


def hold(talk: Talk, level: int) -> None:
    pins = talk.device.board.pins
    assert isinstance(pins, SimulatedPins)
    pins.drive(BUTTON, level)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("spelling", ["setup web", "setup_web", "setup_web start", "setup_web web"])
def test_start_status_stop_in_every_spelling(
    profile: str, spelling: str, airspace: Airspace
) -> None:
    with Talk(profile, airspace=airspace) as talk:
        assert talk.answer("setup status") == (0, "0")
        assert talk.answer(spelling) == (0, "Success")
        assert on_air(talk) == [PREFIXES[profile] + digits(talk)]
        assert talk.answer("setup_web status") == (0, "1")
        assert talk.answer(spelling) == (0, "Success")
        assert talk.answer("setup stop") == (0, "Success")
        assert talk.answer("setup stop") == (0, "Success")
        assert talk.answer("setup_web status") == (0, "0")
        assert on_air(talk) == []
        assert talk.answer("setup_web often") == (7, "Invalid argument")


def test_the_log_says_that_it_started(airspace: Airspace) -> None:
    with Talk(human=True, airspace=airspace) as talk:
        heard = talk.ask("setup_web").decode()
        assert heard.endswith("Web setup started\r\nSuccess\r\n> ")


def test_its_network_wants_its_own_passphrase(airspace: Airspace) -> None:
    with Talk(settings={"setup.web.passkey": "letmein1"}, airspace=airspace) as talk:
        talk.ask("setup_web")
        radio = SimulatedRadio(airspace, "02:00:00:00:00:01")
        with pytest.raises(JoinError):
            talk.run(radio.join(JoinRequest(on_air(talk)[0], passkey="password")))
        talk.run(radio.join(JoinRequest(on_air(talk)[0], passkey="letmein1")))
        talk.turn(0)
        talk.heard()
        assert talk.answer("get setup.web.client_list")[1].startswith("! 1 client\r\n")
        assert talk.answer("set setup.web.passkey short") == (7, "Invalid argument")
        talk.run(radio.leave())


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("word", "key"),
    [
        (r'"\t\xFF\s\"\\abc"', '\t\xff "\\abc'),
        (r"\x01\x02\x03\x04\x05\x06\x07\x7F", "\x01\x02\x03\x04\x05\x06\x07\x7f"),
        ("0123456789abcdef" * 4, "0123456789abcdef" * 4),
    ],
)
def test_a_passkey_that_is_taken_can_be_used(
    airspace: Airspace, profile: str, word: str, key: str
) -> None:
    network = r"\xFFnet\t"
    with Talk(profile, airspace=airspace) as talk:
        for variable in ("softap.passkey", "setup.web.passkey"):
            assert talk.answer(f"set {variable} {word}") == (0, "Set OK"), variable
        for variable in ("softap.ssid", "setup.web.ssid"):
            assert talk.answer(f"set {variable} {network}") == (0, "Set OK")
        for up, down in (
            ("network_up -i softap", "network_down -i softap"),
            ("setup_web", "setup_web stop"),
        ):
            assert talk.answer(up) == (0, "Success")
            radio = SimulatedRadio(airspace, "02:00:00:00:00:01")
            with pytest.raises(JoinError):
                talk.run(radio.join(JoinRequest("\xffnet\t", passkey="other" * 3)))
            talk.run(radio.join(JoinRequest("\xffnet\t", passkey=key)))
            talk.run(radio.leave())
            assert talk.answer(down) == (0, "Success")
        airspace.add(AccessPoint(b"\xffnet\t", passphrase=key.encode("latin-1")))
        assert talk.answer(f"set wlan.ssid {network}") == (0, "Set OK")
        assert talk.answer(f"set wlan.passkey {word}") == (0, "Set OK")
        assert talk.answer("network_up") == (0, "Success")
        # Lengths are those of what is meant: seven bytes are too few, however they are written.
        for variable in ("softap.passkey", "setup.web.passkey", "wlan.passkey"):
            assert talk.answer(f"set {variable} " + r"\x41" * 7)[0] == 7
            assert talk.answer(f"set {variable} " + r"\x41" * 32)[0] == 0


def test_it_ends_when_nobody_comes(airspace: Airspace) -> None:
    with Talk(airspace=airspace) as talk:
        talk.ask("setup_web")
        talk.turn(299)
        assert on_air(talk)
        talk.turn(1)
        assert not on_air(talk)
        talk.heard()
        assert talk.answer("setup_web status") == (0, "0")
        assert logged(talk)[-2:] == ["Web setup timed out", "Web setup stopped"]


@pytest.mark.parametrize("profile", PROFILES)
def test_afterwards_the_network_of_before_is_joined_again(profile: str, airspace: Airspace) -> None:
    with Talk(profile, settings=LAB, airspace=airspace) as talk:
        assert talk.answer("network_up") == (0, "Success")
        assert talk.answer("setup_web") == (0, "Success")
        together = profile in ("gecko-os-4", "zentrios-3")
        assert talk.answer("get wlan.network.status") == (0, "2" if together else "0")
        talk.turn(301)
        talk.heard()
        assert talk.answer("get wlan.network.status") == (0, "2")
        assert talk.answer("setup_web") == (0, "Success")
        assert talk.answer("setup_web stop") == (0, "Success")
        talk.turn(1)
        talk.heard()
        assert talk.answer("get wlan.network.status") == (0, "2")


def test_a_network_that_was_only_configured_is_joined_on_the_timeout(airspace: Airspace) -> None:
    with Talk(settings=LAB | {"setup.web.idle_timeout": "10"}, airspace=airspace) as talk:
        talk.ask("setup_web")
        talk.turn(11)
        talk.heard()
        assert talk.answer("get wlan.network.status") == (0, "2")


def test_whoever_opens_the_page_has_time(airspace: Airspace) -> None:
    with Talk(airspace=airspace) as talk:
        talk.ask("setup_web")
        talk.turn(200)
        talk.kernel.events.emit(SetupPageRequested())
        talk.turn(10_000)
        talk.heard()
        assert talk.answer("setup_web status") == (0, "1")


def test_no_timeout_waits_for_ever(airspace: Airspace) -> None:
    with Talk(settings={"setup.web.idle_timeout": "0"}, airspace=airspace) as talk:
        talk.ask("setup_web")
        talk.turn(100_000)
        talk.heard()
        assert talk.answer("setup_web status") == (0, "1")


def test_a_soft_ap_of_before_comes_back(airspace: Airspace) -> None:
    with Talk(settings={"softap.ssid": "mine"}, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        assert talk.answer("setup_web") == (0, "Success")
        assert on_air(talk) == ["Gecko_OS-" + digits(talk)]
        assert talk.kernel.plugin(SoftAp).portal == "setup.com"
        talk.ask("setup_web stop")
        talk.turn(1)
        assert on_air(talk) == ["mine"]
        assert talk.kernel.plugin(SoftAp).portal is None


def test_setup_ends_with_its_network(airspace: Airspace) -> None:
    with Talk(airspace=airspace) as talk:
        talk.ask("setup_web")
        assert talk.answer("network_down -i softap") == (0, "Success")
        assert talk.answer("setup_web status") == (0, "0")


def test_a_command_runs_at_boot_while_there_is_no_network(airspace: Airspace) -> None:
    auto = {"setup.auto.cmd": "setup web"}
    with Talk(settings=auto, airspace=airspace) as talk:
        talk.turn(0)
        assert on_air(talk)
    with Talk(settings=auto | LAB, airspace=airspace) as talk:
        talk.turn(0)
        assert not on_air(talk)


def test_a_command_at_boot_that_fails_is_logged_without_its_arguments(airspace: Airspace) -> None:
    with Talk(settings={"setup.auto.cmd": "tokay secret"}, airspace=airspace) as talk:
        talk.turn(0)
        assert "Setup: tokay: Unknown command" in logged(talk)


GPIO = {"setup.gpio.control_gpio": str(BUTTON)}


def test_the_button_held_through_a_reset_starts_setup(airspace: Airspace) -> None:
    storage = Storage(None)
    with Talk(settings=GPIO, airspace=airspace, storage=storage) as talk:
        hold(talk, 1)
        talk.turn(10)
        assert not on_air(talk)
        talk.ask("reboot")
        talk.turn(2.9)
        assert not on_air(talk)
        talk.turn(0.2)
        assert on_air(talk)
        hold(talk, 0)
        talk.ask("reboot")
        talk.turn(10)
        assert not on_air(talk)
    storage.close()


def test_the_button_let_go_too_early_does_nothing(airspace: Airspace) -> None:
    with Talk(settings=GPIO, airspace=airspace) as talk:
        hold(talk, 1)
        talk.ask("reboot")
        talk.turn(2)
        hold(talk, 0)
        hold(talk, 1)
        talk.turn(10)
        assert not on_air(talk)


def test_the_button_keeps_the_command_of_boot_away(airspace: Airspace) -> None:
    settings = GPIO | {"setup.auto.cmd": "setup_web", "setup.gpio.cmd": "set softap.ssid held"}
    with Talk(settings=settings, airspace=airspace) as talk:
        hold(talk, 1)
        talk.ask("reboot")
        talk.turn(4)
        talk.heard()
        assert not on_air(talk)
        assert talk.answer("get softap.ssid") == (0, "held")


def test_the_button_by_level_counts_at_any_time(airspace: Airspace) -> None:
    settings = GPIO | {"setup.gpio.mode": "level", "setup.gpio.level": "0"}
    with Talk(settings=settings, airspace=airspace) as talk:
        hold(talk, 1)
        talk.turn(60)
        assert not on_air(talk)
        hold(talk, 0)
        talk.turn(4)
        assert on_air(talk)


def create(talk: Talk, text: bytes) -> None:
    assert talk.answer(f"file_create default_setup.script {len(text)}", text)[0] == 0


def test_a_script_runs_line_by_line_up_to_the_first_failure(airspace: Airspace) -> None:
    with Talk(airspace=airspace) as talk:
        assert talk.answer("setup cmd") == (1, "Command failed")
        create(
            talk,
            b"# our network\r\n\r\nset wlan.ssid tokay\nset wlan.passkey tokay-lab\nnetwork_up\n"
            b"set nothing secret\nset wlan.ssid other\n",
        )
        assert talk.answer("setup cmd") == (0, "In progress")
        talk.turn(1)
        talk.heard()
        assert talk.answer("get wlan.network.status") == (0, "2")
        assert talk.answer("get wlan.ssid") == (0, "tokay")
        assert "Setup: set: Unknown variable" in logged(talk)
