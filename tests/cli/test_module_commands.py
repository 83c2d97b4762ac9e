"""The sub-commands that talk to a module."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.process import Process

from tokay.cli import _call
from tokay.cli.shell import Shell
from tokay.host import sync
from tokay.host.tap import Tap
from tokay.host.transcript import TranscriptError, exchanges, read_transcript
from tokay.testing.plugin import RunningDevice

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tokay_device: RunningDevice, capfd: pytest.CaptureFixture[str]) -> Call:
    """Call a sub-command on a device; return status, output and errors."""

    def call(name: str, *words: str) -> tuple[int, str, str]:
        status = _call(name, [f"pty:{tokay_device.serial_port}", *words])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def test_get_and_set(call: Call, tokay_device: RunningDevice) -> None:
    assert call("get", "wlan.mac") == (0, f"{tokay_device.mac}\n", "")
    assert call("set", "wlan.ssid=a b=c", "--save") == (0, "", "")
    assert call("get", "wlan.ssid", "bus.mode") == (0, "wlan.ssid: a b=c\nbus.mode: command\n", "")
    status, out, _ = call("get", "bus.mode", "--json")
    assert (status, json.loads(out)["values"]) == (0, {"bus.mode": "command"})
    status, _, err = call("get", "no.such")
    assert status == 1
    assert err.startswith("tokay: get no.such: Unknown variable [6]")
    status, out, _ = call("set", "bus.mode=nonsense", "--json")
    assert (status, json.loads(out)["code"]) == (1, 7)
    assert call("set", "nothing")[0] == 2


def test_what_cannot_be_asked(capfd: pytest.CaptureFixture[str]) -> None:
    assert _call("get", ["serial:/dev/nothing", "wlan.mac"]) == 2
    assert capfd.readouterr().err == "tokay: /dev/nothing: No such file or directory\n"
    assert _call("get", ["/dev/nothing", "wlan.mac", "--json"]) == 2
    assert json.loads(capfd.readouterr().out)["error"] == "Disconnected"


def test_exec(call: Call, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"\r\n\0")
    assert call("exec", "file_create a 3", "--data", str(tmp_path / "data"))[:2] == (0, "Success\n")
    assert call("exec", "get bus.mode", "stream_list")[1] == "command\n! # Type  Info\n"
    status, _, err = call("exec", "nonsense")
    assert (status, err) == (1, "tokay: nonsense: Unknown command [3]\n")


def test_files(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.bin").write_bytes(b"abc")
    assert call("files", "put", "a.bin", "dir/b.bin")[0] == 0
    assert "dir/b.bin" in call("files", "ls")[1]
    assert call("files", "get", "dir/b.bin")[0] == 0
    assert (tmp_path / "b.bin").read_bytes() == b"abc"
    assert call("files", "get", "dir/b.bin", "-")[1] == "abc"
    assert call("files", "rm", "dir/b.bin")[0] == 0
    assert call("files", "get", "dir/b.bin")[0] == 1
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "x").write_bytes(b"x")
    assert "added" in call("files", "sync", "www", "--prefix", "w/")[1]


def test_backup_and_restore(call: Call, tmp_path: Path) -> None:
    call("set", "wlan.ssid=kept", "wlan.passkey=very secret")
    file = str(tmp_path / "b.json")
    assert call("backup", file)[0] == 0
    assert "very secret" not in Path(file).read_text()
    assert Path(file).stat().st_mode & 0o077 == 0
    call("set", "wlan.ssid=other")
    status, out, err = call("restore", file)
    assert (status, err) == (0, ""), out
    assert call("get", "wlan.ssid")[1] == "kept\n"
    Path(file).write_text("{}")
    assert call("restore", file)[0] == 2


def test_the_shell(tokay_device: RunningDevice, monkeypatch: pytest.MonkeyPatch,
                   capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:  # fmt: skip
    page = tmp_path / "page"
    page.write_bytes(b"hello")
    lines = iter([f"file_create p @{page}", "file_delete nothing", "get bus.mode", "", "!quit"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    with sync.Module.open(f"pty:{tokay_device.serial_port}") as module:
        assert Shell(module).run() == 0
    out = capsys.readouterr().out.splitlines()
    assert out == ["File created", "Success", "Command failed [1]", "command"]


def test_tap_and_shadow(tokay_device: RunningDevice, tmp_path: Path,
                        capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    link, out = tmp_path / "module", tmp_path / "t.jsonl"
    with out.open("w") as file:
        tap = Tap(f"pty:{tokay_device.serial_port}", link, file)
        thread = threading.Thread(target=tap.run)
        thread.start()
        try:
            with sync.Module.open(f"pty:{link}") as module:
                assert module.get("wlan.mac") == tokay_device.mac
                payload = os.urandom(20000)
                module.files.write("a.bin", payload)
                assert module.files.read("a.bin") == payload
        finally:
            tap.stop()
            thread.join()
            tap.close()
    assert not link.is_symlink()
    dialogue = exchanges(read_transcript(out.read_text().splitlines()))
    assert any(b"get wlan.mac" in exchange.sent for exchange in dialogue)
    short = tmp_path / "short.jsonl"
    said = [
        ("host", "get bus.mode\r\n"),
        ("module", "get bus.mode\r\ncommand\r\n> "),
        ("host", "nonsense\r\n"),
        ("module", "nonsense\r\nWhat?\r\n> "),
    ]
    rows = [json.dumps({"time": 0, "from": sender, "data": data}) for sender, data in said]
    short.write_text("\n".join([out.read_text().splitlines()[0], *rows]))
    assert _call("shadow", [str(short), "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert "+ Unknown command" in told["differences"][-1]["lines"]
    assert "- What?" in told["differences"][-1]["lines"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "1\n", '{"tokay_transcript": 1}\n{"time": 1}'])
def test_what_is_no_transcript(text: str) -> None:
    if not text:
        assert list(read_transcript([])) == []
        return
    with pytest.raises(TranscriptError):
        list(read_transcript(text.splitlines()))


def test_an_interrupt_leaves_the_module_usable(tokay_device: RunningDevice, tmp_path: Path) -> None:
    # Its data never come, so it waits.
    (tmp_path / "data").write_bytes(b"abc")
    port = f"pty:{tokay_device.serial_port}"
    words = ("exec", port, "file_create a 10", "--data", "data", "--timeout", "60")
    with Process(tmp_path, *words) as process:
        while tokay_device.run(_busy(tokay_device)) is False:
            pass
        finished = process.end(signal.SIGINT)
    assert finished.status == 2
    assert finished.line == "tokay: interrupted"
    with sync.Module.open(port) as module:
        assert module.get("bus.mode") == "command"


async def _busy(device: RunningDevice) -> bool:
    return device.device.kernel.engine._busy
