"""Run one device until it is told to stop: what `tokay run` does."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

from tokay.board.air.errors import AirspaceError
from tokay.board.buses import BusError
from tokay.board.open_radio import SIMULATED
from tokay.board.radio import RadioError
from tokay.board.serial import SerialError
from tokay.board.storage import StorageError
from tokay.cli import output, systemd
from tokay.cli.config_file import ConfigError, load
from tokay.cli.output import STDOUT, hold_descriptors, say, warn, write, write_line
from tokay.device import Device, DeviceOffError
from tokay.kernel.plugin import PluginError
from tokay.kernel.profile import ProfileError
from tokay.kernel.results import CommandError, Response
from tokay.kernel.settings import apply
from tokay.options import STDIO, OptionError, RunOptions
from tokay.plugins.bus import Bus

FAILED, UNUSABLE = 1, 2
"""Exit statuses: a command failed; the device could not be started as asked."""


def start(options: RunOptions, config: Path | None = None) -> int:
    """Run a device; return the exit status. ``config`` is the file that SIGHUP reads anew."""
    hold_descriptors()
    if systemd.on_journal():
        output.levels = True
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(options, config))
    except CommandError as error:
        say(f"--set {error.reason or error.text}")
    except (
        AirspaceError, BusError, OptionError, PluginError, ProfileError, RadioError, SerialError,
        StorageError,
    ) as error:  # fmt: skip
        say(str(error))
    return UNUSABLE


def _loop_factory() -> Any:
    """Return uvloop's loop where there is uvloop: it is several times faster."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(options: RunOptions, config: Path | None) -> int:
    device = Device.from_options(options, serial="none" if options.commands else STDIO)
    # Other programs of this machine are to find the device by name.
    if options.radio == SIMULATED:
        device.airspace.multicast_outside = True
    if options.ethernet == SIMULATED:
        device.cable.airspace.multicast_outside = True
    device.on_event = partial(_write_event if options.events else _narrate, device)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if config is not None:
        loop.add_signal_handler(signal.SIGHUP, _reload, device, config)
    watchdog = systemd.ServiceWatchdog()
    async with device:
        systemd.notify("READY=1", f"STATUS={device.profile.name} {device.mac}")
        said = asyncio.Event()
        for port in device.board.ports:
            if port is not None:
                port.on_end = said.set
        end = asyncio.create_task(_first(stopped.wait(), device.wait_off()))
        try:
            status = await _execute(device, options, end)
            if status == 0 and (options.serial or not options.commands):
                await _first(end, _answered(device, said))
        finally:
            systemd.notify("STOPPING=1")
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
    watchdog.close()
    return status


def _reload(device: Device, config: Path) -> None:
    """Take the settings of a configuration that was changed; what is wrong leaves all as it was."""
    systemd.reloading()
    try:
        settings = load(config).get("settings", {})
        apply(device.kernel, settings)
        say(f"{config}: {len(settings)} settings read anew; other options need a restart")
    except CommandError as error:
        warn(f"{config}: {error.reason or error.text}")
    except (ConfigError, OptionError, DeviceOffError) as error:
        warn(str(error))
    systemd.notify("READY=1")


async def _execute(device: Device, options: RunOptions, end: "asyncio.Task[None]") -> int:
    """Run the commands one after the other; return the exit status."""
    for line in options.commands:
        name = line.split(" ", 1)[0]
        response = await _ask(device, line, end)
        if response is None:
            say(f"{name}: the device was stopped first")
            return FAILED
        for row in response.log:
            write_line(json.dumps({"event": "log", "text": row}) if options.events else row)
        if not response.ok:
            say(f"{name}: {response.text}")
            return FAILED
        if response.data and not response.silent:
            try:
                write(STDOUT, response.data.replace(b"\r\n", b"\n") + b"\n")
            except OSError as error:
                say(f"standard output cannot be written: {error.strerror}")
                return FAILED
    return 0


async def _ask(device: Device, line: str, end: "asyncio.Task[None]") -> Response | None:
    """Run one command; None when the end comes before its response."""
    asked = asyncio.create_task(device.command(os.fsencode(line)))
    try:
        await asyncio.wait((asked, end), return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None
    except DeviceOffError:
        return None
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


async def _answered(device: Device, said: asyncio.Event) -> None:
    """Return when a host has said all it had to say, and has every answer."""
    await said.wait()
    while True:
        # What a host sent behind `reboot` is answered too.
        await device.steady()
        await device.kernel.plugin(Bus).settle()
        if not device.kernel.halting:
            return


async def _first(*awaitables: Awaitable[object]) -> None:
    """Return when one of them does; give the others up."""
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _narrate(device: Device, event: str, facts: dict[str, Any]) -> None:
    """Say what runs and where its serial ports are, and later its address."""
    if event == "off":
        return
    ports = [port.description for port in device.board.ports if port is not None]
    if event == "serial":
        say(f"{device.profile.name} {device.mac}")
        for note in device.notes:
            say(note)
        for port in ports:
            if port != STDIO:
                say(f"serial port: {port}")
    elif STDIO in ports:
        return  # the device's own log is on the screen already
    elif event == "network_up":
        systemd.notify(f"STATUS={facts['interface']} is up: {facts['address']}")
        say(f"{facts['interface']} is up: {facts['address']}")
    elif event == "network_down":
        say(f"{facts['interface']} is down")


def _write_event(device: Device, event: str, facts: dict[str, Any]) -> None:
    write_line(json.dumps({"event": event, **facts}))
    if event == "serial":
        for note in device.notes:
            write_line(json.dumps({"event": "note", "text": note}))
