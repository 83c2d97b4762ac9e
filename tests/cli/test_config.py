import os
import signal
import socket
from pathlib import Path

import pytest
from tests.cli.conftest import Run, Start

from tokay.cli import check, config_file, doctor
from tokay.cli.config_file import ConfigError
from tokay.cli.systemd import notify
from tokay.options import OptionError, RunOptions

GATEWAY = """\
profile = "gecko-os-4"
name = "gateway"
ephemeral = true
serial = "none"

[set]
"wlan.ssid" = "home"
wlan.auto_join.enabled = true
softap.channel = 6
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_every_option_is_a_key(tmp_path: Path) -> None:
    options = RunOptions(**config_file.load(write(tmp_path, GATEWAY)))
    assert (options.name, options.serial, options.ephemeral) == ("gateway", ["none"], True)
    assert options.settings == {
        "wlan.ssid": "home", "wlan.auto_join.enabled": "1", "softap.channel": "6",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("name = 'a'\nradoi = 'host'\n", 2, "no such option: radoi (did you mean radio?)"),
        ("name = 'a'\nname = 'b'\n", 2, "Cannot overwrite a value"),
        ("name = 'a'\n\npace = 'yes'\n", 3, "pace: Expected `bool`, got `str`"),
        ("[set]\n'wlan.ssid' = ['a']\n", 2, "wlan.ssid: use a text, a number"),
        ("set = 1\n", 1, "set: use [set]"),
        ("[set]\nx = { credential = 'a' }\n", 2, "x: credential: there is no folder"),
        ("name = \n", 1, "Invalid value"),
    ],
)
def test_a_mistake_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, why: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        config_file.load(path)
    assert str(caught.value).startswith(f"{path}:{line}: {why}")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="No such file"):
        config_file.load(tmp_path / "none.toml")
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"name = 'a'\n\xff")
    with pytest.raises(ConfigError, match=":2: not UTF-8"):
        config_file.load(path)


def test_a_passkey_comes_from_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text('pass "word"\n')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = write(tmp_path, '[set]\n"wlan.passkey" = { credential = "home" }\n')
    assert config_file.load(path)["settings"] == {"wlan.passkey": 'pass "word"'}
    path = write(tmp_path, '[set]\n"wlan.passkey" = { credential = "../home" }\n')
    with pytest.raises(ConfigError, match="credential"):
        config_file.load(path)


def checked(path: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    from tokay.cli.parser import Parser

    parser = Parser("tokay check", None)
    check.add_arguments(parser)
    status = check.main(parser.parse([str(path)]))
    return status, capfd.readouterr().err.splitlines()


def test_check_tells_all_that_a_device_would_refuse(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, GATEWAY)
    assert checked(path, capfd) == (0, [f"tokay: {path}: correct"])
    path = write(
        tmp_path,
        'radio = "wap:wlan0"\n[set]\n"wlan.sid" = "x"\n"softap.channel" = 99\n"wlan.ssid" = "a"\n',
    )
    status, lines = checked(path, capfd)
    assert status == 2
    assert [line.rsplit(":", 1)[0] for line in (one.split(" ")[0] for one in lines)] == [
        f"{path}:1", f"{path}:3", f"{path}:4",
    ]  # fmt: skip
    assert checked(write(tmp_path, 'profile = "nokia"\n'), capfd)[0] == 2
    assert checked(tmp_path / "none.toml", capfd)[0] == 2


def test_the_command_line_goes_before_the_file(tmp_path: Path, run: Run) -> None:
    path = write(tmp_path, GATEWAY.replace('serial = "none"\n', ""))  # the run ends by itself
    done = run(
        "--config", str(path), "--name", "other", "--set", "softap.channel=11",
        "--exec", "get softap.channel", "--exec", "get wlan.ssid",
    )  # fmt: skip
    assert done.status == 0
    assert done.out.split() == [b"11", b"home"]
    wrong = run("--config", str(write(tmp_path, "nmae = 'a'\n")))
    assert wrong.status == 2
    assert "gateway.toml:1: no such option: nmae" in wrong.err


def test_a_service_tells_that_it_is_ready_alive_reloading_and_stopping(
    tmp_path: Path, start: Start
) -> None:
    path = write(tmp_path, GATEWAY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        told: list[str] = []

        def until(word: str) -> None:
            while not told or word not in told[-1]:
                told.append(manager.recv(4096).decode())

        process = start(
            "--config", str(path),
            before=("env", f"NOTIFY_SOCKET={tmp_path}/notify", "WATCHDOG_USEC=200000"),
        )  # fmt: skip
        until("READY=1")
        until("WATCHDOG=1")
        path.write_text(GATEWAY.replace("6", "1"))
        process.signal(signal.SIGHUP)
        until("RELOADING=1")
        assert "MONOTONIC_USEC=" in told[-1]
        until("READY=1")
        process.signal(signal.SIGTERM)
        until("STOPPING=1")


def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in ("", "nonsense", str(tmp_path / "gone"), "@tokay-nobody"):
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        notify("READY=1")


def test_doctor_looks_at_everything(capfd: pytest.CaptureFixture[str]) -> None:
    import argparse

    assert doctor.main(argparse.Namespace()) == 0
    lines = capfd.readouterr().out.splitlines()
    groups = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert groups == set(doctor.GROUPS)
    assert any("CAP_NET_ADMIN" in line for line in lines)


def test_a_device_file_that_may_not_be_opened_has_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (found,) = doctor.look_at_devices("null", "a device")
    assert found.subject == "/dev/null"
    assert "usermod -aG" in found.mend
