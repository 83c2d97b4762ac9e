"""A device in stream mode, and a stream whose peer is the test."""

from collections.abc import Iterator

import pytest
from tests.dialogue import Talk

from tokay.kernel.results import failed
from tokay.kernel.streams import Inbox, Stream, StreamType, Taker

STREAM_MODE = {"bus.mode": "stream"}


class Far(Stream):
    """A stream that a service opened by itself."""

    def __init__(self, talk: Talk, type: str = StreamType.TCPC) -> None:
        super().__init__("far")
        self.type = type
        self.bridgeable = type is not StreamType.HTTP
        self.datagrams = type.startswith(("UDP", "WEB"))
        self._talk = talk
        self._inbox = Inbox(self._pause, self._resume)
        self._taker: Taker | None = None
        self.sent: list[bytes] = []
        """What the device wrote, write by write."""
        self._waits = False
        self.slow = self.left = self.broken = self.closed = False

    # The peer.

    def open(self) -> "Far":
        async def work() -> None:
            self._talk.kernel.streams.open(self, auto=True)

        self._talk.run(work())
        return self

    def says(self, data: bytes) -> None:
        async def say() -> None:
            self._inbox.put(data)
            self._talk.kernel.streams.arrived(self)

        self._talk.run(say())

    def reads(self) -> None:
        """Take what waits, after having been slow."""

        async def room() -> None:
            self.slow = False
            if self._taker is not None:
                self._taker.room()

        self._talk.run(room())

    def leaves(self) -> None:
        async def leave() -> None:
            self.left = True
            self._talk.kernel.streams.arrived(self)

        self._talk.run(leave())

    def heard(self) -> bytes:
        """What came from the device since the last look."""
        sent, self.sent = b"".join(self.sent), []
        return sent

    def waits(self) -> bool:
        """Whether the device has paused the peer."""
        return self._waits

    # The stream.

    @property
    def available(self) -> int:
        return self._inbox.size

    @property
    def ended(self) -> bool:
        return self.left

    def take(self, limit: int) -> bytes:
        return self._inbox.take(limit)

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        if self.broken:
            raise failed("the other side has closed")
        self.sent.append(data)

    @property
    def choked(self) -> bool:
        return self.slow

    def divert(self, taker: Taker | None) -> None:
        self._taker = taker
        self._inbox.divert(taker)

    def go_on(self) -> None:
        self._inbox.go_on()

    def close(self) -> None:
        self.closed = True

    def _pause(self) -> None:
        self._waits = True

    def _resume(self) -> None:
        self._waits = False


@pytest.fixture
def talk() -> Iterator[Talk]:
    """A Gecko OS 4 device in stream mode: machine format, so the log is silent."""
    with Talk(settings=STREAM_MODE) as talk:
        yield talk


@pytest.fixture
def far(talk: Talk) -> Far:
    """The stream that it is bridged with."""
    return Far(talk).open()


@pytest.fixture
def stream(lab: dict[str, str]) -> dict[str, str]:
    """A device that joins by itself, in stream mode, with nothing but data on its port."""
    return lab | {
        "bus.mode": "stream",
        "bus.log_bus": "none",
        "wlan.auto_join.enabled": "1",
        "stream.auto_close": "0",
        # Turned time runs ahead of what a pty does in real time.
        "tcp.server.idle_timeout": "0",
    }
