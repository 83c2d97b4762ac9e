"""Questions and resource records (RFC 1035 sections 3.2 and 4.1, RFC 2782, RFC 3596).

The data of a record is kept as the bytes that it has on the wire when no name in it is
compressed. One form serves all: records compare and hash as they should (RFC 6762 section 8.2
even defines its tie-break on exactly these bytes), types that nobody here knows pass through
(RFC 3597), and what a type means is read off by a property when somebody asks.

Both classes are named tuples, since a message of ten records makes ten of them.
"""

from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple, Self

from tokay.protocols.dns.name import DnsError

__all__ = ["CLASS_ANY", "CLASS_IN", "Question", "RecordType", "ResourceRecord", "SrvData"]

CLASS_IN = 1
CLASS_ANY = 255

_SRV_HEAD = Struct("!3H")


class RecordType(IntEnum):
    """Types of records and of questions (RFC 1035 section 3.2.2 and later)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    IXFR = 251
    AXFR = 252
    ANY = 255


class Question(NamedTuple):
    """What is asked: a name, a type 0-65535, a class.

    In mDNS the top bit of the class asks for a unicast answer (RFC 6762 section 5.4).
    """

    name: bytes
    type: int = RecordType.A
    cls: int = CLASS_IN


class SrvData(NamedTuple):
    """What an SRV record says (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: bytes


class ResourceRecord(NamedTuple):
    """A resource record: `ttl` is 0 to 2**32 - 1 seconds, `data` without compression.

    In mDNS the top bit of the class tells caches to flush (RFC 6762 section 10.2).
    """

    name: bytes
    type: int
    ttl: int
    data: bytes
    cls: int = CLASS_IN

    @classmethod
    def of_address(cls, name: bytes, address: IPv4Address | IPv6Address, ttl: int) -> Self:
        """Make an A or AAAA record."""
        kind = RecordType.A if address.version == 4 else RecordType.AAAA
        return cls(name, kind, ttl, address.packed)

    @classmethod
    def of_target(cls, name: bytes, type: int, target: bytes, ttl: int) -> Self:
        """Make a record whose data is a name: CNAME, PTR, NS."""
        return cls(name, type, ttl, target)

    @classmethod
    def of_texts(cls, name: bytes, texts: Iterable[bytes], ttl: int) -> Self:
        """Make a TXT record of strings of 0-255 octets; none at all is written as one empty.

        Raises `ValueError` when one is longer.
        """
        data = b"".join(len(text).to_bytes(1) + text for text in _short(texts))
        return cls(name, RecordType.TXT, ttl, data or b"\0")

    @classmethod
    def of_service(cls, name: bytes, service: SrvData, ttl: int) -> Self:
        """Make an SRV record; priority, weight and port are 0-65535."""
        data = b"".join(number.to_bytes(2) for number in service[:3]) + service.target
        return cls(name, RecordType.SRV, ttl, data)

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address of an A or AAAA record, `None` for other types."""
        if self.type == RecordType.A:
            return IPv4Address(self.data)
        return IPv6Address(self.data) if self.type == RecordType.AAAA else None

    @property
    def target(self) -> bytes | None:
        """The name in a CNAME, PTR or NS record, `None` for other types."""
        return self.data if self.type in (RecordType.CNAME, RecordType.PTR, RecordType.NS) else None

    @property
    def service(self) -> SrvData | None:
        """What an SRV record says, `None` for other types."""
        if self.type != RecordType.SRV:
            return None
        priority, weight, port = _SRV_HEAD.unpack_from(self.data)
        return SrvData(priority, weight, port, self.data[_SRV_HEAD.size :])

    @property
    def texts(self) -> tuple[bytes, ...] | None:
        """The strings of a TXT record, `None` for other types."""
        return read_texts(self.data) if self.type == RecordType.TXT else None


def read_texts(data: bytes) -> tuple[bytes, ...]:
    """Part the data of a TXT record into its strings; raise `DnsError` when one is cut off."""
    texts = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise DnsError("a text is cut off")
        texts.append(data[at + 1 : end])
        at = end
    return tuple(texts)


def _short(texts: Iterable[bytes]) -> Iterable[bytes]:
    for text in texts:
        if len(text) > 255:
            raise ValueError(f"a text of {len(text)} octets")
        yield text
