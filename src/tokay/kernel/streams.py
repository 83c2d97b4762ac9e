"""Streams: what is open, by handle.

Life of a stream::

    open --peer closes--> ended --all read--> drained --next touch--> gone      (auto-close)
                                                      --stream_close--> gone    (else)

A drained stream lingers until something touches its handle, so that a host which closes what it
has read to the end is not told that this failed; it never stands in the way of a new stream.
Handles count from 0, the lowest free one first, eight at most, whatever the type.

Sources: docs/protocol/command-protocol.md, section 7; docs/protocol/network.md, section 6.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from tokay.kernel.events import StreamClosed, StreamOpened, StreamStateChanged
from tokay.kernel.results import CommandError, failed
from tokay.kernel.system_variables import AUTO_CLOSE

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

MAX_STREAMS = 8
HIGH_WATER = 16 * 1024
"""Bytes that a stream holds for the host before it stops reading from its peer."""
NOTHING, UNREAD, ENDED = 0, 1, 2
"""What `stream_state` tells of a stream: bits."""


class StreamType(StrEnum):
    """What `stream_list` calls a stream."""

    CMD = "CMD"
    FILE = "FILE"
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    I2C = "I2C"
    SPI = "SPI"
    TCPC = "TCPC"
    TCPS = "TCPS"
    TLSC = "TLSC"
    TLSS = "TLSS"
    UDPC = "UDPC"
    UDPS = "UDPS"
    WEBC = "WEBC"
    WEBS = "WEBS"


class Taker(Protocol):
    """Who has what a stream receives in place of its inbox: the bus in stream mode."""

    def take_in(self, data: bytes) -> bool:
        """Take bytes that arrived. False: no more for now, until `Stream.go_on`."""

    def room(self) -> None:
        """Called when a stream whose writes were refused can be written to again."""


class Stream(ABC):
    """An open connection: what every type does. A type that can be written overrides ``write``.

    ``touch`` tells whenever bytes arrive or the peer closes: readers wait for that in ``fill``.
    """

    __slots__ = ("_changed", "handle", "info", "on_change", "state")

    type: str
    auto_close: bool | None = None
    """Whether it goes by itself once read to the end; None leaves it to `stream.auto_close`."""
    network = True
    """Whether it is lost with the network, and its closing is worth a notice."""
    announced: bool | None = None
    """Whether its opening is worth a notice; None: as `network` says."""
    bridgeable = False
    """Whether stream mode takes it (docs/protocol/command-protocol.md, section 8.2)."""
    datagrams = False
    """Whether each write is a message of its own, whose bounds the peer sees."""

    def __init__(self, info: str = "") -> None:
        self.handle = -1
        self.info = info
        self.on_change: Callable[[], None] | None = None
        self.state = NOTHING
        """What was last told of it: UNREAD, ENDED, both or neither."""
        self._changed: asyncio.Future[None] | None = None

    @property
    @abstractmethod
    def available(self) -> int:
        """Bytes that can be taken now."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing more will arrive."""

    @property
    def edge(self) -> bool:
        """Whether a read ends here though more could still come: a datagram's end, a full inbox."""
        return False

    @property
    def demand(self) -> int:
        """Bytes that can be asked of the other side at once, by ``fill``; 0: they come unasked."""
        return 0

    @abstractmethod
    def take(self, limit: int) -> bytes:
        """Return at most ``limit`` bytes and forget them."""

    async def room(self, timeout: float) -> bool:
        """Whether ``write`` may be called, waiting up to ``timeout`` seconds for that."""
        raise failed(f"{self.type} streams cannot be written")

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> Awaitable[None] | None:
        """Send bytes; ``flags`` are the options of `stream_write`. Call ``room`` first.

        A type whose write is over only when the other side has it returns what to wait for.
        """
        raise failed(f"{self.type} streams cannot be written")

    @property
    def choked(self) -> bool:
        """Whether the peer is so slow that ``write`` should wait."""
        return False

    def divert(self, taker: Taker | None) -> None:
        """Pass all that arrives to a taker, what waits already first; None ends that.

        Raises CommandError for a type that cannot be bridged.
        """
        raise failed(f"{self.type} streams cannot be bridged")

    def go_on(self) -> None:  # noqa: B027 - what cannot be diverted is never told
        """Called when the taker has room again."""

    def close(self) -> None:  # noqa: B027 - some stand on nothing
        """Release what the stream stands on. Called once, by the table."""

    def touch(self) -> None:
        """Wake whoever waits: bytes have arrived or the peer has closed."""
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        if self.on_change is not None:
            self.on_change()

    async def fill(self, size: int, timeout: float) -> None:
        """Wait until ``size`` bytes are there, or no more will be, or the time is over."""
        if timeout <= 0 or self.filled(size):
            return
        try:
            async with asyncio.timeout(timeout):
                while not self.filled(size):
                    await self.change()
        except TimeoutError:
            pass

    async def change(self) -> None:
        """Wait until bytes arrive or the stream ends. One waits at a time."""
        changed = self._changed = asyncio.get_running_loop().create_future()
        try:
            await changed
        finally:
            if self._changed is changed:
                self._changed = None

    def filled(self, size: int) -> bool:
        """Whether waiting brings no more of ``size`` bytes."""
        return self.available >= size or self.ended or self.edge


class TextStream(Stream):
    """The text of a buffered command."""

    __slots__ = ("_position", "_text")

    type = StreamType.CMD
    auto_close = True
    network = False

    def __init__(self, command: str, text: bytes) -> None:
        super().__init__(command)
        self._text, self._position = text, 0

    @property
    def available(self) -> int:
        return len(self._text) - self._position

    @property
    def ended(self) -> bool:
        return True

    def take(self, limit: int) -> bytes:
        data = self._text[self._position : self._position + limit]
        self._position += len(data)
        return data


class Inbox:
    """Bytes received and not yet read: ``pause`` is called when they are many, then ``resume``."""

    __slots__ = ("_chunks", "_offset", "_pause", "_paused", "_resume", "_take_in", "size")

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._offset = 0
        """Bytes of the first chunk that are taken already."""
        self._pause, self._resume = pause, resume
        self._paused = False
        self._take_in: Callable[[bytes], bool] | None = None
        self.size = 0

    @property
    def full(self) -> bool:
        """Whether no more will come until some are taken."""
        return self._paused

    def put(self, data: bytes) -> None:
        """Add bytes at the end, or hand them on if they are diverted."""
        if self._take_in is not None:
            if not self._take_in(data):
                self._hold()
            return
        self._chunks.append(data)
        self.size += len(data)
        if self.size > HIGH_WATER:
            self._hold()

    def divert(self, taker: Taker | None) -> None:
        """Hand all that comes to a taker, what is here first; None keeps it here again."""
        if taker is None:
            self._take_in = None
            self.go_on()
            return
        waiting = self.take(self.size)
        self._take_in = taker.take_in
        if waiting:
            self.put(waiting)

    def go_on(self) -> None:
        """Resume reading from the peer."""
        if self._paused:
            self._paused = False
            self._resume()

    def _hold(self) -> None:
        if not self._paused:
            self._paused = True
            self._pause()

    def take(self, limit: int) -> bytes:
        """Return at most ``limit`` bytes from the front."""
        taken = []
        while limit > 0 and self._chunks:
            chunk = self._chunks[0]
            piece = chunk[self._offset : self._offset + limit]
            self._offset += len(piece)
            if self._offset == len(chunk):
                self._chunks.popleft()
                self._offset = 0
            taken.append(piece)
            limit -= len(piece)
            self.size -= len(piece)
        if self.size <= HIGH_WATER // 2:
            self.go_on()
        return taken[0] if len(taken) == 1 else b"".join(taken)


class StreamTable:
    """The open streams of one device.

    The kernel tells of each: `stream_opened`, `stream_state` whenever there begins or ends to be
    something unread, or the peer closes, and `stream_closed`; all with ``stream``.
    """

    __slots__ = (
        "_kernel", "_streams", "bridged", "bridging", "on_auto", "received", "sent",
    )  # fmt: skip

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._streams: dict[int, Stream] = {}
        self.bridging = False
        """Whether the bus is in stream mode: a server then takes one client."""
        self.bridged: Stream | None = None
        """The stream that the bus has: commands neither read nor write it."""
        self.on_auto: Callable[[Stream], None] | None = None
        """Hears of each stream that an auto-start service opened."""
        self.received = self.sent = 0
        """Bytes that network streams have carried since boot."""

    def __iter__(self) -> Iterator[Stream]:
        return iter([self._streams[handle] for handle in sorted(self._streams)])

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether no handle is free."""
        self._reap()
        return len(self._streams) >= MAX_STREAMS

    def reserve(self) -> None:
        """Raise CommandError when no handle is free. Ask before a connection is begun."""
        if self.full:
            self._kernel.log.line("No streams available")
            raise failed("eight streams are open")

    def open(self, stream: Stream, *, auto: bool = False) -> int:
        """Take a stream in under the lowest free handle. Raises CommandError when none is.

        ``auto``: an auto-start service opened it, and no command.
        """
        self.reserve()
        stream.handle = next(h for h in range(MAX_STREAMS) if h not in self._streams)
        self._streams[stream.handle] = stream
        if stream.network if stream.announced is None else stream.announced:
            self._kernel.notice("stream_opened", handle=stream.handle)
        self._kernel.events.emit(StreamOpened(stream, auto))
        self._look(stream)
        if auto and self.on_auto is not None:
            self.on_auto(stream)
        return stream.handle

    def admit(self, stream: Stream, *, auto: bool = False) -> int:
        """Open a stream that stands on something: it is closed when no handle is free.

        Raises CommandError.
        """
        try:
            return self.open(stream, auto=auto)
        except CommandError:
            stream.close()
            raise

    def find(self, handle: int) -> Stream:
        """Return an open stream. Raises CommandError when there is none of that handle."""
        stream = self._streams.get(handle)
        if stream is None:
            raise failed(f"no stream {handle}")
        return stream

    def find_free(self, handle: int) -> Stream:
        """Return an open stream that may be read and written here. Raises CommandError."""
        stream = self.find(handle)
        if stream is self.bridged:
            self._kernel.log.line(f"Stream {handle} is bridged to the serial port")
            raise failed(f"stream {handle} is bridged")
        return stream

    async def read(self, handle: int, size: int, timeout: float) -> bytes:
        """Return at most ``size`` bytes, waiting up to ``timeout`` seconds for that many."""
        data = self.read_now(handle, size)
        if data is None:
            stream = self.find(handle)
            await stream.fill(size, timeout)
            data = self._read(stream, size)
        return data

    def read_now(self, handle: int, size: int) -> bytes | None:
        """Return what there is to read, or None when waiting may bring more of ``size`` bytes."""
        stream = self.find_free(handle)
        if self._lingers(stream):
            self.close(stream)
            return b""
        return self._read(stream, size) if stream.filled(size) else None

    def _read(self, stream: Stream, size: int) -> bytes:
        data = self.take(stream, size)
        if stream.type is StreamType.FILE and self._lingers(stream):
            self.close(stream)
        return data

    def take(self, stream: Stream, size: int) -> bytes:
        """Return at most ``size`` of the bytes that a stream has now."""
        data = stream.take(size)
        if not stream.available:
            self._look(stream)
        return data

    def holds(self, stream: Stream) -> bool:
        """Whether a stream is open."""
        return self._streams.get(stream.handle) is stream

    def poll(self, stream: Stream) -> int:
        """Return 0 for nothing, 1 for data waiting, 2 for closed by the other side."""
        if stream.available:
            return 1
        return 2 if stream.ended else 0

    def poll_handle(self, handle: int) -> Stream:
        """Return a stream to be polled; one that lingers is gone, and the poll fails."""
        stream = self.find(handle)
        if self._lingers(stream):
            self.close(stream)
            raise failed(f"no stream {handle}")
        return stream

    def list(self) -> list[Stream]:
        """Return the open streams by handle."""
        self._reap()
        return list(self)

    def close(self, stream: Stream) -> None:
        """Close one stream; closing twice does nothing."""
        if not self.holds(stream):
            return
        del self._streams[stream.handle]
        stream.close()
        stream.touch()
        if stream.network:
            self._kernel.notice("stream_closed", handle=stream.handle)
        self._kernel.events.emit(StreamClosed(stream))

    def close_all(self) -> None:
        """Close every stream."""
        for stream in self:
            self.close(stream)

    def arrived(self, stream: Stream) -> None:
        """Called by a stream when bytes arrive or its peer closes."""
        stream.touch()
        if not self.holds(stream):
            return
        self._look(stream)
        # A peer that leaves when all is read takes the handle along at once.
        if self._lingers(stream):
            self.close(stream)

    def _look(self, stream: Stream) -> None:
        """Emit how a stream stands, if that has changed."""
        state = (UNREAD if stream.available else NOTHING) | (ENDED if stream.ended else NOTHING)
        if state != stream.state:
            stream.state = state
            self._kernel.events.emit(StreamStateChanged(stream))

    def _lingers(self, stream: Stream) -> bool:
        if not stream.ended or stream.available:
            return False
        if stream is self.bridged:
            return True  # nobody is there who would close it
        if stream.auto_close is not None:
            return stream.auto_close
        return self._kernel.variables[AUTO_CLOSE]

    def _reap(self) -> None:
        for stream in self:
            if self._lingers(stream):
                self.close(stream)
