"""The client's side of DHCP (RFC 2131 section 4.4).

A client asks everyone for an address (DISCOVER), takes the first good offer, asks for it
(REQUEST) and has it when the server agrees (ACK). At T1 it asks that server for more time, at
T2 any server, and at the end of the lease it gives the address up and begins again. A client
that remembers a lease may ask for it at once (`resume`). `states` has the picture.

Nothing here waits or sends. Whoever owns the link calls `receive` with each datagram that
came to port 68 and `handle_timer` when `get_timer` is due, then takes `datagrams_to_send` and
`events`. Clocks are seconds on any monotonic clock.

What strangers can do is bounded: only an answer to the question now open, with its `xid` and
our hardware address, is looked at; the address of a lease never changes under its holder; a
server that refuses again and again is asked ever more slowly.
"""

import random
from dataclasses import replace
from math import inf

from tokay.protocols.dhcp import states
from tokay.protocols.dhcp.codec import (
    BOOTREPLY,
    BOOTREQUEST,
    DhcpError,
    DhcpMessage,
    DhcpOption,
    MessageType,
)
from tokay.protocols.dhcp.datagram import ANY_ADDRESS, BROADCAST, DhcpDatagram
from tokay.protocols.dhcp.events import Event, LeaseBound, LeaseExpired, LeaseRefused, LeaseRenewed
from tokay.protocols.dhcp.lease import Lease, is_host, read_lease
from tokay.protocols.dhcp.states import Init, Rebinding, Rebooting, Renewing, Requesting, Selecting

__all__ = ["DhcpClient"]

# RFC 2131 section 4.1 suggests 4, 8, 16, 32 and 64 seconds, for slow Ethernets of 1997. The
# device gives DHCP only ten seconds by default (wlan.dhcp.timeout), in which that schedule
# sends twice; a lost DISCOVER and a lost ACK would fail the join. So: the RFC's doubling, from
# 1 second, as embedded stacks do, and at most 16 so that a late server is found soon.
_FIRST_RETRY = 1.0
_LAST_RETRY = 16.0
# REQUESTs before turning to another server: 1 + 2 + 4 s, which leaves time for one in the ten.
_REQUEST_ATTEMPTS = 3
# Asking for a remembered lease: 1 + 2 s. A new network's server may rightly stay silent.
_REBOOT_ATTEMPTS = 2
# RFC 2131 section 3.1 (5): the pause after a DECLINE, against loops that drain the pool.
_DECLINE_PAUSE = 10.0
# RFC 2131 section 4.4.5 asks for 60 s between renewals, thinking of leases of hours. Test
# networks have leases of a minute, which must survive a lost datagram too.
_RENEW_RETRY = 60.0
_RENEW_RETRIES_A_LEASE = 16

_MAX_SIZE = (1500).to_bytes(2)
# Ask for what is used, no more.
_PARAMETERS = bytes(
    (DhcpOption.NETMASK, DhcpOption.ROUTERS, DhcpOption.DNS, DhcpOption.T1, DhcpOption.T2)
)


class DhcpClient:
    """A DHCP client for one interface.

    `mac` is its hardware address, 1-16 octets; `hostname` goes out as option 12 when not
    empty, at most 255 octets of UTF-8 (else `ValueError`). `rng` makes transaction ids and
    jitter. `broadcast` asks servers to broadcast their answers, for links that receive nothing
    else before there is an address; clear it where the link takes in frames for its `mac`.
    """

    def __init__(
        self, mac: bytes, *, hostname: str = "", rng: random.Random, broadcast: bool = True
    ) -> None:
        if not 1 <= len(mac) <= 16:
            raise ValueError("a hardware address has 1 to 16 octets")
        self._mac = mac
        self._hostname = hostname.encode()
        if len(self._hostname) > 255:
            raise ValueError("a host name has at most 255 octets")
        self._rng = rng
        self._broadcast = broadcast
        self._state: states.State = Init()
        self._refusals = 0  # in a row, without a lease between
        self._outgoing: list[DhcpDatagram] = []
        self._events: list[Event] = []

    # What the owner asks of the client.

    @property
    def state(self) -> states.State:
        """The state, one of the classes in `states`."""
        return self._state

    @property
    def lease(self) -> Lease | None:
        """The lease in force, `None` without one."""
        match self._state:
            case states.Bound(lease) | Renewing(lease=lease) | Rebinding(lease=lease):
                return lease
        return None

    def start(self, now: float) -> None:
        """Look for a server (DISCOVER), whatever went before."""
        self._refusals = 0
        self._discover(now)

    def resume(self, lease: Lease, now: float) -> None:
        """Ask for a remembered lease (INIT-REBOOT); an expired one makes this a `start`.

        `lease.bound_at` must be on the clock of `now`.
        """
        self._refusals = 0
        if lease.expires_at <= now or not is_host(int(lease.address)):
            self._discover(now)
            return
        self._state = Rebooting(now + self._backoff(1), 1, self._new_xid(), now, lease)
        self._send_request(self._state.xid, 0, wanted=lease)

    def adopt(self, lease: Lease, now: float) -> None:
        """Enter Bound with a remembered lease, without asking until its T1.

        This is what the device does with `dhcp.cache_enabled`: it skips the exchange while
        the lease lasts.
        """
        self._refusals = 0
        if lease.expires_at <= now:
            self._discover(now)
            return
        self._state = states.Bound(lease)
        self._events.append(LeaseBound(lease))

    def release(self, now: float) -> None:
        """Send a RELEASE and stop; without a lease just stop."""
        if (lease := self.lease) and lease.expires_at > now:
            options: dict[int, bytes] = {DhcpOption.SERVER_ID: lease.server.packed}
            self._send(
                DhcpMessage(
                    BOOTREQUEST,
                    self._new_xid(),
                    self._mac,
                    self._options(MessageType.RELEASE, options),
                    ciaddr=int(lease.address),
                ),
                str(lease.address),
                str(lease.server),
            )
        self.stop()

    def decline(self, now: float) -> None:
        """Send a DECLINE for an address that another host has; restart in ten seconds.

        Without a lease this does nothing. There is no event: the caller knows.
        """
        if (lease := self.lease) is None:
            return
        options: dict[int, bytes] = {
            DhcpOption.REQUESTED_ADDRESS: lease.address.packed,
            DhcpOption.SERVER_ID: lease.server.packed,
        }
        self._send(
            DhcpMessage(
                BOOTREQUEST,
                self._new_xid(),
                self._mac,
                self._options(MessageType.DECLINE, options),
            ),
            ANY_ADDRESS,
            BROADCAST,
        )
        self._state = Init(now + _DECLINE_PAUSE)

    def stop(self) -> None:
        """Stop and drop the lease; what is already queued may still be taken."""
        self._state = Init()

    def datagrams_to_send(self) -> list[DhcpDatagram]:
        """Take what is to be sent, port 68 to 67, oldest first."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Take what has happened, oldest first."""
        events, self._events = self._events, []
        return events

    def get_timer(self) -> float | None:
        """When `handle_timer` wants to be called, `None` for never."""
        match self._state:
            case Init(at) | Selecting(at) | Requesting(at) | Rebooting(at):
                due = at
            case states.Bound(lease):
                due = lease.renew_at
            case Renewing(at, lease=lease):
                due = min(at, lease.rebind_at)
            case Rebinding(at, lease=lease):
                due = min(at, lease.expires_at)
        return None if due == inf else due

    def handle_timer(self, now: float) -> None:
        """Do what is due by `now`. Too early is harmless; late skips what is past."""
        due = self.get_timer()
        if due is None or now < due:
            return
        match self._state:
            case Init():
                self._discover(now)
            case Selecting() as state:
                self._send_discover(state, now)
            case Requesting() as state:
                self._retry_request(state, now)
            case Rebooting() as state:
                self._retry_reboot(state, now)
            case states.Bound(lease) | Renewing(lease=lease) | Rebinding(lease=lease):
                self._extend(lease, now)

    # What comes in.

    def receive(self, datagram: bytes, now: float) -> None:
        """Take in a datagram that came to port 68; what is not for us is ignored."""
        try:
            message = DhcpMessage.decode(datagram)
        except DhcpError:
            return
        if message.op != BOOTREPLY or message.chaddr != self._mac:
            return
        state = self._state
        if isinstance(state, Init | states.Bound) or message.xid != state.xid:
            return
        kind = message.message_type
        if isinstance(state, Selecting):
            if kind is MessageType.OFFER:
                self._receive_offer(state, message, now)
        elif kind is MessageType.ACK:
            self._receive_ack(state, message)
        elif kind is MessageType.NAK:
            self._receive_nak(state, message, now)

    def _receive_offer(self, state: Selecting, message: DhcpMessage, now: float) -> None:
        if (offer := read_lease(message, now)) is None:
            return
        # The REQUEST repeats the xid and the secs of the DISCOVER (RFC 2131 section 3.1 (3)).
        secs = _seconds(now - state.started_at)
        self._state = Requesting(now + self._backoff(1), 1, state.xid, secs, now, offer)
        self._send_request(state.xid, secs, wanted=offer, server=True)

    def _receive_ack(
        self, state: Requesting | Rebooting | Renewing | Rebinding, ack: DhcpMessage
    ) -> None:
        before = state.offer if isinstance(state, Requesting) else state.lease
        lease = read_lease(ack, state.asked_at)
        if lease is None or lease.address != before.address or not _may_answer(state, ack):
            return
        extended = isinstance(state, Renewing | Rebinding)
        self._refusals = 0
        self._state = states.Bound(lease)
        self._events.append(LeaseRenewed(lease) if extended else LeaseBound(lease))

    def _receive_nak(
        self, state: Requesting | Rebooting | Renewing | Rebinding, nak: DhcpMessage, now: float
    ) -> None:
        if not _may_answer(state, nak):
            return
        self._events.append(LeaseRefused(nak.message))
        self._refusals += 1
        if self._refusals == 1:
            # The common case: we moved to another network. Go on without delay.
            self._discover(now)
        else:
            self._state = Init(now + self._backoff(self._refusals))

    # What goes out.

    def _discover(self, now: float) -> None:
        self._send_discover(Selecting(now, 0, self._new_xid(), now), now)

    def _send_discover(self, state: Selecting, now: float) -> None:
        attempt = state.attempt + 1
        self._state = replace(state, retry_at=now + self._backoff(attempt), attempt=attempt)
        self._send(
            DhcpMessage(
                BOOTREQUEST,
                state.xid,
                self._mac,
                self._options(MessageType.DISCOVER, {}),
                secs=_seconds(now - state.started_at),
                broadcast=self._broadcast,
            ),
            ANY_ADDRESS,
            BROADCAST,
        )

    def _retry_request(self, state: Requesting, now: float) -> None:
        if state.attempt == _REQUEST_ATTEMPTS:
            self._discover(now)
            return
        attempt = state.attempt + 1
        self._state = replace(state, retry_at=now + self._backoff(attempt), attempt=attempt)
        self._send_request(state.xid, state.secs, wanted=state.offer, server=True)

    def _retry_reboot(self, state: Rebooting, now: float) -> None:
        if state.attempt == _REBOOT_ATTEMPTS:
            self._discover(now)
            return
        attempt = state.attempt + 1
        self._state = replace(state, retry_at=now + self._backoff(attempt), attempt=attempt)
        self._send_request(state.xid, _seconds(now - state.asked_at), wanted=state.lease)

    def _extend(self, lease: Lease, now: float) -> None:
        """Ask for more time, of whom it is time to ask, or give up."""
        if now >= lease.expires_at:
            self._events.append(LeaseExpired())
            self._discover(now)
            return
        # Each attempt has an xid of its own: then an ACK says which request it answers, and
        # the new lease counts from exactly that one.
        xid = self._new_xid()
        address = int(lease.address)
        floor = min(_RENEW_RETRY, lease.lease_time / _RENEW_RETRIES_A_LEASE)
        if now < lease.rebind_at:
            retry_at = now + max((lease.rebind_at - now) / 2, floor)
            self._state = Renewing(retry_at, xid, now, lease)
            destination = str(lease.server)
        else:
            retry_at = now + max((lease.expires_at - now) / 2, floor)
            self._state = Rebinding(retry_at, xid, now, lease)
            destination = BROADCAST
        # Neither server id nor requested address: RFC 2131 table 5.
        message = DhcpMessage(
            BOOTREQUEST, xid, self._mac, self._options(MessageType.REQUEST, {}), ciaddr=address
        )
        self._send(message, str(lease.address), destination)

    def _send_request(self, xid: int, secs: int, *, wanted: Lease, server: bool = False) -> None:
        options: dict[int, bytes] = {DhcpOption.REQUESTED_ADDRESS: wanted.address.packed}
        if server:
            options[DhcpOption.SERVER_ID] = wanted.server.packed
        message = DhcpMessage(
            BOOTREQUEST,
            xid,
            self._mac,
            self._options(MessageType.REQUEST, options),
            secs=secs,
            broadcast=self._broadcast,
        )
        self._send(message, ANY_ADDRESS, BROADCAST)

    def _options(self, kind: MessageType, more: dict[int, bytes]) -> dict[int, bytes]:
        options: dict[int, bytes] = {
            DhcpOption.MESSAGE_TYPE: bytes((kind,)),
            # The same in every message, or the server takes us for two (RFC 2131 section 4.2).
            DhcpOption.CLIENT_ID: b"\x01" + self._mac,
        } | more
        if kind in (MessageType.DISCOVER, MessageType.REQUEST):
            options[DhcpOption.MAX_SIZE] = _MAX_SIZE
            options[DhcpOption.PARAMETER_LIST] = _PARAMETERS
            if self._hostname:
                options[DhcpOption.HOSTNAME] = self._hostname
        return options

    def _send(self, message: DhcpMessage, source: str, destination: str) -> None:
        self._outgoing.append(DhcpDatagram(message.encode(), source, destination))

    def _new_xid(self) -> int:
        return self._rng.getrandbits(32)

    def _backoff(self, attempt: int) -> float:
        """Return seconds until the next attempt: 1, 2, 4, 8, 16, 16, ..., with jitter.

        RFC 2131 section 4.1 gives +-1 s on 4 s; the same share keeps the first ones in order.
        """
        delay = min(_FIRST_RETRY * 2.0 ** min(attempt - 1, 8), _LAST_RETRY)
        return delay + self._rng.uniform(-1, 1) * min(1.0, delay / 4)


def _may_answer(state: Requesting | Rebooting | Renewing | Rebinding, answer: DhcpMessage) -> bool:
    """Return whether the server was asked: one was by REQUEST and renewal, any by the rest."""
    server = answer.server_id
    match state:
        case Requesting(offer=lease) | Renewing(lease=lease):
            return server == int(lease.server)
        case Rebooting() | Rebinding():
            return server is not None


def _seconds(elapsed: float) -> int:
    return max(0, min(int(elapsed), 0xFFFF))
