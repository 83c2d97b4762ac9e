"""Asking for the time on one interface: a question, its answers, and when to ask again."""

import asyncio
from typing import Any

from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Level
from tokay.plugins.network import Interface
from tokay.plugins.ntp.learnt import Learnt
from tokay.plugins.ntp.variables import INTERVAL, SERVER
from tokay.protocols import ntp
from tokay.protocols.timer_pump import TimerPump

ANSWER_LIMIT = 5.0
"""Seconds that a server may take to answer."""
MAX_REFUSALS = 4
"""Refused answers that one question brings into the log, however many come."""
SAME = 0.001
"""Seconds: a clock that is no further from where it was set was not set since."""


class NtpPoller:
    """What is asked, from when this is made until its end."""

    __slots__ = ("_began", "_client", "_interface", "_kernel", "_pump", "_task")

    def __init__(self, kernel: Kernel, interface: Interface, learnt: Learnt) -> None:
        self._kernel = kernel
        self._interface = interface
        self._client = ntp.NtpClient(
            kernel.variables[INTERVAL], earliest=kernel.profile.clock_start, set_at=learnt.set_at
        )
        self._began = learnt.began
        self._task: asyncio.Task[None] | None = None
        self._pump = TimerPump(asyncio.get_running_loop(), self._client, self._process)
        self._pump.pump()

    @property
    def learnt(self) -> Learnt:
        """What the next poller of this boot goes by."""
        return Learnt(self._client.set_at, self._began)

    def end(self) -> "asyncio.Task[None] | None":
        """Stop polling; return the request that was pending and is now cancelled."""
        self._pump.stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        return task

    def _process(self) -> None:
        if self._client.is_due and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._exchange())

    async def _exchange(self) -> None:
        """Poll once, and schedule the next poll."""
        client, interface = self._client, self._interface
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
            client.fail(self._kernel.clock.monotonic)
        finally:
            if transport is not None:
                transport.close()
        self._task = None
        self._pump.pump()

    def hear(self, data: bytes, source: tuple[str, int]) -> ntp.Outcome:
        """Process a response; set the clock if it is valid."""
        client, clock = self._client, self._kernel.clock
        if abs(clock.rtc - clock.monotonic - self._began) > SAME:
            client.clock_was_set()  # the host has set it since, or nobody
        outcome = client.receive(data, source, clock.monotonic, clock.rtc)
        if isinstance(outcome, ntp.NtpSample):
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

    def __init__(self, questions: NtpPoller, client: ntp.NtpClient) -> None:
        self._questions, self._client = questions, client
        self._refused = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self.over.done():
            return
        outcome = self._questions.hear(data, addr)
        if isinstance(outcome, ntp.NtpRefusal):
            self._refused += 1
            if self._refused <= MAX_REFUSALS:
                self._questions.log(f"NTP answer refused: {outcome.reason}")
        elif isinstance(outcome, ntp.KissOfDeath):
            what = "asks for fewer questions" if outcome.code == "RATE" else "asks for none"
            self._questions.log(f"NTP: the server {what} ({outcome.code})")
        if not self._client.asking:
            self.over.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(exc)
            self.over.exception()  # who waited may be gone
