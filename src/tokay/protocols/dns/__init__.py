"""DNS without I/O: a codec, a stub resolver and a small name server (RFC 1034, 1035).

`Resolver` takes datagrams and the time, and gives datagrams and events; `DnsResponder` gives one
datagram for another. See their modules for how. `DnsMessage` and its like serve mDNS and LLMNR too.
"""

from tokay.protocols.dns.client import PORT, DnsQuery, Resolver
from tokay.protocols.dns.codec import AA, QR, RA, RD, TC, DnsMessage, Edns, Opcode, Rcode
from tokay.protocols.dns.events import DnsFailure, Event, LookupFailed, LookupResolved, UseTcp
from tokay.protocols.dns.name import ROOT, DnsError, name_from_text, name_to_text
from tokay.protocols.dns.record import (
    CLASS_ANY,
    CLASS_IN,
    Question,
    RecordType,
    ResourceRecord,
    SrvData,
)
from tokay.protocols.dns.server import DnsResponder, UnknownNames, reverse_name

__all__ = [
    "AA",
    "CLASS_ANY",
    "CLASS_IN",
    "PORT",
    "QR",
    "RA",
    "RD",
    "ROOT",
    "TC",
    "DnsError",
    "DnsFailure",
    "DnsMessage",
    "DnsQuery",
    "DnsResponder",
    "Edns",
    "Event",
    "LookupFailed",
    "LookupResolved",
    "Opcode",
    "Question",
    "Rcode",
    "RecordType",
    "Resolver",
    "ResourceRecord",
    "SrvData",
    "UnknownNames",
    "UseTcp",
    "name_from_text",
    "name_to_text",
    "reverse_name",
]
