"""DHCPv4 without I/O: a codec, a client and a server (RFC 2131, 2132, 3396).

`Client` and `Server` take datagrams and the time, and give datagrams and events; see their
modules for how. Both ends of a simulated network can be driven by plain calls.
"""

from tokay.protocols.dhcp.client import Client
from tokay.protocols.dhcp.codec import (
    BOOTREPLY,
    BOOTREQUEST,
    INFINITE,
    DhcpError,
    Message,
    MessageType,
    Option,
)
from tokay.protocols.dhcp.datagram import CLIENT_PORT, SERVER_PORT, Outgoing
from tokay.protocols.dhcp.events import Bound, Event, Expired, Refused, Renewed
from tokay.protocols.dhcp.lease import Lease
from tokay.protocols.dhcp.server import GrantedLease, SavedLease, Server, ServerConfig

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "CLIENT_PORT",
    "INFINITE",
    "SERVER_PORT",
    "Bound",
    "Client",
    "DhcpError",
    "Event",
    "Expired",
    "GrantedLease",
    "Lease",
    "Message",
    "MessageType",
    "Option",
    "Outgoing",
    "Refused",
    "Renewed",
    "SavedLease",
    "Server",
    "ServerConfig",
]
