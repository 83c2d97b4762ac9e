"""DNS messages as bytes: the wire format of RFC 1035 section 4, with EDNS (RFC 6891).

A message is a header of twelve octets (an id, flags, four counts), questions, and three lists of
records: answers, authorities, additionals. The additionals may hold one OPT pseudo-record, which
is no record but an extension of the header: it shows as `DnsMessage.edns` and never in the list.

Everything comes from strangers. Decoding is one pass, bounded by the size of the message, the
number of records and the rules for names in `name`; it ends in a `DnsMessage` or in `DnsError`.
What follows the last record is ignored, as old devices pad. mDNS and LLMNR use the same format.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Self

from tokay.protocols.dns.name import ROOT, DnsError, read_name, write_name
from tokay.protocols.dns.record import CLASS_IN, Question, RecordType, ResourceRecord, read_texts

__all__ = ["AA", "QR", "RA", "RD", "TC", "DnsMessage", "Edns", "Opcode", "Rcode"]

QR = 0x8000
"""The message is a response."""
AA = 0x0400
"""The answer is authoritative."""
TC = 0x0200
"""The message was cut to fit."""
RD = 0x0100
"""Recursion is desired."""
RA = 0x0080
"""Recursion is available."""

HEADER = Struct("!6H")
_QUESTION_TAIL = Struct("!2H")
_RECORD_TAIL = Struct("!2HIH")  # type, class, ttl, length of the data

_MAX_MESSAGE = 0xFFFF
# A zone transfer has thousands; no question of a device is answered with more than a few dozen,
# nor does mDNS have room for more than some hundreds in its 9,000 octets.
_MAX_RECORDS = 512
_UNIQUE = 0x8000  # mDNS: cache flush, or unicast wanted; not part of the class

# Types with names in their data: octets before, names, octets after.
_WITH_NAMES: dict[int, tuple[int, int, int]] = {
    RecordType.NS: (0, 1, 0),
    RecordType.CNAME: (0, 1, 0),
    RecordType.SOA: (0, 2, 20),
    RecordType.PTR: (0, 1, 0),
    RecordType.MX: (2, 1, 0),
    RecordType.SRV: (6, 1, 0),
}
_SIZES: dict[int, int] = {
    RecordType.A: 4,
    RecordType.AAAA: 16,
}  # other classes use these types as they like


class Opcode(IntEnum):
    """What a message asks for (RFC 6895 section 2.2)."""

    QUERY = 0
    NOTIFY = 4
    UPDATE = 5


class Rcode(IntEnum):
    """How it went (RFC 6895 section 2.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT pseudo-record (RFC 6891 section 6.1).

    `payload` is the largest UDP payload that the sender takes in, in octets; `extended` the upper
    eight bits of the result; `flags` has bit 15 for "DNSSEC OK"; `options` are left as they are.
    """

    payload: int = 1232
    extended: int = 0
    version: int = 0
    flags: int = 0
    options: bytes = b""


@dataclass(frozen=True, slots=True)
class DnsMessage:
    """One DNS message; `flags` is the second 16-bit word of the header, opcode and all."""

    id: int
    flags: int = 0
    questions: tuple[Question, ...] = ()
    answers: tuple[ResourceRecord, ...] = ()
    authorities: tuple[ResourceRecord, ...] = ()
    additionals: tuple[ResourceRecord, ...] = ()
    edns: Edns | None = None

    @property
    def opcode(self) -> int:
        """0-15, mostly one of `Opcode`."""
        return self.flags >> 11 & 15

    @property
    def rcode(self) -> int:
        """0-4095, mostly one of `Rcode`; the upper eight bits come from EDNS."""
        return self.flags & 15 | (self.edns.extended << 4 if self.edns else 0)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a message; raise `DnsError`, and nothing else, when it is none."""
        if not HEADER.size <= len(data) <= _MAX_MESSAGE:
            raise DnsError(f"{len(data)} octets are no DNS message")
        ident, flags, *counts = HEADER.unpack_from(data)
        if sum(counts) > _MAX_RECORDS:
            raise DnsError(f"{sum(counts)} records")
        known: dict[int, bytes] = {}
        at = HEADER.size
        questions = []
        for _ in range(counts[0]):
            name, at = read_name(data, at, known)
            if at + _QUESTION_TAIL.size > len(data):
                raise DnsError("a question is cut off")
            questions.append(Question(name, *_QUESTION_TAIL.unpack_from(data, at)))
            at += _QUESTION_TAIL.size
        answers, at = _read_records(data, at, counts[1], known)
        authorities, at = _read_records(data, at, counts[2], known)
        additionals, at = _read_records(data, at, counts[3], known)
        edns = None
        if any(record.type == RecordType.OPT for record in additionals):
            # RFC 6891 section 6.1.1: more than one is an error.
            (opt, *more) = (record for record in additionals if record.type == RecordType.OPT)
            if more or opt.name != ROOT:
                raise DnsError("an OPT record out of place")
            edns = Edns(opt.cls, opt.ttl >> 24, opt.ttl >> 16 & 0xFF, opt.ttl & 0xFFFF, opt.data)
            additionals.remove(opt)
        return cls(
            ident,
            flags,
            tuple(questions),
            tuple(answers),
            tuple(authorities),
            tuple(additionals),
            edns,
        )

    def encode(self) -> bytes:
        """Write the message, names compressed.

        Raises `ValueError` where a field does not fit, or the whole does not fit in 65,535
        octets: that is a mistake of the caller.
        """
        out = bytearray(HEADER.size)
        places: dict[bytes, int] = {}
        extra = len(self.additionals) + (self.edns is not None)
        counts = len(self.questions), len(self.answers), len(self.authorities), extra
        try:
            HEADER.pack_into(out, 0, self.id, self.flags, *counts)
            for question in self.questions:
                write_name(out, question.name, places)
                out += _QUESTION_TAIL.pack(question.type, question.cls)
            for record in (*self.answers, *self.authorities, *self.additionals):
                _write_record(out, record, places)
            if self.edns:
                opt = self.edns
                ttl = opt.extended << 24 | opt.version << 16 | opt.flags
                size = len(opt.options)
                out += (
                    ROOT + _RECORD_TAIL.pack(RecordType.OPT, opt.payload, ttl, size) + opt.options
                )
        except ValueError:
            raise
        except Exception as error:  # struct.error is not a ValueError
            raise ValueError(str(error)) from error
        if len(out) > _MAX_MESSAGE:
            raise ValueError(f"a message of {len(out)} octets is too long")
        return bytes(out)


def _read_records(
    data: bytes, at: int, count: int, known: dict[int, bytes]
) -> tuple[list[ResourceRecord], int]:
    records = []
    for _ in range(count):
        name, at = read_name(data, at, known)
        start = at + _RECORD_TAIL.size
        if start > len(data):
            raise DnsError("a record is cut off")
        kind, cls, ttl, length = _RECORD_TAIL.unpack_from(data, at)
        at = start + length
        if at > len(data):
            raise DnsError("the data of a record is cut off")
        records.append(
            ResourceRecord(name, kind, ttl, _read_data(data, start, at, kind, cls, known), cls)
        )
    return records, at


def _read_data(
    data: bytes, start: int, end: int, type: int, cls: int, known: dict[int, bytes]
) -> bytes:
    """Return the data of a record as it is without compression."""
    shape = _WITH_NAMES.get(type)
    if shape is None:
        value = data[start:end]
        size = _SIZES.get(type)
        if size is not None and cls & ~_UNIQUE == CLASS_IN and size != len(value):
            raise DnsError(f"an address of {len(value)} octets")
        if type == RecordType.TXT:
            read_texts(value)
        return value
    before, names, after = shape
    at = start + before
    parts = [data[start:at]]
    for _ in range(names):
        name, at = read_name(data, at, known)
        parts.append(name)
    if at + after != end:
        raise DnsError("the data of a record has the wrong length")
    parts.append(data[at:end])
    return b"".join(parts)


def _write_record(out: bytearray, record: ResourceRecord, places: dict[bytes, int]) -> None:
    write_name(out, record.name, places)
    at = len(out)
    out += _RECORD_TAIL.pack(record.type, record.cls, record.ttl, 0)
    data = record.data
    # SRV forbids compression (RFC 2782), though readers had better know it (RFC 6762, 18.14).
    shape = None if record.type == RecordType.SRV else _WITH_NAMES.get(record.type)
    if shape is None:
        out += data
    else:
        before, names, after = shape
        out += data[:before]
        start = before
        for _ in range(names):
            end = _name_end(data, start)
            write_name(out, data[start:end], places)
            start = end
        if len(data) - start != after:
            raise ValueError("the data of a record has the wrong length")
        out += data[start:]
    out[at + 8 : at + 10] = (len(out) - at - _RECORD_TAIL.size).to_bytes(2)


def _name_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
