"""The UDP endpoint, on both loops."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from tokay.board.net.udp_endpoint import MAX_A_TURN, open_endpoint

Run = Callable[[Coroutine[Any, Any, None]], None]


class Heard(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.transport: Any = None
        self.data: list[bytes] = []
        self.errors: list[Exception] = []
        self.lost = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.data.append(data)
        self.transport.sendto(data.upper(), addr)

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_all_that_waits_is_read_in_order_and_answered(run: Run) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        transport, heard = open_endpoint(loop, bound(), Heard)
        peer = bound()
        peer.connect(transport.get_extra_info("sockname"))
        sent = [b"%d" % number for number in range(2 * MAX_A_TURN)] + [b""]
        for data in sent:
            peer.send(data)
        while len(heard.data) < len(sent):
            await asyncio.sleep(0)
        assert heard.data == sent
        peer.send(b"x" * 60_000)
        while len(heard.data) == len(sent):
            await asyncio.sleep(0)
        assert len(heard.data[-1]) == 60_000
        assert await loop.sock_recv(peer, 100) == b"0"
        assert transport.get_extra_info("peername") is None
        assert transport.get_extra_info("cipher", "none") == "none"
        assert transport.get_protocol() is heard
        peer.close()
        transport.close()
        transport.abort()
        assert transport.is_closing()
        await heard.lost.wait()
        transport.sendto(b"late")

    run(body())


def test_the_port_is_free_at_once(run: Run) -> None:
    async def body() -> None:
        transport, _ = open_endpoint(asyncio.get_running_loop(), bound(), Heard)
        where = transport.get_extra_info("sockname")
        transport.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(where)

    run(body())


def test_a_refusal_is_told(run: Run) -> None:
    async def body() -> None:
        gone = bound()
        sock = bound()
        sock.connect(gone.getsockname())
        gone.close()
        transport, heard = open_endpoint(asyncio.get_running_loop(), sock, Heard)
        transport.sendto(b"anybody?")
        while not heard.errors:
            await asyncio.sleep(0)
        assert isinstance(heard.errors[0], ConnectionRefusedError)
        transport.close()

    run(body())
