"""A stub resolver: asks recursive servers for the IPv4 address of a name (RFC 1034 section 5.3.1).

Its owner gives it what happens and when - `query`, `receive`, `receive_tcp`, `handle_timer` - and
takes what it wants done: `datagrams_to_send`, `events`, `get_timer`. A lookup ends with exactly one
`LookupResolved` or `LookupFailed`, at the latest when its time is over.

**Order.** Servers are asked one at a time in their order, all of them `tries` times over. The first
round waits one unit for each, the second two, then four, ...; the unit is such that all rounds fit
the time that the lookup has, and a second at most. A late answer still counts, and after the last
round that is all that is waited for. A server that fails or refuses is passed over at once and not
asked again. NXDOMAIN and "no address" are answers: nobody else is asked.

**Trust.** Anyone can send a datagram with a forged source, so a response must match what was asked
(RFC 5452 section 9): the server's address and port, a random id, the port of our own that the
question left from - a fresh one for each, if the owner can - and the question. Two callers that
want one name share a lookup: open questions that are equal make guessing easy (section 5). What
does not match is dropped in silence, and the right answer may still come. `chain` says what counts
within a response that matches.

**Case.** The question goes out as the caller wrote it, and the case of its echo is ignored. Mixing
the case at random (0x20) would harden ids, but hurts where this device is used: home-made servers
on benches and in access points that compare octets, and then say NXDOMAIN, which is final. Nor is
there EDNS: addresses fit into 512 octets, and old servers that stumble over OPT stay reachable.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from math import inf
from struct import Struct

from tokay.protocols.dns.cache import Cache
from tokay.protocols.dns.chain import MAX_CHAIN, Addresses, Further, Reading, follow
from tokay.protocols.dns.codec import HEADER, QR, RD, TC, DnsMessage, Opcode, Rcode
from tokay.protocols.dns.events import DnsFailure, Event, LookupFailed, LookupResolved, UseTcp
from tokay.protocols.dns.name import ROOT, DnsError, name_from_text
from tokay.protocols.dns.record import CLASS_IN, RecordType

__all__ = ["PORT", "DnsQuery", "Resolver"]

PORT = 53

_MAX_UNIT = 1.0
_MAX_TRIES = 8
_QUESTION_TAIL = Struct("!2H").pack(RecordType.A, CLASS_IN)
# Servers that cannot make sense of a question do not repeat it.
_BARE_FAILURES = (Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED)

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DnsQuery:
    """A datagram for `server`, an address and a port as sockets want them.

    It should leave from a random port of its own, which stays open while
    `Resolver.is_open(exchange)`.
    """

    data: bytes
    server: Server
    exchange: int


@dataclass(slots=True)
class _PendingLookup:
    """A name on its way to an address, for one caller or more."""

    key: bytes  # the name the callers gave, in lower case
    name: bytes  # the one asked for now, further down the chain of CNAMEs
    servers: tuple[Server, ...]
    waiters: dict[int, float]  # numbers given to callers: when their time is over
    ttl: int = 0x7FFFFFFF
    hops: int = 0
    attempt: int = 0
    unit: float = _MAX_UNIT
    wait: float = _MAX_UNIT
    retry_at: float = inf
    latest: int = -1  # the exchange that `retry_at` belongs to
    failures: dict[Server, DnsFailure] = field(default_factory=dict)


@dataclass(slots=True)
class _PendingQuery:
    """A question that is out; its key in `Resolver._exchanges` is its id on the wire."""

    lookup: _PendingLookup
    server: Server
    question: bytes  # in lower case, with type and class
    stream: bytearray | None = None  # what TCP has brought


class Resolver:
    """Resolves names with the help of `servers`, addresses in order of preference.

    `rng` makes ids: give a `random.SystemRandom` outside tests, for strangers must not guess them.
    Each server is asked `tries` times, 1-8, at `port`. The results of the last `cache_size`
    names are remembered.
    """

    def __init__(
        self,
        servers: Iterable[IPv4Address],
        rng: random.Random,
        *,
        tries: int = 3,
        cache_size: int = 32,
        port: int = PORT,
    ) -> None:
        if not 1 <= tries <= _MAX_TRIES:
            raise ValueError(f"{tries} tries")
        self._port = port
        self._tries = tries
        self._rng = rng
        self._cache = Cache(cache_size)
        self._lookups: dict[bytes, _PendingLookup] = {}
        self._exchanges: dict[int, _PendingQuery] = {}
        self._last = 0
        self._outgoing: list[DnsQuery] = []
        self._events: list[Event] = []
        self.use_servers(servers)

    # What the owner asks of the resolver.

    def use_servers(self, servers: Iterable[IPv4Address]) -> None:
        """Ask these from now on; lookups that are under way go on with the old ones."""
        self._servers = tuple(dict.fromkeys((str(server), self._port) for server in servers))

    def query(self, name: str, now: float, timeout: float) -> int:
        """Look `name` up within `timeout` seconds; return the number that its event will bear.

        An address in dotted form resolves to itself. Raises `DnsError` when `name` cannot be one.
        """
        self._last += 1
        number = self._last
        try:
            self._events.append(LookupResolved(number, (IPv4Address(name),)))
        except AddressValueError:
            pass
        else:
            return number
        wire = name_from_text(name)
        if wire == ROOT:
            raise DnsError("no name at all")
        key = wire.lower()
        if addresses := self._cache.get(key, now):
            self._events.append(LookupResolved(number, addresses))
        elif not self._servers:
            self._events.append(LookupFailed(number, DnsFailure.NO_SERVER))
        elif lookup := self._lookups.get(key):
            lookup.waiters[number] = now + timeout
        else:
            lookup = _PendingLookup(key, wire, self._servers, {number: now + timeout})
            self._lookups[key] = lookup
            self._start(lookup, now)
        return number

    def cancel(self, number: int) -> None:
        """Forget a lookup: there will be no event. One that is over is left alone."""
        for lookup in list(self._lookups.values()):
            if lookup.waiters.pop(number, None) is not None and not lookup.waiters:
                self._close(lookup)

    def flush(self) -> None:
        """Forget all results (`network_flush`)."""
        self._cache.flush()

    def is_open(self, exchange: int) -> bool:
        """Return whether an answer to this exchange is still wanted."""
        return exchange in self._exchanges

    def datagrams_to_send(self) -> list[DnsQuery]:
        """Take what is to be sent, oldest first."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Take what has happened, oldest first."""
        events, self._events = self._events, []
        return events

    def get_timer(self) -> float | None:
        """When `handle_timer` wants to be called, `None` for never."""
        return min(
            (min(lookup.retry_at, *lookup.waiters.values()) for lookup in self._lookups.values()),
            default=None,
        )

    def handle_timer(self, now: float) -> None:
        """Do what is due by `now`. Too early is harmless; late skips what is past."""
        for lookup in list(self._lookups.values()):
            late = [number for number, until in lookup.waiters.items() if until <= now]
            failure = next(iter(lookup.failures.values()), DnsFailure.TIMEOUT)
            for number in late:
                del lookup.waiters[number]
                self._events.append(LookupFailed(number, failure))
            if not lookup.waiters:
                self._close(lookup)
            elif lookup.retry_at <= now:
                self._send_next(lookup, now)

    # What comes in.

    def receive(
        self, datagram: bytes, source: Server, now: float, exchange: int | None = None
    ) -> None:
        """Take in a datagram from `source`; what answers no open question is ignored.

        `exchange` is the one whose port it came to, for owners that give each its own.
        """
        ident = int.from_bytes(datagram[:2])
        asked = self._exchanges.get(ident)
        if asked is None or asked.stream is not None or asked.server != source:
            return
        if exchange is not None and exchange != ident:
            return
        if not _answers(asked, datagram):
            return
        del self._exchanges[ident]
        if int.from_bytes(datagram[2:4]) & TC:
            # What there is of the answer may end anywhere; nobody looks at it (RFC 2181 section 9).
            self._use_tcp(asked, ident, now)
        else:
            self._receive_response(asked, ident, datagram, now)

    def receive_tcp(self, data: bytes, exchange: int, now: float) -> bool:
        """Take in what a connection brought; return whether it has served its purpose.

        A message follows its length, two octets (RFC 1035 section 4.2.2).
        """
        asked = self._exchanges.get(exchange)
        if asked is None or asked.stream is None:
            return True
        asked.stream += data
        if len(asked.stream) < 2:
            return False
        end = 2 + int.from_bytes(asked.stream[:2])
        if len(asked.stream) < end:
            return False
        message = bytes(asked.stream[2:end])
        if int.from_bytes(message[:2]) != exchange or not _answers(asked, message):
            self.failed(exchange, now)
            return True
        del self._exchanges[exchange]
        self._receive_response(asked, exchange, message, now)
        return True

    def failed(self, exchange: int, now: float) -> None:
        """Called when an exchange has failed: its socket failed, its connection closed.

        One that is over is left alone.
        """
        if asked := self._exchanges.pop(exchange, None):
            self._try_next(asked, exchange, DnsFailure.SERVFAIL, now)

    def _receive_response(self, asked: _PendingQuery, ident: int, data: bytes, now: float) -> None:
        lookup = asked.lookup
        reading: Reading
        try:
            reading = follow(DnsMessage.decode(data), lookup.name)
        except DnsError:
            reading = DnsFailure.SERVFAIL
        match reading:
            case Addresses(addresses, ttl):
                self._cache.put(lookup.key, addresses, min(ttl, lookup.ttl), now)
                self._close(lookup)
                self._events += [LookupResolved(number, addresses) for number in lookup.waiters]
            case Further(name, hops, ttl):
                self._follow(lookup, asked.server, name, hops, ttl, now)
            case DnsFailure.SERVFAIL | DnsFailure.REFUSED:
                self._try_next(asked, ident, reading, now)
            case _:
                self._fail(lookup, reading)

    def _follow(
        self, lookup: _PendingLookup, server: Server, name: bytes, hops: int, ttl: int, now: float
    ) -> None:
        """Ask for the next name of the chain, and first the server that knew of it."""
        lookup.hops += hops
        if lookup.hops > MAX_CHAIN:
            self._fail(lookup, DnsFailure.SERVFAIL)
            return
        lookup.name = name
        lookup.ttl = min(ttl, lookup.ttl)
        at = lookup.servers.index(server)
        lookup.servers = lookup.servers[at:] + lookup.servers[:at]
        self._drop_exchanges(lookup)
        self._start(lookup, now)

    def _try_next(self, asked: _PendingQuery, ident: int, failure: DnsFailure, now: float) -> None:
        lookup = asked.lookup
        lookup.failures[asked.server] = failure
        if len(lookup.failures) == len(lookup.servers):
            self._fail(lookup, next(iter(lookup.failures.values())))
        elif lookup.latest == ident:
            # Otherwise another server has been asked since, and has its time to answer.
            self._send_next(lookup, now)

    # What goes out.

    def _start(self, lookup: _PendingLookup, now: float) -> None:
        lookup.attempt = 0
        lookup.failures.clear()
        units = len(lookup.servers) * (2**self._tries - 1)
        left = max(lookup.waiters.values()) - now
        lookup.unit = max(0.0, min(left / units, _MAX_UNIT))
        self._send_next(lookup, now)

    def _send_next(self, lookup: _PendingLookup, now: float) -> None:
        lookup.retry_at = inf
        while lookup.attempt < self._tries * len(lookup.servers):
            turn, at = divmod(lookup.attempt, len(lookup.servers))
            lookup.attempt += 1
            server = lookup.servers[at]
            if server in lookup.failures:
                continue
            lookup.wait = lookup.unit * 2**turn
            ident, query = self._open(lookup, server, now)
            self._outgoing.append(DnsQuery(query, server, ident))
            return

    def _use_tcp(self, asked: _PendingQuery, ident: int, now: float) -> None:
        """Ask again, over TCP, under another id; the time for it is that of a datagram."""
        lookup = asked.lookup
        retry_at, latest = lookup.retry_at, lookup.latest
        tcp, query = self._open(lookup, asked.server, now, stream=bytearray())
        if latest != ident:
            lookup.retry_at, lookup.latest = retry_at, latest
        self._events.append(UseTcp(tcp, asked.server, len(query).to_bytes(2) + query))

    def _open(
        self, lookup: _PendingLookup, server: Server, now: float, stream: bytearray | None = None
    ) -> tuple[int, bytes]:
        # As many are open as callers wait for, times the tries: an id is soon found.
        while (ident := self._rng.getrandbits(16)) in self._exchanges:
            pass
        question = lookup.name + _QUESTION_TAIL
        self._exchanges[ident] = _PendingQuery(lookup, server, question.lower(), stream)
        lookup.latest = ident
        lookup.retry_at = now + lookup.wait
        return ident, HEADER.pack(ident, RD, 1, 0, 0, 0) + question

    # The end.

    def _fail(self, lookup: _PendingLookup, failure: DnsFailure) -> None:
        self._close(lookup)
        self._events += [LookupFailed(number, failure) for number in lookup.waiters]

    def _close(self, lookup: _PendingLookup) -> None:
        self._lookups.pop(lookup.key, None)
        self._drop_exchanges(lookup)

    def _drop_exchanges(self, lookup: _PendingLookup) -> None:
        for ident in [i for i, asked in self._exchanges.items() if asked.lookup is lookup]:
            del self._exchanges[ident]


def _answers(asked: _PendingQuery, response: bytes) -> bool:
    """Return whether the header and question of `response` answer `asked`."""
    if len(response) < HEADER.size:
        return False
    flags = int.from_bytes(response[2:4])
    if not flags & QR or flags >> 11 & 15 != Opcode.QUERY:
        return False
    match int.from_bytes(response[4:6]):
        case 0:
            return flags & 15 in _BARE_FAILURES
        case 1:
            end = HEADER.size + len(asked.question)
            return response[HEADER.size : end].lower() == asked.question
    return False
