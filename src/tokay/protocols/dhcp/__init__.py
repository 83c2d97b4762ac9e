"""DHCPv4 without I/O: a codec, a client and a server (RFC 2131, 2132, 3396).

`DhcpClient` and `DhcpServer` take datagrams and the time, and give datagrams and events; see their
modules for how. Both ends of a simulated network can be driven by plain calls.
"""

from tokay.protocols.dhcp.client import DhcpClient
from tokay.protocols.dhcp.codec import (
    BOOTREPLY,
    BOOTREQUEST,
    INFINITE,
    DhcpError,
    DhcpMessage,
    DhcpOption,
    MessageType,
)
from tokay.protocols.dhcp.datagram import CLIENT_PORT, SERVER_PORT, DhcpDatagram
from tokay.protocols.dhcp.events import Event, LeaseBound, LeaseExpired, LeaseRefused, LeaseRenewed
from tokay.protocols.dhcp.lease import Lease
from tokay.protocols.dhcp.server import DhcpServer, GrantedLease, SavedLease, ServerConfig

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "CLIENT_PORT",
    "INFINITE",
    "SERVER_PORT",
    "DhcpClient",
    "DhcpDatagram",
    "DhcpError",
    "DhcpMessage",
    "DhcpOption",
    "DhcpServer",
    "Event",
    "GrantedLease",
    "Lease",
    "LeaseBound",
    "LeaseExpired",
    "LeaseRefused",
    "LeaseRenewed",
    "MessageType",
    "SavedLease",
    "ServerConfig",
]
