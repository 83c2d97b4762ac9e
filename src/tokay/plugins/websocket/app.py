"""Application streams: data under a name, between the plugins of a device and its web pages.

A plugin registers streams here and is asked for them, or given data, by whoever has a page open; it
may as well ask a page for its own. `/appdata` speaks MessagePack maps, `/zapstreams` the same maps
as JSON text. A request has a `method` (`list`, `read` or `write`), a `stream`, `data` and an `id`;
its answer has that `id`, a `code` and `data`. The names of the fields are inferred.

Source: docs/protocol/web-and-discovery.md, section 3.4.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Any

import msgspec

from tokay.kernel.results import CommandError, failed
from tokay.plugins.http_server import Request
from tokay.plugins.websocket.connection import Connection
from tokay.protocols.websocket import BINARY, INVALID_DATA, TEXT, UNSUPPORTED

MAX_MESSAGE = 64 * 1024
"""Bytes of one message."""
MAX_ASKED = 16
"""Requests of ours that one client may leave unanswered."""
PATIENCE = 7.0
"""Seconds that a client has to answer, as vendor clients give the device."""

_logger = logging.getLogger(__name__)

Data = bytes | str


class Permission(IntFlag):
    """What a page may do with a stream."""

    NONE = 0
    READ = 1
    WRITE = 2
    ALL = 0xFF


class Code(IntEnum):
    """How a request ended."""

    SUCCESS = 1
    ERROR = 2
    NOT_LISTENING_FOR_STREAM = 3
    MISSING_REQUIRED_FIELD = 4
    UNKNOWN_METHOD = 5
    NO_ROOM = 6


class Message(msgspec.Struct, omit_defaults=True):
    """A request or an answer. Fields that are not here are let through."""

    id: int | None = None
    method: str | None = None
    stream: str | None = None
    code: int | None = None
    data: Any = None


class Coding:
    """How messages are written: MessagePack in binary messages, or JSON in text."""

    __slots__ = ("decode", "encode", "opcode")

    def __init__(
        self,
        opcode: int,
        encode: Callable[[Message], bytes],
        decode: Callable[[bytes], Message],
    ) -> None:
        self.opcode, self.encode, self.decode = opcode, encode, decode


MSGPACK = Coding(BINARY, msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Message).decode)
JSON = Coding(TEXT, msgspec.json.Encoder().encode, msgspec.json.Decoder(Message).decode)

Reader = Callable[["AppClient"], Data]
Writer = Callable[["AppClient", Data], None]


class AppStreams:
    """The streams that plugins have registered, and who has a page open.

    ``on_client`` hears of each client that comes (True) and goes (False).
    """

    __slots__ = ("_clients", "_streams", "on_client")

    def __init__(self) -> None:
        self._streams: dict[str, tuple[Reader | None, Writer | None]] = {}
        self._clients: list[AppClient] = []
        self.on_client: list[Callable[[AppClient, bool], None]] = []

    @property
    def clients(self) -> list["AppClient"]:
        """Who is connected, in the order in which they came."""
        return list(self._clients)

    def register(
        self, name: str, *, read: Reader | None = None, write: Writer | None = None
    ) -> None:
        """Offer a stream. What has no handler is not permitted.

        A handler may raise CommandError, which the page sees as an error.
        """
        self._streams[name] = read, write

    def unregister(self, name: str) -> None:
        """Take a stream back."""
        self._streams.pop(name, None)

    def write_all(self, name: str, data: Data) -> int:
        """Write to a stream of every client, and wait for no answer; return how many took it."""
        return sum(client.post(name, data) for client in self.clients)

    def permissions(self) -> dict[str, int]:
        """Return what a client may do, by stream."""
        return {
            name: int(((read and Permission.READ) or 0) | ((write and Permission.WRITE) or 0))
            for name, (read, write) in sorted(self._streams.items())
        }

    def find(self, name: str) -> tuple[Reader | None, Writer | None]:
        """Return the handlers of a stream."""
        return self._streams.get(name, (None, None))

    def came(self, client: "AppClient") -> None:
        """Called when a client has connected."""
        self._clients.append(client)
        self._tell(client, True)

    def gone(self, client: "AppClient") -> None:
        """Called when a client has disconnected."""
        if client in self._clients:
            self._clients.remove(client)
            self._tell(client, False)

    def _tell(self, client: "AppClient", here: bool) -> None:
        for listener in tuple(self.on_client):
            try:
                listener(client, here)
            except Exception:
                _logger.exception("a listener to application clients failed")


class AppClient:
    """One page that is connected. ``peer`` is its address."""

    __slots__ = (
        "_asked",
        "_coding",
        "_gone",
        "_message",
        "_numbers",
        "_streams",
        "connection",
        "peer",
    )

    def __init__(
        self, streams: AppStreams, coding: Coding, request: Request, gone: Callable[[], None]
    ) -> None:
        self._streams = streams
        self._coding = coding
        self._gone = gone
        self._message = bytearray()
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._numbers = itertools.count()
        self.peer = request.peer
        self.connection = Connection(self, most=MAX_MESSAGE)

    def begun(self) -> None:
        """Called when the connection is established."""
        self._streams.came(self)

    # For plugins: the streams of the page.

    async def list(self) -> Any:
        """Return what streams the page has, in its own words. Raises CommandError."""
        return (await self._ask(Message(method="list"))).data

    async def read(self, name: str) -> Any:
        """Return the data of a stream of the page. Raises CommandError."""
        return (await self._ask(Message(method="read", stream=name))).data

    async def write(self, name: str, data: Data) -> None:
        """Write to a stream of the page, and wait until it has it. Raises CommandError."""
        await self._ask(Message(method="write", stream=name, data=data))

    def post(self, name: str, data: Data) -> bool:
        """Write to a stream of the page, and wait for nothing; False when it has no room."""
        if self.connection.full:
            return False
        return self._send(Message(method="write", stream=name, data=data))

    async def _ask(self, message: Message) -> Message:
        if len(self._asked) >= MAX_ASKED or self.connection.full:
            raise failed("the page does not answer")
        number = message.id = next(self._numbers)
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = answered
        try:
            if not self._send(message):
                raise failed("the page has gone")
            async with asyncio.timeout(PATIENCE):
                answer = await answered
        except TimeoutError:
            raise failed("the page does not answer") from None
        finally:
            del self._asked[number]
        if answer.code != Code.SUCCESS:
            raise failed(f"the page answers {answer.code}")
        return answer

    # What the connection tells.

    def heard(self, opcode: int, data: bytes, end: bool) -> None:
        """Put a message together."""
        if opcode != self._coding.opcode:
            self.connection.close(UNSUPPORTED, "the other kind of message")
            return
        self._message += data
        if end:
            message = bytes(self._message)
            self._message.clear()
            self._take(message)

    def turn(self) -> None:
        """Nothing is put off."""

    def writable(self) -> None:
        """Resume reading requests."""
        self.connection.resume()

    def closed(self, code: int, reason: str) -> None:
        """Wake whoever waits for this page."""
        for answered in self._asked.values():
            if not answered.done():
                answered.set_result(Message(code=Code.ERROR))
        self._streams.gone(self)
        self._gone()

    # Messages.

    def _take(self, raw: bytes) -> None:
        try:
            message = self._coding.decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self.connection.close(INVALID_DATA, "a message is a map")
            return
        if message.method is None and message.code is not None:
            answered = self._asked.get(-1 if message.id is None else message.id)
            if answered is not None and not answered.done():
                answered.set_result(message)
            return
        if self.connection.full:
            # It asks, and does not read the answers: what is under way is told no more than that.
            self.connection.pause()
            self._send(Message(id=message.id, code=Code.NO_ROOM))
            return
        try:
            code, data = self._carry_out(message)
            answer = self._coding.encode(Message(id=message.id, code=code, data=data))
        except Exception:
            # A plugin's bug, or data that cannot be written: the page and the device go on.
            _logger.exception("application stream %s failed", message.stream)
            answer = self._coding.encode(Message(id=message.id, code=Code.ERROR))
        self.connection.send(self._coding.opcode, answer)

    def _carry_out(self, message: Message) -> tuple[Code, Any]:
        """Do what a page asks for; return how it went, and data."""
        if message.method is None:
            return Code.MISSING_REQUIRED_FIELD, None
        if message.method == "list":
            return Code.SUCCESS, self._streams.permissions()
        if message.method not in ("read", "write"):
            return Code.UNKNOWN_METHOD, None
        if message.stream is None:
            return Code.MISSING_REQUIRED_FIELD, None
        read, write = self._streams.find(message.stream)
        try:
            if message.method == "read":
                return (Code.SUCCESS, read(self)) if read else (Code.NOT_LISTENING_FOR_STREAM, None)
            if write is None:
                return Code.NOT_LISTENING_FOR_STREAM, None
            if not isinstance(message.data, bytes | str):
                return Code.MISSING_REQUIRED_FIELD, None
            write(self, message.data)
        except CommandError:
            return Code.ERROR, None
        return Code.SUCCESS, None

    def _send(self, message: Message) -> bool:
        return self.connection.send(self._coding.opcode, self._coding.encode(message))
