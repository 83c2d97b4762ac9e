"""CPU microseconds per DNS answer, decode and encode, beside dnspython in the same process.

The file is not called dns.py: run as a script, that would stand in for dnspython's package.
"""

import random
import statistics
import time
from collections.abc import Callable
from ipaddress import IPv4Address

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from tokay.protocols.dns import (
    AA,
    QR,
    RD,
    DnsMessage,
    DnsResponder,
    Edns,
    Question,
    RecordType,
    Resolver,
    ResourceRecord,
    name_from_text,
)

ROUNDS = 7
SECONDS_A_ROUND = 0.1
US = IPv4Address("10.10.10.1")
SETUP = name_from_text("setup.com")

PLAIN = DnsMessage(1, RD, (Question(SETUP),)).encode()
WITH_EDNS = DnsMessage(1, RD, (Question(SETUP),), edns=Edns()).encode()
ALIASES = DnsMessage(
    1,
    QR | RD | AA,
    (Question(name_from_text("www.setup.com")),),
    (
        ResourceRecord.of_target(name_from_text("www.setup.com"), RecordType.CNAME, SETUP, 60),
        *(ResourceRecord.of_address(SETUP, US + i, 60) for i in range(4)),
    ),
    edns=Edns(),
)
RESPONSE = ALIASES.encode()
THEIRS = dns.message.from_wire(RESPONSE)
KNOWN = {dns.name.from_text("setup.com"): "10.10.10.1"}


def dnspython_answer(datagram: bytes) -> bytes:
    query = dns.message.from_wire(datagram)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    question = query.question[0]
    if address := KNOWN.get(question.name):
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", address))
    else:
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()


def microseconds(job: Callable[[], object]) -> float:
    job()
    times = 1
    while True:
        start = time.process_time()
        for _ in range(times):
            job()
        if (elapsed := time.process_time() - start) > SECONDS_A_ROUND:
            return elapsed / times * 1e6
        times = max(times * 2, int(times * SECONDS_A_ROUND / max(elapsed, 1e-9)))


def look_up() -> None:
    RESOLVER.query("setup.com", 0, 5)
    (outgoing,) = RESOLVER.datagrams_to_send()
    RESOLVER.receive(outgoing.data[:2] + REPLY[2:], outgoing.server, 0)
    assert RESOLVER.events()


def dnspython_look_up() -> None:
    query = dns.message.make_query("setup.com", "A")
    query.to_wire()
    response = dns.message.from_wire(query.id.to_bytes(2) + REPLY[2:])
    assert query.is_response(response)
    assert isinstance(response, dns.message.QueryMessage)
    assert response.resolve_chaining().answer


RESOLVER = Resolver([US], random.Random(1), cache_size=0)
ANSWERER = DnsResponder({"setup.com": US}, 60)
ASKED = DnsResponder(lambda name: US if name == "setup.com" else None, 60)
REPLY = ANSWERER.answer(PLAIN) or b""
UNKNOWN = [
    DnsMessage(1, RD, (Question(name_from_text(f"n{i}.example")),)).encode() for i in range(4096)
]
TURNS = {"ours": 0, "theirs": 0}


def unknown(answer: Callable[[bytes], object], whose: str) -> Callable[[], object]:
    def job() -> object:
        TURNS[whose] += 1
        return answer(UNKNOWN[TURNS[whose] & 4095])

    return job


Job = Callable[[], object]
JOBS: list[tuple[str, Job, Job]] = [
    (
        "answer, asked before",
        lambda: ANSWERER.answer(PLAIN),
        lambda: dnspython_answer(PLAIN),
    ),
    (
        "answer, asked before, EDNS",
        lambda: ANSWERER.answer(WITH_EDNS),
        lambda: dnspython_answer(WITH_EDNS),
    ),
    (
        "answer, always another unknown name",
        unknown(ANSWERER.answer, "ours"),
        unknown(dnspython_answer, "theirs"),
    ),
    (
        "answer, from a function",
        lambda: ASKED.answer(PLAIN),
        lambda: dnspython_answer(PLAIN),
    ),
    ("decode a question", lambda: DnsMessage.decode(PLAIN), lambda: dns.message.from_wire(PLAIN)),
    (
        "decode a CNAME, 4 A, OPT",
        lambda: DnsMessage.decode(RESPONSE),
        lambda: dns.message.from_wire(RESPONSE),
    ),
    ("encode a CNAME, 4 A, OPT", ALIASES.encode, THEIRS.to_wire),
    ("look up: ask and take the answer", look_up, dnspython_look_up),
]


def main() -> None:
    assert dnspython_answer(PLAIN)[12:] == REPLY[12:]
    print("| | Tokay, us | dnspython, us | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for label, ours, theirs in JOBS:
        # CPU time, and in turn, so that what else the machine does hits both alike.
        pairs = [(microseconds(ours), microseconds(theirs)) for _ in range(ROUNDS)]
        our, their = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"| {label} | {our:.2f} | {their:.1f} | {ratio:.0f} |")


if __name__ == "__main__":
    main()
