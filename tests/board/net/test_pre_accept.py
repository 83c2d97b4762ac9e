"""Answers that are given before a connection is one, and those that are not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from tests.peers import LIMIT, NET, free_port

from tokay.board.air.address_lock import AddressLocks
from tokay.board.net.pre_accept import MAX_FIRST, PreAcceptFactory
from tokay.board.net.shared_listeners import OWN_SOCKETS, shared_listeners

Run = Callable[[Coroutine[Any, Any, None]], None]
LARGE = b"x" * 8_000_000


class Slow(asyncio.Protocol):
    """The ordinary way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"slow " + data)
        self.transport.close()


def answer(first: bytes) -> bytes | None:
    return {b"ask": b"at once", b"large": LARGE}.get(first)


@contextlib.asynccontextmanager
async def listening(claims: AddressLocks, many: int) -> AsyncIterator[tuple[str, int]]:
    port = free_port()
    table = shared_listeners()
    listeners = [
        await table.listen(claims, f"{NET}.{50 + n}", port, PreAcceptFactory(Slow, answer))
        for n in range(many)
    ]
    try:
        yield f"{NET}.{49 + many}", port
    finally:
        for listener in listeners:
            listener.close()
        await asyncio.sleep(0)


def say(where: tuple[str, int], *pieces: bytes) -> bytes:
    """Connect, and send the first piece at once; return all that comes."""
    with socket.create_connection(where, LIMIT) as sock:
        for piece in pieces:
            sock.sendall(piece)
        got = b""
        while part := sock.recv(1 << 20):
            got += part
        return got


@pytest.mark.parametrize("many", [1, OWN_SOCKETS + 2])
def test_answers(run: Run, tmp_path: Path, many: int) -> None:
    async def check() -> None:
        async with listening(AddressLocks(tmp_path / "claims"), many) as where:
            for pieces, expected in [
                ((b"ask",), b"at once"),
                ((b"other",), b"slow other"),
                ((b"y" * MAX_FIRST * 2,), b"slow " + b"y" * MAX_FIRST * 2),
                ((b"large",), LARGE),
            ]:
                got = await asyncio.to_thread(say, where, *pieces)
                # A thread may be slower than the loop: then it is an ordinary connection.
                assert got == expected or got == b"slow " + pieces[0]

    run(check())


def test_what_was_there_before_it_was_accepted(run: Run, tmp_path: Path) -> None:
    """On one thread nothing is accepted before all is sent, so nothing is left to chance."""

    async def check() -> None:
        async with listening(AddressLocks(tmp_path / "claims"), 1) as where:
            clients = []
            for first in (b"ask", b"large", b"ask", b"other", b"ask"):
                sock = socket.create_connection(where, LIMIT)
                sock.sendall(first)
                clients.append(sock)
            gone = socket.create_connection(where, LIMIT)
            gone.sendall(b"ask")
            gone.close()
            silent = socket.create_connection(where, LIMIT)
            answers = []
            for sock in clients:
                reader, writer = await asyncio.open_connection(sock=sock)
                answers.append(await asyncio.wait_for(reader.read(), LIMIT))
                writer.close()
                await writer.wait_closed()
            assert answers == [b"at once", LARGE, b"at once", b"slow other", b"at once"]
            silent.sendall(b"late")
            reader, writer = await asyncio.open_connection(sock=silent)
            assert await asyncio.wait_for(reader.read(), LIMIT) == b"slow late"
            writer.close()
            await writer.wait_closed()

    run(check())


def test_closing_in_an_answer(run: Run, tmp_path: Path) -> None:
    async def check() -> None:
        port = free_port()
        where = (f"{NET}.50", port)

        def last(first: bytes) -> bytes:
            listener.close()
            return b"bye"

        listener = await shared_listeners().listen(
            AddressLocks(tmp_path / "claims"), *where, PreAcceptFactory(Slow, last)
        )
        sock = socket.create_connection(where, LIMIT)
        sock.sendall(b"x")
        reader, writer = await asyncio.open_connection(sock=sock)
        assert await asyncio.wait_for(reader.read(), LIMIT) == b"bye"
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where, LIMIT)

    run(check())
