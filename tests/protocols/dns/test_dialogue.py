"""Resolvers and answerers on a network that loses, delays, cuts and lies, all by plain calls."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokay.protocols.dns import (
    TC,
    DnsError,
    DnsFailure,
    DnsMessage,
    DnsResponder,
    Event,
    LookupFailed,
    LookupResolved,
    Question,
    Rcode,
    RecordType,
    Resolver,
    ResourceRecord,
    UnknownNames,
    UseTcp,
    name_from_text,
)

FIRST, SECOND = IPv4Address("10.0.0.53"), IPv4Address("10.0.1.53")
ADDRESS, EVIL = IPv4Address("192.0.2.1"), IPv4Address("6.6.6.6")
NAMES = {f"n{number}.example": ADDRESS + number for number in range(50)}

Serve = Callable[[bytes], bytes | None]


@dataclass
class Network:
    """One resolver, its servers, and a clock that only turns when it is told to."""

    servers: dict[IPv4Address, Serve]
    seed: int = 0
    loss: float = 0.0
    delay: float = 0.05
    forgers: int = 0  # forged answers for each datagram, which come before the real one
    cut: float = 0.0  # the share of answers that do not fit in a datagram
    tcp: bool = True
    tries: int = 3
    now: float = 0.0
    heard: dict[int, Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.resolver = Resolver(self.servers, random.Random(self.seed + 1), tries=self.tries)
        self.flying: list[tuple[float, int, Callable[[], object]]] = []
        self.order: Iterator[int] = count()

    def fly(self, least: float, arrive: Callable[[], object]) -> None:
        if self.rng.random() >= self.loss:
            due = self.now + least + self.rng.uniform(0, self.delay)
            heapq.heappush(self.flying, (due, next(self.order), arrive))

    def forge(self, query: bytes, server: tuple[str, int]) -> None:
        ask = DnsMessage.decode(query)
        name = ask.questions[0].name
        lie = ResourceRecord.of_address(name, EVIL, 9999)
        flags = 0x8180 | self.rng.choice((0, 0, Rcode.NXDOMAIN, Rcode.REFUSED))
        message = DnsMessage(ask.id, flags, ask.questions, (lie,))
        match self.rng.randrange(4):
            case 0:
                message = replace(message, id=ask.id ^ self.rng.randrange(1, 1 << 16))
            case 1:
                message = replace(message, questions=(Question(b"\1x" + name),))
            case 2:
                server = ("10.0.0.66", 53)
            case 3:
                server = (server[0], self.rng.choice((54, 5353)))
        data = message.encode()
        self.fly(0, lambda: self.resolver.receive(data, server, self.now))

    def send(self, query: bytes, server: tuple[str, int]) -> None:
        for _ in range(self.forgers):
            self.forge(query, server)
        answer = self.servers[IPv4Address(server[0])](query)
        if answer is None:
            return
        if self.rng.random() < self.cut:
            answer = answer[:2] + bytes((answer[2] | TC >> 8,)) + answer[3:-3]
        data = answer
        self.fly(self.delay, lambda: self.resolver.receive(data, server, self.now))

    def connect(self, event: UseTcp) -> None:
        if not self.tcp:
            self.fly(0, lambda: self.resolver.failed(event.exchange, self.now))
            return
        answer = self.servers[IPv4Address(event.server[0])](event.data[2:]) or b""
        stream = len(answer).to_bytes(2) + answer
        half = self.rng.randrange(len(stream))

        def arrive() -> None:
            self.resolver.receive_tcp(stream[:half], event.exchange, self.now)
            self.resolver.receive_tcp(stream[half:], event.exchange, self.now)

        self.fly(self.delay, arrive)

    def collect(self) -> None:
        for outgoing in self.resolver.datagrams_to_send():
            self.fly(0, lambda o=outgoing: self.send(o.data, o.server))  # type: ignore[misc]
        for event in self.resolver.events():
            if isinstance(event, UseTcp):
                self.connect(event)
            else:
                assert event.lookup not in self.heard
                self.heard[event.lookup] = event

    def run(self) -> None:
        """Let everything happen that will."""
        self.collect()
        while True:
            timer = self.resolver.get_timer()
            due = min([timer] if timer is not None else [], default=None)
            if self.flying and (due is None or self.flying[0][0] <= due):
                self.now, _, arrive = heapq.heappop(self.flying)
                arrive()
            elif due is not None:
                self.now = max(self.now, due)
                self.resolver.handle_timer(self.now)
            else:
                break
            self.collect()
        assert not self.resolver._exchanges

    def look_up(self, name: str, timeout: float = 5) -> Event:
        number = self.resolver.query(name, self.now, timeout)
        until = self.now + timeout
        self.run()
        assert self.now <= until + 3 * self.delay
        return self.heard[number]

    def address_of(self, name: str, timeout: float = 5) -> IPv4Address | DnsFailure:
        match self.look_up(name, timeout):
            case LookupResolved(_, addresses):
                return addresses[0]
            case LookupFailed(_, failure):
                return failure
        raise AssertionError


def honest() -> Serve:
    return DnsResponder(NAMES, 60).answer


def test_a_resolver_and_an_answerer_understand_one_another() -> None:
    network = Network({FIRST: honest()})
    assert network.address_of("N7.Example") == NAMES["n7.example"]
    assert network.address_of("n99.example") is DnsFailure.NXDOMAIN
    assert network.address_of("1.2.0.192.in-addr.arpa") is DnsFailure.NODATA
    assert network.resolver.query("n7.example", network.now, 1) in {
        event.lookup for event in network.resolver.events() if isinstance(event, LookupResolved)
    }


def test_a_portal_catches_every_name() -> None:
    network = Network({FIRST: DnsResponder({}, 0, unknown=ADDRESS).answer})
    for name in ("captive.apple.com", "www.msftconnecttest.com", "x"):
        assert network.address_of(name) == ADDRESS


def test_silence_is_a_timeout_and_a_second_server_a_rescue() -> None:
    silent = DnsResponder({}, 60, unknown=UnknownNames.SILENCE).answer
    assert Network({FIRST: silent}).address_of("n1.example") is DnsFailure.TIMEOUT
    network = Network({FIRST: silent, SECOND: honest()})
    assert network.address_of("n1.example") == NAMES["n1.example"]
    assert network.now < 1


@pytest.mark.parametrize("seed", range(5))
def test_forty_names_through_a_bad_network(seed: int) -> None:
    network = Network(
        {FIRST: honest(), SECOND: honest()}, seed, loss=0.3, forgers=3, cut=0.3, tries=8
    )
    numbers = {network.resolver.query(f"n{i}.example", 0, 30): i for i in range(40)}
    network.run()
    for number, i in numbers.items():
        assert network.heard[number] == LookupResolved(number, (ADDRESS + i,))


@given(
    seed=st.integers(0, 1 << 32),
    loss=st.floats(0, 1),
    delay=st.floats(0.001, 10),
    forgers=st.integers(0, 4),
    cut=st.floats(0, 1),
    tcp=st.booleans(),
    tries=st.integers(1, 8),
    timeout=st.floats(0.001, 60),
    servers=st.integers(1, 3),
)
@settings(deadline=None)
def test_whatever_the_network_does_a_lookup_ends_in_time_and_in_truth(
    seed: int,
    loss: float,
    delay: float,
    forgers: int,
    cut: float,
    tcp: bool,
    tries: int,
    timeout: float,
    servers: int,
) -> None:
    network = Network(
        {FIRST + i: honest() for i in range(servers)}, seed, loss, delay, forgers, cut, tcp, tries
    )
    numbers = {network.resolver.query(f"n{i}.example", 0, timeout): i for i in range(3)}
    network.run()
    for number, i in numbers.items():
        event = network.heard[number]
        if isinstance(event, LookupResolved):
            assert event.addresses == (ADDRESS + i,)
        else:
            assert isinstance(event, LookupFailed)
            # SERVFAIL only where every server had an answer that TCP could not bring.
            assert event.failure is DnsFailure.TIMEOUT or (cut and not tcp)


def test_a_server_that_says_it_is_cut_and_has_no_tcp() -> None:
    network = Network({FIRST: honest()}, cut=1.0, tcp=False)
    assert network.address_of("n1.example") is DnsFailure.SERVFAIL
    network = Network({FIRST: honest()}, cut=1.0)
    assert network.address_of("n1.example") == NAMES["n1.example"]


@given(st.data())
@settings(deadline=None)
def test_a_server_of_endless_aliases_ends(data: st.DataObject) -> None:
    """Every answer is a CNAME to a name that hypothesis likes: loops, growth, escapes."""
    targets = st.sampled_from(["a", "b", "c.b.a", "A", ".", "n1.example"]).map(name_from_text)

    def serve(query: bytes) -> bytes:
        ask = DnsMessage.decode(query)
        records = data.draw(
            st.lists(st.tuples(targets, targets), max_size=4).map(
                lambda pairs: [
                    ResourceRecord.of_target(a, RecordType.CNAME, b, 60) for a, b in pairs
                ]
            )
        )
        return DnsMessage(ask.id, 0x8180, ask.questions, tuple(records)).encode()

    network = Network({FIRST: serve})
    assert network.address_of("a") in (DnsFailure.SERVFAIL, DnsFailure.NODATA)
    assert network.now < 5


@given(st.data())
@settings(deadline=None)
def test_any_bytes_give_an_event_or_nothing(data: st.DataObject) -> None:
    """Octets of a good answer are changed, or it is anything at all behind the right id."""
    resolver = Resolver([FIRST, SECOND], random.Random(1))
    number = resolver.query("n1.example", 0, 5)
    serve = DnsResponder(NAMES, 60).answer
    ended = []
    tcp: list[int] = []
    for step in range(12):
        now = step * 0.1
        for outgoing in resolver.datagrams_to_send():
            good = serve(outgoing.data) or b""
            changes = data.draw(
                st.dictionaries(st.integers(2, len(good) - 1), st.integers(0, 255), max_size=5)
            )
            bad = bytes(changes.get(at, octet) for at, octet in enumerate(good))
            bad = data.draw(st.just(bad) | st.binary(max_size=40).map(good[:2].__add__))
            resolver.receive(bad, outgoing.server, now, outgoing.exchange)
            resolver.receive(data.draw(st.binary(max_size=40)), outgoing.server, now)
        for event in resolver.events():
            if isinstance(event, UseTcp):
                tcp.append(event.exchange)
            else:
                ended.append(event)
        for exchange in tcp:
            resolver.receive_tcp(data.draw(st.binary(max_size=30)), exchange, now)
        resolver.handle_timer(now)
    resolver.handle_timer(5)
    ended += [event for event in resolver.events() if not isinstance(event, UseTcp)]
    assert [event.lookup for event in ended] == [number]
    assert resolver.get_timer() is None


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_a_message_or_an_error(body: bytes, records: int) -> None:
    for data in (body, bytes((0, 0, 0x80, 0, 0, 1, 0, records, 0, 0, 0, 1)) + body):
        try:
            message = DnsMessage.decode(data)
        except DnsError:
            continue
        assert DnsMessage.decode(message.encode()) == message
