"""`/cmdstream`: commands as MessagePack maps, each answered with the id that it came with.

Commands of one client run in the order in which they came. Source:
docs/protocol/web-and-discovery.md, section 3.3.
"""

import re
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from tokay.kernel.commands import MAX_DATA, DataBuffer
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import TEXTS, Response, Result
from tokay.plugins.websocket.connection import Connection, State
from tokay.protocols.websocket import BINARY, INVALID_DATA, TEXT, UNSUPPORTED

SOURCE = "cmdstream"
MAX_MESSAGE = 2 * MAX_DATA
"""Bytes of one request: the data of a command, its line, and some."""
MAX_OUTSTANDING = 8
"""Requests that wait for their turn before the client must wait."""

_CONTROL = re.compile(rb"[\r\n\0]")


class Request(msgspec.Struct):
    """What a client sends. Keys that are not here are let through."""

    command: str
    id: int = 0
    data: Any = b""
    """Bytes or text."""


class Numbered(msgspec.Struct):
    """What is read of a request that is none."""

    id: int = 0


class Waiting(NamedTuple):
    """A request whose turn has not come."""

    id: int
    line: bytes
    data: bytes


_requests = msgspec.msgpack.Decoder(Request)
_numbers = msgspec.msgpack.Decoder(Numbered)
_encoder = msgspec.msgpack.Encoder()


class CommandClient:
    """One client of `/cmdstream`."""

    __slots__ = ("_gone", "_kernel", "_message", "_pumping", "_running", "_waiting", "connection")

    def __init__(self, kernel: Kernel, gone: Callable[[], None]) -> None:
        self._kernel = kernel
        self._gone = gone
        self._message = bytearray()
        self._waiting: deque[Waiting] = deque()
        self._running: DataBuffer | None = None
        self._pumping = False
        self.connection = Connection(self, most=MAX_MESSAGE)

    def begun(self) -> None:
        """Wait for requests."""

    # What the connection tells.

    def heard(self, opcode: int, data: bytes, end: bool) -> None:
        """Put a message together."""
        if opcode == TEXT:
            self.connection.close(UNSUPPORTED, "a request is a binary message")
        elif not end:
            self._message += data
        elif self._message:
            whole = bytes(self._message + data)
            self._message.clear()
            self._take(whole)
        else:
            self._take(data)

    def turn(self) -> None:
        """Run what can be run."""
        self._pump()

    def writable(self) -> None:
        """Go on: the client reads again."""
        self._pump()

    def closed(self, code: int, reason: str) -> None:
        """Forget what has not begun. A command that runs is carried to its end."""
        self._waiting.clear()
        self._message.clear()
        if self._running is not None:
            self._kernel.engine.withdraw(self._running)
        self._gone()

    # Requests.

    def _take(self, message: bytes) -> None:
        try:
            request = _requests.decode(message)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self._refuse(message)
            return
        line, data = _raw(request.command).rstrip(b"\r\n"), request.data
        if isinstance(data, str):
            data = _raw(data)
        elif not isinstance(data, bytes):
            self._refuse(message)
            return
        self._waiting.append(Waiting(request.id, line, data))
        if len(self._waiting) >= MAX_OUTSTANDING:
            self.connection.pause()

    def _refuse(self, message: bytes) -> None:
        """Answer a map that is no request; what is no map ends the connection."""
        try:
            number = _numbers.decode(message).id
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self.connection.close(INVALID_DATA, "a request is a MessagePack map")
            return
        self._send(number, Result.PARSE_ERROR, TEXTS[Result.PARSE_ERROR].encode())

    def _pump(self) -> None:
        """Begin what waits, one after the other, while the client takes the answers."""
        if self._pumping:
            return
        self._pumping = True
        connection = self.connection
        while self._waiting and self._running is None and not connection.full:
            number, line, data = self._waiting.popleft()
            if len(self._waiting) == MAX_OUTSTANDING // 2:
                connection.resume()
            if _CONTROL.search(line) is not None:
                self._send(number, Result.PARSE_ERROR, TEXTS[Result.PARSE_ERROR].encode())
                continue
            source = self._running = DataBuffer(data, SOURCE)
            self._kernel.engine.submit(line, source, partial(self._answered, number))
        self._pumping = False

    def _answered(self, number: int, response: Response) -> None:
        self._running = None
        self._send(number, response.code, response.data)
        self._pump()

    def _send(self, number: int, code: Result, data: bytes) -> None:
        """Send an answer: text where it is text, as everywhere with its line end."""
        if data:
            data += b"\r\n"
        if self.connection.state is not State.OPEN:
            return
        text: str | bytes
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data
        answer = {"id": number, "code": int(code), "response": text}
        self.connection.send(BINARY, _encoder.encode(answer))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
