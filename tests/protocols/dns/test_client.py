"""The resolver as a dialogue: this was asked, that came in, so this must come out."""

import random
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from tests.protocols.dns.dialogue import (
    ADDRESS,
    FIRST,
    HOST,
    NAME,
    ONE,
    OTHER,
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
    AA,
    QR,
    RD,
    DnsError,
    DnsFailure,
    DnsMessage,
    LookupFailed,
    LookupResolved,
    Question,
    Rcode,
    RecordType,
    Resolver,
    ResourceRecord,
    name_from_text,
)


def test_a_name_is_asked_for_and_found() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    assert out.server == FIRST
    assert DnsMessage.decode(out.data) == DnsMessage(out.exchange, RD, (Question(NAME),))
    assert resolver.is_open(out.exchange)
    told(resolver, out, reply(out, HOST, host("www.example.com", OTHER), HOST))
    assert resolver.events() == [LookupResolved(number, (ADDRESS, OTHER))]
    assert not resolver.is_open(out.exchange)
    assert idle(resolver)


def test_an_address_is_its_own() -> None:
    resolver = make()
    number = resolver.query("192.0.2.1", 0, 5)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    assert idle(resolver)


@pytest.mark.parametrize("name", ["", ".", "a..b", "a" * 64, "\ud800"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    resolver = make()
    with pytest.raises(DnsError):
        resolver.query(name, 0, 5)
    assert idle(resolver)


def test_without_a_server() -> None:
    resolver = Resolver((), random.Random(1))
    assert resolver.events() == []
    number = resolver.query("a", 0, 5)
    assert resolver.events() == [LookupFailed(number, DnsFailure.NO_SERVER)]
    resolver.use_servers([ONE])
    resolver.query("a", 0, 5)
    assert sent(resolver).server == FIRST


def test_tries_are_bounded() -> None:
    for tries in (0, 9):
        with pytest.raises(ValueError, match="tries"):
            Resolver((), random.Random(1), tries=tries)


def test_servers_take_turns_and_then_time_runs_out() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 100, 28)
    times = []
    while (due := resolver.get_timer()) is not None:
        times += [(due, out.server) for out in resolver.datagrams_to_send()]
        assert resolver.events() == []
        resolver.handle_timer(due - 0.001)
        assert resolver.get_timer() == due
        resolver.handle_timer(due)
    assert times == [
        (101, FIRST),
        (102, SECOND),
        (104, FIRST),
        (106, SECOND),
        (110, FIRST),
        (114, SECOND),
    ]
    assert due is None
    assert resolver.events() == [LookupFailed(number, DnsFailure.TIMEOUT)]
    assert idle(resolver)


@pytest.mark.parametrize("timeout", [0.0, 0.001, 0.5, 3, 14, 60])
def test_every_server_has_its_tries_in_the_time_there_is(timeout: float) -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("a", 7, timeout)
    asked = len(resolver.datagrams_to_send())
    now = 7.0
    while (due := resolver.get_timer()) is not None:
        now = due
        resolver.handle_timer(now)
        asked += len(resolver.datagrams_to_send())
    assert asked == (6 if timeout else 1)
    assert now == 7 + timeout
    assert resolver.events() == [LookupFailed(number, DnsFailure.TIMEOUT)]


def test_a_clock_that_jumps_ends_the_lookup() -> None:
    resolver = make()
    number = resolver.query("a", 0, 5)
    sent(resolver)
    resolver.handle_timer(3600)
    assert resolver.events() == [LookupFailed(number, DnsFailure.TIMEOUT)]
    assert resolver.datagrams_to_send() == []


def test_a_late_answer_counts_until_the_time_is_over() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    while (due := resolver.get_timer()) is not None and due < 5:
        resolver.handle_timer(due)
    last = resolver.datagrams_to_send()[-1]
    assert resolver.is_open(out.exchange)
    told(resolver, out, reply(out, HOST), 4.9)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    told(resolver, last, reply(last, HOST), 5.1)
    assert resolver.events() == []
    assert idle(resolver)


# Results that are no address.


def test_no_such_name_is_final() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, rcode=Rcode.NXDOMAIN, authorities=(SOA,)))
    assert resolver.events() == [LookupFailed(number, DnsFailure.NXDOMAIN)]
    assert idle(resolver)


@pytest.mark.parametrize("authorities", [(SOA,), ()])
def test_no_address_is_final(authorities: tuple[ResourceRecord, ...]) -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, authorities=authorities))
    assert resolver.events() == [LookupFailed(number, DnsFailure.NODATA)]


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (Rcode.SERVFAIL, DnsFailure.SERVFAIL),
        (Rcode.REFUSED, DnsFailure.REFUSED),
        (Rcode.NOTIMP, DnsFailure.SERVFAIL),
        (Rcode.FORMERR, DnsFailure.SERVFAIL),
        (9, DnsFailure.SERVFAIL),
    ],
)
def test_the_next_server_is_asked_at_once(rcode: int, failure: DnsFailure) -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, rcode=rcode))
    out = sent(resolver)
    assert out.server == SECOND
    told(resolver, out, reply(out, rcode=Rcode.SERVFAIL))
    assert resolver.events() == [LookupFailed(number, failure)]
    assert idle(resolver)


def test_a_server_that_failed_is_not_asked_again() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, rcode=Rcode.REFUSED))
    servers = []
    while (due := resolver.get_timer()) is not None:
        servers += [out.server for out in resolver.datagrams_to_send()]
        resolver.handle_timer(due)
    assert servers == [SECOND] * 3
    assert resolver.events() == [LookupFailed(number, DnsFailure.REFUSED)]


def test_a_late_failure_leaves_the_other_server_its_time() -> None:
    resolver = make(ONE, TWO)
    resolver.query("www.example.com", 0, 28)
    out = sent(resolver)
    resolver.handle_timer(1)
    assert sent(resolver).server == SECOND
    told(resolver, out, reply(out, rcode=Rcode.SERVFAIL), 1.5)
    assert resolver.datagrams_to_send() == []
    assert resolver.get_timer() == 2
    resolver.handle_timer(2)
    assert sent(resolver).server == SECOND


def test_a_header_alone_is_a_failure_and_nothing_more() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    for rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        told(resolver, out, replace(reply(out, rcode=rcode), questions=()))
        assert resolver.events() == []
    told(resolver, out, replace(reply(out, rcode=Rcode.FORMERR), questions=()))
    assert resolver.events() == [LookupFailed(number, DnsFailure.SERVFAIL)]


def test_a_referral_is_a_failure() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    ns = ResourceRecord.of_target(
        name_from_text("com"), RecordType.NS, name_from_text("a.gtld"), 60
    )
    told(resolver, out, replace(reply(out, authorities=(ns,)), flags=QR | RD))
    assert resolver.events() == [LookupFailed(number, DnsFailure.SERVFAIL)]


def test_an_answer_that_cannot_be_read_is_a_failure() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, reply(out, HOST).encode()[:-1])
    assert sent(resolver).server == SECOND
    assert number == 1


# What does not match is dropped.


def test_forgeries_are_dropped_and_the_answer_still_counts() -> None:
    resolver = make(ONE, TWO)
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    good = reply(out, HOST)
    lie = host("www.example.com", IPv4Address("6.6.6.6"))
    forged = replace(good, answers=(lie,))
    for bad in (
        replace(forged, id=good.id ^ 1),
        replace(forged, flags=RD),
        replace(forged, flags=QR | 5 << 11),
        replace(forged, questions=(Question(name_from_text("www.example.org")),)),
        replace(forged, questions=(Question(NAME, RecordType.AAAA),)),
        replace(forged, questions=(Question(NAME, RecordType.A, 3),)),
        replace(forged, questions=()),
        replace(forged, questions=(Question(NAME),) * 2),
    ):
        told(resolver, out, bad)
    for source in (SECOND, (FIRST[0], 5353), ("10.0.0.54", 53)):
        resolver.receive(forged.encode(), source, 0.1)
    resolver.receive(forged.encode(), FIRST, 0.1, exchange=out.exchange ^ 1)
    for size in range(12):
        told(resolver, out, forged.encode()[:size])
    assert resolver.events() == []
    assert resolver.datagrams_to_send() == []
    resolver.receive(good.encode(), FIRST, 0.1, exchange=out.exchange)
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    told(resolver, out, forged)
    assert resolver.events() == []


def test_the_case_of_the_echo_is_ignored() -> None:
    resolver = make()
    number = resolver.query("WWW.Example.com", 0, 5)
    out = sent(resolver)
    assert b"WWW\x07Example" in out.data
    told(resolver, out, replace(reply(out, HOST), questions=(Question(NAME),)))
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]


def test_only_the_chain_counts() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    poison = host("bank.example", IPv4Address("6.6.6.6"), 9999)
    response = reply(
        out,
        poison,
        alias("bank.example", "evil.example"),
        host("web.example.net"),
        ResourceRecord(NAME, RecordType.A, 60, b"\6\6\6\6", 3),
        alias("www.example.com", "WEB.example.net"),
    )
    told(resolver, out, replace(response, additionals=(poison,), authorities=(poison,)))
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    for name in ("bank.example", "web.example.net", "evil.example"):
        resolver.query(name, 0.2, 5)
        assert resolver.events() == []
        sent(resolver)
    resolver.query("www.example.com", 0.2, 5)
    assert resolver.datagrams_to_send() == []


# Callers that share.


def test_callers_that_want_one_name_share_a_question() -> None:
    resolver = make()
    one = resolver.query("www.example.com", 0, 1)
    two = resolver.query("WWW.example.com", 0.5, 5)
    three = resolver.query("www.example.com", 0.5, 5)
    out = sent(resolver)
    resolver.handle_timer(1)
    assert resolver.events() == [LookupFailed(one, DnsFailure.TIMEOUT)]
    resolver.cancel(three)
    told(resolver, out, reply(out, HOST), 1.5)
    assert resolver.events() == [LookupResolved(two, (ADDRESS,))]


def test_a_cancelled_lookup_is_forgotten() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 1)
    out = sent(resolver)
    resolver.cancel(number)
    resolver.cancel(number)
    assert idle(resolver)
    told(resolver, out, reply(out, HOST))
    assert resolver.events() == []


def test_ids_differ_from_question_to_question() -> None:
    resolver = make(ONE, TWO)
    for number in range(300):
        resolver.query(f"n{number}", 0, 28)
    resolver.handle_timer(1)
    ids = [out.exchange for out in resolver.datagrams_to_send()]
    assert len(set(ids)) == len(ids) == 600
    assert max(ids) > 60_000
    assert min(ids) < 5_000


def test_servers_may_change_under_way() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    resolver.use_servers([TWO, TWO])
    told(resolver, out, reply(out, HOST))
    assert resolver.events() == [LookupResolved(number, (ADDRESS,))]
    resolver.query("b", 0, 5)
    assert sent(resolver).server == SECOND


def test_authoritative_silence_is_no_referral() -> None:
    resolver = make()
    number = resolver.query("www.example.com", 0, 5)
    out = sent(resolver)
    told(resolver, out, replace(reply(out), flags=QR | AA))
    assert resolver.events() == [LookupFailed(number, DnsFailure.NODATA)]
