"""`tokay run`: one device until it is told to stop."""

import asyncio
import json
import os
import re
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tokay.board.airspace import Airspace, AirspaceError
from tokay.board.radio import RadioError
from tokay.board.serial import SerialError
from tokay.board.storage import StorageError
from tokay.cli.options import Options
from tokay.device import Device
from tokay.kernel.plugin import PluginError
from tokay.kernel.profile import ProfileError
from tokay.kernel.results import CommandError
from tokay.plugins.bus import Bus

FAILED, UNUSABLE = 1, 2
"""Exit statuses: a command failed; the device could not be started as asked."""

STDIO = "stdio"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,63}")


class UsageError(Exception):
    """Options that do not fit together."""


def start(options: Options) -> int:
    """Run a device; return the exit status."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(options))
    except CommandError as error:
        _say(f"--set {error.reason or error.text}")
    except (
        AirspaceError, PluginError, ProfileError, RadioError, SerialError, StorageError, UsageError
    ) as error:  # fmt: skip
        _say(str(error))
    return UNUSABLE


def _loop_factory() -> Any:
    """Return uvloop's loop where there is uvloop: it is several times faster."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(options: Options) -> int:
    serial = options.serial or ["none" if options.commands else STDIO]
    device = Device.on(
        options.radio,
        profile=options.profile,
        name=_name(options.name),
        serial=serial,
        airspace=Airspace.load(options.airspace) if options.airspace else None,
        state=_state(options),
        settings=_settings(options.settings),
    )
    device.on_event = _write_event if options.events else partial(_narrate, device)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with device:
        status = await _execute(device, options.commands)
        if status or (options.commands and not options.serial):
            return status
        await _until(device, stopped)
    return 0


async def _execute(device: Device, commands: list[str]) -> int:
    """Run commands one after the other; return the exit status."""
    for line in commands:
        response = await device.command(line)
        for row in response.log:
            print(row, file=sys.stderr, flush=True)
        if not response.ok:
            _say(f"{line.split(' ', 1)[0]}: {response.text}")
            return FAILED
        if response.data:
            sys.stdout.buffer.write(response.data.replace(b"\r\n", b"\n") + b"\n")
            sys.stdout.buffer.flush()
    return 0


async def _until(device: Device, stopped: asyncio.Event) -> None:
    """Wait for a signal, for `shutdown`, or for a host that has said all it had to say."""

    async def finish() -> None:
        # What a host sent behind `reboot` is answered too.
        while True:
            await device.steady()
            await device.kernel.plugin(Bus).settle()
            if not device.kernel.halting:
                break
        stopped.set()

    finishing: set[asyncio.Task[None]] = set()
    for port in device.board.ports:
        if port is not None:
            port.on_end = lambda: finishing.add(asyncio.create_task(finish()))
    ends = [asyncio.create_task(stopped.wait()), asyncio.create_task(device.wait_off())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in (*ends, *finishing):
        task.cancel()
    await asyncio.gather(*ends, *finishing, return_exceptions=True)


def _narrate(device: Device, event: str, facts: dict[str, Any]) -> None:
    """Say what runs and where its serial ports are, and later its address."""
    if event == "off":
        return
    ports = [port.description for port in device.board.ports if port is not None]
    if event == "serial":
        _say(f"{device.profile.name} {device.mac}")
        for note in device.notes:
            _say(note)
        for port in ports:
            if port != STDIO:
                _say(f"serial port: {port}")
    elif STDIO in ports:
        return  # the device's own log is on the screen already
    elif event == "network_up":
        _say(f"{facts['interface']} is up: {facts['address']}")
    elif event == "network_down":
        _say(f"{facts['interface']} is down")


def _write_event(event: str, facts: dict[str, Any]) -> None:
    print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"tokay: {text}", file=sys.stderr, flush=True)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        message = "--name takes 1-63 letters, digits, dots, dashes and underscores"
        raise UsageError(message)
    return name


def _settings(given: list[str]) -> dict[str, str]:
    settings = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not name or not equals:
            message = f"--set {item}: use VARIABLE=VALUE"
            raise UsageError(message)
        settings[name] = value
    return settings


def _state(options: Options) -> Path | None:
    if options.ephemeral and options.state is not None:
        message = "--state and --ephemeral exclude each other"
        raise UsageError(message)
    if options.ephemeral:
        return None
    if options.state is not None:
        return options.state
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "tokay" / options.name
