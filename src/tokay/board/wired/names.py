"""Names on a wired link: one question to the DNS servers of the lease (RFC 1035).

The machine's own resolver would answer for another network, and is not asked. `lookup` is the
seam: it gets the servers and a way to open UDP endpoints, and nothing of the link.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address
from typing import Any

OpenUdp = Callable[..., Awaitable[tuple[asyncio.DatagramTransport, Any]]]

_PORT = 53
_ATTEMPTS = 2  # at each server
_PATIENCE = 1.5  # seconds for one answer; two attempts fit into network.dns.timeout's default
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_A, _IN = 1, 1
_RESPONSE, _RECURSION_DESIRED, _RCODE, _NAME_ERROR = 0x8000, 0x0100, 0xF, 3
_MOST_RECORDS = 64


async def lookup(name: str, servers: Sequence[str], open_udp: OpenUdp) -> list[str]:
    """Return a name's IPv4 addresses. Raises OSError (socket.gaierror: no such name)."""
    question = _question(name)
    for _ in range(_ATTEMPTS):
        for server in servers:
            answer = await _ask(question, server, open_udp)
            if answer is not None:
                if not answer:
                    raise socket.gaierror(socket.EAI_NONAME, f"{name}: no such name")
                return answer
    raise socket.gaierror(socket.EAI_AGAIN, f"{name}: no DNS server answers")


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, identity: int, question: bytes) -> None:
        self.result: asyncio.Future[list[str] | None] = asyncio.get_running_loop().create_future()
        self._identity = identity
        self._question = question

    def datagram_received(self, data: bytes, _addr: tuple[str | Any, int]) -> None:
        if self.result.done():
            return
        with contextlib.suppress(ValueError):  # not the answer; it may yet come
            self.result.set_result(_read(data, self._identity, self._question))

    def error_received(self, _exc: Exception) -> None:
        if not self.result.done():
            self.result.set_result(None)


async def _ask(question: bytes, server: str, open_udp: OpenUdp) -> list[str] | None:
    """Ask one server once; None if it does not know or does not answer."""
    identity = secrets.randbits(16)
    transport, answer = await open_udp(lambda: _Answer(identity, question), remote=(server, _PORT))
    try:
        transport.sendto(_HEADER.pack(identity, _RECURSION_DESIRED, 1, 0, 0, 0) + question)
        result: list[str] | None = await asyncio.wait_for(answer.result, _PATIENCE)
        return result
    except TimeoutError:
        return None
    finally:
        transport.close()


def _question(name: str) -> bytes:
    """Return the question for a name's addresses. Raises `socket.gaierror`."""
    try:
        labels = name.removesuffix(".").encode("ascii").split(b".")
    except UnicodeEncodeError:
        labels = [b""]
    if (
        not all(0 < len(label) < 64 for label in labels)
        or sum(map(len, labels)) + len(labels) > 254
    ):
        raise socket.gaierror(socket.EAI_NONAME, f"{name!r} is no host name")
    packed = b"".join(bytes((len(label),)) + label for label in labels)
    return packed + b"\0" + struct.pack("!HH", _A, _IN)


def _read(data: bytes, identity: int, question: bytes) -> list[str] | None:
    """Read an answer: addresses, none if there is no such name, None if the server fails.

    Aliases need no following: the records of a server that recurses are the chain. Raises
    ValueError for what is not the answer.
    """
    if len(data) < _HEADER.size:
        raise ValueError("short")
    got, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    at = _HEADER.size + len(question)
    asked = data[_HEADER.size : at]
    if got != identity or not flags & _RESPONSE or questions != 1 or asked != question:
        raise ValueError("not the answer")
    if flags & _RCODE not in (0, _NAME_ERROR):
        return None
    found = []
    for _ in range(min(answers, _MOST_RECORDS)):
        at = _skip_name(data, at)
        if at + _RECORD.size > len(data):
            break
        kind, klass, _, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if (kind, klass, size) == (_A, _IN, 4) and at + 4 <= len(data):
            found.append(str(IPv4Address(data[at : at + 4])))
        at += size
    return found


def _skip_name(data: bytes, at: int) -> int:
    while at < len(data):
        size = data[at]
        if size >= 0xC0:
            return at + 2
        at += 1 + size
        if not size:
            break
    return at
