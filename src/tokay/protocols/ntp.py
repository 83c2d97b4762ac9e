"""NTP as a client speaks it (RFC 5905, in the simple form of its section 14): codec and exchange.

Nothing here waits or looks at a clock. Whoever drives an exchange says what time it is: ``now`` is
seconds on a clock that only runs forward, ``wall`` what the device's own clock shows at that moment
in seconds since 1970.

    client = NtpClient(3600, earliest=...)
    send(client.ask("10.0.0.1", now))
    outcome = client.receive(datagram, source, now, wall)    # NtpSample, NtpRefusal, KissOfDeath
    client.get_timer()                                       # when `handle_timer` sets `is_due`

An answer is believed if it is the one to our question: it repeats the 64 random bits that the
question carried as its time of sending. What cannot be believed is refused by name, and the
exchange goes on, for a stranger must not be able to end it; an answer that is ours and no good
ends it.
"""

import random
import struct
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

PORT = 123
SIZE = 48
VERSION = 4
CLIENT, SERVER = 3, 4
EPOCH = 2208988800
"""Seconds from 1900, where NTP begins to count, to 1970."""
ERA = 1 << 32
"""Seconds after which NTP's seconds begin anew: first in February 2036."""

UNSYNCHRONIZED = 3
MAX_STRATUM = 15
MAX_DISTANCE = 16.0
"""Seconds: RFC 5905's MAXDISP. A server that knows its time no better has none."""

SLACK = 0.001
"""Seconds by which times may contradict each other, for clocks are coarse."""
MIN_WAIT = 15.0
"""Seconds between two questions at the least (RFC 4330 section 10)."""
MAX_WAIT = float(1 << 17)
"""Seconds: the longest poll interval (RFC 5905's MAXPOLL)."""
MAX_STEP = 366 * 86400.0
"""Seconds by which an answer may move a clock that an earlier one has set.

RFC 5905 gives up at 1000 s. A laptop that slept a week is further off, and its devices must find
the time again by themselves; years are a lie.
"""
MAX_FIRST_STEP = float(1 << 30)
"""Seconds (34 years) behind the earliest believable time within which a first answer must be."""

_UNGUESSABLE = random.SystemRandom()  # one for all: each would weigh 2.5 KB
_FORMAT = struct.Struct("!BBbbIII4Q")
_RATE = "RATE"
_GO_AWAY = ("DENY", "RSTR")


class NtpError(Exception):
    """Bytes that are no NTP packet; the text says why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One message. Times are NTP's 64 bits: seconds since 1900 and their 2^32nd parts."""

    leap: int = 0
    version: int = VERSION
    mode: int = CLIENT
    stratum: int = 0
    poll: int = 0
    precision: int = 0
    root_delay: float = 0.0
    root_dispersion: float = 0.0
    reference: int = 0
    reference_time: int = 0
    origin: int = 0
    received: int = 0
    transmitted: int = 0

    @classmethod
    def decode(cls, data: bytes) -> "Packet":
        """Read a packet; extensions and authenticators behind it are left. Raises NtpError."""
        if len(data) < SIZE:
            raise NtpError(f"truncated: {len(data)} of {SIZE} bytes")
        first, stratum, poll, precision, delay, dispersion, *rest = _FORMAT.unpack_from(data)
        return cls(
            first >> 6, first >> 3 & 7, first & 7, stratum, poll, precision,
            delay / 65536, dispersion / 65536, *rest,
        )  # fmt: skip

    def encode(self) -> bytes:
        """Return the 48 bytes."""
        return _FORMAT.pack(
            self.leap << 6 | self.version << 3 | self.mode, self.stratum, self.poll,
            self.precision, round(self.root_delay * 65536), round(self.root_dispersion * 65536),
            self.reference, self.reference_time, self.origin, self.received, self.transmitted,
        )  # fmt: skip

    @property
    def kiss(self) -> str:
        """What a server of stratum 0 has to say (RFC 5905 section 7.4), empty if nothing."""
        code = self.reference.to_bytes(4).rstrip(b"\0").decode("latin-1")
        return code if code.isascii() and code.isalnum() else ""


def to_ntp(seconds: float) -> int:
    """Return seconds since 1970 as 64 bits."""
    return round((seconds + EPOCH) % ERA * ERA) % (1 << 64)


def from_ntp(time: int, near: float) -> float:
    """Return 64 bits as seconds since 1970, in the era that brings them closest to ``near``."""
    seconds = time / ERA - EPOCH
    return seconds + round((near - seconds) / ERA) * ERA


class NtpSample(NamedTuple):
    """A good answer, in seconds."""

    time: float
    """Since 1970, at the moment the answer came."""
    offset: float
    """By which the device's clock was behind."""
    delay: float
    """On the way there and back."""
    stratum: int
    drift: float | None
    """By how much the device's clock runs slow, in parts per million; None the first time."""


class NtpRefusal(NamedTuple):
    """An answer that is not believed, and why."""

    reason: str


class KissOfDeath(NamedTuple):
    """A server that asks for mercy: `RATE` for fewer questions, `DENY` and `RSTR` for none."""

    code: str


Outcome = NtpSample | NtpRefusal | KissOfDeath


@dataclass(frozen=True, slots=True)
class _PendingRequest:
    """A question that is out."""

    server: str
    nonce: int
    sent_at: float


class NtpClient:
    """One client of one server.

    ``interval``: seconds from one good answer to the next question. ``earliest``: seconds since
    1970 before which it cannot be. ``rng``: where the random bits of questions come from.
    ``set_at``: when an earlier client of the same boot set the clock.
    """

    __slots__ = ("_earliest", "_exchange", "_factor", "_failures", "_interval", "_next_at", "_rng",
                 "is_due", "set_at", "wait")  # fmt: skip

    def __init__(
        self,
        interval: float,
        *,
        earliest: float,
        rng: random.Random | None = None,
        set_at: float | None = None,
    ) -> None:
        self._interval = max(interval, MIN_WAIT)
        self._earliest = earliest
        self._rng = rng or _UNGUESSABLE
        self._exchange: _PendingRequest | None = None
        self._failures = 0
        self._factor = 1
        self.set_at = set_at
        """When the clock was last set by an answer, on the clock of ``now``; None: not yet."""
        self.wait = 0.0
        """Seconds from the end of an exchange to the next question; infinite for never."""
        self._next_at = inf
        self.is_due = True
        """Whether it is time to `ask`."""

    @property
    def asking(self) -> bool:
        """Whether a question is out."""
        return self._exchange is not None

    def clock_was_set(self) -> None:
        """Reset the drift. Called when the clock was set by other means."""
        self.set_at = None

    def ask(self, server: str, now: float) -> bytes:
        """Begin an exchange with the server of that address; return the question.

        It says nothing of this device: the time of sending is random (RFC 9109 asks the same of
        the port).
        """
        self.is_due = False
        self._exchange = _PendingRequest(server, self._rng.getrandbits(64) or 1, now)
        return Packet(transmitted=self._exchange.nonce).encode()

    def get_timer(self) -> float | None:
        """Return when the next question is due; None while one is out, and for never."""
        return None if self.asking or self._next_at == inf else self._next_at

    def handle_timer(self, now: float) -> None:
        """Set `is_due` once the time of `get_timer` has come. Too early is harmless."""
        due = self.get_timer()
        if due is not None and now >= due:
            self._next_at = inf
            self.is_due = True

    def fail(self, now: float) -> None:
        """End an exchange that brought nothing: nobody answered, or there is no such name."""
        self.is_due = False
        self._exchange = None
        self._failures += 1
        backed_off = MIN_WAIT * 2.0 ** min(self._failures - 1, 16)
        self.wait = min(max(backed_off, MIN_WAIT * self._factor), self._longest)
        self._next_at = now + self.wait

    def receive(self, data: bytes, source: tuple[str, int], now: float, wall: float) -> Outcome:
        """Take a datagram."""
        exchange = self._exchange
        if exchange is None:
            return NtpRefusal("nothing was asked")
        if source[0] != exchange.server:
            return NtpRefusal(f"from another address: {source[0]}")
        try:
            packet = Packet.decode(data)
        except NtpError as error:
            return NtpRefusal(str(error))
        if packet.mode != SERVER:
            return NtpRefusal(f"wrong mode {packet.mode}")
        if packet.origin != exchange.nonce:
            return NtpRefusal("wrong origin: not the answer to this question")
        outcome = self._evaluate(packet, exchange, now, wall)
        if isinstance(outcome, NtpSample):
            self._exchange = None
            self._failures = 0
            self.set_at = now
            self.wait = self._longest
        elif isinstance(outcome, NtpRefusal):
            self.fail(now)
        if self._exchange is None:
            self._next_at = now + self.wait
        return outcome

    @property
    def _longest(self) -> float:
        return min(self._interval * self._factor, max(MAX_WAIT, self._interval))

    def _evaluate(
        self, packet: Packet, exchange: _PendingRequest, now: float, wall: float
    ) -> Outcome:
        """Judge an answer that is ours."""
        if packet.stratum == 0:
            return self._receive_kiss(packet, now)
        if reason := _unfit(packet):
            return NtpRefusal(reason)
        near = max(wall, self._earliest)
        sent = from_ntp(packet.transmitted, near)
        # The two of one server are close to each other, whatever the era.
        held = sent - from_ntp(packet.received, sent)
        delay = now - exchange.sent_at - held
        if held < -SLACK or delay < -SLACK:
            return NtpRefusal("the server's times contradict each other")
        delay = max(delay, 0.0)
        time = sent + delay / 2
        if reason := self._check_step(time, wall):
            return NtpRefusal(reason)
        offset = time - wall
        drift = None
        if self.set_at is not None and now > self.set_at:
            drift = offset / (now - self.set_at) * 1e6
        return NtpSample(time, offset, delay, packet.stratum, drift)

    def _check_step(self, time: float, wall: float) -> str:
        """Return what is wrong with a time that would move the clock too far."""
        if time < self._earliest:
            return "a time before this device was made"
        if self.set_at is None:
            if time > self._earliest + MAX_FIRST_STEP:
                return "a time decades ahead"
        elif abs(time - wall) > MAX_STEP:
            return f"a jump of years: {time - wall:+.0f} s"
        return ""

    def _receive_kiss(self, packet: Packet, now: float) -> Outcome:
        if packet.kiss == _RATE:
            self._factor = min(self._factor * 2, 1 << 16)
            self.fail(now)
            self.wait = self._longest
            return KissOfDeath(packet.kiss)
        if packet.kiss in _GO_AWAY:
            self._exchange = None
            self.wait = inf
            return KissOfDeath(packet.kiss)
        if packet.leap == UNSYNCHRONIZED and not packet.kiss:
            return NtpRefusal("the server is not synchronized")  # as chronyd says it
        return NtpRefusal(f"zero stratum, kiss code {packet.kiss or 'none'}")


def _unfit(packet: Packet) -> str:
    """Return why a server is none to learn the time from, empty if it is one."""
    if not 1 <= packet.version <= VERSION:
        return f"version {packet.version}"
    if packet.leap == UNSYNCHRONIZED:
        return "the server is not synchronized"
    if packet.stratum > MAX_STRATUM:
        return f"stratum {packet.stratum}"
    if packet.root_delay / 2 + packet.root_dispersion >= MAX_DISTANCE:
        return "the server is too far from a clock"
    if not packet.transmitted or not packet.received:
        return "no time in it"
    return ""
