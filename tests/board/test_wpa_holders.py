from pathlib import Path

import pytest

from tokay.board.wpa.holders import blocked_by_rfkill, holder_of


def process(root: Path, number: int, name: str, *arguments: str) -> None:
    folder = root / "proc" / str(number)
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "cmdline").write_text("\0".join((name, *arguments, "")))


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_nobody_holds_it(tmp_path: Path) -> None:
    assert holder_of("wlan0", 3, tmp_path) is None
    process(tmp_path, 7, "wpa_supplicant", "-u", "-s")  # for whoever asks by D-Bus
    process(tmp_path, 8, "wpa_supplicant", "-i", "wlan1")
    assert holder_of("wlan0", 3, tmp_path) is None


@pytest.mark.parametrize(("managed", "held"), [("true", True), ("false", False)])
def test_network_manager(tmp_path: Path, managed: str, held: bool) -> None:
    put(tmp_path, "run/NetworkManager/devices/3", f"[device]\nmanaged={managed}\n")
    assert holder_of("wlan0", 3, tmp_path) is None  # left behind: it does not run
    process(tmp_path, 7, "NetworkManager")
    line = holder_of("wlan0", 3, tmp_path)
    assert (line is not None) == held
    if line is not None:
        assert line.endswith("free it: nmcli device set wlan0 managed no")
    assert holder_of("wlan1", 4, tmp_path) is None


@pytest.mark.parametrize(("state", "held"), [("configured", True), ("unmanaged", False)])
def test_networkd(tmp_path: Path, state: str, held: bool) -> None:
    put(tmp_path, "run/systemd/netif/links/3", f"ADMIN_STATE={state}\nOPER_STATE=off\n")
    process(tmp_path, 7, "systemd-network")
    line = holder_of("wlan0", 3, tmp_path)
    assert (line is not None) == held
    if line is not None:
        assert "Unmanaged=yes" in line
        assert line.endswith("networkctl reload")


@pytest.mark.parametrize(
    ("name", "arguments", "command"),
    [
        ("iwd", (), "systemctl stop iwd"),
        ("wpa_supplicant", ("-iwlan0",), "systemctl stop wpa_supplicant@wlan0"),
        ("wpa_supplicant", ("-i", "wlan0"), "systemctl stop wpa_supplicant@wlan0"),
    ],
)
def test_another_program(
    tmp_path: Path, name: str, arguments: tuple[str, ...], command: str
) -> None:
    process(tmp_path, 7, name, *arguments)
    line = holder_of("wlan0", 3, tmp_path)
    assert line is not None
    assert line.endswith(f"free it: {command}")


def test_a_radio_that_is_switched_off(tmp_path: Path) -> None:
    assert not blocked_by_rfkill("phy0", tmp_path)
    put(tmp_path, "sys/class/ieee80211/phy0/rfkill1/soft", "0\n")
    put(tmp_path, "sys/class/ieee80211/phy0/rfkill1/hard", "0\n")
    assert not blocked_by_rfkill("phy0", tmp_path)
    put(tmp_path, "sys/class/ieee80211/phy0/rfkill1/hard", "1\n")
    assert blocked_by_rfkill("phy0", tmp_path)
