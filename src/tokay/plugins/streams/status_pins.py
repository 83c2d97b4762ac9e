"""Lines that tell a host of streams: that there are any, that there is something to read.

Sources: docs/protocol/network.md, section 1.5; docs/protocol/command-protocol.md, section 10.
"""

from tokay.kernel.events import StreamClosed, StreamStateChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.streams import ENDED, UNREAD, Stream
from tokay.plugins.gpio import StatusPin


class StreamStatusPins:
    """Two lines over a set of streams, either of which may be missing.

    ``connected`` is high while one of them has a peer, ``data`` while one has unread bytes. A
    stream leaves the set when it closes. ``borrowed``: with the last one the pins are given back.
    """

    __slots__ = ("_borrowed", "_connected", "_data", "_streams")

    def __init__(
        self,
        *,
        connected: StatusPin | None = None,
        data: StatusPin | None = None,
        borrowed: bool = False,
    ) -> None:
        self._connected, self._data = connected, data
        self._borrowed = borrowed
        self._streams: set[Stream] = set()

    def add(self, stream: Stream) -> None:
        """Add a stream to the set."""
        self._streams.add(stream)
        self.refresh()

    def discard(self, stream: Stream) -> None:
        """Remove a stream from the set."""
        self._streams.discard(stream)
        self.refresh()
        if self._borrowed and not self._streams:
            self.release()

    def refresh(self) -> None:
        """Show how the streams stand."""
        if self._connected is not None:
            self._connected.show(any(not stream.state & ENDED for stream in self._streams))
        if self._data is not None:
            self._data.show(any(stream.state & UNREAD for stream in self._streams))

    def release(self) -> None:
        """Release the pins."""
        for line in (self._connected, self._data):
            if line is not None:
                line.release()


class StatusPinTable:
    """Which lines tell of which stream. Listens to the streams once there is a first one."""

    __slots__ = ("_kernel", "_lines")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lines: dict[Stream, StreamStatusPins] | None = None

    def add(self, stream: Stream, lines: StreamStatusPins) -> None:
        """Drive status pins by a stream until it closes."""
        if self._lines is None:
            self._lines = {}
            self._kernel.events.on(StreamStateChanged, self._changed)
            self._kernel.events.on(StreamClosed, self._closed)
        self._lines[stream] = lines
        lines.add(stream)

    def _changed(self, event: StreamStateChanged) -> None:
        assert self._lines is not None  # noqa: S101 - it listens since there are some
        lines = self._lines.get(event.stream)
        if lines is not None:
            lines.refresh()

    def _closed(self, event: StreamClosed) -> None:
        assert self._lines is not None  # noqa: S101 - it listens since there are some
        lines = self._lines.pop(event.stream, None)
        if lines is not None:
            lines.discard(event.stream)
