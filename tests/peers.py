"""What a test of the network stands on: a device to ask, and the far end of its connections.

    async with Peer() as peer, Device.simulated(...) as device:
        assert await ask(device, f"tcp_client 127.0.0.1 {peer.port}") == ["[Opened: 0]", "0"]
        far = await peer.next()
        far.send(b"hello")

Nothing here waits for time. On a loop that is turned by hand, ``ask`` turns it whenever the device
does nothing but wait; on any other it just awaits.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from tokay.device import Device
from tokay.kernel.streams import Stream
from tokay.testing.clock import TurnedLoop

LIMIT = 10.0
"""Seconds that a device on a real clock may take for what should come at once."""

NET = f"127.{128 + os.getpid() // 256 % 100}.{os.getpid() % 256}"
"""The first three numbers of the addresses of this test run: others may run beside it."""
ADDRESS = f"{NET}.2"
"""Where the first device is."""

T = TypeVar("T")


async def soon(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; turned time goes on while all else waits."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, TurnedLoop):
        return await loop.turn_until(work)
    return await asyncio.wait_for(work, LIMIT)


async def ask(device: Device, line: str, data: bytes = b"") -> list[str]:
    """Execute a command; return what a person at the console sees: the log lines, the answer."""
    response = await soon(device.command(line, data))
    return [*response.log, response.text]


async def get(device: Device, *names: str) -> list[str]:
    """Return the values of variables."""
    return [(await ask(device, f"get {name}"))[-1] for name in names]


def stream(device: Device, handle: int = 0) -> Stream:
    """Return an open stream of a device."""
    return device.kernel.streams.find(handle)


async def read(device: Device, size: int, handle: int = 0, *, piece: int = 1400) -> bytes:
    """Read exactly so many bytes by command, as a host does."""
    got = bytearray()
    while len(got) < size:
        await stream(device, handle).fill(1, LIMIT)
        want = min(piece, size - len(got))
        response = await soon(device.command(f"stream_read {handle} {want}"))
        assert response.ok, response
        assert response.data, f"{len(got)} of {size} bytes came"
        got += response.data
    return bytes(got)


class Events:
    """What a device tells its owner: give it as ``on_event``."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._waiting: list[tuple[str, asyncio.Future[dict[str, Any]]]] = []

    def __call__(self, event: str, facts: dict[str, Any]) -> None:
        self.heard.append((event, facts))
        for wanted, future in self._waiting:
            if wanted == event and not future.done():
                future.set_result(facts)

    def __getitem__(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.heard if name == event]

    async def next(self, event: str) -> dict[str, Any]:
        """Wait for the next event of that name."""
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        return await soon(_of(future))


async def _of(future: "asyncio.Future[T]") -> T:
    return await future


class Far(asyncio.Protocol):
    """The far end of one connection."""

    def __init__(self, came: "Callable[[Far], None]") -> None:
        self._came = came
        self._change = asyncio.Event()
        self.received = bytearray()
        self.ended = False
        """Whether the device has closed."""
        self.lost = False
        """Whether the connection is no more."""
        self.error: Exception | None = None
        self.address = ("", 0)
        """The device's end."""
        self.unsent = False
        """Whether more was sent than the device takes."""

    # What the test does.

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def half_close(self) -> None:
        """Send no more; go on reading."""
        self.transport.write_eof()

    def close(self) -> None:
        """Close, after what was sent."""
        self.transport.close()

    def reset(self) -> None:
        """Break the connection off: the device sees a reset."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def deaf(self) -> None:
        """Read no more."""
        self.transport.pause_reading()

    def hear(self) -> None:
        """Read again."""
        self.transport.resume_reading()

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait for something that a change of this connection brings."""
        while not true():
            self._change.clear()
            await soon(_of_event(self._change))

    async def gone(self) -> None:
        """Wait until the device has closed."""
        await self.until(lambda: self.ended)

    async def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the device."""
        await self.until(lambda: len(self.received) >= size or self.ended)
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    async def line(self, end: bytes = b"\r\n\r\n") -> bytes:
        """Return what the device sent up to ``end``."""
        await self.until(lambda: end in self.received)
        return await self.take(self.received.index(end) + len(end))

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        self.address = transport.get_extra_info("peername")[:2]
        self._came(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._change.set()

    def eof_received(self) -> bool:
        self.ended = True
        self._change.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.lost = True
        self.error = exc
        self._change.set()

    def pause_writing(self) -> None:
        self.unsent = True
        self._change.set()

    def resume_writing(self) -> None:
        self.unsent = False
        self._change.set()


async def _of_event(event: asyncio.Event) -> None:
    await event.wait()


class Peer:
    """A TCP server on this machine, or TLS with a context for it.

    ``play`` is done with each connection as it comes.
    """

    def __init__(
        self,
        play: Callable[[Far], Coroutine[Any, Any, None]] | None = None,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._play = play
        self._plays: list[asyncio.Task[None]] = []
        self._new: asyncio.Queue[Far] = asyncio.Queue()
        self._port = port
        self._tls = tls
        self.all: list[Far] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Far(self._come), "127.0.0.1", self._port, ssl=self._tls
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for far in self.all:
            if not far.lost:  # asyncio's transport takes an abort badly then
                far.transport.abort()
        for play in self._plays:
            play.cancel()
        played = await asyncio.gather(*self._plays, return_exceptions=True)
        for outcome in played:
            if isinstance(outcome, Exception):
                raise outcome

    def _come(self, far: Far) -> None:
        self.all.append(far)
        self._new.put_nowait(far)
        if self._play is not None:
            self._plays.append(asyncio.get_running_loop().create_task(self._play(far)))

    async def next(self) -> Far:
        """Return the next connection."""
        return await soon(self._new.get())


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


class FarDatagrams(asyncio.DatagramProtocol):
    """A UDP endpoint of this machine: what it heard, in order."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.address = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._heard.put_nowait((data, addr))

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram."""
        self.transport.sendto(data, to)

    async def next(self) -> tuple[bytes, tuple[str, int]]:
        """Return the next datagram and who sent it."""
        return await soon(self._heard.get())

    @property
    def waiting(self) -> int:
        """Datagrams that were heard and not looked at."""
        return self._heard.qsize()


@contextlib.asynccontextmanager
async def udp_peer(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[FarDatagrams]:
    """Open a UDP endpoint."""
    loop = asyncio.get_running_loop()
    transport, far = await loop.create_datagram_endpoint(FarDatagrams, local_addr=(host, port))
    try:
        yield far
    finally:
        transport.close()


async def call(port: int, host: str = ADDRESS, *, local: str = "127.0.0.1") -> Far:
    """Connect to a device, as its client. The device closes it, or the loop does at its end."""
    far = Far(lambda _: None)
    loop = asyncio.get_running_loop()
    await soon(loop.create_connection(lambda: far, host, port, local_addr=(local, 0)))
    return far
