"""Datagrams received and not yet read: their edges are kept, and they are bounded.

Nobody can be slowed down over UDP: what does not fit is dropped, and counted.
"""

from tokay.kernel.streams import Inbox, Taker

Peer = tuple[str, int]

MAX_DATAGRAMS = 64
MAX_BYTES = 64 * 1024
"""What is held; one datagram of any size always fits."""


class DatagramInbox(Inbox):
    """Gives at most one datagram, or the rest of one, at a time. Empty ones are left out."""

    __slots__ = ("_senders", "dropped", "sender")

    def __init__(self) -> None:
        super().__init__(_nothing, _nothing)
        self._senders: list[Peer] = []
        self.sender: Peer = ("", 0)
        """Where the datagram that is put comes from; set it first."""
        self.dropped = 0

    @property
    def first(self) -> int:
        """The bytes of the datagram that comes next, or of its rest."""
        return len(self._chunks[0]) if self._chunks else 0

    @property
    def first_sender(self) -> Peer | None:
        """Where that one comes from."""
        return self._senders[0] if self._senders else None

    def bring_forward(self, sender: Peer) -> bool:
        """Put the first datagram of a sender in front of all; return whether there is one."""
        if sender not in self._senders:
            return False
        at = self._senders.index(sender)
        datagram = self._chunks[at]
        del self._chunks[at], self._senders[at]
        self._chunks.appendleft(datagram)
        self._senders.insert(0, sender)
        return True

    def put(self, data: bytes) -> None:
        if not data:
            return
        if self._take_in is not None and not self._paused:
            self._paused = not self._take_in(data)
            return
        if len(self._chunks) >= MAX_DATAGRAMS or (
            self._chunks and self.size + len(data) > MAX_BYTES
        ):
            self.dropped += 1
            return
        self._chunks.append(data)
        self._senders.append(self.sender)
        self.size += len(data)

    def divert(self, taker: Taker | None) -> None:
        self._take_in = taker.take_in if taker is not None else None
        self.go_on()

    def go_on(self) -> None:
        self._paused = False
        while self._take_in is not None and self._chunks and not self._paused:
            self._paused = not self._take_in(self.take(self.first))

    def take(self, limit: int) -> bytes:
        if not self._chunks or limit <= 0:
            return b""
        datagram = self._chunks.popleft()
        taken, rest = datagram[:limit], datagram[limit:]
        if rest:
            self._chunks.appendleft(rest)
        else:
            del self._senders[0]
        self.size -= len(taken)
        return taken


def _nothing() -> None:
    pass
