"""A name server for a handful of names: what a soft AP answers, what a simulated LAN resolves.

`DnsResponder.answer` takes a datagram and returns the response, or `None` for silence.
It knows addresses (A) and the names of its addresses (PTR). It neither forwards nor has zones.

| asked | answered |
| --- | --- |
| A of a known name | the address |
| PTR of the address of a known name | the first name that has it |
| another type of these | no data (RFC 2308 section 2.2): the name is there, so ask for A |
| anything else | as `unknown` says: no such name, silence, or one address for all |
| several questions, or none | FORMERR (RFC 9619) |
| another opcode | NOTIMP (RFC 1035 section 4.1.1) |
| another class, a zone transfer | REFUSED |
| types 128-254, which are operations rather than types | NOTIMP (RFC 6895 section 3.1) |
| an OPT record | an OPT record; BADVERS for versions above 0 (RFC 6891 section 6.1.3) |
| not a query, or too short to tell | silence: two servers must not answer one another for ever |

Answers are authoritative, for a plain reason: resolvers take an empty answer with neither AA nor
RA set for a referral that leads nowhere, and turn to the next server (glibc, Go). There is no SOA
record in negative ones, so that nobody remembers them: a phone leaves a portal for real networks.

The question goes back octet for octet, so the case that a resolver chose is kept (0x20).

**The hot path.** Of two equal questions only the id differs, the first two octets. The rest of the
datagram is the key of a bounded dict and the rest of the answer its value: a slice, a look-up, a
concatenation. Flags, counts and EDNS are part of the key, so nothing needs patching. Plain
questions for names that nobody knows are answered by a shorter way, and not remembered.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from ipaddress import IPv4Address
from struct import Struct

from tokay.protocols.dns.codec import AA, HEADER, QR, RD, DnsMessage, Edns, Rcode
from tokay.protocols.dns.name import DnsError, name_from_text, name_to_text, read_name
from tokay.protocols.dns.record import CLASS_ANY, CLASS_IN, RecordType

__all__ = ["DnsResponder", "UnknownNames", "reverse_name"]

_MAX_REMEMBERED = 256
_MAX_CACHED_QUERY = 300  # header and question have 271 at most; with EDNS 11 more and options
_KEPT_FLAGS = 0x7800 | RD  # opcode and RD go back as they came (RFC 1035 section 4.1.1)

_FLAGS_COUNTS = Struct("!5H")
_OPT = Struct("!xHHBBHH")
# A pointer to the name of the question; then type, class, TTL and length of the data.
_TO_QUESTION = b"\xc0\x0c"
_RECORD = Struct("!2HIH")
_PAYLOAD = 1232
# One question and nothing else, with or without RD; and the types that have nothing special.
_PLAIN = frozenset(_FLAGS_COUNTS.pack(flags, 1, 0, 0, 0) for flags in (0, RD))
_PLAIN_TYPES = frozenset(range(1, 128)) - {RecordType.OPT}
_IN = CLASS_IN.to_bytes(2)
_NO_SUCH = tuple(
    _FLAGS_COUNTS.pack(flags | QR | AA | Rcode.NXDOMAIN, 1, 0, 0, 0) for flags in (0, RD)
)
_MAX_LABEL, _MAX_NAME = 63, 255
_DNSSEC_OK = 0x8000  # copied (RFC 3225 section 3)


class UnknownNames(Enum):
    """What becomes of a question for a name that nobody knows."""

    NXDOMAIN = "nxdomain"
    SILENCE = "silence"


class DnsResponder:
    """Answers questions for `names`, in any mix of case, with records that live `ttl` seconds.

    `names` is a mapping, which is copied and whose answers are remembered, or a function from
    the lower-case text of a name to its address or `None`, which is asked each time, unless it is
    `constant`, and has no PTR records. `unknown` says what other names get; an address there
    makes a captive portal, which all names lead to. Raises `DnsError` when a name in the mapping
    cannot be one, `ValueError` when `ttl` is not 0 to 2**31 - 1 (RFC 2181 section 8).
    """

    def __init__(
        self,
        names: Mapping[str, IPv4Address] | Callable[[str], IPv4Address | None],
        ttl: int,
        *,
        unknown: UnknownNames | IPv4Address = UnknownNames.NXDOMAIN,
        constant: bool = False,
    ) -> None:
        if not 0 <= ttl < 1 << 31:
            raise ValueError(f"a TTL of {ttl} s")
        self._unknown = unknown
        self._ttl = ttl
        self._ask: Callable[[str], IPv4Address | None] | None = None
        # From names in lower case to records, without the name.
        self._names: dict[bytes, bytes] = {}
        self._reverse: dict[bytes, bytes] = {}
        if isinstance(names, Mapping):
            for text, address in names.items():
                name = name_from_text(text)
                self._names[name.lower()] = self._record(RecordType.A, address.packed)
                self._reverse.setdefault(reverse_name(address), self._record(RecordType.PTR, name))
        else:
            self._ask = names
        # A function may change its mind: nothing that it says is remembered.
        self._room = 0 if self._ask and not constant else _MAX_REMEMBERED
        self._remembered: dict[bytes, bytes | None] = {}

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the answer to `datagram`, at most 512 octets, or `None` for silence.

        Any bytes will do; none raise anything.
        """
        key = datagram[2:]
        try:
            rest = self._remembered[key]
        except KeyError:
            if (refusal := self._no_such(datagram)) is not None:
                return datagram[:2] + refusal
            rest = self._work_out(datagram)
            if self._room and len(key) <= _MAX_CACHED_QUERY:
                if len(self._remembered) >= self._room:
                    # The oldest goes: a flood of names costs the working-out, and no memory.
                    del self._remembered[next(iter(self._remembered))]
                self._remembered[key] = rest
        return None if rest is None else datagram[:2] + rest

    def _no_such(self, query: bytes) -> bytes | None:
        """Return what `_work_out` does for the plainest question for an unknown name, else None.

        It is not remembered: a flood of names neither costs much nor drives ours out.
        """
        if self._ask is not None or self._unknown is not UnknownNames.NXDOMAIN:
            return None
        if query[2:12] not in _PLAIN:
            return None
        at = HEADER.size
        try:
            while length := query[at]:
                if length > _MAX_LABEL:
                    return None
                at += length + 1
        except IndexError:
            return None
        if at - HEADER.size >= _MAX_NAME or query[at + 3 :] != _IN:
            return None
        if query[at + 1] or query[at + 2] not in _PLAIN_TYPES:
            return None
        name = query[HEADER.size : at + 1].lower()
        if name in self._names or name in self._reverse:
            return None
        return _NO_SUCH[query[2]] + query[HEADER.size :]

    def _work_out(self, query: bytes) -> bytes | None:
        """Return the answer without its id."""
        if len(query) < HEADER.size:
            return None
        _, flags, questions, answers, authorities, additionals = HEADER.unpack_from(query)
        if flags & QR:
            return None
        flags = flags & _KEPT_FLAGS | QR
        if flags & 0x7800:
            return _bare(flags | Rcode.NOTIMP)
        if questions != 1:
            return _bare(flags | Rcode.FORMERR)
        edns = None
        try:
            name, at = read_name(query, HEADER.size, {})
            if at + 4 > len(query):
                return _bare(flags | Rcode.FORMERR)
            if answers or authorities or additionals:
                edns = DnsMessage.decode(query).edns
        except DnsError:
            return _bare(flags | Rcode.FORMERR)
        question = query[HEADER.size : at + 4]
        if edns and edns.version:
            return _finish(flags, question, edns, extended=Rcode.BADVERS >> 4)
        found = self._find(
            name.lower(), int.from_bytes(question[-4:-2]), int.from_bytes(question[-2:])
        )
        if found is None:
            return None
        result, record = found
        return _finish(flags | result, question, edns, record)

    def _find(self, name: bytes, type: int, cls: int) -> tuple[int, bytes] | None:
        """Return AA and the result, and the record if there is one; `None` for silence."""
        if cls not in (CLASS_IN, CLASS_ANY) or type in (RecordType.AXFR, RecordType.IXFR):
            return Rcode.REFUSED, b""
        if 128 <= type < RecordType.ANY:
            return Rcode.NOTIMP, b""
        if type in (0, RecordType.OPT):  # neither can be asked for
            return Rcode.FORMERR, b""
        if (record := self._address(name)) is not None:
            return AA, record if type in (RecordType.A, RecordType.ANY) else b""
        if (record := self._reverse.get(name)) is not None:
            return AA, record if type in (RecordType.PTR, RecordType.ANY) else b""
        match self._unknown:
            case UnknownNames.SILENCE:
                return None
            case UnknownNames.NXDOMAIN:
                return AA | Rcode.NXDOMAIN, b""
            case address:
                wanted = type in (RecordType.A, RecordType.ANY)
                return AA, self._record(RecordType.A, address.packed) if wanted else b""

    def _address(self, name: bytes) -> bytes | None:
        if self._ask is None:
            return self._names.get(name)
        address = self._ask(name_to_text(name))
        return self._record(RecordType.A, address.packed) if address else None

    def _record(self, type: RecordType, data: bytes) -> bytes:
        return _TO_QUESTION + _RECORD.pack(type, CLASS_IN, self._ttl, len(data)) + data


def reverse_name(address: IPv4Address) -> bytes:
    """Return the name that PTR questions for `address` have (RFC 1035 section 3.5)."""
    return name_from_text(address.reverse_pointer)


def _bare(flags: int) -> bytes:
    """Return a header alone: what was asked could not be read, or is none of our business."""
    return _FLAGS_COUNTS.pack(flags, 0, 0, 0, 0)


def _finish(
    flags: int, question: bytes, edns: Edns | None, record: bytes = b"", extended: int = 0
) -> bytes:
    opt = b""
    if edns:
        opt = _OPT.pack(RecordType.OPT, _PAYLOAD, extended, 0, edns.flags & _DNSSEC_OK, 0)
    counts = _FLAGS_COUNTS.pack(flags, 1, bool(record), 0, bool(opt))
    return counts + question + record + opt
