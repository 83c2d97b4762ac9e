"""Look-ups against a server that says what it likes, on loopback."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.board.wired import names
from tokay.board.wired.names import lookup

ADDRESS = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes((10, 9, 0, 1))
ALIAS = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 60, 2) + b"\xc0\x0c"
QUESTION = b"\5thing\4test\0\0\1\0\1"

Answer = Callable[[bytes], list[bytes]]


class Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.asked = 0
        self._answer = answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        for answer in self._answer(data):
            self._transport.sendto(answer, addr)


def answer(query: bytes, *records: bytes, flags: int = 0x8180) -> bytes:
    return (
        query[:2]
        + struct.pack("!5H", flags, 1, len(records), 0, 0)
        + query[12:]
        + b"".join(records)
    )


async def ask(say: Answer, name: str = "thing.test") -> tuple[list[str], int]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: Server(say), local_addr=("127.0.0.1", 0)
    )

    async def open_udp(factory: Any, *, remote: tuple[str, int]) -> Any:
        assert remote == ("192.0.2.53", 53)
        return await loop.create_datagram_endpoint(
            factory, remote_addr=transport.get_extra_info("sockname")
        )

    try:
        return await lookup(name, ["192.0.2.53"], open_udp), server.asked
    finally:
        transport.close()


async def test_addresses_behind_an_alias_are_found() -> None:
    assert await ask(lambda query: [answer(query, ALIAS, ADDRESS)]) == (["10.9.0.1"], 1)


async def test_what_is_not_the_answer_is_passed_over() -> None:
    def say(query: bytes) -> list[bytes]:
        forged = bytes((query[0] ^ 1,)) + query[1:]
        other = query[:12] + b"\5other" + query[18:]
        return [b"", query, answer(forged, ADDRESS), answer(other, ADDRESS), answer(query, ADDRESS)]

    assert await ask(say) == (["10.9.0.1"], 1)


@pytest.mark.parametrize("flags", [0x8183, 0x8180])
async def test_a_name_that_is_not_there(flags: int) -> None:
    with pytest.raises(socket.gaierror, match="no such name"):
        await ask(lambda query: [answer(query, flags=flags)])


async def test_silence_and_failure_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_PATIENCE", 0.01)
    with pytest.raises(socket.gaierror, match="no DNS server answers"):
        await ask(lambda _: [])
    with pytest.raises(socket.gaierror, match="no DNS server answers"):
        await ask(lambda query: [answer(query, flags=0x8182)])


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".test", "x." * 130, "größe.test"])
async def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(socket.gaierror, match="no host name"):
        await ask(lambda query: [answer(query, ADDRESS)], name)


@given(st.binary(max_size=80), st.integers(0, 65535))
def test_any_bytes_are_read_or_refused(data: bytes, records: int) -> None:
    head = struct.pack("!6H", 1, 0x8180, 1, records, 0, 0)
    for raw in (data, head + QUESTION + data):
        with contextlib.suppress(ValueError):
            names._read(raw, 1, QUESTION)
