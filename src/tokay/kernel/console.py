"""A console: one conversation in the command protocol over a byte channel.

Bytes come in through ``feed``. They make lines, lines make commands, and while a command runs what
comes behind it waits. A command that takes data reads it from here raw. Going out, a response is
decorated as `system.cmd.*` says at the moment it is printed, so the reply to the `set` that turns
headers on has a header already.

Line ends: CR, LF, CR LF and LF CR each end one line. A CR ends it at once and one LF right behind
is dropped, even when the command takes data, which begins behind the pair. NUL is nothing.

Sources: docs/protocol/command-protocol.md, sections 2, 3 and 5; docs/protocol/network.md, section
1.7.
"""

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from tokay.kernel.editor import Editor
from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Entry, Level
from tokay.kernel.results import READY, CommandError, Response, Result
from tokay.kernel.system_variables import ECHO, HEADERS, PRINT_LEVEL, PROMPT, RX_BUFFER
from tokay.protocols.framing import CRLF, LOG, MAX_BODY, REPLY, SAFE_REPLY, frame

CR, LF, NUL, TAB = 0x0D, 0x0A, 0x00, 0x09
MAX_UNSENT = 64 * 1024
"""Bytes that wait for a host that does not read: then commands wait, and log lines are lost."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Channel(Protocol):
    """The way back to the host."""

    @property
    def backlog(self) -> int:
        """Bytes written and not yet gone."""

    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as they can go."""

    def pause(self) -> None:
        """Stop calling ``feed``: the host must wait."""

    def resume(self) -> None:
        """Go on calling ``feed``."""


class Held(NamedTuple):
    """Input that a console leaves behind at a reboot: for the next one, so that none is lost."""

    data: bytes = b""
    line_end: int = NUL


class Console:
    """The console of one boot.

    ``name`` is where it is: `uart0`, `remote_terminal`. ``logs``: it prints the log too.
    ``most_unsent``: bytes that may wait for the host before commands wait. ``on_leave`` is what
    `exit` does here.
    """

    __slots__ = (
        "_arrived", "_busy", "_channel", "_closed", "_editor", "_input", "_kernel", "_limit",
        "_line_end", "_most_unsent", "_on_leave", "_paused", "_printer", "_pumping", "_settled",
        "muted", "name",
    )  # fmt: skip

    def __init__(
        self,
        kernel: Kernel,
        channel: Channel,
        *,
        name: str,
        logs: bool = True,
        most_unsent: int = MAX_UNSENT,
        held: Held | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.muted = False
        """Whether new lines are not heard: somebody else has the parser."""
        self._on_leave = on_leave
        self._kernel = kernel
        self._channel = channel
        self._limit = kernel.variables[RX_BUFFER]
        self._editor = Editor(self._limit, kernel.complete)
        self._input = bytearray()
        self._line_end = NUL
        self._busy = self._paused = self._pumping = self._closed = False
        self._arrived: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] | None = None
        self._most_unsent = most_unsent
        self._printer = LogPrinter(kernel, channel, most_unsent) if logs else None
        if held is not None:
            self._input += held.data
            self._line_end = held.line_end

    # Input.

    def start(self) -> None:
        """Print the prompt and begin with what was held over a reboot."""
        if self._kernel.variables[PROMPT]:
            self._channel.write(self._kernel.prompt)
        self._pump()

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""
        if self.muted and self._arrived is None:
            return
        self._input += data
        if self._arrived is not None:
            _wake(self._arrived)
            self._pace()
        else:
            self._pump()

    def drained(self) -> None:
        """Called by the channel when the host has read."""
        if self._arrived is not None:
            _wake(self._arrived)
        else:
            self._pump()

    def close(self) -> Held:
        """End; return the input that was not used."""
        self._closed = True
        if self._printer is not None:
            self._printer.close()
        if self._arrived is not None:
            _wake(self._arrived)
        if self._settled is not None:
            _wake(self._settled)
        unstarted = b"".join(line + b"\n" for line in self._kernel.engine.withdraw(self))
        return Held(unstarted + bytes(self._input), self._line_end)

    async def settle(self) -> None:
        """Return once every whole line that came in is answered, and the host has the answers."""
        while not (self._closed or self._kernel.halting) and (
            self._busy or self._input or self._channel.backlog
        ):
            self._settled = asyncio.get_running_loop().create_future()
            await self._settled

    def forget_line(self) -> None:
        """Begin a new line: the host that typed this one has gone."""
        if not self._busy:
            self._editor.take()
            self._line_end = NUL

    @property
    def busy(self) -> bool:
        """Whether a command of this console runs."""
        return self._busy

    # The source of a command's data.

    def say(self, text: str) -> None:
        """Print a question."""
        self._channel.write(text.encode("latin-1"))

    async def read(self, size: int, timeout: float, *, echo: bool = True) -> bytes:
        """Return ``size`` raw bytes from behind the line, or fewer after ``timeout`` idle ones."""
        data = bytearray()
        try:
            while len(data) < size and not self._closed:
                if not self._input or self._choked:
                    self._arrived = asyncio.get_running_loop().create_future()
                    async with asyncio.timeout(timeout):
                        await self._arrived
                    continue
                if self._line_end == CR and self._input[0] == LF:
                    del self._input[0]
                self._line_end = NUL
                piece = bytes(self._input[: size - len(data)])
                del self._input[: len(piece)]
                if echo:
                    self._echo(piece)
                data += piece
                self._pace()
        except TimeoutError:
            pass
        finally:
            self._arrived = None
        return bytes(data)

    def finish(self) -> None:
        """Put what follows the echoed data on a line of its own."""
        self._echo(CRLF)

    def leave(self) -> None:
        """Carry out `exit`. On a serial port in command mode there is nowhere to go."""
        if self._on_leave is not None:
            self._on_leave()

    # Lines.

    @property
    def _choked(self) -> bool:
        return self._channel.backlog > self._most_unsent

    def _pump(self) -> None:
        """Take lines from the input for as long as each is answered at once."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._input and not (
                self._busy or self._closed or self._kernel.halting or self._choked
            ):
                self._step()
        finally:
            self._pumping = False
        if self._closed:
            return
        self._pace()
        if self._settled is not None and not self._busy:
            _wake(self._settled)

    def _step(self) -> None:
        """Take a run of text, or one control byte."""
        match = _CONTROL.search(self._input)
        end = match.start() if match else len(self._input)
        if end:
            run = bytes(self._input[:end])
            self._line_end = NUL
            self._echo(self._editor.insert(run))
            if match is None:
                self._input.clear()
                return
        byte = self._input[end]
        del self._input[: end + 1]
        if byte in (CR, LF):
            # The second half of CR LF or LF CR belongs to the line end before it.
            if self._line_end not in (NUL, byte):
                self._line_end = NUL
                return
            self._line_end = byte
            if byte == CR and self._input[:1] == b"\n":
                # Its other half is here already.
                del self._input[0]
                self._line_end = NUL
            self._enter()
        elif byte != NUL:
            self._line_end = NUL
            if byte == TAB and not self._kernel.variables[ECHO]:
                self._editor.insert(b" ")
            else:
                self._echo(self._editor.control(byte))

    def _enter(self) -> None:
        overlong = self._editor.overlong
        line = self._editor.take()
        self._echo(CRLF)
        if overlong:
            error = CommandError(Result.BUFFER_OVERFLOW)
            self._answer(Response(error.result, error.text.encode()))
            return
        bare = line.strip(b" ")
        if not bare or bare.startswith(b"#"):
            self._answer(Response(Result.SUCCESS, READY.encode()))
            return
        self._editor.remember(line)
        self._busy = True
        self._kernel.engine.submit(line, self, self._done)

    def _done(self, response: Response) -> None:
        self._busy = False
        if self._closed:
            return
        self._answer(response)
        # Behind `reboot` the next line is for the next boot, and this turn's `after` decides.
        if not self._pumping:
            asyncio.get_running_loop().call_soon(self._pump)

    # Output.

    def _echo(self, data: bytes) -> None:
        if data and self._kernel.variables[ECHO]:
            self._channel.write(data)

    def _answer(self, response: Response) -> None:
        if response.silent:
            return
        kernel = self._kernel
        variables = kernel.variables
        code, data = response.code, response.data
        if variables[HEADERS]:
            if len(data) > MAX_BODY:
                error = CommandError(Result.BUFFER_OVERFLOW)
                code, data = error.result, error.text.encode()
            out = frame(SAFE_REPLY if kernel.safe_mode else REPLY, code, data)
        else:
            out = data + CRLF if data else b""
        if response.prompt and variables[PROMPT]:
            out += kernel.prompt
        self._channel.write(out)

    def _pace(self) -> None:
        """Pause the host while more input is held than the receive buffer has room for."""
        full = len(self._input) > self._limit
        if full and not self._paused:
            self._paused = True
            self._channel.pause()
        elif self._paused and not full:
            self._paused = False
            self._channel.resume()


class LogPrinter:
    """Prints the log of one boot on a channel, as `system.print_level` says.

    Lines that a host does not read are dropped and counted: a log must not hold up the device.
    """

    __slots__ = ("_channel", "_kernel", "_most_unsent", "close", "lost")

    def __init__(self, kernel: Kernel, channel: Channel, most_unsent: int = MAX_UNSENT) -> None:
        self._kernel = kernel
        self._channel = channel
        self._most_unsent = most_unsent
        self.lost = 0
        self.close = kernel.log.listen(self._print)

    def _print(self, entry: Entry) -> None:
        variables = self._kernel.variables
        shown = variables[PRINT_LEVEL]
        if shown != "all" and entry.level > int(shown):
            return
        if self._channel.backlog > self._most_unsent and entry.level > Level.ALERT:
            self.lost += 1
            return
        text = entry.text.encode("latin-1", "replace")
        if variables[HEADERS] and not entry.bare:
            self._channel.write(frame(LOG, 0, text))
        else:
            self._channel.write(text + CRLF)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
