"""What a resolver makes of answers: chains of aliases, answers that are cut, what is remembered."""

import random
from dataclasses import replace

import pytest
from tests.protocols.dns.dialogue import (
    ADDRESS,
    FIRST,
    HOST,
    NAME,
    ONE,
    SECOND,
    SOA,
    TWO,
    alias,
    host,
    idle,
    make,
    reply,
    sent,
    told,
)

from tokay.protocols.dns import (
    TC,
    DnsFailure,
    DnsMessage,
    DnsQuery,
    LookupFailed,
    LookupResolved,
    Question,
    Rcode,
    Resolver,
    ResourceRecord,
    UseTcp,
    name_from_text,
)

# Chains.


def test_a_chain_that_leaves_the_response_is_asked_on() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, rcode=Rcode.SERVFAIL))
    out = sent(resolver)
    told(resolver, out, reply(out, alias("www.example.com", "b", 30), alias("b", "c", 99)))
    on = sent(resolver)
    assert on.server == SECOND  # the one that knew
    assert DnsMessage.decode(on.data).questions == (Question(name_from_text("c")),)
    assert not resolver.is_open(out.exchange)
    told(resolver, on, reply(on, host("c")), 0.2)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    resolver.query("WWW.EXAMPLE.COM", 30.1, 5)
    assert len(resolver.events()) == 1
    resolver.query("www.example.com", 30.3, 5)  # the least TTL of the chain
    assert resolver.events() == []


@pytest.mark.parametrize(
    ("rcode", "failure"), [(Rcode.NXDOMAIN, DnsFailure.NXDOMAIN), (0, DnsFailure.NODATA)]
)
def test_a_chain_may_end_in_nothing(rcode: int, failure: DnsFailure) -> None:
    resolver = make()
    number = resolver.query("a", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, alias("a", "b"), rcode=rcode, authorities=(SOA,)))
    assert resolver.events() == [LookupFailed(number, failure)]


@pytest.mark.parametrize("answers", [[alias("a", "a")], [alias("a", "b"), alias("b", "A")]])
def test_a_loop_ends(answers: list[ResourceRecord]) -> None:
    resolver = make()
    number = resolver.query("a", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, *answers))
    assert resolver.events() == [LookupFailed(number, DnsFailure.SERVFAIL)]
    assert idle(resolver)


def test_a_loop_over_many_responses_ends() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("a", 0, 5)
    for hop in range(16):
        out = sent(resolver)
        told(resolver, out, reply(out, alias(f"n{hop}" if hop else "a", f"n{hop + 1}")))
        assert resolver.events() == []
    out = sent(resolver)
    told(resolver, out, reply(out, alias("n16", "n17")))
    assert resolver.events() == [LookupFailed(number, DnsFailure.SERVFAIL)]
    assert idle(resolver)


def test_a_long_chain_is_followed_to_sixteen() -> None:
    for length, event in (
        (16, LookupResolved(1, (ADDRESS,))),
        (17, LookupFailed(1, DnsFailure.SERVFAIL)),
    ):
        resolver = make()
        resolver.query("n0", 0, 5)
        out = sent(resolver)
        chain = [alias(f"n{hop}", f"n{hop + 1}") for hop in range(length)]
        random.Random(2).shuffle(chain)
        told(resolver, out, reply(out, *chain, host(f"n{length}")))
        assert resolver.events() == [event]


# TCP.


def truncated(out: DnsQuery) -> bytes:
    """A response that was cut in the middle of its first record, as some servers do."""
    whole = reply(out, HOST)
    return replace(whole, flags=whole.flags | TC).encode()[:-7]


def to_tcp(resolver: Resolver, out: DnsQuery) -> UseTcp:
    told(resolver, out, truncated(out))
    (event,) = resolver.events()
    assert isinstance(event, UseTcp)
    return event


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_cut_comes_over_tcp(size: int) -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    tcp = to_tcp(resolver, out)
    assert tcp.server == FIRST
    assert int.from_bytes(tcp.data[:2]) == len(tcp.data) - 2
    assert DnsMessage.decode(tcp.data[2:]).questions == (Question(NAME),)
    assert tcp.exchange != out.exchange
    assert resolver.is_open(tcp.exchange)
    assert not resolver.is_open(out.exchange)
    answers = [host("www.example.com", ADDRESS + i) for i in range(20)]
    message = reply(DnsQuery(tcp.data[2:], FIRST, 0), *answers).encode()
    resolver.receive(message, FIRST, 0.1)  # not over UDP
    assert resolver.events() == []
    stream = len(message).to_bytes(2) + message + b"\0"
    done = [
        resolver.receive_tcp(stream[at : at + size], tcp.exchange, 0.2)
        for at in range(0, len(stream), size)
    ]
    assert resolver.events() == [LookupResolved(number, tuple(ADDRESS + i for i in range(16)))]
    assert done[-1]
    assert idle(resolver)


def test_a_connection_that_fails_passes_the_server_over() -> None:
    resolver = make(ONE, TWO)
    resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    tcp = to_tcp(resolver, out)
    resolver.failed(tcp.exchange, 0.2)
    resolver.failed(tcp.exchange, 0.2)
    resolver.failed(out.exchange, 0.2)
    assert sent(resolver).server == SECOND
    assert resolver.receive_tcp(b"\0", tcp.exchange, 0.3)


@pytest.mark.parametrize("wrong", ["id", "question", "short"])
def test_nonsense_over_tcp_passes_the_server_over(wrong: str) -> None:
    resolver = make(ONE, TWO)
    resolver.query("www.example.com", 0, 5)
    tcp = to_tcp(resolver, sent(resolver))
    good = reply(DnsQuery(tcp.data[2:], FIRST, 0), HOST)
    bad = {
        "id": replace(good, id=good.id ^ 1).encode(),
        "question": replace(good, questions=(Question(NAME, 28),)).encode(),
        "short": b"",
    }[wrong]
    assert resolver.receive_tcp(len(bad).to_bytes(2) + bad, tcp.exchange, 0.2)
    assert sent(resolver).server == SECOND
    assert resolver.events() == []


def test_a_silent_connection_costs_what_a_silent_server_costs() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 28)
    tcp = to_tcp(resolver, sent(resolver))
    assert not resolver.receive_tcp(b"\0", tcp.exchange, 0.5)
    assert resolver.get_timer() == 1.1
    resolver.handle_timer(1.1)
    out = sent(resolver)
    assert out.server == SECOND
    told(resolver, out, reply(out, HOST), 1.2)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    assert resolver.receive_tcp(b"\0", tcp.exchange, 0.5)


# The cache, and callers that share.


def test_results_live_as_long_as_their_ttl() -> None:
    resolver = make()
    resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, HOST), 10)
    resolver.events()
    number = resolver.query("Www.Example.Com.", 69.9, 5)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    resolver.query("www.example.com", 70, 5)
    assert resolver.events() == []


@pytest.mark.parametrize("ttl", [0, 0x80000000, 0xFFFFFFFF])
def test_some_results_are_for_once(ttl: int) -> None:
    resolver = make()
    resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, host("www.example.com", ttl=ttl)))
    assert len(resolver.events()) == 1
    resolver.query("www.example.com", 0.1, 5)
    assert resolver.events() == []


def test_nothing_lives_longer_than_a_day() -> None:
    resolver = make()
    resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, host("www.example.com", ttl=0x7FFFFFFF)), 0)
    resolver.events()
    resolver.query("www.example.com", 86_399, 5)
    assert len(resolver.events()) == 1
    resolver.query("www.example.com", 86_400, 5)
    assert resolver.events() == []


def test_the_cache_is_small_and_can_be_emptied() -> None:
    resolver = make()
    for number in range(40):
        resolver.query(f"n{number}", 0, 5)
        out = sent(resolver)
        told(resolver, out, reply(out, host(f"n{number}")))
    resolver.events()
    for number in range(40):
        resolver.query(f"n{number}", 1, 5)
    assert len(resolver.events()) == 32
    resolver.flush()
    resolver.query("n39", 1, 5)
    assert resolver.events() == []
