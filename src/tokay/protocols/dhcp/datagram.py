"""A datagram on its way out: what the client and the server hand to whoever owns the link."""

from dataclasses import dataclass

__all__ = ["ANY_ADDRESS", "BROADCAST", "CLIENT_PORT", "SERVER_PORT", "DhcpDatagram"]

SERVER_PORT = 67
CLIENT_PORT = 68

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - a source address, not one to listen on
BROADCAST = "255.255.255.255"


@dataclass(frozen=True, slots=True)
class DhcpDatagram:
    """A UDP payload and its IPv4 addresses.

    A client sends from port 68 to 67, a server from 67 to 68, and to 67 of a relay: what has
    `giaddr` set. `mac`, when not empty, is the
    only station that needs the datagram although `destination` is the broadcast address: the
    client has no address yet, but receives frames for its MAC. A link that addresses frames may
    use it (RFC 2131 section 4.1); one that cannot broadcasts, which is always right.
    """

    data: bytes
    source: str
    destination: str
    mac: bytes = b""
