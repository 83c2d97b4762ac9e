"""The DNS client of a link against real sockets: an honest server, and some that are not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Any

import pytest

from tokay.board.net.dns_client import DnsClient
from tokay.protocols.dns import DnsMessage, DnsResponder, ResourceRecord, name_from_text

HOST = "127.0.0.1"
NAMES = DnsResponder({"server.lan": IPv4Address("127.9.8.7")}, 60)
Reply = Callable[[bytes], bytes | None]


class Server(asyncio.DatagramProtocol):
    """Answers each datagram with what a function makes of it."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[tuple[str, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.asked.append((addr[0], addr[1]))
        answer = self.reply(data)
        if answer is not None:
            self.transport.sendto(answer, addr)


async def open_udp(factory: Callable[[], Any], *, remote: tuple[str, int]) -> Any:
    return await asyncio.get_running_loop().create_datagram_endpoint(factory, remote_addr=remote)


async def connect_tcp(factory: Callable[[], Any], host: str, port: int) -> Any:
    return await asyncio.get_running_loop().create_connection(factory, host, port)


@asynccontextmanager
async def client_of(reply: Reply) -> AsyncIterator[tuple[DnsClient, Server]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: Server(reply), local_addr=(HOST, 0)
    )
    port = transport.get_extra_info("sockname")[1]
    client = DnsClient(open_udp, connect_tcp, port=port, budget=0.5)
    client.use_servers([IPv4Address(HOST)])
    try:
        yield client, server
    finally:
        client.close()
        transport.close()


async def refused(answer: Awaitable[list[str]]) -> int | None:
    with pytest.raises(socket.gaierror) as caught:
        await answer
    return caught.value.errno


async def test_a_name_and_no_name() -> None:
    async with client_of(NAMES.answer) as (client, server):
        assert await client.resolve("server.lan") == ["127.9.8.7"]
        assert await client.resolve("SERVER.lan") == ["127.9.8.7"]  # remembered
        assert len(server.asked) == 1
        assert await refused(client.resolve("other.lan")) == socket.EAI_NONAME
        assert await refused(client.resolve("a" * 64 + ".lan")) == socket.EAI_NONAME
        client.flush()
        assert await client.resolve("server.lan") == ["127.9.8.7"]
        ports = {port for _, port in server.asked}
        assert len(ports) == len(server.asked)


async def test_lies_are_not_heard() -> None:
    def lie(data: bytes) -> bytes | None:
        """Send an answer with another id in front of the true one."""
        server.transport.sendto(
            bytes([data[0] ^ 1]) + (NAMES.answer(data) or b"")[1:], server.asked[-1]
        )
        return NAMES.answer(data)

    async with client_of(lie) as (client, server):
        assert await client.resolve("server.lan") == ["127.9.8.7"]


async def test_garbage_is_no_answer() -> None:
    async with client_of(lambda data: data[:2] + b"\x81\x80garbage") as (client, _):
        assert await refused(client.resolve("server.lan")) == socket.EAI_AGAIN


async def test_what_does_not_fit_comes_over_tcp() -> None:
    addresses = [IPv4Address(f"127.1.{number}.1") for number in range(5)]

    def cut(data: bytes) -> bytes:
        return data[:2] + b"\x83\x80" + data[4:]  # TC

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        question = DnsMessage.decode(await reader.readexactly(length))
        name = name_from_text("server.lan")
        answer = DnsMessage(
            id=question.id,
            flags=0x8180,
            questions=question.questions,
            answers=tuple(ResourceRecord.of_address(name, address, 60) for address in addresses),
        ).encode()
        whole = len(answer).to_bytes(2, "big") + answer
        for byte in whole:
            writer.write(bytes([byte]))
            await writer.drain()
        writer.close()

    async with client_of(cut) as (client, server):
        port = server.transport.get_extra_info("sockname")[1]
        listener = await asyncio.start_server(serve, HOST, port)
        async with listener:
            assert await client.resolve("server.lan") == [str(one) for one in addresses]


async def test_a_caller_that_gives_up_leaves_nothing() -> None:
    async with client_of(lambda _: None) as (client, server):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.resolve("server.lan")
        assert server.asked
        assert not client._sockets
        assert not client._waiting


async def test_closing_ends_every_lookup() -> None:
    async with client_of(lambda _: None) as (client, server):
        lookup = asyncio.ensure_future(client.resolve("server.lan"))
        while not server.asked:
            await asyncio.sleep(0)
        client.close()
        assert await refused(lookup) == socket.EAI_AGAIN


async def test_without_servers() -> None:
    client = DnsClient(open_udp, connect_tcp)
    assert await refused(client.resolve("server.lan")) == socket.EAI_AGAIN
    client.close()
