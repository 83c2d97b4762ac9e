"""Indicators: pins that show how the WLAN, the soft AP and the network stand.

Nothing is looked at before an indicator has a pin.
"""

from collections.abc import Callable

from tokay.board.board import Board
from tokay.board.pins import Pins
from tokay.kernel.events import (
    AddressingChanged,
    NetworkDown,
    NetworkUp,
    SoftApStationChanged,
    WlanChanged,
)
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.gpio import variable_line
from tokay.plugins.indicators.blink import Blinker
from tokay.plugins.indicators.variables import GPIO, STATE, STATES
from tokay.plugins.network import Network, NetworkStatus
from tokay.plugins.softap import SoftAp
from tokay.plugins.wlan import JoinResult, Wlan

GOOD = frozenset((JoinResult.NONE, JoinResult.SUCCESS, JoinResult.ABORTED))
"""Results of a join after which a WLAN that is down is just off."""
EVENTS = (WlanChanged, NetworkUp, NetworkDown, SoftApStationChanged)
"""After which an indicator may show something else."""


def wlan(kernel: Kernel, _addressing: set[str]) -> int:
    """Off, error, connecting, connected."""
    station = kernel.plugin(Wlan)
    if station.status is NetworkStatus.UP:
        return 3
    if station.status is NetworkStatus.JOINING:
        return 2
    return 0 if station.result in GOOD else 1


def softap(kernel: Kernel, _addressing: set[str]) -> int:
    """Off, on, with clients."""
    running = kernel.plugin(SoftAp).running
    if running is None:
        return 0
    return 2 if running.link.stations else 1


def network(kernel: Kernel, addressing: set[str]) -> int:
    """The default interface: no address, DHCP active, address."""
    plugin = kernel.plugin(Network)
    if plugin.find() is not None:
        return 2
    return 1 if plugin.resolve("") in addressing else 0


SOURCES: dict[str, Callable[[Kernel, set[str]], int]] = {
    "wlan": wlan,
    "softap": softap,
    "network": network,
}


class Indicators(Plugin):
    """The indicators of one device."""

    name = "indicators"
    variables = (GPIO, STATE)
    after = ("gpio", "network", "softap", "wlan")

    __slots__ = ("_addressing", "_blinkers", "_kernel", "_pins")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Show how things stand, if an indicator has a pin."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._blinkers: dict[str, Blinker] | None = None
        self._addressing: set[str] = set()
        if any(kernel.variables.at(GPIO, name) != NO_PIN for name in STATES):
            self._begin()
        else:
            kernel.variables.watch(GPIO, self._pin_changed)

    async def stop(self) -> None:
        """Blink no more."""
        for blinker in (self._blinkers or {}).values():
            blinker.stop()

    def _pin_changed(self, _name: str, pin: int) -> None:
        if pin != NO_PIN and self._blinkers is None:
            self._begin()

    def _begin(self) -> None:
        kernel = self._kernel
        self._blinkers = {
            name: Blinker(variable_line(kernel, self._pins, GPIO, name)) for name in STATES
        }
        kernel.variables.watch(STATE, self._show)
        for event in EVENTS:
            kernel.events.on(event, self._show)
        kernel.events.on(AddressingChanged, self._addressed)
        self._show()

    def _addressed(self, event: AddressingChanged) -> None:
        change = self._addressing.add if event.active else self._addressing.discard
        change(event.interface)
        self._show()

    def _show(self, *_args: object) -> None:
        values = self._kernel.variables
        for name, blinker in (self._blinkers or {}).items():
            pattern = values.at(STATE, name)
            state = SOURCES[name](self._kernel, self._addressing)
            blinker.do(pattern[min(state, len(pattern) - 1)])
