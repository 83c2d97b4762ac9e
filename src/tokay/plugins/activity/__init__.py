"""Pins that pulse on traffic: of the WLAN, the soft AP, and the serial ports.

A pulse lasts ``PULSE``, and so does the pause that at least follows it: under load a LED blinks. Of
the network this is what the device's own connections carry, from those opened after the pin was
set; `network_restart` lets all of them count.

Source: docs/protocol/variables.md, section 7.18.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from tokay.board.board import Board
from tokay.board.pins import PinError
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import bad_args, failed
from tokay.kernel.value_types import NOWHERE, Integer, Scope, ValueType
from tokay.kernel.variables import Index, Variable
from tokay.plugins.gpio import StatusPin
from tokay.plugins.network import Interface, Network

PULSE = 0.05
"""Seconds that a pulse lasts; not known, chosen to be seen."""
OWNER = "system.activity"
INTERFACES = ("softap", "wlan")
NONE = "none"

Types = tuple[str, ...]


class TypesKind(ValueType[Types]):
    """What a pin pulses on, by commas: `wlan_rx,uart0_tx`; or `none`."""

    hint = "softap_rx|softap_tx|wlan_rx|wlan_tx|uartX_rx|uartX_tx,..."

    def parse(self, words: Sequence[str], scope: Scope = NOWHERE) -> Types:
        names = [name.strip() for name in words[0].split(",")]
        if names in ([NONE], [""]):
            return ()
        for name in names:
            source, _, way = name.rpartition("_")
            uart = source.removeprefix("uart")
            known = source in INTERFACES or (uart != source and uart.isdecimal() and len(uart) == 1)
            if not known or way not in ("rx", "tx"):
                raise bad_args(f"{name} is not one of {self.hint}")
        return tuple(sorted(set(names)))

    def show(self, value: Types) -> str:
        return ",".join(value) or NONE


class ActivityPinIndex(Index):
    """The number of a pin, or its alias. A listing shows the pins that are set."""

    hint = "gpio"

    def key(self, word: str, kernel: Kernel) -> str:
        return str(kernel.pin(word))

    def keys(self, kernel: Kernel) -> Iterable[str]:
        return ()


def _set(kernel: Kernel, words: Sequence[str]) -> None:
    """Set a pin's types; with -1 take types from every pin. Raises CommandError."""
    types = TYPES.parse(words[1:])
    values = kernel.variables
    if words[0] != "-1":
        values.put(GPIO, str(kernel.pin(words[0])), types)
        return
    for index in values.indices(GPIO):
        left = tuple(name for name in values.at(GPIO, index) if name not in types)
        values.put(GPIO, index, left)


TYPES = TypesKind()
GPIO = Variable(
    "system.activity.gpio", "sy a g", TYPES, (), index=ActivityPinIndex(),
    doc="What a pin pulses on: `<gpio> wlan_rx,uart0_tx,...`; -1 takes types from every pin.",
)  # fmt: skip
GPIO.setter, GPIO.setter_words = _set, (2, 2)
LEVEL = Variable(
    "system.activity.gpio_level", "sy a l", Integer(0, 1), 1,
    doc="The level of a pulse.",
)  # fmt: skip


class Pulse:
    """One pin. Between two pulses there is a pause."""

    __slots__ = ("_line", "_timer", "_variables", "types")

    def __init__(self, line: StatusPin, kernel: Kernel) -> None:
        self._line = line
        self._variables = kernel.variables
        self._timer: asyncio.TimerHandle | None = None
        self.types: Types = ()
        self.rest()

    def fire(self) -> None:
        """Pulse, unless a pulse or its pause is under way."""
        if self._timer is None:
            self._line.show(self._variables[LEVEL])
            self._timer = asyncio.get_running_loop().call_later(PULSE, self._pause)

    def rest(self) -> None:
        """Show that nothing happens."""
        self._line.show(1 - self._variables[LEVEL])

    def stop(self) -> None:
        """Release the pin."""
        if self._timer is not None:
            self._timer.cancel()
        self._line.release()

    def _pause(self) -> None:
        self.rest()
        self._timer = asyncio.get_running_loop().call_later(PULSE, self._over)

    def _over(self) -> None:
        self._timer = None


class Activity(Plugin):
    """The activity pins of one device. Nothing is tapped before there is one."""

    name = "activity"
    variables = (GPIO, LEVEL)
    after = ("gpio", "network")

    __slots__ = ("_board", "_kernel", "_pulses")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Claim the pins that are set."""
        self._kernel = kernel
        self._board: Board = board
        self._pulses: dict[str, Pulse] | None = None
        kernel.variables.guard(self._guard)
        kernel.variables.watch(GPIO, self._changed)
        for index in kernel.variables.indices(GPIO):
            try:
                board.pins.claim(int(index), OWNER)
            except PinError as error:
                kernel.log.line(f"{GPIO.name}: {error}")
                continue
            self._changed(index, kernel.variables.at(GPIO, index))

    async def stop(self) -> None:
        """Pulse no more."""
        pulses, self._pulses = self._pulses, None
        if pulses is not None:
            for port in self._board.ports:
                if port is not None:
                    port.tap(None)
        for pulse in (pulses or {}).values():
            pulse.stop()

    def network_up(self, interface: Interface) -> None:
        """Watch what is opened on an interface."""
        if self._pulses is not None:
            self._tap(interface)

    def _guard(self, variable: Variable[Any], index: str, types: Any) -> None:
        if variable is not GPIO or not types:
            return
        try:
            self._board.pins.claim(int(index), OWNER)
        except PinError as error:
            raise failed(str(error)) from error

    def _changed(self, index: str, types: Types) -> None:
        if self._pulses is None:
            if not types:
                return
            self._pulses = self._begin()
        pulses = self._pulses
        if not types:
            if index in pulses:
                pulses.pop(index).stop()
            return
        if index not in pulses:
            line = StatusPin(self._board.pins, OWNER, int(index))
            pulses[index] = Pulse(line, self._kernel)
        pulses[index].types = types

    def _begin(self) -> dict[str, Pulse]:
        """Start watching traffic; return the table of its pins."""
        self._kernel.variables.watch(LEVEL, self._level_changed)
        for interface in self._kernel.plugin(Network).interfaces:
            self._tap(interface)
        for number, port in enumerate(self._board.ports):
            if port is not None:
                port.tap(partial(self._seen, f"uart{number}"))
        return {}

    def _tap(self, interface: Interface) -> None:
        if interface.name in INTERFACES:
            interface.seen = partial(self._seen, interface.name)

    def _level_changed(self, _index: str, _level: int) -> None:
        for pulse in (self._pulses or {}).values():
            pulse.rest()

    def _seen(self, source: str, way: str) -> None:
        name = f"{source}_{way}"
        for pulse in (self._pulses or {}).values():
            if name in pulse.types:
                pulse.fire()


PLUGIN = Activity
