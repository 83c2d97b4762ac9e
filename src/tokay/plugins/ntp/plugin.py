"""When the time is asked for, and what is done with the answers.

Between two questions there is a timer and nothing else: no socket, no task. A server that cannot
be reached is not worth a log line every few seconds, and `time.last_set` tells; an answer that is
refused is, by name.
"""

import asyncio
from typing import Any

from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Level
from tokay.kernel.plugin import Plugin
from tokay.plugins.network import Interface, Network
from tokay.plugins.ntp.variables import ENABLED, INTERFACE, INTERVAL, SERVER, VARIABLES
from tokay.protocols import ntp

ANSWER_LIMIT = 5.0
"""Seconds that a server may take to answer."""
MOST_REFUSALS = 4
"""Refused answers that one question brings into the log, however many come."""
SAME = 0.001
"""Seconds: a clock that is no further from where it was set was not set since."""


class Ntp(Plugin):
    """A time client on one interface."""

    name = "ntp"
    variables = VARIABLES
    after = ("network", "time")

    __slots__ = ("_began", "_interface", "_kernel", "_task", "_timer")

    def start(self, kernel: Kernel, board: Any) -> None:
        """Begin once the network is up."""
        self._kernel = kernel
        self._interface: Interface | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        for variable in VARIABLES:
            kernel.variables.watch(variable, self._changed)

    async def stop(self) -> None:
        """Ask no more."""
        task = self._task
        self._end()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def network_up(self, interface: Interface) -> None:
        """Ask for the time, if this is the interface for it."""
        values, network = self._kernel.variables, self._kernel.plugin(Network)
        if (
            values[ENABLED]
            and values[SERVER]
            and network.resolve(values[INTERFACE]) == interface.name
        ):
            self._end()
            self._interface = interface
            earliest = self._kernel.profile.clock_start
            self._ask(interface, ntp.NtpClient(values[INTERVAL], earliest=earliest))

    def network_down(self, interface: Interface) -> None:
        """Ask no more."""
        if interface is self._interface:
            self._end()

    def _changed(self, _index: str, _value: Any) -> None:
        """Begin anew with new settings."""
        self._end()
        interface = self._kernel.plugin(Network).find(self._kernel.variables[INTERFACE])
        if interface is not None:
            self.network_up(interface)

    def _end(self) -> None:
        self._interface = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _ask(self, interface: Interface, client: ntp.NtpClient) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._exchange(interface, client))

    async def _exchange(self, interface: Interface, client: ntp.NtpClient) -> None:
        """Ask once, and settle when to ask again."""
        transport = None
        try:
            # The server is looked up each time: that is how a pool shares the load.
            address = await interface.resolve(self._kernel.variables[SERVER])
            transport, answers = await interface.open_udp(
                lambda: _Answers(self, client), remote=(address, ntp.PORT)
            )
            transport.sendto(client.ask(address, self._kernel.clock.monotonic))
            async with asyncio.timeout(ANSWER_LIMIT):
                await answers.over
        except OSError:  # TimeoutError is one
            client.give_up()
        finally:
            if transport is not None:
                transport.close()
        self._task = None
        if client.wait < ntp.LONGEST_WAIT * 2:  # never is further away
            self._timer = self._kernel.clock.call_later(
                client.wait, lambda: self._ask(interface, client)
            )

    def hear(self, client: ntp.NtpClient, data: bytes, source: tuple[str, int]) -> ntp.Outcome:
        """Take an answer; set the clock if it is good."""
        clock = self._kernel.clock
        if abs(clock.rtc - clock.monotonic - self._began) > SAME:
            client.forget()  # the host has set it since, or nobody
        outcome = client.receive(data, source, clock.monotonic, clock.rtc)
        if isinstance(outcome, ntp.Sample):
            clock.set(outcome.time)
            self._began = clock.rtc - clock.monotonic
            drift = "" if outcome.drift is None else f", drift {outcome.drift:+.1f} ppm"
            self.log(
                f"NTP: stratum {outcome.stratum}, offset {outcome.offset:+.3f} s, "
                f"delay {outcome.delay:.3f} s{drift}",
                Level.DETAIL,
            )
        return outcome

    def log(self, text: str, level: Level = Level.INFO) -> None:
        """Write a log line."""
        self._kernel.log.line(text, level)


class _Answers(asyncio.DatagramProtocol):
    """What comes back for one question. ``over`` is done when no more is waited for."""

    def __init__(self, plugin: Ntp, client: ntp.NtpClient) -> None:
        self._plugin, self._client = plugin, client
        self._refused = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self.over.done():
            return
        outcome = self._plugin.hear(self._client, data, addr)
        if isinstance(outcome, ntp.Refusal):
            self._refused += 1
            if self._refused <= MOST_REFUSALS:
                self._plugin.log(f"NTP answer refused: {outcome.reason}")
        elif isinstance(outcome, ntp.Kiss):
            what = "asks for fewer questions" if outcome.code == "RATE" else "asks for none"
            self._plugin.log(f"NTP: the server {what} ({outcome.code})")
        if not self._client.asking:
            self.over.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(exc)
            self.over.exception()  # who waited may be gone
