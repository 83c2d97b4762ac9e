"""Multicast DNS (RFC 6762) and DNS-based service discovery (RFC 6763), without I/O.

`Responder` answers for many hosts on one link; `Lookup` and `Browse` ask. All take datagrams and
the time, and give datagrams and events; the wire format is that of `tokay.protocols.dns`.
"""

from tokay.protocols.mdns.host import DOMAIN, Host, Offer
from tokay.protocols.mdns.lookup import Browse, Found, Lookup
from tokay.protocols.mdns.responder import GROUP, PORT, Named, Outgoing, Responder

__all__ = [
    "DOMAIN",
    "GROUP",
    "PORT",
    "Browse",
    "Found",
    "Host",
    "Lookup",
    "Named",
    "Offer",
    "Outgoing",
    "Responder",
]
