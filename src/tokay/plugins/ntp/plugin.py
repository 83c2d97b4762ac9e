"""When the time is asked for, and what is done with the answers.

Between two questions there is a timer and nothing else: no socket, no task. A server that cannot
be reached is not worth a log line every few seconds, and `time.last_set` tells; an answer that is
refused is, by name.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.network import Interface, Network
from tokay.plugins.ntp.learnt import Learnt
from tokay.plugins.ntp.variables import ENABLED, INTERFACE, SERVER, VARIABLES

if TYPE_CHECKING:
    from tokay.plugins.ntp.poller import NtpPoller


class Ntp(Plugin):
    """A time client on one interface."""

    name = "ntp"
    variables = VARIABLES
    after = ("network", "time")

    __slots__ = ("_interface", "_kernel", "_learnt", "_questions", "_watching")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin once the network is up."""
        self._kernel = kernel
        self._interface: Interface | None = None
        self._questions: NtpPoller | None = None
        self._watching = False
        self._learnt = Learnt()

    async def stop(self) -> None:
        """Stop polling."""
        task = self._end()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def network_up(self, interface: Interface) -> None:
        """Start polling, if `ntp.interface` names this interface."""
        if not self._watching:  # a device that is never on a network need not
            self._watching = True
            for variable in VARIABLES:
                self._kernel.variables.watch(variable, self._changed)
        values, network = self._kernel.variables, self._kernel.plugin(Network)
        if (
            values[ENABLED]
            and values[SERVER]
            and network.resolve(values[INTERFACE]) == interface.name
        ):
            from tokay.plugins.ntp.poller import NtpPoller  # noqa: PLC0415 - start-up time

            self._end()
            self._interface = interface
            self._questions = NtpPoller(self._kernel, interface, self._learnt)

    def network_down(self, interface: Interface) -> None:
        """Stop polling."""
        if interface is self._interface:
            self._end()

    def _changed(self, _index: str, _value: Any) -> None:
        """Begin anew with new settings."""
        self._end()
        interface = self._kernel.plugin(Network).find(self._kernel.variables[INTERFACE])
        if interface is not None:
            self.network_up(interface)

    def _end(self) -> "asyncio.Task[None] | None":
        """End the questions; return the one that was under way."""
        self._interface = None
        questions, self._questions = self._questions, None
        if questions is None:
            return None
        self._learnt = questions.learnt
        return questions.end()
