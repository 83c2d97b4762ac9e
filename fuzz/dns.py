"""Coverage-guided fuzzing of the DNS codec, answerer and resolver. See README.md beside this."""

import random
import sys
from ipaddress import IPv4Address

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols.dns import (
        DnsError,
        DnsMessage,
        DnsResponder,
        LookupFailed,
        LookupResolved,
        Resolver,
        UseTcp,
        name_from_text,
        name_to_text,
    )

SERVER = IPv4Address("10.0.0.53")
SOURCE = (str(SERVER), 53)
NAME = "setup.com"
ADDRESS = IPv4Address("10.10.10.1")
# All that a resolver insists on, after the id: flags, counts, the question.
MATCHING = b"\x81\x80\0\1\0\3\0\1\0\1" + name_from_text(NAME) + b"\0\1\0\1"

answerer = DnsResponder({NAME: ADDRESS}, 60)


def fuzz_codec(data: bytes) -> None:
    """Any bytes are a message or `DnsError`, and a message that was read can be written."""
    try:
        message = DnsMessage.decode(data)
    except DnsError:
        return
    for question in message.questions:
        assert name_from_text(name_to_text(question.name)) == question.name
    for record in (*message.answers, *message.authorities, *message.additionals):
        if record.cls & 0x7FFF == 1:
            repr((record.address, record.target, record.texts, record.service))
    # Names that were compressed against the rules may not fit when they are written anew.
    if len(data) < 200:
        assert DnsMessage.decode(message.encode()) == message


def fuzz_answerer(data: bytes) -> None:
    """Any bytes get a response that can be read, or silence; the same bytes get the same."""
    answer = answerer.answer(data)
    assert answerer.answer(data) == answer
    if answer is not None:
        assert len(answer) <= 512
        assert answer[:2] == data[:2]
        assert DnsMessage.decode(answer).flags & 0x8000


def fuzz_resolver(data: bytes) -> None:
    """Whatever comes, a lookup ends once, when its time is over at the latest."""
    for prefix in (b"", MATCHING):
        resolver = Resolver([SERVER], random.Random(1))
        number = resolver.query(NAME, 0, 5)
        ended = []
        for now in range(6):
            for outgoing in resolver.datagrams_to_send():
                resolver.receive(outgoing.data[:2] + prefix + data, SOURCE, now)
            for event in resolver.events():
                if isinstance(event, UseTcp):
                    answer = event.data[2:4] + prefix + data
                    resolver.receive_tcp(data[:1], event.exchange, now)
                    resolver.receive_tcp(len(answer).to_bytes(4)[2:] + answer, event.exchange, now)
                else:
                    ended.append(event)
            resolver.handle_timer(now)
        ended += [e for e in resolver.events() if isinstance(e, LookupResolved | LookupFailed)]
        assert [event.lookup for event in ended] == [number]
        assert resolver.get_timer() is None


def fuzz(data: bytes) -> None:
    fuzz_codec(data)
    fuzz_answerer(data)
    fuzz_resolver(data)


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=65535", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
