"""What `tokay` promises to those who import it, and what that costs."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tokay
from tokay import AccessPoint, Airspace, Device, Response, Result
from tokay.testing.clock import TurnedLoop, run_turned, turned_loop

PUBLIC = ["AccessPoint", "Airspace", "Device", "Response", "Result"]
DEVICE = {
    "address", "airspace", "board", "cable", "command", "from_options", "kernel", "log", "notes",
    "on", "reboot", "serial_port", "shutdown", "simulated", "sleep", "steady", "stream", "wait_off",
    "wake",
}  # fmt: skip
HEAVY = {
    "asyncio", "httptools", "msgspec", "rich", "serial", "sqlite3", "ssl", "typer", "uvloop",
}  # fmt: skip
OPTIONAL = {"dpkt", "httptools", "hypothesis", "pytest", "serial"}
"""What neither the command nor a device at its prompt has to do with."""
LATER = {
    "gzip", "tokay.board.air.dhcp_faults",
    "tokay.board.air.four_way_handshake", "tokay.plugins.discovery.link_responder",
    "tokay.plugins.ntp.poller",
    "tokay.plugins.remote_terminal.terminal", "tokay.plugins.softap.dhcp",
    "tokay.plugins.softap.dns", "tokay.plugins.tls.contexts", "tokay.plugins.tls.transport",
    "tokay.plugins.websocket.app", "tokay.plugins.websocket.stream", "tokay.protocols.dhcp",
    "tokay.protocols.dns", "tokay.protocols.mdns", "tokay.protocols.ntp",
    "tokay.protocols.websocket",
}  # fmt: skip
"""What waits for a network, a connection or a client: start-up time is measured."""


def modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter; return what it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        env={"PYTHONPATH": str(Path(tokay.__file__).parent.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_public_names() -> None:
    assert sorted(tokay.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(tokay, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'tokay' has no attribute 'Nope'"):
        _ = tokay.Nope


def test_the_names_of_a_device() -> None:
    assert {name for name in vars(Device) if not name.startswith("_")} == DEVICE


def test_the_names_of_a_response() -> None:
    assert Response._fields == ("code", "data", "log", "silent", "prompt")
    assert [result.name for result in Result] == [
        "SUCCESS", "FAILED", "PARSE_ERROR", "UNKNOWN_COMMAND", "TOO_FEW_ARGS", "TOO_MANY_ARGS",
        "UNKNOWN_OPTION", "BAD_ARGS", "BUFFER_OVERFLOW", "BOUNDS_ERROR",
    ]  # fmt: skip


def test_importing_tokay_costs_nothing() -> None:
    imported = modules_after("import tokay") - modules_after("")
    assert not imported & (HEAVY | OPTIONAL)
    assert {name for name in imported if name.startswith("tokay")} == {"tokay"}


def test_importing_the_command_costs_nothing() -> None:
    assert not modules_after("import tokay.cli") & (HEAVY | OPTIONAL)


def test_help_needs_no_device() -> None:
    imported = modules_after(
        "import sys\nfrom tokay.cli import main\nsys.argv = ['tokay', 'run', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not imported & (OPTIONAL | {"asyncio", "tokay.device", "uvloop", "sqlite3", "typer"})


def test_a_device_at_its_prompt_needs_little() -> None:
    imported = modules_after(
        "import asyncio\nfrom tokay import Device\n"
        "async def main():\n"
        "    async with Device.simulated(serial='pty') as device:\n"
        "        await device.command('version')\n"
        "asyncio.run(main())"
    )
    assert not imported & (OPTIONAL | LATER | {"rich", "typer", "uvloop"})


def test_a_command_from_the_shell_needs_little() -> None:
    imported = modules_after(
        "import sys\nfrom tokay.cli import main\n"
        "sys.argv = ['tokay', 'run', '--ephemeral', '--exec', 'version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert "tokay.device" in imported
    assert not imported & (OPTIONAL | LATER | {"importlib.metadata", "rich", "typer"})


# Device.


async def test_a_command_and_its_response() -> None:
    async with Device.simulated() as device:
        response = await device.command("get wlan.mac")
        assert response.ok
        assert response.code is Result.SUCCESS
        assert response.data == device.mac.encode()
        assert response.text == device.mac
        assert response.log == []
        assert await device.command(b"get wlan.mac") == response
        # A str goes out as UTF-8, and bytes as they are.
        assert (await device.command("set wlan.ssid café")).text == "Set OK"
        assert (await device.command("get wlan.ssid")).text == r"caf\xC3\xA9"
        assert (await device.command(b"set wlan.ssid caf\xe9")).ok
        assert (await device.command("get wlan.ssid")).text == r"caf\xE9"


async def test_a_command_that_fails() -> None:
    async with Device.simulated() as device:
        response = await device.command("nope")
        assert not response.ok
        assert response.code is Result.UNKNOWN_COMMAND
        assert response.text == "Unknown command"


async def test_a_command_with_data() -> None:
    async with Device.simulated() as device:
        content = bytes(range(256))
        assert (await device.command("file_create a.bin 256", data=content)).ok
        handle = (await device.command("file_open a.bin")).text
        assert (await device.command(f"stream_read {handle} 256")).data == content
        # Too little data ends at once: nobody will send the rest.
        assert (await device.command("file_create b.bin 9", data=b"1234")).code is Result.FAILED


async def test_a_device_in_its_airspace() -> None:
    airspace = Airspace()
    airspace.add(AccessPoint("cellar", passphrase="long enough", subnet="127.77.8.0/24"))
    events: list[tuple[str, dict[str, object]]] = []
    settings = {"wlan.ssid": "cellar", "wlan.passkey": "long enough"}
    async with Device.simulated(
        airspace=airspace,
        settings=settings,
        on_event=lambda event, facts: events.append((event, facts)),
    ) as device:
        assert device.airspace is airspace
        assert device.serial_port == ""
        assert device.address == ""
        response = await device.command("network_up")
        assert response.ok
        assert response.log[0] == "[Associating to cellar]"
        assert device.address.startswith("127.77.8.")
        assert [entry.text for entry in device.log][-1] == "[Associated]"
        address = device.address
        device.airspace.ap("cellar").power(False)
        while events[-1][0] != "network_down":
            await asyncio.sleep(0)
        assert device.address == ""
    assert events == [
        ("serial", {"path": ""}),
        ("ready", {}),
        ("network_up", {"interface": "wlan", "address": address, "ports": {}}),
        ("network_down", {"interface": "wlan"}),
        ("off", {}),
    ]


async def test_the_serial_port_of_a_device() -> None:
    async with Device.simulated(serial=["none", "pty"]) as device:
        assert Path(device.serial_port).is_char_device()


async def test_a_device_without_power() -> None:
    device = Device.simulated(name="cellar")
    for _ in range(2):
        for use in ("serial_port", "address", "board", "kernel", "log", "notes"):
            with pytest.raises(RuntimeError, match=r"^device cellar is off$"):
                getattr(device, use)
        with pytest.raises(RuntimeError, match=r"^device cellar is off$"):
            await device.command("version")
        async with device:
            assert device.mac.startswith("4C:55:CC:")
            assert (await device.command("version")).ok
        await device.wait_off()


async def test_a_device_that_cannot_start_leaves_nothing_behind(tmp_path: Path) -> None:
    link = tmp_path / "link"
    device = Device.simulated(
        serial=f"pty:{link}", state=tmp_path / "state", settings={"no.such": "1"}
    )
    with pytest.raises(Exception, match=r"^no\.such: Unknown variable$"):
        await device.__aenter__()
    assert not link.is_symlink()

    def refuse(event: str, facts: dict[str, object]) -> None:
        if event == "serial":
            raise ValueError(facts["path"])

    device = Device.simulated(serial=f"pty:{link}", state=tmp_path / "state", on_event=refuse)
    with pytest.raises(ValueError, match="link"):
        await device.__aenter__()
    assert not link.is_symlink()
    # The folder is free again.
    async with Device.simulated(state=tmp_path / "state") as other:
        assert (await other.command("save")).ok


async def test_a_command_waits_for_a_reboot() -> None:
    async with Device.simulated() as device:
        await device.command("set wlan.ssid lost")
        kernel = device.kernel
        assert (await device.command("reboot")).text == "Rebooting"
        replies = await asyncio.gather(*(device.command("get wlan.ssid") for _ in range(3)))
        assert device.kernel is not kernel
        assert [reply.data for reply in replies] == [b""] * 3


async def test_shutdown_is_the_end() -> None:
    async with Device.simulated() as device:
        response = await device.command("shutdown")
        assert response.silent
        await device.wait_off()
        with pytest.raises(RuntimeError, match="is off"):
            await device.command("version")


def test_sleep_lasts_its_time() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        async with Device.simulated(settings={"system.wakeup.timeout": "3600"}) as device:
            before = loop.time()
            assert (await device.command("sleep")).silent
            response = await device.command("get time.uptime")
            assert response.ok
            assert loop.time() - before == 3600

    run_turned(test())


def test_sleep_without_a_time_lasts_until_it_is_woken() -> None:
    async def test() -> None:
        async with Device.simulated() as device:
            assert (await device.command("sleep")).silent
            asked = asyncio.create_task(device.command("version"))
            await turned_loop().turn(1_000_000)
            assert not asked.done()
            with pytest.raises(RuntimeError, match=r"^device tokay is asleep"):
                _ = device.log
            device.wake()
            assert (await asked).ok

    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        runner.run(test())
