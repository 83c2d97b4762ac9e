"""Multicast DNS (RFC 6762) and DNS-based service discovery (RFC 6763), without I/O.

`MdnsResponder` answers for many hosts on one link; `MdnsLookup` and `MdnsBrowse` ask. All take
datagrams and the time, and return datagrams and events. The wire format is in
`tokay.protocols.dns`.
"""

from tokay.protocols.mdns.host import DOMAIN, MdnsHost, MdnsService
from tokay.protocols.mdns.lookup import MdnsBrowse, MdnsLookup, ServiceInstance
from tokay.protocols.mdns.responder import GROUP, PORT, MdnsDatagram, MdnsResponder, NameEstablished

__all__ = [
    "DOMAIN",
    "GROUP",
    "PORT",
    "MdnsBrowse",
    "MdnsDatagram",
    "MdnsHost",
    "MdnsLookup",
    "MdnsResponder",
    "MdnsService",
    "NameEstablished",
    "ServiceInstance",
]
