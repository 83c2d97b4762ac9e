"""Coverage-guided fuzzing of mDNS, LLMNR and the NetBIOS name service. See README.md."""

import random
import sys
from ipaddress import IPv4Address

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols import llmnr, netbios
    from tokay.protocols.dns import DnsError, DnsMessage, name_from_text
    from tokay.protocols.mdns import (
        PORT,
        MdnsBrowse,
        MdnsHost,
        MdnsLookup,
        MdnsResponder,
        MdnsService,
    )

ADDRESS = IPv4Address("10.0.0.1")
HOST = MdnsHost("anole", ADDRESS, (MdnsService("_http._tcp", 80, (b"a=1",)),))
STATION = netbios.NetbiosStation("anole", ADDRESS, bytes(6))
NEIGHBOUR, PLAIN = ("10.0.0.2", PORT), ("10.0.0.2", 40000)
NAME = name_from_text("anole.local")
# Headers that get a message past the first look: a question for our name, claims to it, a response.
PREFIXES = (
    b"",
    b"\0\0\0\0\0\1\0\1\0\0\0\0" + NAME + b"\0\xff\0\1",
    b"\0\0\0\0\0\1\0\0\0\1\0\0" + NAME + b"\0\xff\x80\1",
    b"\0\0\x84\0\0\0\0\1\0\0\0\0" + NAME + b"\0\1\x80\1",
    b"\0\0\2\0\0\2\0\0\0\0\0\0" + NAME + b"\0\1\0\1",
)
MAX_SAID = 40


def fuzz_responder(data: bytes) -> None:
    """Whatever comes, the host has a name in the end, and little is said."""
    for prefix in PREFIXES:
        responder = MdnsResponder(random.Random(1))
        key = responder.add(HOST, 0.0)
        browse, lookup = MdnsBrowse("_http._tcp", 0), MdnsLookup("anole.local", 0)
        said = 0
        now = 0.0
        for step in range(16):
            now = step / 3
            responder.handle_timer(now)
            if step % 3 == 1:
                try:
                    message = DnsMessage.decode(prefix + data)
                except DnsError:
                    break
                responder.receive(message, NEIGHBOUR if step % 4 else PLAIN, now, step % 5 > 0)
                browse.receive(message)
                lookup.receive(message)
                browse.instances()
                DnsMessage.decode(browse.question())
            for out in responder.datagrams_to_send():
                DnsMessage.decode(out.data)
                assert len(out.data) < 9000
                said += 1
        assert said <= MAX_SAID
        now += 60
        while (due := responder.get_timer()) is not None and due < now:
            responder.handle_timer(due)
        assert responder.established(key)
        responder.remove(key, now)
        responder.datagrams_to_send()


def fuzz_small(data: bytes) -> None:
    """An answer or silence, and never one that is much longer than the question."""
    for prefix in (b"", b"\0\1\0\0\0\1\0\0\0\0\0\0", b"\0\1\0\0\0\1\0\0\0\0\0\0\5anole\0"):
        query = prefix + data
        answer = llmnr.answer(query, {b"anole": ADDRESS}.get)
        assert answer is None or len(answer) <= len(query) + 16
    for prefix in (b"", b"\0\1\1\x10\0\1\0\0\0\0\0\0" + netbios.encode_name("anole")):
        query = prefix + data
        answer = netbios.answer(query, {b"anole": STATION}.get, STATION)
        assert answer is None or len(answer) < 3 * len(query)


def fuzz(data: bytes) -> None:
    fuzz_responder(data)
    fuzz_small(data)


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=9000", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
