"""The responder as a dialogue on a link: RFC 6762, section by section."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.mdns.link import HTTP, STRANGER, Wire, host, name

from tokay.protocols.dns import (
    AA,
    QR,
    TC,
    DnsError,
    DnsMessage,
    Question,
    RecordType,
    ResourceRecord,
    SrvData,
)
from tokay.protocols.mdns import PORT, MdnsHost, MdnsResponder, MdnsService

FLUSH = 0x8001
OTHER = b"\x0a\0\0\x63"
DAY = 86_400.0


def settled(*hosts: MdnsHost) -> Wire:
    """A link where all is said."""
    wire = Wire()
    for one in hosts:
        wire.add(one)
    wire.turn(60)
    return wire


def response(*records: ResourceRecord) -> DnsMessage:
    return DnsMessage(0, QR | AA, answers=records)


def address(text: str, data: bytes = OTHER, ttl: int = 120) -> ResourceRecord:
    return ResourceRecord(name(text), RecordType.A, ttl, data, FLUSH)


# Section 8: probing and announcing.


def test_three_probes_and_two_announcements_within_two_seconds() -> None:
    wire = Wire()
    wire.add(host("anole", 1, HTTP))
    wire.turn(3)
    first, second, third = wire.probes()
    assert 100 <= first <= 100.25
    assert second - first == pytest.approx(0.25)
    assert third - second == pytest.approx(0.25)
    (announced, message), (again, same) = wire.responses()
    assert announced - third == pytest.approx(0.25)
    assert announced < 101.1
    assert again - announced == pytest.approx(1)
    assert message == same
    assert wire.named == [(0, "anole", False)]


def test_a_probe_claims_every_name() -> None:
    wire = Wire()
    wire.add(host("anole", 1, HTTP))
    wire.turn(0.3)
    _, probe, to = wire.heard[0]
    assert to is None
    assert [(q.name, q.type, q.cls) for q in probe.questions] == [
        (name("anole.local"), RecordType.ANY, FLUSH),
        (name("anole._http._tcp.local"), RecordType.ANY, FLUSH),
    ]
    assert [(r.type, r.cls) for r in probe.authorities] == [
        (RecordType.A, 1),
        (RecordType.SRV, 1),
        (RecordType.TXT, 1),
    ]


def test_what_is_announced() -> None:
    wire = settled(host("anole", 1, HTTP))
    _, message = wire.responses()[0]
    shown = {(r.name, r.type): r for r in message.answers}
    instance = name("anole._http._tcp.local")
    assert shown[name("anole.local"), RecordType.A] == address("anole.local", b"\x0a\0\0\x01")
    assert shown[instance, RecordType.SRV].service == SrvData(0, 0, 80, name("anole.local"))
    assert shown[instance, RecordType.SRV].ttl == 120
    assert shown[instance, RecordType.TXT].texts == (b"a=1",)
    assert shown[instance, RecordType.TXT].ttl == 4500
    pointer = shown[name("_http._tcp.local"), RecordType.PTR]
    assert (pointer.target, pointer.cls, pointer.ttl) == (instance, 1, 4500)
    meta = shown[name("_services._dns-sd._udp.local"), RecordType.PTR]
    assert (meta.target, meta.cls) == (name("_http._tcp.local"), 1)
    assert shown[name("1.0.0.10.in-addr.arpa"), RecordType.PTR].target == name("anole.local")
    assert message.flags == QR | AA
    assert not message.questions


def test_a_name_that_somebody_has_is_left_to_them() -> None:
    wire = Wire()
    wire.add(host("anole", 1, HTTP))
    wire.turn(0.3)
    wire.say(response(address("ANOLE.local")))
    wire.turn(3)
    assert wire.named == [(0, "anole-2", True)]
    wire.say(response(address("anole-2.local")))  # and that one as well, though it was ours
    wire.turn(0.1)
    wire.say(response(address("anole-2.local")))
    wire.turn(3)
    assert wire.named == [(0, "anole-2", True), (0, "anole-3", True)]
    assert wire.ask("anole-3._http._tcp.local", RecordType.SRV)
    assert not wire.ask("anole-2.local")
    assert not wire.ask("anole.local")


def test_two_responders_agree_who_has_the_name() -> None:
    wire = Wire(2)
    wire.add(host("anole", 1), on=0)
    wire.turn(5)
    wire.add(host("anole", 2), on=1)
    wire.turn(5)
    assert wire.named == [(0, "anole", False), (1, "anole-2", True)]


@pytest.mark.parametrize("seed", range(20))
def test_of_two_that_probe_at_once_the_greater_wins(seed: int) -> None:
    wire = Wire(2)
    wire.responders = [MdnsResponder(random.Random(seed)), MdnsResponder(random.Random(seed + 100))]
    wire.add(host("anole", 1), on=0)
    wire.add(host("anole", 2), on=1)
    wire.turn(10)
    assert sorted(wire.named) == [(0, "anole-2", True), (1, "anole", False)]


def test_our_own_probe_is_no_conflict() -> None:
    wire = settled(host("anole", 1, HTTP))
    assert wire.named == [(0, "anole", False)]
    assert len(wire.probes()) == 3


def test_hosts_of_one_responder_get_different_names_at_once() -> None:
    wire = Wire()
    for number in range(1, 51):
        wire.add(host("same", number, HTTP))
    wire.turn(3)
    names = {shown for _, shown, _ in wire.named}
    assert names == {"same", *(f"same-{number}" for number in range(2, 51))}
    assert len(wire.probes()) == 150


def test_an_instance_with_a_name_of_its_own_gets_a_number_too() -> None:
    fixed = MdnsService("_ipp._tcp", 631, (), "Boiler room")
    wire = settled(host("one", 1, fixed), host("two", 2, fixed))
    assert sorted(wire.named) == [(0, "one", False), (0, "two-2", True)]
    answers = wire.ask("_ipp._tcp.local", RecordType.PTR)
    found = {r.target for message, _ in answers for r in message.answers}
    kind = name("_ipp._tcp.local")
    assert found == {b"\x0bBoiler room" + kind, b"\x0fBoiler room (2)" + kind}


def test_a_name_that_no_more_fits_is_cut() -> None:
    wire = Wire()
    wire.add(host("a" * 63, 1))
    wire.turn(0.3)
    wire.say(response(address("a" * 63 + ".local")))
    wire.turn(3)
    assert wire.named == [(0, "a" * 61 + "-2", True)]


def test_a_name_of_several_labels() -> None:
    wire = Wire()
    wire.add(host("boiler.cellar", 1, HTTP))
    wire.turn(0.3)
    wire.say(response(address("boiler.cellar.local")))
    wire.turn(3)
    assert wire.named == [(0, "boiler-2.cellar", True)]
    assert wire.ask("boiler-2.cellar.local")


def test_what_can_be_no_name_is_refused() -> None:
    responder = MdnsResponder(random.Random(1))
    for text in ("a..b", "a" * 64, ".".join(["abcdefgh"] * 40)):
        with pytest.raises(DnsError):
            responder.add(host(text), 0)
    assert len(responder) == 0
    assert responder.get_timer() is None


# Section 9: conflicts later on.


def test_an_established_name_is_probed_for_again() -> None:
    wire = settled(host("anole"))
    wire.heard.clear()
    wire.say(response(address("anole.local")))
    wire.turn(3)
    assert len(wire.probes()) == 3
    assert wire.named[1:] == [(0, "anole", False)]


@pytest.mark.parametrize(
    "record",
    [
        address("anole.local", b"\x0a\0\0\x01"),
        address("anole.local", ttl=0),
        ResourceRecord(name("anole.local"), RecordType.AAAA, 120, bytes(16), FLUSH),
        ResourceRecord(name("anole.local"), RecordType.A, 120, OTHER, 3),
        address("anole.example"),
        ResourceRecord(name("_http._tcp.local"), RecordType.PTR, 4500, name("x._http._tcp.local")),
    ],
    ids=["the same", "a goodbye", "another type", "another class", "another name", "shared"],
)
def test_what_is_no_conflict(record: ResourceRecord) -> None:
    wire = settled(host("anole", 1, HTTP))
    wire.heard.clear()
    wire.say(response(record))
    wire.turn(3)
    assert not wire.heard


def test_only_port_5353_can_claim_a_name() -> None:
    wire = settled(host("anole"))
    wire.heard.clear()
    wire.say(response(address("anole.local")), ("10.0.0.200", 40000))
    wire.turn(3)
    assert not wire.heard


def test_a_host_that_is_never_let_alone_slows_down() -> None:
    wire = Wire()
    wire.add(host("anole"))
    renamed = 0
    for _ in range(600):
        wire.turn(0.1)
        before = wire.responders[0].name(1)
        wire.say(response(address(f"{before}.local")))
        renamed += wire.responders[0].name(1) != before
    # Fifteen tries at once, and one in five seconds for what is left of the minute.
    assert 15 < renamed < 30
    wire.turn(10)
    assert wire.named


# Section 5 and 6: questions and answers.


def test_questions_get_answers() -> None:
    wire = settled(host("anole", 1, HTTP), host("gecko", 2))
    ((message, to),) = wire.ask("anole.local")
    assert to is None
    assert [r.data for r in message.answers] == [b"\x0a\0\0\x01"]
    assert not message.questions
    ((message, _),) = wire.ask("2.0.0.10.in-addr.arpa", RecordType.PTR)
    assert message.answers[0].target == name("gecko.local")
    ((message, _),) = wire.ask("anole._http._tcp.local", RecordType.ANY)
    assert {r.type for r in message.answers} == {RecordType.SRV, RecordType.TXT}
    for unknown in ("nobody.local", "local", "anole", "_ipp._tcp.local"):
        assert not wire.ask(unknown, RecordType.ANY)
    assert not wire.ask("anole.local", cls=3)


def test_a_pointer_brings_along_what_is_asked_next() -> None:
    wire = settled(host("anole", 1, HTTP))
    ((message, _),) = wire.ask("_http._tcp.local", RecordType.PTR)
    assert {r.type for r in message.additionals} == {RecordType.SRV, RecordType.TXT, RecordType.A}


def test_there_is_no_ipv6_address() -> None:
    wire = settled(host("anole"))
    ((message, _),) = wire.ask("anole.local", RecordType.AAAA)
    (denial,) = message.answers
    # Window 0, one octet, bit 1: A alone.
    assert (denial.type, denial.data) == (47, name("anole.local") + b"\0\x01\x40")


def test_shared_answers_wait_a_little_and_ours_do_not() -> None:
    wire = settled(host("anole", 1, HTTP))
    at = wire.now
    wire.ask("anole.local")
    assert wire.heard[-1][0] == at
    at = wire.now
    wire.ask("_http._tcp.local", RecordType.PTR)
    assert 0.02 <= wire.heard[-1][0] - at <= 0.14


def test_what_the_asker_knows_is_not_said() -> None:
    wire = settled(host("anole", 1, HTTP))
    instance = name("anole._http._tcp.local")
    for ttl, answers in ((4500, 0), (2250, 0), (2249, 1)):
        known = ResourceRecord(name("_http._tcp.local"), RecordType.PTR, ttl, instance)
        assert len(wire.ask("_http._tcp.local", RecordType.PTR, known, wait=2)) == answers
    other = ResourceRecord(
        name("_http._tcp.local"), RecordType.PTR, 4500, name("x._http._tcp.local")
    )
    assert wire.ask("_http._tcp.local", RecordType.PTR, other)


def test_an_asker_with_more_to_say_is_waited_for() -> None:
    wire = settled(host("anole", 1, HTTP))
    instance = name("anole._http._tcp.local")
    known = ResourceRecord(name("_http._tcp.local"), RecordType.PTR, 4500, instance)
    at = wire.now
    assert wire.ask("_http._tcp.local", RecordType.PTR, flags=TC)
    assert 0.4 <= wire.heard[-1][0] - at <= 0.65
    wire.turn(2)
    question = Question(name("_http._tcp.local"), RecordType.PTR)
    wire.say(DnsMessage(0, TC, (question,)))
    before = len(wire.heard)
    wire.turn(0.1)
    wire.say(DnsMessage(0, 0, answers=(known,)))
    wire.turn(2)
    assert len(wire.heard) == before


def test_a_unicast_question_is_answered_alone_while_all_have_heard_lately() -> None:
    wire = Wire()
    wire.add(host("anole"))
    wire.turn(5)
    ((_, to),) = wire.ask("anole.local", cls=FLUSH)
    assert to == STRANGER
    wire.turn(40)  # more than a quarter of two minutes
    ((_, to),) = wire.ask("anole.local", cls=FLUSH)
    assert to is None
    ((_, to),) = wire.ask("anole.local", group=False)
    assert to == STRANGER


def test_plain_resolvers_get_a_plain_answer() -> None:
    wire = settled(host("anole", 1, HTTP))
    asker = ("10.0.0.9", 40000)
    ((message, to),) = wire.ask("anole.local", source=asker)
    assert to == asker
    assert message.id == 7
    assert message.questions == (Question(name("anole.local"), RecordType.A),)
    assert [(r.ttl, r.cls) for r in message.answers] == [(10, 1)]
    assert all(r.ttl <= 10 and r.cls == 1 for r in message.additionals)


def test_a_host_answers_only_once_it_has_its_name() -> None:
    wire = Wire()
    wire.add(host("anole"))
    wire.turn(0.5)
    assert not wire.ask("anole.local", wait=0.1)


# Goodbye, and days.


def test_goodbye() -> None:
    wire = settled(host("anole", 1, HTTP), host("gecko", 2, HTTP))
    wire.heard.clear()
    wire.remove(1)
    ((_, message),) = wire.responses()
    assert {r.ttl for r in message.answers} == {0}
    kinds = {(r.name, r.type) for r in message.answers}
    assert (name("anole.local"), RecordType.A) in kinds
    assert (name("_http._tcp.local"), RecordType.PTR) in kinds
    # Others still have the service.
    assert (name("_services._dns-sd._udp.local"), RecordType.PTR) not in kinds
    assert not wire.ask("anole.local")
    assert wire.ask("gecko.local")


def test_a_host_that_never_had_its_name_leaves_in_silence() -> None:
    wire = Wire()
    key = wire.add(host("anole"))
    wire.turn(0.5)
    wire.heard.clear()
    wire.remove(key)
    wire.turn(5)
    assert not wire.heard
    assert wire.responders[0].get_timer() is None
    assert len(wire.responders[0]) == 0


def test_thirty_days() -> None:
    """A listener that never asks sees the service all the time."""
    wire = settled(host("anole", 1, HTTP))
    wire.turn(30 * DAY)
    told = [
        at
        for at, message in wire.responses()
        if any(
            r.type == RecordType.PTR and r.name == name("_http._tcp.local") for r in message.answers
        )
    ]
    assert max(b - a for a, b in itertools.pairwise(told)) < 4500
    assert wire.now - told[-1] < 4500
    assert len(told) < 30 * 24 * 1.2
    assert len(wire.ask("anole.local")) == 1


# What is hostile.


def test_a_flood_of_questions_gets_one_answer_a_second() -> None:
    wire = settled(host("anole", 1, HTTP))
    before = len(wire.heard)
    for _ in range(1000):
        wire.say(DnsMessage(0, 0, (Question(name("anole.local")),)))
        wire.turn(0.01)
    assert 9 <= len(wire.heard) - before <= 12


def test_a_flood_of_plain_questions_is_answered_in_part() -> None:
    wire = settled(host("anole"))
    before = len(wire.heard)
    for number in range(5000):
        wire.say(DnsMessage(0, 0, (Question(name("anole.local")),)), ("10.0.0.9", 10_000 + number))
    assert len(wire.heard) - before == 50


def test_a_flood_of_unfinished_questions_is_bounded() -> None:
    wire = settled(host("anole"))
    responder = wire.responders[0]
    for number in range(1000):
        source = (f"10.0.{number >> 8}.{number & 255}", PORT)
        wire.say(DnsMessage(0, TC, (Question(name("anole.local")),)), source)
    assert len(responder._deferred) == 64
    wire.turn(1)
    assert not responder._deferred
    assert not responder._deferrals


def test_answers_to_questions_never_asked_leave_no_trace() -> None:
    wire = settled(host("anole"))
    responder = wire.responders[0]
    due, names = len(responder._due), len(responder._by_name)
    for number in range(1000):
        wire.say(response(address(f"stranger-{number}.local")))
    assert (len(responder._due), len(responder._by_name)) == (due, names)
    assert not responder._entries[1].multicast


def test_timers_do_not_pile_up() -> None:
    wire = settled(host("anole", 1, HTTP))
    for _ in range(200):
        wire.say(response(address("anole.local")))
        wire.say(DnsMessage(0, 0, (Question(name("_http._tcp.local"), RecordType.PTR),)))
        wire.turn(0.02)
    assert len(wire.responders[0]._due) < 60


@pytest.mark.parametrize("flags", [0x0800, 0x0003, QR | 0x0003, QR | 0x7800])
def test_other_operations_and_errors_are_not_heard(flags: int) -> None:
    wire = settled(host("anole"))
    wire.heard.clear()
    question = (Question(name("anole.local")),)
    wire.say(DnsMessage(0, flags, question, answers=(address("anole.local"),)))
    wire.turn(3)
    assert not wire.heard


NAME = name("anole.local")
PREFIXES = (
    b"",
    b"\0\0\0\0\0\1\0\1\0\0\0\0" + NAME + b"\0\xff\0\1",
    b"\0\0\0\0\0\1\0\0\0\1\0\0" + NAME + b"\0\xff\x80\1",
    b"\0\0\x84\0\0\0\0\1\0\0\0\0" + NAME + b"\0\1\x80\1",
    b"\0\0\2\0\0\2\0\0\0\0\0\0" + NAME + b"\0\1\0\1",
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PREFIXES), st.binary(max_size=80), st.sampled_from([PORT, 40000]))
def test_whatever_comes_the_host_has_a_name_in_the_end(
    prefix: bytes, data: bytes, port: int
) -> None:
    wire = Wire()
    key = wire.add(host("anole", 1, HTTP))
    for _ in range(5):
        wire.turn(0.4)
        try:
            message = DnsMessage.decode(prefix + data)
        except DnsError:
            continue
        wire.responders[0].receive(message, ("10.0.0.2", port), wire.now, True)
        wire.carry()
    wire.turn(30)
    assert wire.responders[0].established(key)
    assert len(wire.heard) < 40
