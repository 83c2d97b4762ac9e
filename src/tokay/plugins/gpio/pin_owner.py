"""The pins that variables own. No variable is named here: the kind tells."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from tokay.board.pins import PinError, Pins
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.value_types import NO_PIN, Pin
from tokay.kernel.variables import Variable, VariableTable

_SUFFIX = ".gpio"


@lru_cache(maxsize=32)
def pin_variables(table: VariableTable) -> tuple[Variable[int], ...]:
    """Return the variables that own pins: found once for all devices of a profile."""
    return tuple(variable for variable in table.sorted if isinstance(variable.kind, Pin))


def owner_name(variable: Variable[Any], index: str) -> str:
    """Return a variable as `gpio.usage` calls it: `system.indicator.wlan` for an indexed one."""
    return f"{variable.name.removesuffix(_SUFFIX)}.{index}" if index else variable.name


class Claims:
    """Keeps the owners of pins in step with the variables of one device."""

    __slots__ = ("_kernel", "_pins")

    def __init__(self, kernel: Kernel, pins: Pins) -> None:
        self._kernel, self._pins = kernel, pins
        for variable, index, pin in self._named():
            try:
                pins.claim(pin, owner_name(variable, index))
            except PinError as error:
                kernel.log.line(f"{variable.name}: {error}")
        kernel.variables.guard(self._change)

    def _named(self) -> Iterator[tuple[Variable[int], str, int]]:
        """Every pin that a variable names, by default or because it was set."""
        values = self._kernel.variables
        for variable in pin_variables(values.table):
            indices = [""]
            if variable.index is not None:
                indices = list(variable.index.keys(self._kernel)) or values.indices(variable)
            for index in indices:
                pin = values.at(variable, index)
                if pin != NO_PIN:
                    yield variable, index, pin

    def _change(self, variable: Variable[Any], index: str, pin: Any) -> None:
        """Claim the new pin, then give the old one back. Raises CommandError."""
        if not isinstance(variable.kind, Pin):
            return
        owner = owner_name(variable, index)
        before = self._kernel.variables.at(variable, index)
        try:
            if pin != NO_PIN:
                self._pins.claim(pin, owner)
            if before not in (NO_PIN, pin) and self._pins.owner(before) == owner:
                self._pins.release(before, owner)
        except PinError as error:
            raise failed(str(error)) from error
