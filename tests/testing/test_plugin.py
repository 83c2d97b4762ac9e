"""The pytest plugin, used as a firmware team would."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import serial

import tokay
from tokay import AccessPoint, Airspace
from tokay.board.serial import SerialError
from tokay.kernel.results import CommandError
from tokay.testing.plugin import DeviceThread, RunningDevice

LIMIT = 20.0


class Host:
    """A firmware's driver, in machine format."""

    def __init__(self, path: str) -> None:
        self.port = serial.Serial(path, timeout=LIMIT)
        self.port.write(b"set system.cmd.format machine\r\n")
        self.port.read_until(b"R000008\r\nSet OK\r\n")

    def ask(self, line: bytes) -> bytes:
        self.port.write(line + b"\r\n")
        while True:
            header = self.port.read(9)
            body = self.port.read(int(header[2:7]))
            if header[:1] == b"R":
                return header[1:2] + body[:-2]


def descriptors() -> dict[str, str]:
    """Return what this process has open."""
    found = {}
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found[fd.name] = str(fd.readlink())
    return found


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "tokay"]


def test_a_firmware_and_its_module(tokay_device: RunningDevice) -> None:
    host = Host(tokay_device.serial_port)
    assert host.ask(b"set wlan.ssid tokay") == b"0Set OK"
    assert host.ask(b"set wlan.passkey tokay-lab") == b"0Set OK"
    assert tokay_device.address == ""
    assert host.ask(b"network_up") == b"0Success"
    assert tokay_device.address.startswith("127.77.")
    assert host.ask(b"get wlan.mac").decode() == f"0{tokay_device.mac}"
    # From outside: what the module sees, and what happens to it.
    assert tokay_device.command("get wlan.ssid").text == "tokay"
    assert tokay_device.command(b"file_create a.txt 4", b"abcd").ok
    tokay_device.airspace.ap("tokay")
    assert tokay_device.run(tokay_device.device.command("get wlan.network.status")).text == "2"
    host.port.close()


def test_a_device_has_factory_settings_in_the_next_test(tokay_device: RunningDevice) -> None:
    assert tokay_device.command("get wlan.ssid").text == ""
    assert tokay_device.address == ""


def test_several_modules(tokay_devices: DeviceThread) -> None:
    airspace = Airspace()
    airspace.add(AccessPoint("hall"))
    one = tokay_devices.start(name="one", airspace=airspace, settings={"wlan.ssid": "hall"})
    two = tokay_devices.start(
        name="two", airspace=airspace, settings={"wlan.ssid": "hall"}, profile="zentrios-3"
    )
    assert one.mac != two.mac
    assert one.serial_port != two.serial_port
    for device in (one, two):
        assert device.command("network_up").ok
    assert one.address != two.address
    assert one.airspace is two.airspace is airspace


def test_a_device_without_a_port(tokay_devices: DeviceThread) -> None:
    device = tokay_devices.start(serial="none")
    assert device.serial_port == ""
    assert device.command("version").ok


def test_errors_in_start_are_raised_in_the_test(
    tokay_devices: DeviceThread, tmp_path: Path
) -> None:
    with pytest.raises(SerialError, match=r"^serial port /dev/gone cannot be opened: No such"):
        tokay_devices.start(serial="/dev/gone")
    with pytest.raises(CommandError, match=r"^no\.such: Unknown variable$"):
        tokay_devices.start(settings={"no.such": "1"}, serial=f"pty:{tmp_path / 'link'}")
    assert not (tmp_path / "link").is_symlink()
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        tokay_devices.start(colour="red")
    # And the next one starts.
    assert tokay_devices.start().command("version").ok


def test_nothing_is_left(tmp_path: Path) -> None:
    before = descriptors()
    link = tmp_path / "link"
    with DeviceThread() as devices:
        devices.start(serial=f"pty:{link}", state=tmp_path / "state")
        other = devices.start(name="other")
        # One that is off already, one that reboots, one that sleeps for ever.
        other.command("shutdown")
        devices.start(name="third").command("reboot")
        devices.start(name="fourth").command("sleep")
        assert threads() == ["tokay"]
        assert link.is_symlink()
    assert threads() == []
    assert not link.is_symlink()
    assert descriptors() == before


def test_one_device_that_cannot_stop_does_not_keep_the_others(tmp_path: Path) -> None:
    link = tmp_path / "link"

    def refuse(event: str, _facts: dict[str, object]) -> None:
        if event == "off":
            raise ValueError(event)

    devices = DeviceThread()
    devices.__enter__()
    devices.start(serial=f"pty:{link}")
    devices.start(name="other", on_event=refuse)
    with pytest.raises(ValueError, match="off"):
        devices.__exit__(None, None, None)
    assert threads() == []
    assert not link.is_symlink()


SUITE = """
import os, threading
import pytest
import serial

SEEN = []

@pytest.mark.parametrize("number", range(2))
def test_host(tokay_device, number):
    SEEN.append(tokay_device.serial_port)
    with serial.Serial(tokay_device.serial_port, timeout=10) as port:
        port.write(b"version\\r\\n")
        assert port.read_until(b"WGM160P\\r\\n> ").endswith(b"WGM160P\\r\\n> ")

def test_failing(tokay_device):
    SEEN.append(tokay_device.serial_port)
    assert tokay_device.command("nope").ok

def test_start(tokay_devices):
    tokay_devices.start(profile="nope")

def test_nothing_is_left():
    assert len(SEEN) == 3
    assert [t for t in threading.enumerate() if t.name == "tokay"] == []
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    assert "/dev/ptmx" not in [os.readlink(link) for link in links if os.path.exists(link)]
"""


def test_a_suite_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "test_firmware.py").write_text(SUITE)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider",
            "-p", "no:asyncio", str(tmp_path),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(tokay.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert "2 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_firmware.py::test_failing" in done.stdout
    assert "ProfileError: unknown profile nope" in done.stdout
