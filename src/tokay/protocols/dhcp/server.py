"""The server's side of DHCP for one network (RFC 2131 section 4.3).

Each datagram that comes to port 67 goes through `DhcpServer.receive`, and what is to be sent in
answer comes back; there are no timers, since addresses whose time is over matter only when
someone asks. `pool` says which address a client gets; this file says what it is told.

The server stays silent wherever the RFC lets it choose: without a free address, when another
server is meant, and for a client it does not know whose address nobody here holds. A relay
(`giaddr` set) is answered when it is a host of the server's own network, as a Wi-Fi repeater
is; any other would be an attempt to have answers sent elsewhere.

A client is its client identifier, or without one its hardware address (section 4.2).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import inf

from tokay.protocols.dhcp.codec import (
    BOOTREPLY,
    BOOTREQUEST,
    INFINITE,
    DhcpError,
    DhcpMessage,
    DhcpOption,
    MessageType,
)
from tokay.protocols.dhcp.datagram import BROADCAST, DhcpDatagram
from tokay.protocols.dhcp.lease import is_host
from tokay.protocols.dhcp.pool import Binding, BindingState, Pool

__all__ = ["DhcpServer", "GrantedLease", "SavedLease", "ServerConfig"]

# RFC 2132 sets no limit, but we keep it for every client.
_MAX_CLIENT_ID = 255

SavedLease = tuple[str, bytes, bytes, str, float]
"""A lease for storage: address, client key, hardware address, host name, seconds left (negative
when over, `inf` for ever)."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What a server is and gives.

    The pool is `pool_first` to `pool_last`, inclusive, within the network of `address` and
    `netmask`; the server's and the gateway's own addresses are never given out. `lease_time`
    is in seconds, 4 to `INFINITE`. Raises `ValueError` when these contradict one another.
    """

    address: IPv4Address
    netmask: IPv4Address
    gateway: IPv4Address | None
    dns: tuple[IPv4Address, ...]
    pool_first: IPv4Address
    pool_last: IPv4Address
    lease_time: int = 86_400
    domain: str = ""

    def __post_init__(self) -> None:
        mask = int(self.netmask)
        if not is_host(int(self.address), mask):
            raise ValueError(f"{self.address} is no host's address")
        if self.pool_last < self.pool_first:
            raise ValueError("the pool ends before it begins")
        for end in (self.pool_first, self.pool_last):
            if (int(end) ^ int(self.address)) & mask or not is_host(int(end), mask):
                raise ValueError(f"{end} is no host's address in the network of {self.address}")
        if not 4 <= self.lease_time <= INFINITE:
            raise ValueError(f"a lease time of {self.lease_time} s")
        if len(self.dns) > 32 or len(self.domain.encode()) > 255:
            raise ValueError("too much for one answer")


@dataclass(frozen=True, slots=True)
class GrantedLease:
    """A lease in force.

    `client_id` is what the client called itself, or the hardware type and address when it
    gave no name; `expires_at` is on the clock of the caller, `inf` for never.
    """

    address: IPv4Address
    mac: bytes
    client_id: bytes
    hostname: str
    expires_at: float


def never(address: IPv4Address) -> bool:
    """Answer that nobody uses an address."""
    return False


class DhcpServer:
    """A DHCP server for one network.

    `in_use` is asked before an address is offered, and must answer at once: whether someone
    is known to use it without a lease. Such addresses are left alone for ten minutes.
    """

    def __init__(
        self, config: ServerConfig, *, in_use: Callable[[IPv4Address], bool] = never
    ) -> None:
        self.config = config
        self._id = int(config.address)
        self._mask = int(config.netmask)
        reserved = {self._id} | ({int(config.gateway)} if config.gateway else set())
        self._pool = Pool(
            int(config.pool_first),
            int(config.pool_last),
            frozenset(reserved),
            lambda address: in_use(IPv4Address(address)),
        )
        self._network_options = _network_options(config)
        self._lease_options = _lease_options(config.lease_time)

    def receive(self, datagram: bytes, now: float) -> list[DhcpDatagram]:
        """Answer a datagram that came to port 67; what is not for us gets no answer."""
        try:
            message = DhcpMessage.decode(datagram)
        except DhcpError:
            return []
        if message.op != BOOTREQUEST or not message.chaddr:
            return []
        if message.giaddr and not self._is_neighbour(message.giaddr):
            return []
        if len(message.client_id or b"") > _MAX_CLIENT_ID:
            return []
        self._pool.expire(now)
        match message.message_type:
            case MessageType.DISCOVER:
                answer = self._discover(message, now)
            case MessageType.REQUEST:
                answer = self._request(message, now)
            case MessageType.INFORM:
                answer = self._inform(message)
            case MessageType.DECLINE | MessageType.RELEASE as kind:
                answer = None
                self._end_binding(message, kind, now)
            case _:
                answer = None
        return [] if answer is None else [answer]

    @property
    def revision(self) -> int:
        """Goes up when `export` has news that the client to be answered may rely on.

        An offer is no such news: it binds nobody (RFC 2131 section 3.1).
        """
        return self._pool.revision

    def leases(self, now: float) -> list[GrantedLease]:
        """List the leases in force, by address."""
        self._pool.expire(now)
        return sorted(
            (
                GrantedLease(IPv4Address(b.address), b.mac, b.key, b.hostname, b.expires_at)
                for b in self._pool
                if b.state is BindingState.LEASED
            ),
            key=lambda lease: lease.address,
        )

    def remove(self, mac: bytes) -> bool:
        """End the leases of a station and forget it; return whether there was anything.

        The station is not told (there is no way to): it will be refused when it renews.
        """
        return self._pool.forget(mac)

    def export(self, now: float) -> list[SavedLease]:
        """List all that is known of clients, to be stored; times are relative to `now`."""
        self._pool.expire(now)
        return [
            (str(IPv4Address(b.address)), b.key, b.mac, b.hostname, b.expires_at - now)
            for b in self._pool
            if b.key and b.state in (BindingState.LEASED, BindingState.IDLE)
        ]

    def restore(self, saved: Iterable[SavedLease], now: float) -> None:
        """Take in what `export` gave; call it before the first `receive`.

        `now` is the moment of the export on today's clock: the present less the time in
        between. What does not fit the configuration is left out; leases longer than
        `lease_time` end with it. Raises `ValueError` when an address is none.
        """
        longest = self._lease_seconds
        for address, key, mac, hostname, left in sorted(saved, key=lambda row: row[4]):
            self._pool.restore(
                int(IPv4Address(address)), key, mac, hostname, now + min(left, longest)
            )

    @property
    def _lease_seconds(self) -> float:
        return inf if self.config.lease_time == INFINITE else self.config.lease_time

    # RFC 2131 section 4.3.1

    def _discover(self, message: DhcpMessage, now: float) -> DhcpDatagram | None:
        key = _key(message)
        binding = self._pool.offer(key, message.chaddr, message.requested_address, now)
        if binding is None:
            return None
        return self._answer(message, MessageType.OFFER, binding.address)

    # RFC 2131 section 4.3.2

    def _request(self, message: DhcpMessage, now: float) -> DhcpDatagram | None:
        wanted = message.ciaddr or message.requested_address
        if message.server_id is None:
            # RENEWING and REBINDING give ciaddr, INIT-REBOOT the requested address. All mean:
            # may I go on with this one?
            return self._confirm(message, wanted, now) if wanted else None
        mine = self._pool.by_client(_key(message))
        if message.server_id != self._id:
            if mine is not None and mine.state is BindingState.OFFERED:
                self._pool.free(mine, now)  # it chose another server
            return None
        if not wanted:
            return None
        if mine is None or mine.address != wanted:
            # An offer that went to someone else since, or one we forgot by a restart.
            if mine is None or mine.state is not BindingState.LEASED:
                mine = self._pool.claim(wanted, _key(message), message.chaddr, now)
            else:
                mine = None
            if mine is None:
                return self._refuse(message, "address not available")
        return self._grant(message, mine, now)

    def _confirm(self, message: DhcpMessage, wanted: int, now: float) -> DhcpDatagram | None:
        mine = self._pool.by_client(_key(message))
        if mine is not None and mine.address == wanted:
            return self._grant(message, mine, now)
        if (wanted ^ self._id) & self._mask:
            return self._refuse(message, "wrong network")
        if mine is not None:
            return self._refuse(message, "wrong address")
        holder = self._pool.by_address(wanted)
        if holder is not None and holder.state in (BindingState.LEASED, BindingState.OFFERED):
            # Not known to us, but we know whose address it is.
            return self._refuse(message, "address in use")
        return None  # another server's client, perhaps: the RFC's MUST

    def _grant(self, message: DhcpMessage, binding: Binding, now: float) -> DhcpDatagram:
        self._pool.lease(binding, message.chaddr, now + self._lease_seconds)
        if hostname := message.hostname:
            binding.hostname = hostname[:63]
        return self._answer(message, MessageType.ACK, binding.address)

    # RFC 2131 sections 4.3.3 and 4.3.4

    def _end_binding(self, message: DhcpMessage, kind: MessageType, now: float) -> None:
        mine = self._pool.by_client(_key(message))
        if mine is None or message.server_id != self._id:
            return
        if kind is MessageType.RELEASE:
            if mine.address == message.ciaddr and mine.state is BindingState.LEASED:
                self._pool.free(mine, now)
        elif mine.address == message.requested_address:
            self._pool.quarantine(mine, now)

    # RFC 2131 section 4.3.5

    def _inform(self, message: DhcpMessage) -> DhcpDatagram | None:
        # Nobody outside this network gets a datagram because somebody inside named them.
        if not self._is_neighbour(message.ciaddr):
            return None
        return self._answer(message, MessageType.ACK, 0)

    def _is_neighbour(self, address: int) -> bool:
        if (address ^ self._id) & self._mask or address == self._id:
            return False
        return is_host(address, self._mask)

    # What goes out (RFC 2131 table 3).

    def _answer(self, message: DhcpMessage, kind: MessageType, address: int) -> DhcpDatagram:
        options = self._options(message, kind)
        if address:
            options |= self._lease_options
        options |= self._network_options
        ciaddr = message.ciaddr if kind is MessageType.ACK else 0
        reply = DhcpMessage(
            BOOTREPLY,
            message.xid,
            message.chaddr,
            options,
            broadcast=message.broadcast,
            ciaddr=ciaddr,
            yiaddr=address,
            giaddr=message.giaddr,
            htype=message.htype,
        )
        source = str(self.config.address)
        if message.giaddr:
            return DhcpDatagram(reply.encode(), source, str(IPv4Address(message.giaddr)))
        # Granted addresses were checked above, so ciaddr is one of this network's hosts.
        if ciaddr:
            return DhcpDatagram(reply.encode(), source, str(IPv4Address(ciaddr)), message.chaddr)
        mac = b"" if message.broadcast else message.chaddr
        return DhcpDatagram(reply.encode(), source, BROADCAST, mac)

    def _refuse(self, message: DhcpMessage, text: str) -> DhcpDatagram:
        options = self._options(message, MessageType.NAK)
        options[DhcpOption.MESSAGE] = text.encode()
        reply = DhcpMessage(
            BOOTREPLY,
            message.xid,
            message.chaddr,
            options,
            broadcast=message.broadcast or bool(message.giaddr),
            giaddr=message.giaddr,
            htype=message.htype,
        )
        if message.giaddr:  # which broadcasts it, as the flag says (RFC 2131 section 4.3.2)
            to = str(IPv4Address(message.giaddr))
            return DhcpDatagram(reply.encode(), str(self.config.address), to)
        # To all, whatever ciaddr says: it may be wrong (RFC 2131 section 4.1).
        return DhcpDatagram(reply.encode(), str(self.config.address), BROADCAST)

    def _options(self, message: DhcpMessage, kind: MessageType) -> dict[int, bytes]:
        options: dict[int, bytes] = {
            DhcpOption.MESSAGE_TYPE: bytes((kind,)),
            DhcpOption.SERVER_ID: self.config.address.packed,
        }
        if client_id := message.client_id:
            options[DhcpOption.CLIENT_ID] = client_id  # RFC 6842
        return options


def _key(message: DhcpMessage) -> bytes:
    # Without a client id, the one that nearly all clients would have sent (RFC 2132 section
    # 9.14): a boot loader that sends none and the system it loads are then one client.
    return message.client_id or bytes((message.htype,)) + message.chaddr


def _network_options(config: ServerConfig) -> dict[int, bytes]:
    """Return what every client is told of the network, the mask first (RFC 2132 section 3.3)."""
    host_bits = ~int(config.netmask) & 0xFFFFFFFF
    options: dict[int, bytes] = {DhcpOption.NETMASK: config.netmask.packed}
    if config.gateway is not None:
        options[DhcpOption.ROUTERS] = config.gateway.packed
    if config.dns:
        options[DhcpOption.DNS] = b"".join(address.packed for address in config.dns)
    if config.domain:
        options[DhcpOption.DOMAIN] = config.domain.encode()
    options[DhcpOption.BROADCAST_ADDRESS] = (int(config.address) | host_bits).to_bytes(4)
    return options


def _lease_options(lease_time: int) -> dict[int, bytes]:
    options: dict[int, bytes] = {DhcpOption.LEASE_TIME: lease_time.to_bytes(4)}
    if lease_time != INFINITE:  # the shares of RFC 2131 section 4.4.5
        options[DhcpOption.T1] = (lease_time // 2).to_bytes(4)
        options[DhcpOption.T2] = (lease_time * 7 // 8).to_bytes(4)
    return options
