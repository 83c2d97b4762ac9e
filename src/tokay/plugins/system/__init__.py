"""What a device is, and its power: version, identity, faults, reboot, sleep.

Sources: docs/protocol/commands.md, sections 2 and 7; docs/protocol/command-protocol.md, sections 12
and 13.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from tokay.kernel import faults
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Level
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import Listing, lines
from tokay.kernel.value_types import NOWHERE, Integer, Scope, Words
from tokay.kernel.variables import Applies, Variable, computed

PIN = "gpio"
_MEMORY = Path("/proc/meminfo")


def uuid_of(mac: str) -> str:
    """Return the hardware identifier: 40 hex digits, always the same for a MAC."""
    return hashlib.sha1(mac.encode(), usedforsecurity=False).hexdigest().upper()


def _memory_usage(_kernel: Kernel, _words: Sequence[str]) -> str:
    """Percentage of the machine's memory in use: the web app draws a bar of it."""
    rows = dict(row.split(":", 1) for row in _MEMORY.read_text("ascii").splitlines())
    total, free = (int(rows[key].split()[0]) for key in ("MemTotal", "MemAvailable"))
    return str(round(100 * (total - free) / total))


class WakeupEvents(Words):
    """Pins by number, each written `gpio<n>`."""

    def __init__(self) -> None:
        super().__init__(rf"{PIN}\d+")
        self.hint = "gpio<n>, comma-separated"

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> tuple[str, ...]:
        events = super().parse(words, scope)
        for event in events:
            scope.pin(event.removeprefix(PIN))
        return events


VERSION = computed(
    "system.version", "sy v", lambda kernel, _: kernel.profile.version, safe_mode=True,
    doc="The version line.",
)  # fmt: skip
BUILD = computed(
    "system.build_number", "sy n", lambda kernel, _: kernel.profile.build_number, safe_mode=True,
    doc="The build of the firmware.",
)  # fmt: skip
UUID = computed(
    "system.uuid", "sy u", lambda kernel, _: uuid_of(kernel.mac), safe_mode=True,
    doc="The hardware identifier, 40 hex digits.",
)  # fmt: skip
MEMORY = computed(
    "system.memory.usage", "sy e u", _memory_usage,
    doc="Memory in use, in percent.",
)  # fmt: skip
SAFE_MODE = computed(
    "system.safemode.status", "sy f s", lambda kernel, _: "1" if kernel.safe_mode else "0",
    safe_mode=True, doc="Whether the device is in safe mode.",
)  # fmt: skip
WAKEUP_TIMEOUT = Variable(
    "system.wakeup.timeout", "sy w t", Integer(0, 0xFFFFFFFF, unit="s"), 0,
    applies=Applies.REBOOT, doc="How long `sleep` lasts; 0 sleeps until a wake-up event.",
)  # fmt: skip
WAKEUP_EVENTS = Variable(
    "system.wakeup.events", "sy w e", WakeupEvents(), (),
    applies=Applies.REBOOT, doc="What ends `sleep`: a pin that goes high.",
)  # fmt: skip
GOTOSLEEP_TIMEOUT = Variable(
    "system.gotosleep.timeout", "sy g t", Integer(0, 0xFFFFFFFF, unit="s"), 0,
    applies=Applies.REBOOT, doc="Go to sleep this long after boot; 0 never does.",
)  # fmt: skip


def _sleep(kernel: Kernel) -> None:
    pins = [kernel.pin(event.removeprefix(PIN)) for event in kernel.variables[WAKEUP_EVENTS]]
    kernel.control.sleep(kernel.variables[WAKEUP_TIMEOUT], pins)


@command("version", "ver", safe_mode=True)
def version(call: Call) -> str:
    """Print the version line."""
    return call.kernel.profile.version


@command("reboot", "reboot", safe_mode=True)
def reboot(call: Call) -> str:
    """Restart. What is not saved is lost."""
    return call.reboot()


@command("sleep", "sleep")
def sleep(call: Call) -> None:
    """Sleep for `system.wakeup.timeout` seconds, then boot. There is no reply."""
    kernel = call.kernel
    call.silent = True
    call.after.append(partial(_sleep, kernel))


@command("shutdown", "shutdown")
def shutdown(call: Call) -> None:
    """Power down for good. There is no reply."""
    call.silent = True
    call.after.append(call.kernel.control.shutdown)


@command("faults_print", "faup", safe_mode=True)
def faults_print(call: Call) -> Listing:
    """Print the recorded faults."""
    return lines(faults.rows(call.kernel.storage))


@command("faults_reset", "faur", safe_mode=True)
def faults_reset(call: Call) -> None:
    """Forget the recorded faults; the next reboot leaves safe mode."""
    faults.reset(call.kernel.storage)


@command("force_safemode", "force_safemode", "mac", safe_mode=True)
def force_safemode(call: Call) -> str:
    """Reboot into safe mode. The device's own MAC guards against accidents."""
    call.check_mac("mac")
    call.log("Forcing safemode...", Level.ALERT)
    faults.force(call.kernel.storage)
    return call.reboot()


class System(Plugin):
    """Version, faults and power."""

    name = "system"
    variables = (
        VERSION,
        BUILD,
        UUID,
        MEMORY,
        SAFE_MODE,
        WAKEUP_TIMEOUT,
        WAKEUP_EVENTS,
        GOTOSLEEP_TIMEOUT,
    )
    commands: ClassVar = (
        version,
        reboot,
        sleep,
        shutdown,
        faults_print,
        faults_reset,
        force_safemode,
    )
    safe_mode = True

    __slots__ = ("_timer",)

    def start(self, kernel: Kernel, board: object) -> None:
        """Begin to count down to sleep."""
        self._timer = None
        seconds = kernel.variables[GOTOSLEEP_TIMEOUT]
        if seconds:
            self._timer = kernel.clock.call_later(seconds, partial(_sleep, kernel))

    async def stop(self) -> None:
        """End the countdown."""
        if self._timer is not None:
            self._timer.cancel()


PLUGIN = System
