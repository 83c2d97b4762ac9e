"""What stands beside a device while it has power: timed commands of the scenario, or a coroutine.

A command is late when the one before it is: it then runs as soon as it can, and its time counts
from when it was due. One that has fallen ten turns behind is skipped, and that is counted.
"""

import asyncio
import re
from collections.abc import Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from tokay.device import Device, DeviceOffError
from tokay.fleet.errors import ScenarioError
from tokay.fleet.measures import Measures
from tokay.fleet.scenario import Command
from tokay.fleet.template import Value, fill

if TYPE_CHECKING:
    from tokay.fleet.behaviour import Behaviour

MAX_BEHIND = 10
"""Turns of a command that wait for their time."""
STOP_LIMIT = 5.0
"""Seconds that a coroutine may take to end when it is cancelled."""


class Reports(Protocol):
    """Whom a host tells."""

    def now(self) -> float:
        """Return the seconds since the start of the run."""

    def measures(self, group: str) -> Measures:
        """Return where a group's measures of the present stage go."""

    def note(self, device: int, kind: str, text: str) -> None:
        """Tell something of a device."""

    def values(self, device: int) -> dict[str, Value]:
        """Return what the templates of a device know."""


class Host:
    """The host of one device. ``failed`` is set once its coroutine has raised."""

    __slots__ = (
        "_behaviour", "_commands", "_device", "_group", "_index", "_random", "_reports",
        "_tasks", "_values", "_waiting", "failed",
    )  # fmt: skip

    def __init__(
        self,
        reports: Reports,
        index: int,
        group: str,
        commands: list[Command],
        behaviour: "Behaviour | None",
        random: Random,
    ) -> None:
        self._reports = reports
        self._index = index
        self._group = group
        self._commands = commands
        self._behaviour = behaviour
        self._random = random
        self._values: dict[str, Value] | None = None
        self._device: Device | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[str, list[asyncio.Event]] | None = None
        self.failed = False

    def start(self, device: Device) -> None:
        """Begin: the device has power."""
        self._device = device
        for command in self._commands:
            if not command.on:
                self._spawn(self._timed(device, command), "command")
        if self._behaviour is not None and not self.failed:
            self._spawn(self._behave(device, self._behaviour), "behaviour")
        if any(command.on == "ready" for command in self._commands):
            self.event("ready")

    async def stop(self) -> None:
        """End: the device is about to lose its power."""
        self._device = None
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=STOP_LIMIT)
            if stuck and not self.failed:
                self._fail("does not end when it is cancelled")

    def event(self, event: str) -> None:
        """Called when something happened to the device."""
        if self._device is not None:
            for command in self._commands:
                if command.on == event:
                    self._spawn(self._timed(self._device, command), "command")

    def _spawn(self, work: Coroutine[Any, Any, None], kind: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"{kind} {self._index}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _behave(self, device: Device, behaviour: "Behaviour") -> None:
        try:
            await behaviour(device, self._index, self._random)
        except asyncio.CancelledError:
            raise
        except DeviceOffError:
            return  # the power went first
        except BaseException as error:  # noqa: BLE001 - somebody else's code; the fleet goes on
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, text: str) -> None:
        self.failed = True
        self._reports.measures(self._group).count("behaviour.errors")
        self._reports.note(self._index, "behaviour", text)

    # Timed commands.

    async def _timed(self, device: Device, command: Command) -> None:
        reports = self._reports
        due = reports.now() + command.after
        while True:
            at = due + (self._random.uniform(0, command.jitter) if command.jitter else 0.0)
            if at > (now := reports.now()):
                await asyncio.sleep(at - now)
            await self._run(device, command, at)
            if not command.every:
                return
            due += command.every
            behind = int((reports.now() - due) / command.every)
            if behind > MAX_BEHIND:
                reports.measures(self._group).count(f"{command.title}.skipped", behind)
                due += behind * command.every

    async def _run(self, device: Device, command: Command, due: float) -> None:
        reports, title = self._reports, command.title
        try:
            async with asyncio.timeout(command.timeout):
                problem = await self._lines(device, command)
        except DeviceOffError:
            return
        except TimeoutError:
            problem = "timeout"
        except ScenarioError as error:
            problem = "template"
            reports.note(self._index, "template", str(error))
        measures = reports.measures(self._group)
        if problem:
            measures.count(f"{title}.errors")
            measures.count(f"{title}.errors.{problem}")
        else:
            measures.observe(title, reports.now() - due)

    async def _lines(self, device: Device, command: Command) -> str:
        """Run the lines of a command; return what went wrong, or nothing."""
        if self._values is None:
            self._values = self._reports.values(self._index)
        values = self._values
        data = fill(command.data, values).encode() if command.data else b""
        values = {**values, "reply": "", "handle": "", "size": len(data)}
        text = ""
        for number, line in enumerate(command.lines):
            given = data if "{size}" in line else b""
            response = await device.command(fill(line, values), given)
            text = response.text
            if not response.ok:
                await _close(device, values["handle"])
                return response.code.name.lower()
            values["reply"] = text
            if number == 0:
                values["handle"] = text
        if command.expect and not re.search(command.expect, text):
            return "expect"
        return ""


async def _close(device: Device, handle: Value) -> None:
    """Close what a command that failed has left open."""
    if str(handle).isdigit():
        await device.command(f"stream_close {handle}")
