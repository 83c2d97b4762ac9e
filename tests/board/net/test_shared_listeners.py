"""Many listeners on one port: few descriptors, each connection to its own listener."""

import asyncio
import errno
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.peers import LIMIT, NET, free_port

from tokay.board.air.address_lock import AddressLocks, wildcard_ports
from tokay.board.net.shared_listeners import OWN_SOCKETS, SharedListener, shared_listeners

Run = Callable[[Coroutine[Any, Any, None]], None]
MANY = OWN_SOCKETS + 20


class Says(asyncio.Protocol):
    """Says which listener it belongs to, and closes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        transport.write(self._name.encode())
        transport.close()


def address(number: int) -> str:
    return f"{NET}.{100 + number}"


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def listen(claims: AddressLocks, number: int, port: int) -> SharedListener:
    where = address(number)
    return await shared_listeners().listen(claims, where, port, lambda: Says(where))


async def reached(where: str, port: int) -> str:
    """Return who answers, or the name of the error."""
    try:
        reader, writer = await asyncio.open_connection(where, port)
        answer = (await reader.read()).decode()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    writer.close()
    await writer.wait_closed()
    return answer


async def becomes(where: str, port: int, answer: str) -> bool:
    """Wait until an address answers so: the loop closes a socket when it comes to it."""
    async with asyncio.timeout(LIMIT):
        while await reached(where, port) != answer:
            await asyncio.sleep(0)
    return True


@asynccontextmanager
async def crowd(
    claims: AddressLocks, port: int, many: int = MANY
) -> AsyncIterator[list[SharedListener]]:
    listeners = [await listen(claims, number, port) for number in range(many)]
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()
        await asyncio.sleep(0)


@pytest.fixture
def claims(tmp_path: Path) -> AddressLocks:
    return AddressLocks(tmp_path / "claims")


def test_a_crowd_costs_few_descriptors(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        port = free_port()
        await asyncio.sleep(0)
        before = descriptors()
        async with crowd(claims, port) as listeners:
            # Beside them the shared one, the file of claims, and what the loop itself opens.
            assert descriptors() - before <= OWN_SOCKETS + 4
            assert {listener.port for listener in listeners} == {port}
            for number in (0, OWN_SOCKETS - 1, OWN_SOCKETS, MANY - 1):
                assert await reached(address(number), port) == address(number)

    run(check())


def test_who_does_not_listen_resets(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        port = free_port()
        async with crowd(claims, port) as listeners:
            assert await reached(address(MANY), port) == "ECONNRESET"
            assert await reached("127.0.0.1", port) == "ECONNRESET"
            listeners[-1].close()
            listeners[-1].close()
            assert await reached(address(MANY - 1), port) == "ECONNRESET"
            assert await reached(address(MANY - 2), port) == address(MANY - 2)
            listeners[0].close()
            assert await becomes(address(0), port, "ECONNRESET")
        assert await becomes(address(1), port, "ECONNREFUSED")
        # All is as before: the claim too.
        assert claims.acquire_port(port)
        assert shared_listeners().ports == {}

    run(check())


def test_an_address_listens_once_on_a_port(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        port = free_port()
        async with crowd(claims, port):
            for number in (0, MANY - 1):
                with pytest.raises(OSError, match=f"{port}: Address already in use"):
                    await listen(claims, number, port)
                assert await reached(address(number), port) == address(number)

    run(check())


def test_all_at_once(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        port = free_port()
        async with crowd(claims, port, OWN_SOCKETS):
            numbers = range(OWN_SOCKETS, MANY)
            more = await asyncio.gather(*(listen(claims, number, port) for number in numbers))
            assert await reached(address(MANY - 1), port) == address(MANY - 1)
            for listener in more:
                listener.close()

    run(check())


def test_few_leave_the_port_to_others(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        port = free_port()
        async with crowd(claims, port, OWN_SOCKETS):
            with socket.create_server(("127.0.0.1", port)):
                pass
            assert await reached("127.0.0.1", port) == "ECONNREFUSED"

    run(check())


def test_another_program_on_the_port(run: Run, claims: AddressLocks) -> None:
    """Whose address it is keeps it, and everybody else has a socket of their own."""

    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            async with crowd(claims, port):
                assert await reached(address(MANY - 1), port) == address(MANY - 1)
                assert await reached(address(MANY), port) == "ECONNREFUSED"
                with socket.create_connection(("127.0.0.1", port)):
                    other.accept()[0].close()
            assert claims.acquire_port(port)  # it was given back

    run(check())


def test_another_program_that_shares_the_port(run: Run, claims: AddressLocks) -> None:
    async def check() -> None:
        with socket.create_server(("0.0.0.0", 0), reuse_port=True) as other:
            port = other.getsockname()[1]
            assert port in wildcard_ports()
            async with crowd(claims, port):
                for number in (0, MANY - 1):
                    assert await reached(address(number), port) == address(number)
                for _ in range(20):
                    with socket.create_connection(("127.0.0.1", port)):
                        other.accept()[0].close()

    run(check())


SECOND = """
import asyncio, pathlib, sys
from tokay.board.air.address_lock import AddressLocks
from tokay.board.net.shared_listeners import shared_listeners

class Says(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(b"second")
        transport.close()

async def main(claims, port, *addresses):
    table = shared_listeners()
    kept = [await table.listen(claims, one, int(port), Says) for one in addresses]
    print("listening", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main(AddressLocks(pathlib.Path(sys.argv[1])), *sys.argv[2:]))
"""


def test_two_processes_on_one_port(run: Run, claims: AddressLocks, tmp_path: Path) -> None:
    async def check() -> None:
        port = free_port()
        async with crowd(claims, port):
            theirs = [f"{NET}.{200 + number}" for number in range(MANY)]
            command = [sys.executable, "-c", SECOND, str(tmp_path / "claims"), str(port), *theirs]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as second:
                assert second.stdin is not None
                assert second.stdout is not None
                assert second.stdout.readline() == "listening\n"
                for number in (0, MANY - 1):
                    assert await reached(theirs[number], port) == "second"
                    assert await reached(address(number), port) == address(number)
                second.stdin.close()
            assert await reached(theirs[0], port) == "ECONNRESET"
            assert await reached(address(MANY - 1), port) == address(MANY - 1)

    run(check())


def test_without_a_file_of_claims_nothing_is_shared(run: Run, tmp_path: Path) -> None:
    async def check() -> None:
        port = free_port()
        claims = AddressLocks(tmp_path)  # a folder
        assert not claims.acquire_port(port)
        async with crowd(claims, port):
            assert await reached(address(MANY - 1), port) == address(MANY - 1)
            assert await reached(address(MANY), port) == "ECONNREFUSED"

    run(check())


def test_a_connection_outlives_its_listener(run: Run, claims: AddressLocks) -> None:
    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    async def check() -> None:
        port = free_port()
        async with crowd(claims, port):
            table = shared_listeners()
            listener = await table.listen(claims, address(MANY), port, Echo)
            reader, writer = await asyncio.open_connection(address(MANY), port)
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            listener.close()
            writer.write(b"two")
            assert await reader.readexactly(3) == b"two"
            writer.close()
            await writer.wait_closed()

    run(check())
