"""A module behind its command stream: MessagePack maps over a WebSocket, at `/cmdstream`.

Source: docs/protocol/web-and-discovery.md, section 3.3.
"""

import asyncio
import contextlib
from collections.abc import Iterator

from tokay.host.address import Address
from tokay.host.channel import HOST, MODULE, Trace
from tokay.host.errors import (
    Busy,
    Disconnected,
    FramingError,
    LoginFailed,
    ModuleError,
    Timeout,
    Unsupported,
)
from tokay.host.http import authorization, connect, host_name, read_head
from tokay.host.link import Link
from tokay.host.response import DISCONNECTED, Event, Response
from tokay.protocols import websocket
from tokay.protocols.msgpack import MsgpackError, pack, unpack

MAX_MESSAGE = 1024 * 1024
"""Bytes of an answer."""
CLOSE_TIME = 1.0


class CommandStreamLink(Link):
    """One connection. Answers are told apart by their id, so a late one does no harm."""

    def __init__(self, address: Address, *, trace: Trace | None = None) -> None:
        super().__init__()
        self._address = address
        self._trace = trace
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._receiver = websocket.FrameReceiver(masked=False, max_size=MAX_MESSAGE)
        self._message = bytearray()
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._id = 0
        self._line = ""
        self._error: ModuleError | None = None

    async def open(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                reader, self._writer = await connect(self._address)
                await self._upgrade(reader, self._writer)
        except TimeoutError:
            raise Timeout(f"{self._address} does not answer") from None
        except (OSError, EOFError) as error:
            raise Disconnected(f"{self._address}: {error}") from None
        self._reading = asyncio.create_task(self._read(reader))

    async def execute(self, line: bytes, data: bytes, timeout: float) -> Response:
        if self._error is not None:
            raise self._error
        self._line = line.decode("utf-8", "surrogateescape")
        self._id = (self._id + 1) & 0x7FFFFFFF
        fields: dict[str, int | str | bytes] = {"id": self._id, "command": self._line}
        if data:
            fields["data"] = data
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[self._id] = answered
        self._send(websocket.BINARY, pack(fields))
        try:
            async with asyncio.timeout(timeout):
                return await answered
        except TimeoutError:
            raise Timeout(f"{self._line}: no answer within {timeout:g} s") from None
        finally:
            self._waiting.pop(self._id, None)

    async def close(self) -> None:
        if self._writer is None:
            return
        if self._error is None:
            self._error = Disconnected(f"{self._address} is closed")
            self._send(websocket.CLOSE, websocket.close_payload(websocket.NORMAL))
        if self._reading is not None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(CLOSE_TIME):
                    await asyncio.shield(self._reading)
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()

    @property
    def lost(self) -> bool:
        return self._error is not None

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = websocket.new_key()
        asked = websocket.request(host_name(self._address), self._address.path, key)
        writer.write(asked[:-2] + authorization(self._address).encode() + b"\r\n")
        head = await read_head(reader)
        try:
            websocket.check_answer(head, key)
        except websocket.HandshakeError as error:
            match error.status:
                case 401:
                    raise LoginFailed(
                        f"{self._address} wants a user and password, or others"
                    ) from None
                case 404:
                    raise Unsupported(f"{self._address} has no command stream") from None
                case 503:
                    raise Busy(f"{self._address} has too many clients") from None
            raise FramingError(f"{self._address}: {error}", head) from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        error: ModuleError = Disconnected(f"{self._address} is gone")
        try:
            while data := await reader.read(65536):
                if self._trace is not None:
                    self._trace(asyncio.get_running_loop().time(), MODULE, data)
                for message in self._messages(data):
                    self._answered(message)
        except (websocket.WebSocketError, MsgpackError) as broken:
            error = FramingError(f"{self._address}: {broken}")
        except OSError as lost:
            error = Disconnected(f"{self._address} is gone: {lost.strerror}")
        self._end(error)

    def _messages(self, data: bytes) -> Iterator[bytes]:
        """Yield whole messages; answer pings, and stop at a close frame."""
        for opcode, payload, final in self._receiver.receive(data):
            match opcode:
                case websocket.PING:
                    self._send(websocket.PONG, payload)
                case websocket.PONG:
                    pass
                case websocket.CLOSE:
                    self._send(websocket.CLOSE, payload)
                    return
                case _:
                    self._message += payload
                    if final:
                        message = bytes(self._message)
                        self._message.clear()
                        yield message

    def _answered(self, message: bytes) -> None:
        fields = unpack(message)
        if not isinstance(fields, dict) or not isinstance(number := fields.get("id"), int):
            raise MsgpackError("an answer that is no map with an id")
        code, body = fields.get("code"), fields.get("response", b"")
        if not isinstance(code, int) or not isinstance(body, str | bytes):
            raise MsgpackError("an answer without code and response")
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            data = body.encode() if isinstance(body, str) else body
            waiting.set_result(Response(code, data.removesuffix(b"\r\n"), (), self._line))

    def _end(self, error: ModuleError) -> None:
        if self._error is None:
            self._error = error
            self.tell(Event(DISCONNECTED, str(error), b""))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._error)

    def _send(self, opcode: int, payload: bytes) -> None:
        data = websocket.frame(opcode, payload, masked=True)
        if self._trace is not None:
            self._trace(asyncio.get_running_loop().time(), HOST, data)
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)
