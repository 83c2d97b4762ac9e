"""The engine: one command at a time, whoever asks, each answered once.

Source: docs/protocol/command-protocol.md, sections 1 and 17.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from tokay.kernel.commands import Answer, Call, DataSource
from tokay.kernel.results import SUCCESS, CommandError, Listing, Response, Result
from tokay.kernel.streams import TextStream
from tokay.kernel.system_variables import BUFFERED
from tokay.kernel.tokenizer import split

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

MAX_WAITING = 64
"""Commands that may wait for their turn."""
MAX_WAIT = 30.0
"""Seconds that one waits for its turn: then it fails, so that no front end is silent for minutes
while another one's command runs."""

_logger = logging.getLogger(__name__)

Done = Callable[[Response], None]


class _Request(NamedTuple):
    line: bytes
    source: DataSource
    done: Done
    since: float
    """When it was submitted, on the loop's clock."""

    @property
    def name(self) -> str:
        """The first word. What follows may hold a secret."""
        return self.line.split(b" ", 1)[0].decode("latin-1")


class Engine:
    """The command queue of one device, over one boot."""

    __slots__ = ("_busy", "_giving_up", "_kernel", "_refusing", "_stopped", "_task", "_waiting")

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._busy = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[_Request] = deque()
        self._giving_up: asyncio.TimerHandle | None = None
        self._refusing: set[asyncio.Task[None]] = set()

    def submit(self, line: bytes, source: DataSource, done: Done) -> None:
        """Execute a line when its turn comes; ``done`` hears the response, perhaps at once."""
        if self._stopped:
            done(_error(CommandError(Result.FAILED)))
        elif len(self._waiting) >= MAX_WAITING:
            done(_error(CommandError(Result.BUFFER_OVERFLOW)))
        elif self._busy or self._waiting:
            loop = asyncio.get_running_loop()
            self._waiting.append(_Request(line, source, done, loop.time()))
            if self._giving_up is None:
                self._giving_up = loop.call_later(MAX_WAIT, self._give_up)
        else:
            self._start(_Request(line, source, done, 0.0))

    def at_once(self, words: Sequence[str], source: DataSource, done: Done) -> bool:
        """Execute a line that is split already, if its turn is now and it waits for nothing.

        The short way for front ends that get the same line again and again. False: nothing was
        done, and ``submit`` is the way.
        """
        if self._busy or self._waiting or self._stopped:
            return False
        kernel = self._kernel
        command = kernel.commands.find(words[0])
        if command is None or command.waits or command.data or kernel.safe_mode:
            return False
        self._busy = True
        log = kernel.log.capture = []
        call = None
        try:
            call = Call(kernel, command, words[1:], source)
            response = self._respond(call, command.handler(call), log)  # type: ignore[arg-type]
        except CommandError as error:
            response = _error(error, log)
        except Exception as error:  # noqa: BLE001 - a bug in a command must not end the device
            response = _bug(error, words[0], log)
        self._end(call, done, response)
        return True

    async def run(self, line: bytes, source: DataSource) -> Response:
        """Execute a line and return its response."""
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.submit(line, source, lambda response: _resolve(answered, response))
        return await answered

    def withdraw(self, source: DataSource) -> list[bytes]:
        """Take a source's lines back that have not begun."""
        lines = [request.line for request in self._waiting if request.source is source]
        self._waiting = deque(one for one in self._waiting if one.source is not source)
        return lines

    def _give_up(self) -> None:
        """Fail the lines that have waited for `MAX_WAIT`, and look again when the next will have.

        What was sent behind such a line is no command either.
        """
        self._giving_up = None
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0].since + MAX_WAIT <= loop.time():
            task = loop.create_task(self._refuse_one(self._waiting.popleft()))
            self._refusing.add(task)
            task.add_done_callback(self._refusing.discard)
        if self._waiting:
            self._giving_up = loop.call_at(self._waiting[0].since + MAX_WAIT, self._give_up)

    async def _refuse_one(self, request: _Request) -> None:
        try:
            call = self._call(request)
            if call.command.data:
                await call.skip_data()
        except CommandError:
            pass
        finally:
            self._kernel.log.line(f"Busy: {request.name} has waited too long")
            request.done(_error(CommandError(Result.FAILED)))

    def refuse(self) -> None:
        """Refuse the lines that still wait."""
        self._stopped = True
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        while self._waiting:
            self._waiting.popleft().done(_error(CommandError(Result.FAILED)))

    async def stop(self) -> None:
        """Cancel the command that runs, which still gets its response; begin no other."""
        self._stopped = True
        current = asyncio.current_task()
        tasks = {one for one in (self._task, *self._refusing) if one not in (None, current)}
        if tasks:
            # One that has not begun would end without its first step, and so without a response.
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, request: _Request) -> None:
        self._busy = True
        log = self._kernel.log.capture = []
        call = None
        try:
            call = self._call(request)
            answer = call.command.handler(call)
            if isinstance(answer, CoroutineType):
                waiting = self._wait(call, answer, request, log)
                self._task = asyncio.get_running_loop().create_task(waiting)
                return
            response = self._respond(call, answer, log)  # type: ignore[arg-type]
        except CommandError as error:
            if call is not None and call.command.data:
                self._task = asyncio.get_running_loop().create_task(
                    self._fail(call, request, error, log)
                )
                return
            response = _error(error, log)
        except Exception as error:  # noqa: BLE001 - a bug in a command must not end the device
            response = _bug(error, request.name, log)
        self._finish(call, request, response)

    async def _wait(
        self, call: Call, waiting: Coroutine[Any, Any, Answer], request: _Request, log: list[str]
    ) -> None:
        try:
            async with asyncio.timeout(call.command.limit):
                answer = await waiting
            response = self._respond(call, answer, log)
        except CommandError as error:
            await self._fail(call, request, error, log)
            return
        except TimeoutError:
            self._kernel.log.line(f"{call.command.name} timed out")
            response = _error(CommandError(Result.FAILED), log)
        except asyncio.CancelledError:
            self._finish(call, request, _error(CommandError(Result.FAILED), log))
            raise
        except Exception as error:  # noqa: BLE001 - a bug in a command must not end the device
            response = _bug(error, request.name, log)
        self._finish(call, request, response)

    async def _fail(
        self, call: Call, request: _Request, error: CommandError, log: list[str]
    ) -> None:
        _logger.debug("%s: %s", call.command.name, error)
        try:
            # A failed write check promises that no byte of the payload was touched.
            if error.result is not Result.BOUNDS_ERROR:
                await call.skip_data()
        finally:
            self._finish(call, request, _error(error, log))

    def _finish(self, call: Call | None, request: _Request, response: Response) -> None:
        self._end(call, request.done, response)

    def _end(self, call: Call | None, done: Done, response: Response) -> None:
        self._kernel.log.capture = None
        self._task = None
        self._busy = False
        done(response)
        if call is not None:
            for action in call.after:
                try:
                    action()
                except Exception:
                    # The response is out; those who wait must still get theirs.
                    _logger.exception("%s failed after its response", call.command.name)
        if self._waiting and not (self._busy or self._stopped or self._kernel.halting):
            self._start(self._waiting.popleft())

    def _call(self, request: _Request) -> Call:
        words = split(request.line.decode("latin-1"))
        if not words:
            raise CommandError(Result.UNKNOWN_COMMAND)
        kernel = self._kernel
        command = kernel.commands.find(words[0])
        if command is None or (kernel.safe_mode and not command.safe_mode):
            raise CommandError(Result.UNKNOWN_COMMAND)
        return Call(kernel, command, words[1:], request.source)

    def _respond(self, call: Call, answer: Answer, log: list[str]) -> Response:
        if answer is None:
            answer = SUCCESS
        if isinstance(answer, Listing) and self._kernel.variables[BUFFERED]:
            text = answer.encode("latin-1", "replace") + b"\r\n"
            handle = self._kernel.streams.open(TextStream(call.command.name, text))
            answer = f"{handle},{len(text)}"
        data = answer if isinstance(answer, bytes) else answer.encode("latin-1", "replace")
        return Response(Result.SUCCESS, data, log, call.silent, call.prompt)


def _bug(error: Exception, name: str, log: list[str]) -> Response:
    _logger.error("%s failed", name, exc_info=error)
    return _error(CommandError(Result.FAILED), log)


def _error(error: CommandError, log: list[str] | None = None) -> Response:
    return Response(error.result, error.text.encode(), log or ())


def _resolve(answered: "asyncio.Future[Response]", response: Response) -> None:
    if not answered.done():
        answered.set_result(response)
