"""An open stream from Python: what a host does by command, without the commands.

Nothing is copied on the way that the stream would not copy, and a slow side slows the other.
"""

from tokay.kernel.results import failed
from tokay.kernel.streams import Stream, StreamTable

MAX_READ = 1 << 18
"""Bytes that one read returns unless it is told."""
A_DAY = 86_400.0
"""Seconds after which a peer that reads nothing is not waited for any longer."""


class OpenStream:
    """One open stream of a device."""

    __slots__ = ("_stream", "_table")

    def __init__(self, table: StreamTable, stream: Stream) -> None:
        self._table, self._stream = table, stream

    @property
    def handle(self) -> int:
        """Its number in `stream_list`."""
        return self._stream.handle

    @property
    def type(self) -> str:
        """Its type in `stream_list`: `TCPC`."""
        return self._stream.type

    @property
    def info(self) -> str:
        """What `stream_list` says of it."""
        return self._stream.info

    @property
    def closed(self) -> bool:
        """Whether it is closed on this side."""
        return not self._table.holds(self._stream)

    async def read(self, limit: int = MAX_READ) -> bytes:
        """Return what has come, at least one byte; empty when no more will come.

        At most one reader at a time, and none beside `stream_read`.
        """
        stream = self._stream
        while not stream.available:
            if stream.ended or self.closed:
                return b""
            if stream.demand:
                await stream.fill(min(limit, stream.demand), A_DAY)
            else:
                await stream.change()
        return self._table.take(stream, limit)

    async def write(self, data: bytes) -> None:
        """Send bytes, once there is room. Raises CommandError when the stream takes none."""
        stream = self._stream
        if not await stream.room(A_DAY) or self.closed:
            raise failed("the stream takes nothing")
        sent = stream.write(data)
        if sent is not None:
            await sent

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        self._table.close(self._stream)
