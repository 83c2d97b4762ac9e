"""A stream over a WebSocket: what arrives in frames is read as bytes, a write is a frame.

Sources: docs/protocol/web-and-discovery.md, section 3.2; docs/protocol/network.md, sections 6.6 and
10.1.
"""

import asyncio
import codecs

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import Inbox, Stream, Taker
from tokay.plugins.network import Interface
from tokay.plugins.websocket.connection import Connection
from tokay.protocols.websocket import (
    BINARY,
    CONTINUATION,
    GOING_AWAY,
    MAX_CONTROL,
    NORMAL,
    PING,
    TEXT,
)

PING_FLAG, FRAGMENT_FLAG = "-p", "-f"
"""The options of `stream_write` that are for WebSockets."""


class WebSocketStream(Stream):
    """Bytes both ways. ``key`` makes it a client's; ``text`` has it send text."""

    bridgeable = datagrams = True

    __slots__ = (
        "_burst",
        "_ended",
        "_inbox",
        "_kernel",
        "_opcode",
        "_room",
        "_taker",
        "_text",
        "_unfinished",
        "connection",
        "interface",
        "type",
    )

    def __init__(
        self,
        kernel: Kernel,
        interface: Interface,
        type: str,
        info: str,
        *,
        key: str = "",
        text: bool = False,
    ) -> None:
        super().__init__(info)
        self.type = type
        self.interface = interface
        self.connection = Connection(self, key=key)
        self._kernel = kernel
        self._inbox = Inbox(self.connection.pause, self.connection.resume)
        self._burst: list[bytes] = []
        self._room: asyncio.Event | None = None
        self._taker: Taker | None = None
        self._ended = False
        self._unfinished = False
        self._opcode = TEXT if text else BINARY
        self._text = codecs.getincrementaldecoder("utf-8")() if text else None

    # What a stream does.

    @property
    def available(self) -> int:
        return self._inbox.size

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def edge(self) -> bool:
        return self._inbox.full

    def take(self, limit: int) -> bytes:
        return self._inbox.take(limit)

    async def room(self, timeout: float) -> bool:
        if not self.connection.full:
            return True
        if self._room is None:
            self._room = asyncio.Event()
        try:
            async with asyncio.timeout(timeout):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        if flags:
            if PING_FLAG in flags:
                self._ping(data, flags)
                return
            final = FRAGMENT_FLAG not in flags
        else:
            final = True
        if self._text is not None:
            self._check_text(data, final)
        opcode = CONTINUATION if self._unfinished else self._opcode
        if not self.connection.send(opcode, data, final=final):
            raise failed("the other side has closed")
        self._unfinished = not final
        self._kernel.streams.sent += len(data)

    @property
    def choked(self) -> bool:
        return self.connection.full

    def divert(self, taker: Taker | None) -> None:
        self._taker = taker
        self._inbox.divert(taker)

    def go_on(self) -> None:
        self._inbox.go_on()

    def close(self) -> None:
        if self.interface.up:
            self.connection.close(NORMAL)
        else:
            self.connection.close(GOING_AWAY, wait=False)

    def _ping(self, data: bytes, flags: frozenset[str]) -> None:
        if FRAGMENT_FLAG in flags:
            raise failed("a ping has no fragments")
        if len(data) > MAX_CONTROL:
            raise failed(f"a ping has no more than {MAX_CONTROL} bytes")
        if not self.connection.send(PING, data):
            raise failed("the other side has closed")

    def _check_text(self, data: bytes, final: bool) -> None:
        """Raise CommandError when a message of ours would not be text; it may be tried again."""
        assert self._text is not None  # noqa: S101 - asked by the caller
        before = self._text.getstate()
        try:
            self._text.decode(data, final)
        except UnicodeDecodeError:
            self._text.setstate(before)
            raise failed("text is UTF-8") from None

    # What the connection tells.

    def heard(self, opcode: int, data: bytes, end: bool) -> None:
        """Keep what came: bytes, whatever the message was."""
        if data:
            self._kernel.streams.received += len(data)
            self._burst.append(data)

    def turn(self) -> None:
        """Hand over what came at once as one piece: frames may be of one byte each."""
        burst = self._burst
        if burst:
            self._inbox.put(burst[0] if len(burst) == 1 else b"".join(burst))
            burst.clear()
            self._kernel.streams.arrived(self)

    def writable(self) -> None:
        """Wake a writer that waits."""
        if self._room is not None:
            self._room.set()
            self._room = None
        if self._taker is not None:
            self._taker.room()

    def closed(self, code: int, reason: str) -> None:
        """Called when the peer has gone. What has arrived can still be read."""
        self._ended = True
        self.writable()
        self._kernel.streams.arrived(self)
