"""What a response says about one name: the chain of CNAMEs that starts at the question.

A server may add what it likes to a response. Of all its answers only those count that hang on the
question: the CNAME of the name asked for, the CNAME of its target and so on, and the addresses at
the end (RFC 1034 section 3.6.2, RFC 5452 section 6). Records about other names, and the other two
sections, prove nothing and are not read, but for the SOA record that tells "no address" from "ask
further" (RFC 2308 section 2.2).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TypeAlias

from tokay.protocols.dns.codec import AA, RA, DnsMessage, Rcode
from tokay.protocols.dns.events import DnsFailure
from tokay.protocols.dns.record import CLASS_IN, RecordType, ResourceRecord

__all__ = ["MAX_CHAIN", "Addresses", "Further", "Reading", "follow"]

MAX_CHAIN = 16
"""CNAMEs followed for one lookup, over all its responses. Real ones have 2 to 5; BIND allows 16."""

_MAX_ADDRESSES = 16
_MAX_TTL = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Addresses:
    """The end of the chain; `ttl` is the least of all its records, in seconds."""

    addresses: tuple[IPv4Address, ...]
    ttl: int


@dataclass(frozen=True, slots=True)
class Further:
    """The chain leaves this response for `name`, after `hops` CNAMEs."""

    name: bytes
    hops: int
    ttl: int


Reading: TypeAlias = Addresses | Further | DnsFailure


def follow(response: DnsMessage, name: bytes) -> Reading:
    """Return what `response` says about the address of `name`.

    A loop, or more than `MAX_CHAIN` CNAMEs, is the server's failure.
    """
    match response.rcode:
        case Rcode.NOERROR:
            pass
        case Rcode.NXDOMAIN:
            return DnsFailure.NXDOMAIN  # of the last name of the chain (RFC 6604 section 3)
        case Rcode.REFUSED:
            return DnsFailure.REFUSED
        case _:
            return DnsFailure.SERVFAIL
    aliases, addresses = _sort(response.answers)
    ttl = _MAX_TTL
    hops = 0
    while (at := name.lower()) not in addresses and (alias := aliases.get(at)) is not None:
        hops += 1
        if hops > MAX_CHAIN:
            return DnsFailure.SERVFAIL
        ttl = min(ttl, _seconds(alias))
        name = alias.data
    if found := addresses.get(at):
        unique = dict.fromkeys(record.data for record in found)
        ttl = min(ttl, *map(_seconds, found))
        return Addresses(tuple(map(IPv4Address, unique))[:_MAX_ADDRESSES], ttl)
    if any(record.type == RecordType.SOA for record in response.authorities):
        return DnsFailure.NODATA
    if hops:
        return Further(name, hops, ttl)
    if not response.flags & (AA | RA) and response.authorities:
        # A referral: this server knows others, and will not ask them for us.
        return DnsFailure.SERVFAIL
    return DnsFailure.NODATA


def _sort(
    records: tuple[ResourceRecord, ...],
) -> tuple[dict[bytes, ResourceRecord], dict[bytes, list[ResourceRecord]]]:
    """Return the CNAMEs and the addresses among `records` by name."""
    aliases: dict[bytes, ResourceRecord] = {}
    addresses: dict[bytes, list[ResourceRecord]] = {}
    for record in records:
        if record.cls != CLASS_IN:
            continue
        if record.type == RecordType.CNAME:
            # Two CNAMEs of one name are an error (RFC 2181 section 10.1); the first is as good.
            aliases.setdefault(record.name.lower(), record)
        elif record.type == RecordType.A:
            addresses.setdefault(record.name.lower(), []).append(record)
    return aliases, addresses


def _seconds(record: ResourceRecord) -> int:
    # RFC 2181 section 8: a TTL with the top bit set is zero.
    return 0 if record.ttl > _MAX_TTL else record.ttl
