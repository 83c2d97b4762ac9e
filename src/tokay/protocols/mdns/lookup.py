"""Asking: the address of a name, the services of a type. Both end with their owner's patience.

Each question is sent at once, after a second, and then after twice the pause before (RFC 6762
section 5.2). Answers are taken from whoever gives them: mDNS trusts its link.
"""

from ipaddress import IPv4Address
from typing import NamedTuple

from tokay.protocols.dns import (
    CLASS_IN,
    QR,
    DnsMessage,
    Question,
    RecordType,
    ResourceRecord,
    name_from_text,
    name_to_text,
)
from tokay.protocols.mdns.host import DOMAIN, FLUSH

__all__ = ["MdnsBrowse", "MdnsLookup", "ServiceInstance"]

FIRST_PAUSE = 1.0
MAX_FOUND = 4096
"""Services, and as many hosts, that one browse remembers."""
MAX_KNOWN = 24
"""Known answers in a question: what fits into an Ethernet frame."""
MAX_ASKED = 8
"""Services that are asked about in one question, when their data did not come along."""


class _RepeatedQuery:
    """When to ask."""

    def __init__(self, now: float) -> None:
        self._due = now
        self._pause = FIRST_PAUSE

    def is_due(self, now: float) -> bool:
        """Return whether it is time to ask, and set the next time if so."""
        if now < self._due:
            return False
        self._due = now + self._pause
        self._pause *= 2
        return True

    def get_timer(self) -> float:
        """Return when to ask next."""
        return self._due


class MdnsLookup(_RepeatedQuery):
    """The IPv4 addresses of a name that ends in `.local`. Raises DnsError when it is no name."""

    def __init__(self, name: str, now: float) -> None:
        super().__init__(now)
        self.name = name_from_text(name)

    def question(self) -> bytes:
        """Return what to multicast."""
        return DnsMessage(0, 0, (Question(self.name, RecordType.A),)).encode()

    def receive(self, message: DnsMessage) -> list[IPv4Address]:
        """Return the addresses in a response; mostly there are none."""
        wanted = self.name.lower()
        found = [
            one.address
            for one in _records(message)
            if one.type == RecordType.A and one.ttl and one.name.lower() == wanted
        ]
        return [address for address in found if isinstance(address, IPv4Address)]


class ServiceInstance(NamedTuple):
    """A service of somebody's; `address` is None and `port` 0 while they are not known."""

    instance: str
    address: IPv4Address | None
    port: int
    texts: tuple[bytes, ...]


class MdnsBrowse(_RepeatedQuery):
    """The services of a type, such as `_http._tcp`. Raises DnsError when it is no name."""

    def __init__(self, type: str, now: float) -> None:
        super().__init__(now)
        full = type if type.rstrip(".").lower().endswith(f".{DOMAIN}") else f"{type}.{DOMAIN}"
        self.name = name_from_text(full)
        self._pointers: dict[bytes, ResourceRecord] = {}
        self._services: dict[bytes, ResourceRecord] = {}
        self._texts: dict[bytes, ResourceRecord] = {}
        self._addresses: dict[bytes, IPv4Address] = {}

    def question(self) -> bytes:
        """Return what to multicast: what there is, and what is missing of what is known."""
        known = tuple(one for at, one in enumerate(self._pointers.values()) if at < MAX_KNOWN)
        missing = [one for one in self._pointers if one not in self._services][:MAX_ASKED]
        questions = [Question(self.name, RecordType.PTR)]
        questions += [
            Question(self._pointers[one].data, kind)
            for one in missing
            for kind in (RecordType.SRV, RecordType.TXT)
        ]
        return DnsMessage(0, 0, tuple(questions), answers=known).encode()

    def receive(self, message: DnsMessage) -> None:
        """Learn from a response."""
        wanted = self.name.lower()
        for record in _records(message):
            name = record.name.lower()
            if record.type == RecordType.PTR and name == wanted:
                self._remember(self._pointers, record.data.lower(), record)
            elif record.type == RecordType.SRV and name.endswith(wanted):
                self._remember(self._services, name, record)
            elif record.type == RecordType.TXT and name.endswith(wanted):
                self._remember(self._texts, name, record)
            elif record.type == RecordType.A and record.ttl and len(self._addresses) < MAX_FOUND:
                self._addresses[name] = IPv4Address(record.data)

    def instances(self) -> list[ServiceInstance]:
        """Return what is known, by instance."""
        rows = []
        for name, pointer in self._pointers.items():
            service = self._services[name].service if name in self._services else None
            texts = self._texts[name].texts if name in self._texts else ()
            rows.append(
                ServiceInstance(
                    _instance(pointer.data),
                    self._addresses.get(service.target.lower()) if service else None,
                    service.port if service else 0,
                    texts or (),
                )
            )
        return sorted(rows, key=lambda one: (one.instance.lower(), str(one.address)))

    def _remember(
        self, known: dict[bytes, ResourceRecord], name: bytes, record: ResourceRecord
    ) -> None:
        if not record.ttl:
            known.pop(name, None)
        elif name in known or len(known) < MAX_FOUND:
            known[name] = record


def _records(message: DnsMessage) -> tuple[ResourceRecord, ...]:
    if not message.flags & QR:
        return ()
    found = (*message.answers, *message.additionals)
    return tuple(one for one in found if one.cls & ~FLUSH == CLASS_IN)


def _instance(name: bytes) -> str:
    """Return the first label of a service's name, as people write it."""
    size = name[0]
    text = name_to_text(name[: 1 + size] + b"\0")
    return text.replace("\\.", ".").replace("\\\\", "\\")
