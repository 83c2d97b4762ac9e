"""What a host has to say: its records, made from a name, an address and the services it offers.

| record | name | data | seconds | unique |
| --- | --- | --- | --- | --- |
| A | host.local | the address | 120 | yes |
| PTR | the reversed address | host.local | 120 | yes |
| SRV | instance._http._tcp.local | port, host.local | 120 | yes |
| TXT | instance._http._tcp.local | key=value texts | 4500 | yes |
| PTR | _http._tcp.local | the instance | 4500 | no |
| PTR | _services._dns-sd._udp.local | _http._tcp.local | 4500 | no |
| NSEC | host and instances | which types there are | as these | yes |

NSEC says that there is nothing else of a name, an IPv6 address above all: without it who asks for
one waits for seconds (RFC 6762 section 6.1). Records are made when they are asked for, and those of
few hosts are kept: a host that nobody asks about is a name and an address.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address

from tokay.protocols.dns import (
    CLASS_IN,
    RecordType,
    ResourceRecord,
    SrvData,
    name_from_text,
    reverse_name,
)

DOMAIN = "local"
FLUSH = 0x8000
"""In the class of a record that is its owner's alone: forget others (RFC 6762 section 10.2)."""
HOST_TTL, OTHER_TTL = 120, 4500
"""Seconds (RFC 6762 section 10)."""
NSEC = 47
MAX_LABEL = 63
MAX_CACHED = 64
"""Hosts whose records are kept for the next question."""
META = name_from_text(f"_services._dns-sd._udp.{DOMAIN}")
"""The name under which the types of services are found (RFC 6763 section 9)."""

_UNIQUE = CLASS_IN | FLUSH


@dataclass(frozen=True, slots=True)
class MdnsService:
    """A service: its `type` (`_http._tcp`), port, texts of up to 255 octets.

    `instance` is what people see; empty, it is the host's name.
    """

    type: str
    port: int
    texts: tuple[bytes, ...] = ()
    instance: str = ""


@dataclass(frozen=True, slots=True)
class MdnsHost:
    """A host by its name without `.local`. Raises DnsError where a name cannot be one."""

    name: str
    address: IPv4Address
    services: tuple[MdnsService, ...] = ()

    @property
    def full_name(self) -> bytes:
        """The name on the wire."""
        return name_from_text(f"{self.name}.{DOMAIN}")

    def instances(self) -> list[bytes]:
        """Return the names of the services."""
        return [self._instance(offer) for offer in self.services]

    def unique_names(self) -> list[bytes]:
        """Return the names that must be nobody else's."""
        return [self.full_name, *self.instances()]

    def names(self) -> list[bytes]:
        """Return every name that questions can be answered for, in lower case."""
        names = [*self.unique_names(), reverse_name(self.address), META]
        names += [_type_name(offer.type) for offer in self.services]
        return list(dict.fromkeys(name.lower() for name in names if name != META or self.services))

    @lru_cache(maxsize=MAX_CACHED)  # noqa: B019 - a host is a value, and few are kept
    def unique_records(self) -> tuple[ResourceRecord, ...]:
        """Return the records that are probed for and defended."""
        host = self.full_name
        found = [ResourceRecord(host, RecordType.A, HOST_TTL, self.address.packed, _UNIQUE)]
        for offer, instance in zip(self.services, self.instances(), strict=True):
            srv = ResourceRecord.of_service(instance, SrvData(0, 0, offer.port, host), HOST_TTL)
            txt = ResourceRecord.of_texts(instance, offer.texts, OTHER_TTL)
            found += [srv._replace(cls=_UNIQUE), txt._replace(cls=_UNIQUE)]
        return tuple(found)

    @lru_cache(maxsize=MAX_CACHED)  # noqa: B019
    def records(self) -> tuple[ResourceRecord, ...]:
        """Return all that is announced."""
        reverse = ResourceRecord(
            reverse_name(self.address), RecordType.PTR, HOST_TTL, self.full_name, _UNIQUE
        )
        found = [*self.unique_records(), reverse]
        for offer, instance in zip(self.services, self.instances(), strict=True):
            kind = _type_name(offer.type)
            found.append(ResourceRecord.of_target(kind, RecordType.PTR, instance, OTHER_TTL))
            found.append(ResourceRecord.of_target(META, RecordType.PTR, kind, OTHER_TTL))
        return tuple(found)

    @lru_cache(maxsize=MAX_CACHED)  # noqa: B019
    def denial(self, name: bytes) -> ResourceRecord | None:
        """Return the record that says what there is of one of our names and that it is all."""
        low = name.lower()
        if low == self.full_name.lower():
            return _nsec(self.full_name, (RecordType.A,), HOST_TTL)
        for instance in self.instances():
            if low == instance.lower():
                return _nsec(instance, (RecordType.TXT, RecordType.SRV), OTHER_TTL)
        return None

    def with_number(self, number: int) -> "MdnsHost":
        """Return the host under its name with a number, as are instances with names of their own.

        `name-2` is what the documentation of the devices shows; `Name (2)` is RFC 6763's.
        """
        end = f"-{number}"
        first, dot, rest = self.name.partition(".")
        name = first[: MAX_LABEL - len(end)] + end + dot + rest
        offers = tuple(
            replace(offer, instance=f"{offer.instance} ({number})") if offer.instance else offer
            for offer in self.services
        )
        return MdnsHost(name, self.address, offers)

    def _instance(self, offer: MdnsService) -> bytes:
        label = (offer.instance or self.name).encode()[:MAX_LABEL]
        return len(label).to_bytes(1) + label + _type_name(offer.type)


@lru_cache(maxsize=MAX_CACHED)
def _type_name(type: str) -> bytes:
    return name_from_text(f"{type}.{DOMAIN}")


def _nsec(name: bytes, types: tuple[int, ...], ttl: int) -> ResourceRecord:
    """Make an NSEC record whose one window has these types (RFC 4034 section 4.1)."""
    bits = bytearray(max(types) // 8 + 1)
    for kind in types:
        bits[kind // 8] |= 0x80 >> kind % 8
    return ResourceRecord(name, NSEC, ttl, name + bytes((0, len(bits))) + bits, _UNIQUE)
