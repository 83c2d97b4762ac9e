"""A module behind a console: serial, pseudo-terminal, TCP, telnet, RFC 2217.

The machine that keeps in step is ``tokay.protocols.console_client``; here are its channel, its
clock, and the coroutines that wait for it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from tokay.host.channel import HOST, MODULE, Channel, Trace
from tokay.host.errors import (
    Busy,
    Disconnected,
    FramingError,
    LoginFailed,
    ModuleError,
    Restarted,
    Timeout,
)
from tokay.host.link import Link
from tokay.host.response import DISCONNECTED, RESTARTED, Event, Response, parse_event
from tokay.host.wire import Wire
from tokay.protocols import console_client as machine
from tokay.protocols.console_client import ConsoleClient

MAX_RECEIVED = 256 * 1024
"""Bytes kept of what came during one wait, to be told if it fails."""
CLOSE_TIME = 3.0
"""Seconds that putting the console back may take."""


class ConsoleLink(Link):
    """One console. ``address`` is for messages."""

    def __init__(
        self, channel: Channel, client: ConsoleClient, *, address: str, trace: Trace | None = None
    ) -> None:
        super().__init__()
        self.client = client
        self._channel = channel
        self._address = address
        self._trace = trace
        self._waiter: asyncio.Future[Response | None] | None = None
        self._line = ""
        self._received: deque[bytes] = deque()
        self._received_size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._error: ModuleError | None = None
        self._wire: Wire | None = None
        channel.on_data = self._data
        channel.on_lost = self._lost

    # The contract.

    async def open(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                await self._channel.open()
                await self._get_in_step()
        except TimeoutError:
            raise self._no_console() from None

    async def execute(self, line: bytes, data: bytes, timeout: float) -> Response:
        response = await self._ask(line, timeout, lambda: self.client.command(line, data))
        if response.code and data:
            # The module may not have read the data, and take it for commands.
            self.client.lose()
        return response

    async def save(self, line: bytes, timeout: float) -> Response:
        return await self._ask(line, timeout, lambda: self.client.save(line, self._loop.time()))

    async def close(self) -> None:
        if self._error is None and self.client.found:
            with contextlib.suppress(ModuleError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIME):
                    await self._get_in_step()
                    self.client.detach(self._loop.time())
                    await self._wait()
        if self._timer is not None:
            self._timer.cancel()
        await self._channel.close()
        if self._error is None:
            self._error = Disconnected(f"{self._address} is closed")

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """Return the bare bytes of the console, in the form that it has now."""
        self._check()
        self.client.lose()
        self._wire = Wire(self._write)
        try:
            yield self._wire
        finally:
            self._wire = None

    async def forget(self) -> None:
        """Assume that the module restarts: find its console again before the next command."""
        self.client.restarted()

    @property
    def lost(self) -> bool:
        return self._error is not None

    @property
    def form(self) -> machine.Form:
        """How the console talked when it was found."""
        return self.client.form

    # Waiting.

    async def _ask(self, line: bytes, timeout: float, ask: Callable[[], None]) -> Response:
        self._check()
        self._line = line.decode("utf-8", "backslashreplace")
        machine.check_line(line)
        try:
            async with asyncio.timeout(timeout):
                if not self.client.in_step:
                    await self._get_in_step()
                ask()
                response = await self._wait()
        except TimeoutError:
            self.client.lose()
            message = f"{self._line}: no answer within {timeout:g} s"
            raise Timeout(message, self._heard()) from None
        except BaseException:
            self.client.lose()
            raise
        assert response is not None  # noqa: S101 - only attaching gives none
        return response

    async def _get_in_step(self) -> None:
        while not self.client.in_step:
            await self._wait(self.client.resume(self._loop.time()))

    async def _wait(self, events: Sequence[machine.Event] = ()) -> Response | None:
        """Send what is to be sent and return the answer, None when that is to be in step."""
        self._received.clear()
        self._received_size = 0
        self._waiter = self._loop.create_future()
        self._take(events)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._wire is not None:
            raise Busy("the bare wire is in use")

    def _heard(self) -> bytes:
        return b"".join(self._received)

    def _no_console(self) -> ModuleError:
        heard = self._heard()
        if heard:
            return FramingError(f"{self._address}: what answers is no module's console", heard)
        return Timeout(f"{self._address} does not answer")

    # The channel and the clock.

    def _write(self, data: bytes) -> None:
        if self._trace is not None:
            self._trace(self._loop.time(), HOST, data)
        self._channel.write(data)

    def _flush(self) -> None:
        if data := self.client.data_to_send():
            self._write(data)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.client.deadline is not None:
            self._timer = self._loop.call_at(self.client.deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        # The clock of the loop may be a little behind the time that was asked for.
        now = max(self._loop.time(), self.client.deadline or 0)
        self._take(self.client.tick(now))

    def _data(self, data: bytes) -> None:
        if self._trace is not None:
            self._trace(self._loop.time(), MODULE, data)
        if self._wire is not None:
            self._wire.feed(data)
            return
        if self._waiter is not None:
            self._received.append(data)
            self._received_size += len(data)
            while self._received_size > MAX_RECEIVED:
                self._received_size -= len(self._received.popleft())
        self._take(self.client.receive(data, self._loop.time()))

    def _lost(self, error: OSError | None) -> None:
        if self._error is None:
            why = f": {error.strerror}" if error is not None and error.strerror else ""
            self._fail(Disconnected(f"{self._address} is gone{why}"), lasting=True)

    def _take(self, events: Sequence[machine.Event]) -> None:
        for event in events:
            match event:
                case machine.Reply(code, data, log, safe):
                    lines = tuple(text.decode("utf-8", "backslashreplace") for text in log)
                    self._done(Response(code, data, lines, self._line, safe))
                case machine.Notice(data, _):
                    self.tell(parse_event(data))
                case machine.Attached() | machine.Detached():
                    self._done(None)
                case machine.Restarted():
                    self.tell(Event(RESTARTED, "", b""))
                    self._fail(Restarted(f"{self._line}: the module restarted"))
                case machine.OutOfStep(reason):
                    self._fail(FramingError(f"{self._line}: {reason}", self._heard()))
                case machine.PasswordNeeded(refused):
                    text = "refuses the password" if refused else "wants a password"
                    self._fail(LoginFailed(f"{self._address} {text}"), lasting=True)
                case machine.InUse():
                    text = "another client has the remote terminal"
                    self._fail(Busy(f"{self._address}: {text}"), lasting=True)
        self._flush()

    def _done(self, response: Response | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(response)

    def _fail(self, error: ModuleError, *, lasting: bool = False) -> None:
        if lasting:
            self._error = error
            self.tell(Event(DISCONNECTED, str(error), b""))
            if self._wire is not None:
                self._wire.fail(error)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
