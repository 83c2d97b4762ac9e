"""The responder: finds a free name for each of its hosts, tells it, defends it, answers for it.

One responder serves all hosts on one link. The life of a host::

    add --(0-250 ms)--> probing --3 probes, 250 ms apart--> established --remove--> goodbye
                        ^   |  somebody has the name: the next one, `name-2`, and again
                        |   '- somebody probes for it too, and wins: again in a second
                        '----- a conflict while established

(RFC 6762 sections 8 and 9.) An established host is announced at once, a second later, and from then
on each hour, which the RFC would rather not have: what was received once (PTR, SRV's TXT) lives for
75 minutes, so a listener that never asks still sees the device after a month.

A question is answered at once when only one host can answer, after 20-120 ms when others may, and
after 400-500 ms when the asker has more known answers to send (section 6). An answer that the asker
knows already is left out (section 7.1).

Bounds, and what they are against:

- a record is multicast once a second at most, a probe's answer four times (section 6): floods of
  questions, which may be forged, make no more noise than one;
- a host sends `MAX_UNICAST` datagrams a second to single askers, all of them `MAX_UNICAST_ALL`;
- `MAX_DEFERRED` askers are waited for, with `MAX_PIECES` pieces each: unfinished questions;
- fifteen conflicts in ten seconds slow a host down to a try in five seconds (section 8.1);
- nothing of what others say is remembered: answers to questions never asked change nothing, unless
  they claim a name of ours, and then only if they come from port 5353.
"""

import heapq
import random
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from tokay.protocols.dns import (
    AA,
    CLASS_ANY,
    CLASS_IN,
    QR,
    TC,
    DnsMessage,
    Question,
    RecordType,
    ResourceRecord,
)
from tokay.protocols.mdns.host import FLUSH, META, MdnsHost

__all__ = ["GROUP", "PORT", "MdnsDatagram", "MdnsResponder", "NameEstablished"]

GROUP, PORT = "224.0.0.251", 5353

PROBES = 3
PROBE_INTERVAL = 0.25
LOST_DELAY = 1.0
"""Seconds to wait after somebody else's probe won (section 8.2)."""
ANNOUNCE_AGAIN = 1.0
REANNOUNCE = 3600.0
SHARED_DELAY = (0.02, 0.12)
TRUNCATED_DELAY = (0.4, 0.5)
TICK = 0.01
"""Seconds: delays are rounded up to it, so that a thousand hosts do not wake a thousand times."""
RECORD_INTERVAL = 1.0
DEFENCE_INTERVAL = 0.25
LEGACY_TTL = 10
"""Seconds at most in answers to those who do not know mDNS (section 6.7)."""
MAX_UNICAST, MAX_UNICAST_ALL = 50, 5000
MAX_DEFERRED = 64
MAX_PIECES = 8
MAX_CONFLICTS, CONFLICT_WINDOW, CONFLICT_DELAY = 15, 10.0, 5.0

_KINDS = (RecordType.A, RecordType.AAAA, RecordType.SRV, RecordType.TXT, RecordType.CNAME)
_OPCODE_RCODE = 0x780F


class MdnsDatagram(NamedTuple):
    """A datagram that the host of `key` sends; to the group when `destination` is None."""

    key: int
    data: bytes
    destination: tuple[str, int] | None


class NameEstablished(NamedTuple):
    """A host has its name; `changed`: it is not the one that was asked for, or no more."""

    key: int
    name: str
    changed: bool


class _ProbeState(Enum):
    PROBING = auto()
    ESTABLISHED = auto()


class _TimerStep(Enum):
    """What falls due."""

    NEXT = auto()
    ANSWER = auto()
    DEFERRED = auto()


class _Rate(NamedTuple):
    """How many in the second that began `since`."""

    since: float = 0.0
    sent: int = 0

    def after(self, now: float) -> "_Rate":
        """Return the rate after one more."""
        return _Rate(now, 1) if now - self.since >= 1.0 else _Rate(self.since, self.sent + 1)


@dataclass(slots=True)
class _HostEntry:
    """A host, and how it stands."""

    key: int
    host: MdnsHost
    asked: MdnsHost
    state: _ProbeState = _ProbeState.PROBING
    sent: int = 0
    """Probes or announcements since the state began."""
    begins_at: float = 0.0
    """When the first probe goes out; until then nobody's answer is about our name."""
    turn: int = 0
    """What is due under an older number is out of date."""
    answer_at: float | None = None
    pending: dict[ResourceRecord, None] = field(default_factory=dict)
    announced_at: float = float("-inf")
    multicast: dict[tuple[bytes, int], float] = field(default_factory=dict)
    """When a record was last multicast, if since then."""
    conflicts: list[float] = field(default_factory=list)
    slow: bool = False
    """Whether there were too many; until a name is had."""
    number: int = 1
    unicast: _Rate = field(default_factory=_Rate)


@dataclass(slots=True)
class _Deferred:
    """A question whose asker has more to say."""

    source: tuple[str, int]
    group: bool
    pieces: list[DnsMessage]


class MdnsResponder:
    """Answers for hosts. Random delays come from `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._entries: dict[int, _HostEntry] = {}
        self._by_name: dict[bytes, dict[int, _HostEntry]] = {}
        # The last number of each name that several here want: a fleet is named in no time.
        self._numbers: dict[str, int] = {}
        self._due: list[tuple[float, int, _TimerStep, int, int]] = []
        self._count = 0
        self._deferred: dict[tuple[str, int], _Deferred] = {}
        self._deferrals: dict[int, tuple[str, int]] = {}
        self._out: list[MdnsDatagram] = []
        self._events: list[NameEstablished] = []
        self._unicast = _Rate()

    # For the owner.

    def add(self, host: MdnsHost, now: float) -> int:
        """Begin to claim a name; return the host's key. Raises DnsError when it cannot be one."""
        host.names()
        self._count += 1
        entry = _HostEntry(self._count, host, host)
        if self._is_taken(entry, host):
            self._next_name(entry)
        self._entries[entry.key] = entry
        self._index(entry)
        self._restart(entry, now + self._rng.uniform(0, PROBE_INTERVAL))
        return entry.key

    def remove(self, key: int, now: float) -> None:
        """Remove a host; send goodbye records if it was announced."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._unindex(entry)
        self._numbers.pop(entry.asked.name, None)
        if entry.state is _ProbeState.ESTABLISHED:
            gone = [one._replace(ttl=0) for one in entry.host.records() if one.name != META]
            self._send(entry, tuple(gone))

    def name(self, key: int) -> str:
        """Return the name that a host has or tries to get."""
        return self._entries[key].host.name

    def established(self, key: int) -> bool:
        """Return whether a host has its name."""
        return self._entries[key].state is _ProbeState.ESTABLISHED

    def __len__(self) -> int:
        return len(self._entries)

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is due."""
        return self._due[0][0] if self._due else None

    def handle_timer(self, now: float) -> None:
        """Do what is due by `now`; too early is harmless."""
        while self._due and self._due[0][0] <= now:
            _, _, step, key, turn = heapq.heappop(self._due)
            if step is _TimerStep.DEFERRED:
                self._answer_deferred(key, now)
                continue
            entry = self._entries.get(key)
            if entry is None:
                continue
            if step is _TimerStep.ANSWER:
                if entry.answer_at is not None and entry.answer_at <= now:
                    self._answer_pending(entry, now)
            elif turn == entry.turn:
                self._next(entry, now)

    def datagrams_to_send(self) -> list[MdnsDatagram]:
        """Return what is to be sent now, and forget it."""
        out, self._out = self._out, []
        return out

    def events(self) -> list[NameEstablished]:
        """Return what has happened, and forget it."""
        events, self._events = self._events, []
        return events

    def receive(
        self, message: DnsMessage, source: tuple[str, int], now: float, group: bool
    ) -> None:
        """Process a message from a neighbour; `group`: it was sent to the group."""
        if message.flags & _OPCODE_RCODE:
            return  # section 18.3 and 18.11
        if message.flags & QR:
            if source[1] == PORT:
                self._receive_response(message, now)
            return
        held = self._deferred.get(source)
        if held is not None:
            if len(held.pieces) < MAX_PIECES:
                held.pieces.append(message)
        elif message.flags & TC and source[1] == PORT and len(self._deferred) < MAX_DEFERRED:
            self._deferred[source] = _Deferred(source, group, [message])
            self._count += 1
            self._deferrals[self._count] = source
            when = now + self._rng.uniform(*TRUNCATED_DELAY)
            self._schedule(when, _TimerStep.DEFERRED, self._count)
        else:
            self._receive_query([message], source, now, group)

    # The life of a host.

    def _next(self, entry: _HostEntry, now: float) -> None:
        if entry.state is _ProbeState.PROBING and entry.sent < PROBES:
            self._probe(entry)
            entry.sent += 1
            self._schedule(now + PROBE_INTERVAL, _TimerStep.NEXT, entry.key, entry.turn)
            return
        if entry.state is _ProbeState.PROBING:
            entry.state, entry.sent, entry.slow = _ProbeState.ESTABLISHED, 0, False
            name = entry.host.name
            self._events.append(NameEstablished(entry.key, name, name != entry.asked.name))
        records = tuple(entry.host.records())
        self._send(entry, records)
        entry.announced_at = now
        entry.multicast.clear()
        entry.sent += 1
        again = ANNOUNCE_AGAIN if entry.sent == 1 else REANNOUNCE * self._rng.uniform(0.9, 1.0)
        self._schedule(now + again, _TimerStep.NEXT, entry.key, entry.turn)

    def _probe(self, entry: _HostEntry) -> None:
        # Unicast is asked for: no other host needs the answer (section 8.1).
        questions = tuple(
            Question(name, RecordType.ANY, CLASS_IN | FLUSH) for name in entry.host.unique_names()
        )
        claims = tuple(one._replace(cls=CLASS_IN) for one in entry.host.unique_records())
        probe = DnsMessage(0, 0, questions, authorities=claims)
        self._out.append(MdnsDatagram(entry.key, probe.encode(), None))

    def _restart(self, entry: _HostEntry, when: float) -> None:
        entry.state, entry.sent = _ProbeState.PROBING, 0
        entry.begins_at = when
        entry.turn += 1
        entry.pending.clear()
        self._schedule(when, _TimerStep.NEXT, entry.key, entry.turn)

    def _conflict(self, entry: _HostEntry, now: float) -> None:
        """Take another name, or defend the one that is established by probing for it again."""
        recent = [at for at in entry.conflicts if now - at < CONFLICT_WINDOW]
        entry.conflicts = [*recent[-MAX_CONFLICTS:], now]
        entry.slow = entry.slow or len(entry.conflicts) > MAX_CONFLICTS
        delay = CONFLICT_DELAY if entry.slow else 0.0
        if entry.state is _ProbeState.PROBING:
            self._unindex(entry)
            self._next_name(entry)
            self._index(entry)
        self._restart(entry, now + delay)

    def _next_name(self, entry: _HostEntry) -> None:
        """Rename a host to the next name that no other host here has."""
        entry.number = max(entry.number, self._numbers.get(entry.asked.name, 1))
        while True:
            entry.number += 1
            self._numbers[entry.asked.name] = entry.number
            host = entry.asked.with_number(entry.number)
            if not self._is_taken(entry, host):
                entry.host = host
                return

    def _is_taken(self, entry: _HostEntry, host: MdnsHost) -> bool:
        return any(
            other is not entry
            for name in host.unique_names()
            for other in self._by_name.get(name.lower(), {}).values()
        )

    def _index(self, entry: _HostEntry) -> None:
        for name in entry.host.names():
            self._by_name.setdefault(name, {})[entry.key] = entry

    def _unindex(self, entry: _HostEntry) -> None:
        for name in entry.host.names():
            entries = self._by_name.get(name, {})
            entries.pop(entry.key, None)
            if not entries:
                self._by_name.pop(name, None)

    # What others say.

    def _receive_response(self, message: DnsMessage, now: float) -> None:
        for record in (*message.answers, *message.additionals):
            if record.type not in _KINDS or not record.ttl or record.cls & ~FLUSH != CLASS_IN:
                continue
            for entry in tuple(self._by_name.get(record.name.lower(), {}).values()):
                if now >= entry.begins_at and _contradicts(entry, record):
                    self._conflict(entry, now)

    def _receive_query(
        self, pieces: list[DnsMessage], source: tuple[str, int], now: float, group: bool
    ) -> None:
        claims = [claim for piece in pieces for claim in piece.authorities]
        known = {
            (one.name.lower(), one.type, one.data): one.ttl
            for piece in pieces
            for one in piece.answers
        }
        asked: dict[int, dict[ResourceRecord, bool]] = {}
        for question in (question for piece in pieces for question in piece.questions):
            if question.cls & ~FLUSH not in (CLASS_IN, CLASS_ANY):
                continue
            alone = bool(question.cls & FLUSH) or not group or source[1] != PORT
            for entry in self._by_name.get(question.name.lower(), {}).values():
                if entry.state is _ProbeState.PROBING:
                    continue
                for record in _answers(entry.host, question):
                    if known.get((record.name.lower(), record.type, record.data), 0) * 2 < (
                        record.ttl
                    ):
                        mine = asked.setdefault(entry.key, {})
                        mine[record] = mine.get(record, True) and alone
        if claims:
            self._resolve_ties(claims, now)
        for key, records in asked.items():
            self._answer(self._entries[key], records, pieces[0], source, now, probe=bool(claims))

    def _resolve_ties(self, claims: list[ResourceRecord], now: float) -> None:
        """Resolve simultaneous probes: the greater data wins (section 8.2)."""
        theirs: dict[bytes, list[tuple[int, int, bytes]]] = {}
        for claim in claims:
            rank = (claim.cls & ~FLUSH, claim.type, claim.data)
            theirs.setdefault(claim.name.lower(), []).append(rank)
        for name, ranks in theirs.items():
            for entry in tuple(self._by_name.get(name, {}).values()):
                if entry.state is not _ProbeState.PROBING:
                    continue
                ours = [
                    (CLASS_IN, one.type, one.data)
                    for one in entry.host.unique_records()
                    if one.name.lower() == name
                ]
                if sorted(ours) < sorted(ranks):
                    self._restart(entry, now + LOST_DELAY)

    # Answers.

    def _answer(
        self,
        entry: _HostEntry,
        records: dict[ResourceRecord, bool],
        query: DnsMessage,
        source: tuple[str, int],
        now: float,
        *,
        probe: bool,
    ) -> None:
        if source[1] != PORT:
            self._answer_legacy(entry, tuple(records), query, source, now)
            return
        # One who asked alone is answered alone, unless it was not multicast for long.
        alone = tuple(
            one for one, alone in records.items() if alone and self._is_fresh(entry, one, now)
        )
        if alone and self._may_unicast(entry, now):
            self._send(entry, alone, source)
        rest = [one for one in records if one not in alone]
        if not rest:
            return
        entry.pending.update(dict.fromkeys(rest))
        delay = 0.0
        if not probe and not all(one.cls & FLUSH for one in rest):
            delay = self._rng.uniform(*SHARED_DELAY)
        self._answer_soon(entry, now + delay, DEFENCE_INTERVAL if probe else RECORD_INTERVAL, now)

    def _answer_soon(self, entry: _HostEntry, when: float, interval: float, now: float) -> None:
        last = max((_last(entry, one) for one in entry.pending), default=0.0)
        when = max(when, last + interval)
        if entry.answer_at is not None and entry.answer_at <= when:
            return
        entry.answer_at = when
        if when <= now:
            self._answer_pending(entry, now)
        else:
            self._schedule(when, _TimerStep.ANSWER, entry.key)

    def _answer_pending(self, entry: _HostEntry, now: float) -> None:
        entry.answer_at = None
        records = tuple(entry.pending)
        entry.pending.clear()
        if records and entry.state is _ProbeState.ESTABLISHED:
            self._send(entry, records)
            entry.multicast.update({(one.name, one.type): now for one in records})

    def _answer_deferred(self, number: int, now: float) -> None:
        source = self._deferrals.pop(number)
        held = self._deferred.pop(source)
        self._receive_query(held.pieces, held.source, now, held.group)

    def _answer_legacy(
        self,
        entry: _HostEntry,
        records: tuple[ResourceRecord, ...],
        query: DnsMessage,
        source: tuple[str, int],
        now: float,
    ) -> None:
        """Answer a resolver that knows plain DNS only, in its own terms (section 6.7)."""
        if not self._may_unicast(entry, now):
            return
        more = _related(entry.host, records)
        plain = [
            [one._replace(ttl=min(one.ttl, LEGACY_TTL), cls=CLASS_IN) for one in some]
            for some in (records, more)
        ]
        answer = DnsMessage(
            query.id, QR | AA, query.questions[:1], tuple(plain[0]), additionals=tuple(plain[1])
        )
        self._out.append(MdnsDatagram(entry.key, answer.encode(), source))

    def _send(
        self,
        entry: _HostEntry,
        records: tuple[ResourceRecord, ...],
        destination: tuple[str, int] | None = None,
    ) -> None:
        more = () if not records[0].ttl else _related(entry.host, records)
        response = DnsMessage(0, QR | AA, answers=records, additionals=more)
        self._out.append(MdnsDatagram(entry.key, response.encode(), destination))

    def _is_fresh(self, entry: _HostEntry, record: ResourceRecord, now: float) -> bool:
        """Return whether a record was multicast within a quarter of its TTL (section 5.4)."""
        return now - _last(entry, record) < record.ttl / 4

    def _may_unicast(self, entry: _HostEntry, now: float) -> bool:
        entry.unicast = entry.unicast.after(now)
        self._unicast = self._unicast.after(now)
        return entry.unicast.sent <= MAX_UNICAST and self._unicast.sent <= MAX_UNICAST_ALL

    def _schedule(self, when: float, step: _TimerStep, key: int, turn: int = 0) -> None:
        self._count += 1
        if step is _TimerStep.ANSWER:
            when = (when // TICK + 1) * TICK
        heapq.heappush(self._due, (when, self._count, step, key, turn))


def _last(entry: _HostEntry, record: ResourceRecord) -> float:
    return entry.multicast.get((record.name, record.type), entry.announced_at)


def _contradicts(entry: _HostEntry, record: ResourceRecord) -> bool:
    """Return whether a record of another host conflicts with ours."""
    name = record.name.lower()
    if all(name != one.lower() for one in entry.host.unique_names()):
        return False
    ours = [one for one in entry.host.unique_records() if one.name.lower() == name]
    if any((one.type, one.data) == (record.type, record.data) for one in ours):
        return False
    # A name that is not ours yet must be free of everything (section 8.1).
    return entry.state is _ProbeState.PROBING or any(one.type == record.type for one in ours)


def _answers(host: MdnsHost, question: Question) -> list[ResourceRecord]:
    """Return the records that answer a question, or the one that says there is none."""
    name = question.name.lower()
    records = [
        one
        for one in host.records()
        if question.type in (one.type, RecordType.ANY) and one.name.lower() == name
    ]
    if not records and (denial := host.denial(question.name)) is not None:
        records = [denial]
    return list(dict.fromkeys(records))


def _related(host: MdnsHost, records: tuple[ResourceRecord, ...]) -> tuple[ResourceRecord, ...]:
    """Return what who gets these records will ask for next (RFC 6763 section 12)."""
    there = set(records)
    wanted: list[ResourceRecord] = []
    unique = host.unique_records()
    for record in records:
        if record.type == RecordType.PTR and record.name != META:
            wanted += [one for one in unique if one.name == record.data]
        if record.type in (RecordType.PTR, RecordType.SRV) and record.name != META:
            wanted.append(unique[0])
        if record.type in (RecordType.A, RecordType.SRV) and (denial := host.denial(record.name)):
            wanted.append(denial)
    return tuple(one for one in dict.fromkeys(wanted) if one not in there)
