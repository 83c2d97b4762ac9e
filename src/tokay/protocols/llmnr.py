"""LLMNR: what Windows asks its neighbours when DNS does not know a name of one label (RFC 4795).

A message has DNS's format; the flags differ a little. `answer` gives the response to a query that
was multicast, or None:

| asked | answered |
| --- | --- |
| A or ANY of a name of ours, alone or with `.local` | its address, for 30 seconds |
| another type of a name of ours | no data (section 2.1.1) |
| any other name | silence |
| several questions, none, or records beside the question | silence (section 2.1.1) |
| with the C bit: the asker has had several answers | silence |
| a response, another opcode | silence |

The answer is longer than the question by the record's sixteen octets.
"""

from collections.abc import Callable
from ipaddress import IPv4Address

from tokay.protocols.dns import (
    CLASS_ANY,
    CLASS_IN,
    QR,
    DnsError,
    DnsMessage,
    RecordType,
    ResourceRecord,
)

__all__ = ["GROUP", "PORT", "TTL", "answer"]

GROUP, PORT = "224.0.0.252", 5355
TTL = 30
"""Seconds (RFC 4795 section 2.8)."""

_CONFLICT = 0x0400
_OPCODE = 0x7800
_MAX_MESSAGE = 512
_LOCAL = b"\5local\0"
"""What Windows appends to a name of one label that it is told to look up as a host name."""


def _label(name: bytes) -> bytes:
    """Return the one label of a name, or that in front of `local`; empty for any other name."""
    rest = name[name[0] + 1 :]
    return name[1 : name[0] + 1] if rest in (b"\0", _LOCAL) else b""


def answer(datagram: bytes, find: Callable[[bytes], IPv4Address | None]) -> bytes | None:
    """Return the response to a query, or None for silence; any bytes will do.

    `find` gives the address of a label in lower case, or None for one that is not ours.
    """
    if len(datagram) > _MAX_MESSAGE:
        return None
    try:
        query = DnsMessage.decode(datagram)
    except DnsError:
        return None
    if query.flags & (QR | _OPCODE | _CONFLICT) or len(query.questions) != 1:
        return None
    if query.answers or query.authorities:
        return None
    (question,) = query.questions
    name = question.name
    if question.cls not in (CLASS_IN, CLASS_ANY):
        return None
    label = _label(name.lower())
    address = find(label) if label else None
    if address is None:
        return None
    answers: tuple[ResourceRecord, ...] = ()
    if question.type in (RecordType.A, RecordType.ANY):
        answers = (ResourceRecord.of_address(name, address, TTL),)
    return DnsMessage(query.id, QR, query.questions, answers).encode()
