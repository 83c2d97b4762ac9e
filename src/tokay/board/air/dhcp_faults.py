"""DHCP that misbehaves: what the servers of a simulated network can be made to do."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from tokay.board.air.errors import AirspaceError
from tokay.protocols import dhcp

_MAX_ROGUE_ADDRESSES = 254


@dataclass(slots=True)
class DhcpFaults:
    """What is wrong with a network's own server. `exhausted`: only who has a lease keeps it."""

    silent: bool = False
    refusing: bool = False
    exhausted: bool = False

    def answer(self, datagram: bytes, server: dhcp.DhcpServer, now: float) -> list[bytes] | None:
        """Return the faulty answers; None if the server is to answer as usual."""
        if self.silent:
            return []
        try:
            message = dhcp.DhcpMessage.decode(datagram)
        except dhcp.DhcpError:
            return []
        kind = message.message_type
        asks = kind in (dhcp.MessageType.DISCOVER, dhcp.MessageType.REQUEST)
        if (
            self.exhausted
            and asks
            and all(lease.mac != message.chaddr for lease in server.leases(now))
        ):
            return []
        ours = message.server_id in (None, int(server.config.address))
        if self.refusing and kind is dhcp.MessageType.REQUEST and ours:
            return [_nak(message, server.config.address)]
        return None


def _nak(request: dhcp.DhcpMessage, server: IPv4Address) -> bytes:
    options: dict[int, bytes] = {
        dhcp.DhcpOption.MESSAGE_TYPE: bytes((dhcp.MessageType.NAK,)),
        dhcp.DhcpOption.SERVER_ID: server.packed,
        dhcp.DhcpOption.MESSAGE: b"refused by the script",
    }
    return dhcp.DhcpMessage(
        dhcp.BOOTREPLY,
        request.xid,
        request.chaddr,
        options,
        broadcast=request.broadcast,
        htype=request.htype,
    ).encode()


class RogueDhcpServer:
    """A second server, at the subnet's last address, that answers before the network's own.

    It gives addresses of the network, so that its clients work, with `gateway` and `dns` of its
    own choice, itself without one. Names that its clients resolve lead to `lie` if there is one.
    Raises AirspaceError.
    """

    def __init__(
        self,
        subnet: IPv4Network,
        in_use: Callable[[IPv4Address], bool],
        *,
        gateway: str | None = None,
        dns: str | None = None,
        lie: str | None = None,
        lease_time: int = 3600,
    ) -> None:
        self.address = subnet.broadcast_address - 1
        self.lie = None if lie is None else str(_address("lie", lie))
        first = max(subnet.network_address + 2, self.address - _MAX_ROGUE_ADDRESSES)
        if first >= self.address:
            raise AirspaceError(f"dhcp_rogue: {subnet} has no room for a second server")
        try:
            config = dhcp.ServerConfig(
                address=self.address,
                netmask=subnet.netmask,
                gateway=self.address if gateway is None else _address("gateway", gateway),
                dns=(self.address if dns is None else _address("dns", dns),),
                pool_first=first,
                pool_last=self.address - 1,
                lease_time=lease_time,
            )
        except AirspaceError:
            raise
        except ValueError as error:
            raise AirspaceError(f"lease: {error}") from None
        self.server = dhcp.DhcpServer(config, in_use=in_use)

    def has_leased(self, address: IPv4Address, now: float) -> bool:
        """Return whether a station has its address from this server."""
        return any(lease.address == address for lease in self.server.leases(now))


def _address(key: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise AirspaceError(f"{key}: {error}") from None
