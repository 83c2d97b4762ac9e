from ipaddress import IPv4Address

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dns import (
    AA,
    QR,
    RD,
    DnsError,
    DnsMessage,
    DnsResponder,
    Edns,
    Opcode,
    Question,
    Rcode,
    RecordType,
    ResourceRecord,
    UnknownNames,
    name_from_text,
    reverse_name,
)

US = IPv4Address("10.10.10.1")
SETUP = name_from_text("setup.com")


@pytest.fixture
def answerer() -> DnsResponder:
    return DnsResponder({"setup.com": US, "Gecko OS.com.": US, "ab": IPv4Address("10.10.10.2")}, 60)


def ask(
    answerer: DnsResponder,
    name: str,
    type: int = RecordType.A,
    cls: int = 1,
    edns: Edns | None = None,
) -> DnsMessage:
    query = DnsMessage(0xBEEF, RD, (Question(name_from_text(name), type, cls),), edns=edns).encode()
    reply = answerer.answer(query)
    assert reply is not None
    assert answerer.answer(b"\0\1" + query[2:]) == b"\0\1" + reply[2:]  # remembered
    answer = DnsMessage.decode(reply)
    assert answer.id == 0xBEEF
    assert answer.flags & (QR | RD) == QR | RD
    return answer


def test_the_octets_of_an_answer(answerer: DnsResponder) -> None:
    question = b"\x05SeTup\x03cOm\0\0\1\0\1"
    for ident in (b"\x12\x34", b"\x56\x78"):
        assert answerer.answer(ident + b"\1\0\0\1\0\0\0\0\0\0" + question) == (
            ident
            + b"\x85\0\0\1\0\1\0\0\0\0"
            + question
            + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x0a\x0a\1"
        )


def test_recursion_desired_goes_back_as_it_came(answerer: DnsResponder) -> None:
    query = DnsMessage(1, 0, (Question(SETUP),)).encode()
    reply = answerer.answer(query)
    assert reply is not None
    assert DnsMessage.decode(reply).flags == QR | AA


@pytest.mark.parametrize("name", ["setup.com", "SETUP.COM", "gecko os.com", "Gecko OS.com"])
def test_known_names_have_the_address(answerer: DnsResponder, name: str) -> None:
    wire = name_from_text(name)
    for kind in (RecordType.A, RecordType.ANY):
        assert ask(answerer, name, kind).answers == (ResourceRecord.of_address(wire, US, 60),)
    assert ask(answerer, name, cls=255).answers == (ResourceRecord.of_address(wire, US, 60),)


@pytest.mark.parametrize("type", [RecordType.AAAA, RecordType.TXT, RecordType.SOA, 64, 65])
def test_known_names_have_nothing_else(answerer: DnsResponder, type: int) -> None:
    answer = ask(answerer, "setup.com", type)
    assert (answer.rcode, answer.answers) == (Rcode.NOERROR, ())
    assert answer.flags & AA


def test_addresses_have_the_first_of_their_names(answerer: DnsResponder) -> None:
    assert reverse_name(US) == name_from_text("1.10.10.10.in-addr.arpa")
    for address, name in (("1.10.10.10", "setup.com"), ("2.10.10.10", "ab")):
        reverse = f"{address}.in-addr.arpa"
        answer = ask(answerer, reverse, RecordType.PTR)
        wire = name_from_text(reverse)
        assert answer.answers == (
            ResourceRecord.of_target(wire, RecordType.PTR, name_from_text(name), 60),
        )
        assert ask(answerer, reverse, RecordType.A).answers == ()
    assert ask(answerer, "3.10.10.10.in-addr.arpa", RecordType.PTR).rcode == Rcode.NXDOMAIN


def test_unknown_names_do_not_exist(answerer: DnsResponder) -> None:
    for name in ("example.com", "com", "a.setup.com", "."):
        answer = ask(answerer, name)
        assert (answer.rcode, answer.answers) == (Rcode.NXDOMAIN, ())


def test_unknown_names_may_meet_silence() -> None:
    answerer = DnsResponder({"setup.com": US}, 60, unknown=UnknownNames.SILENCE)
    query = DnsMessage(1, RD, (Question(name_from_text("example.com")),)).encode()
    assert answerer.answer(query) is None
    assert answerer.answer(query) is None
    assert ask(answerer, "setup.com").answers


def test_unknown_names_may_all_lead_to_the_portal() -> None:
    answerer = DnsResponder({}, 0, unknown=US)
    wire = name_from_text("captive.apple.com")
    assert ask(answerer, "captive.apple.com").answers == (ResourceRecord.of_address(wire, US, 0),)
    assert ask(answerer, "captive.apple.com", RecordType.AAAA).rcode == Rcode.NOERROR


def test_a_function_is_asked_each_time() -> None:
    asked: list[str] = []
    answers: list[IPv4Address | None] = [US, None]

    def resolve(name: str) -> IPv4Address | None:
        asked.append(name)
        return answers[len(asked) - 1]

    answerer = DnsResponder(resolve, 5)
    query = DnsMessage(1, RD, (Question(name_from_text("WWW.Example.com")),)).encode()
    replies = [DnsMessage.decode(answerer.answer(query) or b"") for _ in range(2)]
    assert [len(reply.answers) for reply in replies] == [1, 0]
    assert [reply.rcode for reply in replies] == [Rcode.NOERROR, Rcode.NXDOMAIN]
    assert asked == ["www.example.com"] * 2


@pytest.mark.parametrize(
    ("type", "cls", "rcode"),
    [
        (RecordType.TXT, 3, Rcode.REFUSED),  # version.bind and friends
        (RecordType.A, 254, Rcode.REFUSED),
        (RecordType.AXFR, 1, Rcode.REFUSED),
        (RecordType.IXFR, 1, Rcode.REFUSED),
        (250, 1, Rcode.NOTIMP),  # TSIG
        (253, 1, Rcode.NOTIMP),
        (128, 1, Rcode.NOTIMP),
        (0, 1, Rcode.FORMERR),
        (RecordType.OPT, 1, Rcode.FORMERR),
    ],
)
def test_what_is_not_served(answerer: DnsResponder, type: int, cls: int, rcode: Rcode) -> None:
    answer = ask(answerer, "setup.com", type, cls)
    assert (answer.rcode, answer.answers) == (rcode, ())
    assert answer.questions[0].name == SETUP


def test_responses_are_not_answered(answerer: DnsResponder) -> None:
    reply = answerer.answer(DnsMessage(1, RD, (Question(SETUP),)).encode())
    assert reply is not None
    assert answerer.answer(reply) is None
    for size in range(12):
        assert answerer.answer(bytes(size)) is None


@pytest.mark.parametrize("opcode", [1, 2, 3, Opcode.NOTIFY, Opcode.UPDATE, 6, 15])
def test_other_opcodes_are_not_implemented(answerer: DnsResponder, opcode: int) -> None:
    reply = answerer.answer(DnsMessage(9, opcode << 11 | RD, (Question(SETUP),)).encode())
    assert reply == DnsMessage(9, QR | opcode << 11 | RD | Rcode.NOTIMP).encode()


@pytest.mark.parametrize("count", [0, 2, 3])
def test_a_query_has_one_question(answerer: DnsResponder, count: int) -> None:
    reply = answerer.answer(DnsMessage(9, RD, (Question(SETUP),) * count).encode())
    assert reply == DnsMessage(9, QR | RD | Rcode.FORMERR).encode()


@pytest.mark.parametrize(
    "question",
    [
        "",
        "05",
        "0573657475700000",
        "c00c00010001",
        "0573657475703f0001",
        "4000010001",
        "0000010001",
    ],
)
def test_a_question_that_cannot_be_read(answerer: DnsResponder, question: str) -> None:
    data = b"\0\1\1\0\0\1\0\0\0\0\0\0" + bytes.fromhex(question)
    reply = answerer.answer(data)
    assert reply is not None
    rcode = DnsMessage.decode(reply).rcode
    assert rcode == (Rcode.NXDOMAIN if question == "0000010001" else Rcode.FORMERR)


def test_edns_is_answered_with_edns(answerer: DnsResponder) -> None:
    answer = ask(answerer, "setup.com", edns=Edns(4096, flags=0xFFFF, options=b"\0\3\0\0"))
    assert answer.edns == Edns(1232, flags=0x8000)  # options that nobody knows are ignored
    assert len(answer.answers) == 1
    assert ask(answerer, "setup.com").edns is None
    assert ask(answerer, "example.com", edns=Edns()).edns == Edns()


def test_later_versions_of_edns_are_bad(answerer: DnsResponder) -> None:
    answer = ask(answerer, "setup.com", edns=Edns(version=1))
    assert (answer.rcode, answer.answers, answer.edns) == (Rcode.BADVERS, (), Edns(extended=1))


def test_broken_edns_is_a_format_error(answerer: DnsResponder) -> None:
    query = DnsMessage(1, RD, (Question(SETUP),), edns=Edns()).encode()
    for bad in (
        query[:-1],
        query[:11] + b"\2" + query[12:] + query[-11:],
        query[:11] + b"\2" + query[12:],
    ):
        assert answerer.answer(bad) == DnsMessage(1, QR | RD | Rcode.FORMERR).encode()


def test_records_beside_the_question_change_nothing(answerer: DnsResponder) -> None:
    lie = ResourceRecord.of_address(SETUP, IPv4Address("6.6.6.6"), 1)
    query = DnsMessage(1, RD, (Question(SETUP),), (lie,), (lie,), (lie,)).encode()
    reply = answerer.answer(query)
    assert reply == answerer.answer(DnsMessage(1, RD, (Question(SETUP),)).encode())


def test_the_memory_is_bounded(answerer: DnsResponder) -> None:
    for number in range(2000):
        ask(answerer, f"n{number}.example")
        padding = Edns(options=b"\0\x0c\1\0" + bytes(256))
        ask(answerer, f"n{number}", edns=padding)
    assert len(answerer._remembered) == 256
    assert max(map(len, answerer._remembered)) <= 300
    assert ask(answerer, "setup.com").answers


def test_what_cannot_be_served() -> None:
    with pytest.raises(DnsError):
        DnsResponder({"a..b": US}, 60)
    for ttl in (-1, 1 << 31):
        with pytest.raises(ValueError, match="TTL"):
            DnsResponder({}, ttl)


def test_dnspython_accepts_the_answers(answerer: DnsResponder) -> None:
    for name, kind in (("setup.com", "A"), ("setup.com", "AAAA"), ("x.org", "A"), ("x.org", "TXT")):
        for edns in (-1, 0):
            query = dns.message.make_query(name, kind, use_edns=edns, want_dnssec=edns == 0)
            reply = answerer.answer(query.to_wire())
            assert reply is not None
            response = dns.message.from_wire(reply)
            assert query.is_response(response)
            assert response.flags & dns.flags.AA
            assert response.edns == edns
            assert bool(response.ednsflags & dns.flags.DO) == (edns == 0)
            wanted = ["10.10.10.1"] if (name, kind) == ("setup.com", "A") else []
            assert [str(rdata) for rrset in response.answer for rdata in rrset] == wanted


QUERY = DnsMessage(1, RD, (Question(SETUP),), edns=Edns()).encode()
MANGLED = st.lists(st.tuples(st.integers(2, len(QUERY) - 1), st.integers(0, 255)), max_size=4).map(
    lambda changes: bytes(dict(changes).get(at, octet) for at, octet in enumerate(QUERY))
)


@given(st.one_of(st.binary(max_size=80), MANGLED, MANGLED.map(lambda data: data[:-5])))
def test_any_bytes_give_an_answer_or_silence(data: bytes) -> None:
    answerer = DnsResponder({"setup.com": US}, 60)
    reply = answerer.answer(data)
    assert answerer.answer(data) == reply
    if reply is None:
        assert len(data) < 12 or data[2] & 0x80
        return
    answer = DnsMessage.decode(reply)
    assert len(reply) <= 512
    assert reply[:2] == data[:2]
    assert answer.flags & QR
    assert answer.opcode == data[2] >> 3 & 15
    dns.message.from_wire(reply)


@given(
    flags=st.sampled_from([0, RD, RD | 0x10, QR, AA, 0x0800]),
    labels=st.lists(st.sampled_from([b"", b"setup", b"com", b"x" * 63, b"y" * 64]), max_size=6),
    type=st.sampled_from([0, 1, 12, 28, 41, 127, 128, 252, 255, 257]),
    cls=st.sampled_from([0, 1, 255]),
    tail=st.sampled_from([b"", b"\0", b"\xc0\x0c"]),
)
def test_the_short_way_to_no_such_name_leads_where_the_long_one_does(
    flags: int, labels: list[bytes], type: int, cls: int, tail: bytes
) -> None:
    answerer = DnsResponder({"setup.com": US}, 60)
    name = b"".join(bytes((len(label),)) + label for label in labels if label) + b"\0"
    head = b"\0\1" + flags.to_bytes(2) + b"\0\1\0\0\0\0\0\0"
    query = head + name + type.to_bytes(2) + cls.to_bytes(2) + tail
    for datagram in (query, *(query[:size] for size in range(len(query)))):
        assert answerer._no_such(datagram) in (None, answerer._work_out(datagram))


def test_a_flood_of_names_does_not_drive_ours_out(answerer: DnsResponder) -> None:
    ask(answerer, "setup.com")
    for number in range(1000):
        assert ask(answerer, f"n{number}.example").rcode == Rcode.NXDOMAIN
    assert len(answerer._remembered) == 1


def test_a_constant_function_is_asked_once() -> None:
    asked: list[str] = []

    def find(name: str) -> IPv4Address | None:
        asked.append(name)
        return US

    answerer = DnsResponder(find, 60, constant=True)
    ask(answerer, "setup.com")
    ask(answerer, "setup.com")
    assert asked == ["setup.com"]
