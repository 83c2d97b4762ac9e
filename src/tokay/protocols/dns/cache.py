"""The addresses that a resolver remembers: few, for as long as their TTL says (RFC 1035 7.4).

Only whole results go in, under the name that was asked for: never a record that a server added
on its own, which is how caches are poisoned (RFC 2181 section 5.4.1). Failures are not kept, as
a device that waits for its server to appear must see it when it does.
"""

from ipaddress import IPv4Address

__all__ = ["Cache"]

_MAX_TTL = 86_400  # a day; a server that says a year is mistaken (RFC 8767 section 4 caps too)


class Cache:
    """At most `size` names; the one that was stored first makes room for a new one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[bytes, tuple[float, tuple[IPv4Address, ...]]] = {}

    def get(self, name: bytes, now: float) -> tuple[IPv4Address, ...] | None:
        """Return the addresses of `name`, in lower case; `None` when unknown or too old."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        expires_at, addresses = entry
        if expires_at > now:
            return addresses
        del self._entries[name]
        return None

    def put(self, name: bytes, addresses: tuple[IPv4Address, ...], ttl: int, now: float) -> None:
        """Remember for `ttl` seconds, a day at most; 0 is not remembered (RFC 1035 3.2.1)."""
        if ttl <= 0 or self._size <= 0:
            return
        self._entries.pop(name, None)
        if len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[name] = now + min(ttl, _MAX_TTL), addresses

    def flush(self) -> None:
        """Forget everything."""
        self._entries.clear()
