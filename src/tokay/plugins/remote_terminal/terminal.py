"""One client of the remote terminal: bytes between its connection and a console.

A client that says nothing of telnet gets none: no option is offered and no byte doubled, so that
`nc` and field programs see the console's text and nothing else. The first command of telnet that a
client sends makes it a telnet client: from then on options are negotiated, and we echo, as the
console does. With a password we speak first (*passive* negotiation), to keep the typing off the
client's screen.

Source: docs/protocol/command-protocol.md, section 14.
"""

import asyncio
import hmac
import re
import socket
from collections.abc import Callable
from typing import Protocol, cast

from tokay.board.closing import close_then_abort
from tokay.kernel.console import MAX_UNSENT, Console
from tokay.kernel.kernel import Kernel
from tokay.plugins.remote_terminal.variables import PASSWORD, TIMEOUT
from tokay.protocols.telnet import (
    ARE_YOU_THERE,
    BINARY,
    ECHO,
    SUPPRESS_GO_AHEAD,
    Telnet,
    TelnetCommand,
    escape,
)

QUESTION = b"Password: "
WRONG = b"\r\nWrong password\r\n"
IN_USE = b"Remote terminal is in use\r\n"
TRIES = 3
TRY_DELAY = 1.0
"""Seconds until a wrong password is answered: guessing takes time."""
LOGIN_TIME = 30.0
"""Seconds to say the password in: whoever does not know it must not keep others out."""
LONGEST_PASSWORD = 64
LINGER = 5.0
"""Seconds that a closed connection goes on sending what it has."""

_TELNET = re.compile(rb"\xff[\xf0-\xfe]")
_OURS = (ECHO, SUPPRESS_GO_AHEAD, BINARY)
_THEIRS = (SUPPRESS_GO_AHEAD, BINARY)
_LINE_END = re.compile(rb"\r\n|\r\0|\r|\n")
_ERASE = b"\x08\x7f"


class Host(Protocol):
    """Who lets clients in."""

    def admit(self, terminal: "Terminal") -> bool:
        """Accept a client, or reject it."""

    def began(self) -> None:
        """Called when a client has the parser."""

    def left(self, terminal: "Terminal", *, begun: bool) -> None:
        """Called when a client has disconnected; ``begun``: it had the parser."""


class RemoteConsole(Console):
    """A console that `exit` can leave."""

    __slots__ = ("on_leave",)

    on_leave: Callable[[], None]

    def leave(self) -> None:
        """Hang up."""
        self.on_leave()


class Terminal(asyncio.Protocol):
    """A connection, and the channel of its console."""

    def __init__(self, kernel: Kernel, host: Host) -> None:
        self._kernel = kernel
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._telnet = Telnet(ours=_OURS, theirs=_THEIRS)
        self._speaks_telnet = False
        self._typed = bytearray()
        self._tries = TRIES
        self._console: RemoteConsole | None = None
        self._admitted = False
        self._deadline: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._limit = 0
        self._refusing = False
        self._answering: asyncio.Task[None] | None = None

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.Transport", transport)
        self._admitted = self._host.admit(self)
        if not self._admitted:
            self._transport.write(IN_USE)
            self._transport.close()
            return
        # `drained` is to mean that all has gone.
        self._transport.set_write_buffer_limits(high=1, low=0)
        # A client whose cable was pulled must not keep others out for ever.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._kernel.variables[PASSWORD]:
            self._telnet.offer(ECHO)
            self._telnet.offer(SUPPRESS_GO_AHEAD)
            self._send(self._telnet.data_to_send() + QUESTION)
            self._deadline = self._loop.call_later(LOGIN_TIME, self.end)
        else:
            self._begin()

    def data_received(self, data: bytes) -> None:
        if not self._admitted or self._transport.is_closing():
            return
        self._heard_at = self._loop.time()
        if not self._speaks_telnet and _TELNET.search(data):
            self._speaks_telnet = True
            self._telnet.offer(ECHO)
            self._telnet.offer(SUPPRESS_GO_AHEAD)
        if not self._speaks_telnet:
            self._hear(data)
            return
        events = self._telnet.receive(data)
        self._send(self._telnet.data_to_send())
        for event in events:
            if isinstance(event, bytes):
                self._hear(event)
            elif event == TelnetCommand(ARE_YOU_THERE):
                self._send(b"\r\n[Yes]\r\n")
        if self.backlog > MAX_UNSENT:
            self._transport.abort()  # it asks and asks, and reads no answer

    def resume_writing(self) -> None:
        if self._console is not None:
            self._console.drained()

    def eof_received(self) -> bool:
        """Called when the client sends no more: it gets the answers to what it sent."""
        if self._console is None or not self._admitted:
            return False
        self._answering = self._loop.create_task(self._answer(self._console))
        return True

    async def _answer(self, console: RemoteConsole) -> None:
        await console.settle()
        self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()
        if self._admitted:
            self._leave()

    def end(self) -> None:
        """Hang up, once what was written has gone."""
        self._leave()
        if not self._transport.is_closing():
            close_then_abort(self._transport, LINGER)

    # The channel of the console.

    @property
    def backlog(self) -> int:
        """Bytes written and not yet gone."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send the console's bytes."""
        self._send(escape(data) if self._speaks_telnet else data)

    def pause(self) -> None:
        """Pause reading from the client."""
        if self._answering is None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Resume reading from the client."""
        if self._answering is None and not self._transport.is_closing():
            self._transport.resume_reading()

    # The password, then the console.

    def _hear(self, data: bytes) -> None:
        if self._console is not None:
            self._console.feed(data)
            if self._admitted and self._limit != self._kernel.variables[TIMEOUT]:
                self._watch_idle()
        elif self._admitted and not self._refusing:
            self._typed += data
            self._log_in()

    def _log_in(self) -> None:
        """Take the line that was typed, if it is whole."""
        end = _LINE_END.search(self._typed)
        if end is None:
            if len(self._typed) > LONGEST_PASSWORD:
                self.end()
            return
        if end[0] == b"\r" and end.end() == len(self._typed):
            # Its other half may still come, and must not be taken for an empty line.
            line, self._typed = bytes(self._typed[: end.start()]), bytearray()
        else:
            line = bytes(self._typed[: end.start()])
            del self._typed[: end.end()]
        if hmac.compare_digest(_edited(line), self._kernel.variables[PASSWORD].encode("latin-1")):
            self._send(b"\r\n")
            self._begin()
            return
        self._tries -= 1
        self._typed.clear()
        self._refusing = True
        self.pause()
        self._loop.call_later(TRY_DELAY, self._refuse)

    def _refuse(self) -> None:
        if self._transport.is_closing() or not self._admitted:
            return
        self._refusing = False
        self._send(WRONG)
        if not self._tries:
            self._kernel.log.line("Remote terminal: wrong password")
            self.end()
            return
        self._send(QUESTION)
        self.resume()

    def _begin(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._heard_at = self._loop.time()
        self._host.began()
        typed = bytes(self._typed)
        self._typed.clear()
        self._console = RemoteConsole(self._kernel, self, name="remote_terminal")
        self._console.on_leave = self.end
        self._console.start()
        self._watch_idle()
        if typed:
            self._console.feed(typed)

    # Silence.

    def _watch_idle(self) -> None:
        """Hang up if the client has been silent too long, or look again when it may be."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._limit = limit = self._kernel.variables[TIMEOUT]
        if not limit:
            return
        now = self._loop.time()
        if self._console is not None and self._console.busy:
            self._heard_at = now  # who waits for an answer is not idle
        due = self._heard_at + limit
        if due <= now:
            self.end()
        else:
            self._deadline = self._loop.call_at(due, self._watch_idle)

    def _leave(self) -> None:
        if not self._admitted:
            return
        self._admitted = False
        if self._deadline is not None:
            self._deadline.cancel()
        if self._console is not None:
            self._console.close()
        self._host.left(self, begun=self._console is not None)

    def _send(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)


def _edited(line: bytes) -> bytes:
    """Carry out the backspaces in a line."""
    kept = bytearray()
    for byte in line:
        if byte in _ERASE:
            del kept[-1:]
        elif byte:
            kept.append(byte)
    return bytes(kept)
