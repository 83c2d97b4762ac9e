"""DNS without I/O: a codec, a stub resolver and a small name server (RFC 1034, 1035).

`Resolver` takes datagrams and the time, and gives datagrams and events; `Answerer` gives one
datagram for another. See their modules for how. `Message` and its like serve mDNS and LLMNR too.
"""

from tokay.protocols.dns.client import PORT, Outgoing, Resolver
from tokay.protocols.dns.codec import AA, QR, RA, RD, TC, Edns, Message, Opcode, Rcode
from tokay.protocols.dns.events import Event, Failed, Failure, Resolved, UseTcp
from tokay.protocols.dns.name import ROOT, DnsError, name_from_text, name_to_text
from tokay.protocols.dns.record import CLASS_ANY, CLASS_IN, Question, Record, Service, Type
from tokay.protocols.dns.server import Answerer, Unknown, reverse_name

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
    "Answerer",
    "DnsError",
    "Edns",
    "Event",
    "Failed",
    "Failure",
    "Message",
    "Opcode",
    "Outgoing",
    "Question",
    "Rcode",
    "Record",
    "Resolved",
    "Resolver",
    "Service",
    "Type",
    "Unknown",
    "UseTcp",
    "name_from_text",
    "name_to_text",
    "reverse_name",
]
