"""What goes wrong on a real machine: one clear line, and back in service."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.vm.guest.air import GATEWAY, Home, ask, run, wait_for
from tests.vm.guest.module import SETTINGS, device, log_of, radio_of, until
from tokay.board.radio import RadioError

AGAIN = {
    "wlan.auto_join.enabled": "1", "wlan.auto_join.retries": "0", "wlan.auto_join.retry_delay": "0",
}  # fmt: skip
SERVICE = 10.0
"""Seconds in which a device is back in service."""


async def test_the_access_point_is_lost_and_back_twenty_times(home: Home, untouched: None) -> None:
    home.serve()
    async with device(settings=AGAIN) as one:
        await until(lambda: one.address)
        for _ in range(20):
            home.power_off()
            await until(lambda: not one.address)
            home.power_on()
            await until(lambda: one.address, 40)
        assert (await one.command(f"ping {GATEWAY}")).ok
        assert "Link lost: " in log_of(one)


async def test_wpa_supplicant_is_killed_and_stalls(home: Home, untouched: None) -> None:
    home.serve()
    async with device(settings=AGAIN) as one:
        await until(lambda: one.address)
        supplicant = radio_of(one)._supplicant
        assert supplicant is not None
        before = supplicant.pid
        assert before is not None
        loop = asyncio.get_running_loop()
        began = loop.time()
        os.kill(before, signal.SIGKILL)
        await until(lambda: not one.address)
        await until(lambda: one.address)
        assert loop.time() - began < SERVICE
        assert "Link lost: wpa_supplicant has ended" in log_of(one)
        # One that does not answer is ended, and another one takes its place.
        before = supplicant.pid
        assert before is not None
        os.kill(before, signal.SIGSTOP)
        scan = await one.command("wlan_scan")
        assert "wpa_supplicant: no answer" in "\n".join(scan.log)
        await until(lambda: one.address and supplicant.pid != before, 40)


async def test_the_radio_is_switched_off(home: Home, untouched: None) -> None:
    home.serve()
    phy = Path("/sys/class/net/wlan1/phy80211")
    (switch,) = phy.glob("rfkill*/soft")
    async with device() as one:
        assert (await one.command("network_up")).ok
        switch.write_text("1")
        try:
            await until(lambda: not one.address)
            refused = await one.command("network_up")
            assert not refused.ok
            assert "wlan1 is switched off; switch it on: rfkill unblock wifi" in "\n".join(
                refused.log
            )
        finally:
            switch.write_text("0")
        await until(lambda: switch.read_text().strip() == "0")
        assert (await one.command("network_up")).ok


async def test_an_interface_that_is_not_to_be_had(home: Home) -> None:
    for form, why in (
        ("wpa:wlan9", "wlan9: no Ethernet interface here"),
        ("wpa:lo", "lo: no Ethernet interface here"),
        ("wpa:", "use wpa:IFACE or wpa:IFACE,AP_IFACE"),
    ):
        with pytest.raises(RadioError, match=why):
            async with device(form):
                pass
    async with device():
        with pytest.raises(RadioError, match="another device has it"):
            async with device():
                pass
    run("ip", "addr", "add", "192.0.2.1/24", "dev", "wlan1")
    try:
        with pytest.raises(RadioError, match=r"this machine uses it, as 192\.0\.2\.1/24"):
            async with device():
                pass
    finally:
        run("ip", "addr", "del", "192.0.2.1/24", "dev", "wlan1")
    async with device() as one:
        home.serve()
        assert (await one.command("network_up")).ok


@contextmanager
def tokay(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run `tokay run --config FILE` as a service would."""
    lines = ['radio = "wpa:wlan1"', f'state = "{folder}/state"', 'serial = "none"', "events = true"]
    lines.append("[set]")
    lines += [
        f"{json.dumps(name)} = {json.dumps(text)}" for name, text in (SETTINGS | AGAIN).items()
    ]
    (folder / "gateway.toml").write_text("\n".join(lines))
    process = subprocess.Popen(
        [sys.executable, "-m", "tokay", "run", "--config", folder / "gateway.toml"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def event(process: "subprocess.Popen[str]", name: str) -> dict[str, str]:
    """Return the next event of a name."""
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="")
        found: dict[str, str] = json.loads(line)
        if found["event"] == name:
            return found
    raise AssertionError(f"no {name}")


def test_the_device_is_killed_and_the_machine_is_as_before(
    home: Home, untouched: None, tmp_path: Path
) -> None:
    home.serve()
    with tokay(tmp_path) as process:
        address = event(process, "network_up")["address"]
        assert address in run("ip", "addr", "show", "wlan1")
        process.kill()
        # Nothing starts it again: what it changed is undone by itself.
        wait_for(lambda: address not in run("ip", "addr", "show", "wlan1"))
        wait_for(lambda: not list(Path("/run").glob("wlan1-*")))
        assert "wlan1" not in ask_stations(home)
    with tokay(tmp_path) as process:
        process_began = os.times().elapsed
        assert event(process, "network_up")["address"] == address  # its lease, by its state
        print(f"start to service: {os.times().elapsed - process_began:.1f} s")
        process.terminate()
        assert process.wait(20) == 0


def ask_stations(home: Home) -> str:
    return ask(home.folder / "ctrl" / home.ifname, "STA-FIRST")
