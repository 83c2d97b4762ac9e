"""What dialogues with a resolver are made of: servers, records, and what is said."""

import random
from ipaddress import IPv4Address

from tokay.protocols.dns import (
    QR,
    RA,
    RD,
    DnsMessage,
    DnsQuery,
    RecordType,
    Resolver,
    ResourceRecord,
    name_from_text,
)

ONE, TWO = IPv4Address("10.0.0.53"), IPv4Address("10.0.1.53")
FIRST, SECOND = ("10.0.0.53", 53), ("10.0.1.53", 53)
ADDRESS, OTHER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
NAME = name_from_text("www.example.com")
SOA = ResourceRecord(name_from_text("example.com"), RecordType.SOA, 60, b"\0\0" + bytes(20))


def alias(name: str, target: str, ttl: int = 60) -> ResourceRecord:
    return ResourceRecord.of_target(
        name_from_text(name), RecordType.CNAME, name_from_text(target), ttl
    )


def host(name: str, address: IPv4Address = ADDRESS, ttl: int = 60) -> ResourceRecord:
    return ResourceRecord.of_address(name_from_text(name), address, ttl)


HOST = host("www.example.com")


def reply(
    outgoing: DnsQuery,
    *answers: ResourceRecord,
    rcode: int = 0,
    authorities: tuple[ResourceRecord, ...] = (),
) -> DnsMessage:
    query = DnsMessage.decode(outgoing.data)
    flags = QR | RD | RA | rcode
    return DnsMessage(query.id, flags, query.questions, answers, authorities)


def make(*servers: IPv4Address, tries: int = 3) -> Resolver:
    return Resolver(servers or (ONE,), random.Random(1), tries=tries)


def sent(resolver: Resolver) -> DnsQuery:
    (outgoing,) = resolver.datagrams_to_send()
    return outgoing


def told(
    resolver: Resolver, outgoing: DnsQuery, message: DnsMessage | bytes, now: float = 0.1
) -> None:
    data = message if isinstance(message, bytes) else message.encode()
    resolver.receive(data, outgoing.server, now)


def idle(resolver: Resolver) -> bool:
    return resolver.get_timer() is None and not resolver._exchanges and not resolver._lookups
