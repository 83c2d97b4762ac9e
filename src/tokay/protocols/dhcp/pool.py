"""The addresses that a server may give out, and who has them.

Each address is in one of five standings:

    fresh -> OFFERED -> LEASED -> IDLE -> OFFERED, to its old client or to another
    any of them -> QUARANTINED -> IDLE

A fresh address was never touched and costs nothing: a cursor says where the fresh ones begin.
All others have a `Binding`. An idle one remembers its last client, which gets the address
back if it comes again (RFC 2131 section 4.3.1); others get fresh addresses first, and then
those that have been idle longest.

Bindings of one standing live in one ordered dict. Every lease is as long as the next, so the
order in which they were granted is the order in which they end, and expiry looks only at the
front: all operations are O(1), amortised, however large the pool.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

__all__ = ["Binding", "BindingState", "Pool"]

OFFER_SECONDS = 30.0
"""How long an offered address is kept for the client that has yet to ask for it. A client
that asks later still gets it when nobody else has."""

QUARANTINE_SECONDS = 600.0
"""How long an address that someone else was seen to use is left alone; as dnsmasq."""

# One DISCOVER asks about at most so many addresses; the next one goes on from there.
_PROBES = 64
# A station may change its client id (each operating system of a multi-boot machine has one),
# but may not empty the pool by inventing them.
_ADDRESSES_A_MAC = 8


class BindingState(Enum):
    """Where an address stands; fresh ones have no binding."""

    OFFERED = auto()
    LEASED = auto()
    IDLE = auto()
    QUARANTINED = auto()


@dataclass(slots=True, eq=False)
class Binding:
    """An address and the client it was given to; `key` is empty when there is none.

    `expires_at` is when an offer, a lease or a quarantine ends; of an idle address, when it
    became idle.
    """

    address: int
    state: BindingState
    expires_at: float
    key: bytes = b""
    mac: bytes = b""
    hostname: str = ""


class Pool:
    """The addresses `first` to `last`, inclusive, without the `reserved` ones.

    `in_use` is asked before an address is offered to a client that does not hold it now.
    """

    def __init__(
        self, first: int, last: int, reserved: frozenset[int], in_use: Callable[[int], bool]
    ) -> None:
        self._first = first
        self._last = last
        self._reserved = reserved
        self._in_use = in_use
        self._cursor = first
        self.revision = 0
        """Goes up when a lease is given or comes to its end early."""
        self._queues: dict[BindingState, OrderedDict[int, Binding]] = {
            standing: OrderedDict() for standing in BindingState
        }
        self._by_address: dict[int, Binding] = {}
        self._by_key: dict[bytes, Binding] = {}
        # Tuples, since nearly all hold one address, and a pool may have 65,000.
        self._by_mac: dict[bytes, tuple[int, ...]] = {}

    def __contains__(self, address: int) -> bool:
        return self._first <= address <= self._last and address not in self._reserved

    def __iter__(self) -> Iterator[Binding]:
        return iter(self._by_address.values())

    def by_client(self, key: bytes) -> Binding | None:
        """Return what a client has or last had."""
        return self._by_key.get(key)

    def by_address(self, address: int) -> Binding | None:
        """Return who has or last had an address, `None` when fresh or not ours."""
        return self._by_address.get(address)

    def expire(self, now: float) -> None:
        """End the offers, leases and quarantines whose time is over."""
        for standing in (BindingState.OFFERED, BindingState.LEASED, BindingState.QUARANTINED):
            queue = self._queues[standing]
            while queue and (binding := next(iter(queue.values()))).expires_at <= now:
                self._move(binding, BindingState.IDLE, binding.expires_at)

    def offer(self, key: bytes, mac: bytes, wanted: int | None, now: float) -> Binding | None:
        """Find an address for a client, best first; `None` when there is none to be had."""
        mine = self._by_key.get(key)
        if mine is not None and mine.state is BindingState.LEASED:
            return mine  # it lost its memory, not its lease
        if mine is not None and (
            mine.state is BindingState.OFFERED or not self._is_used(mine.address, now)
        ):
            self._move(mine, BindingState.OFFERED, now + OFFER_SECONDS)
            return mine
        if wanted is not None and (claimed := self.claim(wanted, key, mac, now)):
            return claimed
        if not self._make_room(key, mac):
            return None
        for _ in range(_PROBES):
            if (address := self._next_free()) is None:
                return None
            if claimed := self.claim(address, key, mac, now):
                return claimed
        return None

    def claim(self, address: int, key: bytes, mac: bytes, now: float) -> Binding | None:
        """Offer this very address if it is free, else return `None`."""
        if address not in self:
            return None
        binding = self._by_address.get(address)
        if binding is not None and binding.state is not BindingState.IDLE:
            return None
        if not self._make_room(key, mac) or self._is_used(address, now):
            return None
        binding = self._binding(address)
        self._set_client(binding, key, mac)
        self._move(binding, BindingState.OFFERED, now + OFFER_SECONDS)
        return binding

    def lease(self, binding: Binding, mac: bytes, expires_at: float) -> None:
        """Lease the address to its client; calls come in the order of `expires_at`."""
        self.revision += 1
        if binding.mac != mac:  # the same client, by its id, on another interface
            self._set_client(binding, binding.key, mac)
        self._move(binding, BindingState.LEASED, expires_at)

    def free(self, binding: Binding, now: float) -> None:
        """Free an address whose client may want it again."""
        self.revision += 1
        self._move(binding, BindingState.IDLE, now)

    def quarantine(self, binding: Binding, now: float) -> None:
        """Leave an address alone for a while, and forget that its client had it."""
        self.revision += 1
        self._set_client(binding, b"", b"")
        self._move(binding, BindingState.QUARANTINED, now + QUARANTINE_SECONDS)

    def forget(self, mac: bytes) -> bool:
        """Free all addresses of a station and forget it; whether there were any."""
        self.revision += 1
        addresses = self._by_mac.get(mac, ())
        for address in addresses:
            binding = self._by_address[address]
            self._set_client(binding, b"", b"")
            self._move(binding, BindingState.IDLE, -inf)
        return bool(addresses)

    def restore(
        self, address: int, key: bytes, mac: bytes, hostname: str, expires_at: float
    ) -> None:
        """Put back a lease of an earlier run, in the order of `expires_at`; ignore misfits."""
        if address not in self or address in self._by_address or key in self._by_key:
            return
        if not self._make_room(key, mac):
            return
        binding = self._binding(address)
        self._set_client(binding, key, mac)
        binding.hostname = hostname
        self._move(binding, BindingState.LEASED, expires_at)

    def _next_free(self) -> int | None:
        while self._cursor <= self._last:
            # Those asked for by name, ahead of the cursor, already have a binding.
            if self._cursor not in self._by_address and self._cursor not in self._reserved:
                return self._cursor
            self._cursor += 1
        return next(iter(self._queues[BindingState.IDLE]), None)

    def _is_used(self, address: int, now: float) -> bool:
        if not self._in_use(address):
            return False
        self.quarantine(self._binding(address), now)
        return True

    def _make_room(self, key: bytes, mac: bytes) -> bool:
        """Keep a station within its number of addresses, its own idle ones going first."""
        addresses = self._by_mac.get(mac, ())
        if len(addresses) < _ADDRESSES_A_MAC or key in self._by_key:
            return True
        for address in addresses:
            if (binding := self._by_address[address]).state is BindingState.IDLE:
                self._set_client(binding, b"", b"")
                return True
        return False

    def _binding(self, address: int) -> Binding:
        if (binding := self._by_address.get(address)) is None:
            binding = Binding(address, BindingState.IDLE, -inf)
            self._by_address[address] = self._queues[BindingState.IDLE][address] = binding
        return binding

    def _move(self, binding: Binding, standing: BindingState, expires_at: float) -> None:
        del self._queues[binding.state][binding.address]
        binding.state = standing
        binding.expires_at = expires_at
        self._queues[standing][binding.address] = binding

    def _set_client(self, binding: Binding, key: bytes, mac: bytes) -> None:
        """Make a binding that of another client, or of none; a client has one binding."""
        if binding.key:
            del self._by_key[binding.key]
            left = tuple(a for a in self._by_mac[binding.mac] if a != binding.address)
            if left:
                self._by_mac[binding.mac] = left
            else:
                del self._by_mac[binding.mac]
        binding.key, binding.mac, binding.hostname = key, mac, ""
        if not key:
            return
        if (old := self._by_key.get(key)) is not None:
            self._set_client(old, b"", b"")
        self._by_key[key] = binding
        self._by_mac[mac] = (*self._by_mac.get(mac, ()), binding.address)
