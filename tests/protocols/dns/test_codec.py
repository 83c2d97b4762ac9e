import time
from ipaddress import IPv4Address, IPv6Address

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.dns import (
    AA,
    CLASS_IN,
    QR,
    RA,
    RD,
    TC,
    DnsError,
    DnsMessage,
    Edns,
    Question,
    Rcode,
    RecordType,
    ResourceRecord,
    SrvData,
    name_from_text,
    name_to_text,
)

SETUP = name_from_text("setup.com")
WWW = name_from_text("www.setup.com")

# `dig setup.com`, and an answer with an alias, as captured from real programs' layout.
QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000 05 7365747570 03 636f6d 00 0001 0001")
ANSWER = bytes.fromhex(
    "1234 8580 0001 0002 0000 0000 03 777777 05 7365747570 03 636f6d 00 0001 0001"
    "c00c 0005 0001 0000003c 0002 c010"
    "c010 0001 0001 0000003c 0004 0a0a0a01"
)


def test_a_query_by_hand() -> None:
    message = DnsMessage(0x1234, RD, (Question(SETUP),))
    assert DnsMessage.decode(QUERY) == message
    assert message.encode() == QUERY


def test_an_answer_by_hand() -> None:
    message = DnsMessage(
        0x1234,
        QR | AA | RD | RA,
        (Question(WWW),),
        (
            ResourceRecord.of_target(WWW, RecordType.CNAME, SETUP, 60),
            ResourceRecord.of_address(SETUP, IPv4Address("10.10.10.1"), 60),
        ),
    )
    assert DnsMessage.decode(ANSWER) == message
    assert message.encode() == ANSWER
    assert message.answers[0].target == SETUP
    assert message.answers[1].address == IPv4Address("10.10.10.1")
    assert message.answers[0].address is None
    assert message.answers[1].target is None


def test_what_follows_the_message_is_ignored() -> None:
    assert DnsMessage.decode(QUERY + b"\0\0junk") == DnsMessage.decode(QUERY)


def test_records_say_what_they_mean() -> None:
    service = SrvData(1, 2, 80, SETUP)
    srv = ResourceRecord.of_service(name_from_text("_http._tcp.local"), service, 120)
    txt = ResourceRecord.of_texts(SETUP, [b"a=1", b"", b"x" * 255], 120)
    aaaa = ResourceRecord.of_address(SETUP, IPv6Address("fe80::1"), 5)
    assert srv.service == service
    assert txt.texts == (b"a=1", b"", b"x" * 255)
    assert aaaa.address == IPv6Address("fe80::1")
    assert ResourceRecord.of_texts(SETUP, [], 1).data == b"\0"
    assert srv.texts is None
    assert txt.service is None
    with pytest.raises(ValueError, match="256"):
        ResourceRecord.of_texts(SETUP, [b"x" * 256], 1)


def test_the_mdns_bit_is_not_part_of_the_class() -> None:
    record = ResourceRecord(SETUP, RecordType.A, 120, b"\x0a\x0a\x0a\x01", CLASS_IN | 0x8000)
    message = DnsMessage(0, QR | AA, answers=(record,))
    assert DnsMessage.decode(message.encode()) == message
    with pytest.raises(DnsError):
        DnsMessage.decode(DnsMessage(0, QR, answers=(record._replace(data=b"abc"),)).encode())


def test_other_classes_have_their_own_addresses() -> None:
    chaos = DnsMessage(0, QR, answers=(ResourceRecord(SETUP, RecordType.A, 1, b"\0\0\1", 3),))
    assert DnsMessage.decode(chaos.encode()) == chaos


def test_edns_is_part_of_the_header() -> None:
    edns = Edns(4096, Rcode.BADVERS >> 4, 0, 0x8000, b"\xfd\xe9\0\x02ab")
    message = DnsMessage(7, QR, (Question(SETUP),), edns=edns)
    data = message.encode()
    assert DnsMessage.decode(data) == message
    assert DnsMessage.decode(data).rcode == Rcode.BADVERS
    theirs = dns.message.from_wire(data)
    assert (theirs.edns, theirs.payload, theirs.rcode()) == (0, 4096, 16)
    assert theirs.ednsflags & dns.flags.DO


def test_two_opt_records_are_an_error_and_so_is_a_named_one() -> None:
    opt = b"\0" + bytes.fromhex("0029 1000 00000000 0000")
    DnsMessage.decode(QUERY[:10] + b"\0\1" + QUERY[12:] + opt)
    for additionals, count in ((opt + opt, b"\0\2"), (b"\x01a" + opt, b"\0\1")):
        with pytest.raises(DnsError):
            DnsMessage.decode(QUERY[:10] + count + QUERY[12:] + additionals)


@pytest.mark.parametrize("size", range(len(ANSWER)))
def test_every_cut_is_an_error(size: int) -> None:
    with pytest.raises(DnsError):
        DnsMessage.decode(ANSWER[:size])


@pytest.mark.parametrize(
    "record",
    [
        "c00c 0001 0001 00000000 0003 0a0a0a",  # an address of three octets
        "c00c 001c 0001 00000000 0004 0a0a0a01",
        "c00c 0005 0001 00000000 0003 c00c 00",  # more than the name
        "c00c 0005 0001 00000000 0001 c00c",  # less than the name
        "c00c 0005 0001 00000000 0000",
        "c00c 0006 0001 00000000 0004 c00c c00c",  # SOA without numbers
        "c00c 0021 0001 00000000 0004 00000000",  # SRV without a target
        "c00c 0010 0001 00000000 0002 0561",  # a text beyond its end
        "c00c 0001 0001 00000000 ffff 0a",
    ],
)
def test_malformed_records(record: str) -> None:
    with pytest.raises(DnsError):
        DnsMessage.decode(QUERY[:6] + b"\0\1" + QUERY[8:] + bytes.fromhex(record))


def test_the_number_of_records_is_bounded() -> None:
    record = bytes.fromhex("00 0063 0001 00000000 0000")
    header = bytes.fromhex("0000 8000 0000")
    assert len(DnsMessage.decode(header + b"\2\0" + bytes(4) + record * 512).answers) == 512
    with pytest.raises(DnsError):
        DnsMessage.decode(header + b"\2\1" + bytes(4) + record * 513)


def test_the_worst_message_takes_no_time() -> None:
    """A tower of 127 pointers, walked anew by every name of 512 SOA records."""
    tower = bytearray(b"\0")
    place = 23  # of the data of the first record
    for step in range(24, 24 + 4 * 120, 4):
        tower += b"\x01a" + (0xC000 | place).to_bytes(2)
        place = step
    data = bytes.fromhex("0000 8000 0000 0200 0000 0000")
    data += b"\0\0\x63\0\1" + bytes(4) + len(tower).to_bytes(2) + tower
    top = (0xC000 | place).to_bytes(2)
    soa = (b"\x01b" + top) * 2 + bytes(20)
    data += (b"\x01c" + top + b"\0\6\0\1" + bytes(4) + len(soa).to_bytes(2) + soa) * 511
    start = time.process_time()
    message = DnsMessage.decode(data)
    assert len(message.answers) == 512
    assert message.answers[-1].name == b"\x01c" + b"\x01a" * 120 + b"\0"
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "message",
    [
        DnsMessage(1 << 16),
        DnsMessage(0, questions=(Question(b""),)),
        DnsMessage(0, questions=(Question(SETUP, -1),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, 1, 1 << 32, b""),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, RecordType.CNAME, 0, b"\x05a"),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, RecordType.CNAME, 0, b"\0\0"),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, RecordType.SOA, 0, b"\0\0" + bytes(19)),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, 99, 0, bytes(1 << 16)),)),
        DnsMessage(0, answers=(ResourceRecord(SETUP, 99, 0, bytes(40_000)),) * 2),
    ],
)
def test_what_cannot_be_written_is_the_callers_mistake(message: DnsMessage) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each has its own text
        message.encode()
    assert not isinstance(caught.value, DnsError)


# Round trips, and dnspython as the judge.

LABEL = st.binary(min_size=1, max_size=10)
NAMES = st.lists(LABEL, max_size=5).map(
    lambda labels: b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
)
U16 = st.integers(0, 0xFFFF)
TTL = st.integers(0, 0x7FFFFFFF)
TEXTS = st.lists(st.binary(max_size=20), max_size=3)
RECORDS = st.one_of(
    st.builds(ResourceRecord.of_address, NAMES, st.ip_addresses(), TTL),
    st.builds(ResourceRecord.of_target, NAMES, st.sampled_from([2, 5, 12]), NAMES, TTL),
    st.builds(ResourceRecord.of_texts, NAMES, TEXTS, TTL),
    st.builds(ResourceRecord.of_service, NAMES, st.builds(SrvData, U16, U16, U16, NAMES), TTL),
    st.builds(
        lambda n, a, b, tail, ttl: ResourceRecord(n, RecordType.SOA, ttl, a + b + tail),
        *(NAMES, NAMES, NAMES, st.binary(min_size=20, max_size=20), TTL),
    ),
    st.builds(
        lambda n, ttl, data: ResourceRecord(n, 4242, ttl, data), NAMES, TTL, st.binary(max_size=20)
    ),
)
SECTION = st.lists(RECORDS, max_size=4).map(tuple)
MESSAGES = st.builds(
    DnsMessage,
    id=U16,
    flags=st.integers(0, 15).map(lambda rcode: QR | RD | rcode),
    questions=st.lists(
        st.builds(Question, NAMES, st.sampled_from([1, 28, 12]), st.just(CLASS_IN)), max_size=1
    ).map(tuple),
    answers=SECTION,
    authorities=SECTION,
    additionals=SECTION,
    edns=st.none() | st.builds(Edns, U16, st.just(0), st.just(0), st.just(0x8000)),
)


@given(MESSAGES)
def test_what_is_written_is_read_back(message: DnsMessage) -> None:
    assert DnsMessage.decode(message.encode()) == message


def flat(name: dns.name.Name) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in name.labels)


def seen_by_dnspython(theirs: dns.message.Message) -> list[set[tuple[bytes, int, int, bytes]]]:
    return [
        {
            (flat(rrset.name).lower(), rrset.rdtype, rrset.ttl, rdata.to_wire(origin=None) or b"")
            for rrset in section
            for rdata in rrset
        }
        for section in (theirs.answer, theirs.authority, theirs.additional)
    ]


def seen_by_us(ours: DnsMessage) -> list[set[tuple[bytes, int, int, bytes]]]:
    return [
        {(record.name.lower(), record.type, record.ttl, record.data) for record in section}
        for section in (ours.answers, ours.authorities, ours.additionals)
    ]


@given(MESSAGES)
def test_dnspython_reads_what_we_write(message: DnsMessage) -> None:
    theirs = dns.message.from_wire(message.encode(), one_rr_per_rrset=True)
    assert theirs.id == message.id
    assert theirs.rcode() == message.rcode
    assert [flat(rrset.name) for rrset in theirs.question] == [q.name for q in message.questions]
    assert seen_by_dnspython(theirs) == seen_by_us(message)
    assert theirs.payload == (message.edns.payload if message.edns else 0)


@given(MESSAGES)
def test_we_read_what_dnspython_writes(message: DnsMessage) -> None:
    theirs = dns.message.from_wire(message.encode(), one_rr_per_rrset=True)
    again = DnsMessage.decode(theirs.to_wire(want_shuffle=False))
    assert seen_by_us(again) == seen_by_us(message)
    assert (again.id, again.flags, again.edns) == (message.id, message.flags, message.edns)


@given(st.lists(st.sampled_from(["a", "B", "example", "com", "x y"]), min_size=1, max_size=6))
def test_names_print_as_dnspython_reads_them(labels: list[str]) -> None:
    name = name_from_text(".".join(labels))
    assert flat(dns.name.from_text(name_to_text(name))) == name


def test_flags_are_those_of_the_rfc() -> None:
    assert (QR, AA, TC, RD, RA) == (
        dns.flags.QR,
        dns.flags.AA,
        dns.flags.TC,
        dns.flags.RD,
        dns.flags.RA,
    )
