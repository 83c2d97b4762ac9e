"""A line that blinks."""

import asyncio

from tokay.plugins.gpio import StatusPin
from tokay.plugins.indicators.variables import Operation


class Blinker:
    """Does one operation at a time. Half of each period is light, and it begins with that."""

    __slots__ = ("_line", "_operation", "_timer")

    def __init__(self, line: StatusPin) -> None:
        self._line = line
        self._operation = Operation.STATIC_OFF
        self._timer: asyncio.TimerHandle | None = None

    def do(self, operation: Operation) -> None:
        """Do this from now on; what is done already goes on as it is."""
        if operation is self._operation:
            return
        self._operation = operation
        self.stop()
        if operation.value > 0:
            self._line.show(0)
            self._turn()
        else:
            self._line.show(operation is Operation.STATIC_ON)

    def stop(self) -> None:
        """Stay as it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._line.show(not self._line.level)
        half = 0.5 / self._operation.value
        self._timer = asyncio.get_running_loop().call_later(half, self._turn)
