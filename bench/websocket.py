"""WebSocket echo: a device's streams beside the websockets package and picows.

Each server, and each client, runs in a process of its own; the other end is the same for all, in a
third, and is made of bytes that were built before. What is told is round trips for a second of
CPU time of the process that is measured, so what else the machine does hardly counts.

    bench/websocket.py
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import picows
import uvloop
import websockets.asyncio.client
import websockets.asyncio.server

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device
from tokay.kernel.streams import MAX_STREAMS, Stream
from tokay.protocols.websocket import answer

SECONDS = 2.0
WARM_UP = 0.5
ROUNDS = 3
CONNECTIONS = 32
SIZES = (64, 16384)
PORT = 8080
BURST = 1 << 20
HERTZ = os.sysconf("SC_CLK_TCK")
REQUEST = (
    b"GET /stream HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
KEY = b"\x37\xfa\x21\x3d"


# The processes that are measured: each prints where it listens, or begins to talk at once.


async def serve_tokay() -> None:
    air = Airspace()
    air.add(AccessPoint("bench"))
    settings = {"wlan.ssid": "bench", "http.server.enabled": "1", "http.server.port": str(PORT)}
    devices = []
    for number in range(CONNECTIONS // MAX_STREAMS):
        device = Device.simulated(airspace=air, settings=settings, name=f"bench{number}")
        await device.__aenter__()
        await device.command("network_up")
        device.kernel.streams.on_auto = echo
        devices.append(device)
    say(*(f"{device.address}:{PORT}" for device in devices))
    await asyncio.Event().wait()


def echo(stream: Stream) -> None:
    def changed() -> None:
        if stream.available:
            stream.write(stream.take(BURST))

    stream.on_change = changed


async def serve_websockets() -> None:
    async def handle(socket: websockets.asyncio.server.ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with websockets.asyncio.server.serve(handle, "127.0.0.1", 0, compression=None) as server:
        say(f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
        await asyncio.Event().wait()


async def serve_picows() -> None:
    class Echo(picows.WSListener):
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())

    server = await picows.ws_create_server(lambda _request: Echo(), "127.0.0.1", 0)
    say(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


async def connect_tokay(where: str) -> None:
    air = Airspace()
    air.add(AccessPoint("bench"))
    async with Device.simulated(airspace=air, settings={"wlan.ssid": "bench"}) as device:
        answer = await device.command(f"websocket_client ws://{where}/")
        stream = device.kernel.streams.find(int(answer.text))
        echo(stream)
        stream.write(bytes(64))
        say("begun")
        await asyncio.Event().wait()


async def connect_websockets(where: str) -> None:
    async with websockets.asyncio.client.connect(f"ws://{where}/", compression=None) as socket:
        say("begun")
        message: str | bytes = bytes(64)
        while True:
            await socket.send(message)
            message = await socket.recv()


def say(*words: str) -> None:
    print(*words, flush=True)


# The other ends.


class Load(asyncio.Protocol):
    """A client of a server that is measured: sends a message whenever it has one back."""

    def __init__(self, size: int) -> None:
        head = b"\x82"
        head += bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        payload = os.urandom(size)
        masked = bytes(byte ^ KEY[at & 3] for at, byte in enumerate(payload))
        self._message = head + KEY + masked
        self._answer = size + len(head)
        self._got = 0
        self._head = b""
        self._open = False
        self.trips = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            self._head += data
            if self._head.endswith(b"\r\n\r\n"):
                assert self._head.startswith(b"HTTP/1.1 101"), self._head
                self._open = True
                self.transport.write(self._message)
            return
        self._got += len(data)
        if self._got >= self._answer:
            self._got -= self._answer
            self.trips += 1
            self.transport.write(self._message)


def server_of(count: list[int]) -> Callable[[], asyncio.Protocol]:
    """Return the server of a client that is measured: one message of 64 bytes is all it knows."""
    reply = b"\x82\x40" + bytes(64)
    whole = 2 + 4 + 64

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)
            self.head = b""
            self.open = False
            self.got = 0

        def data_received(self, data: bytes) -> None:
            if not self.open:
                self.head += data
                top, end, data = self.head.partition(b"\r\n\r\n")
                if not end:
                    return
                fields = dict(line.split(b": ", 1) for line in top.split(b"\r\n")[1:])
                self.transport.write(answer(fields[b"Sec-WebSocket-Key"].decode()))
                self.open = True
            self.got += len(data)
            if self.got >= whole:
                self.got -= whole
                count[0] += 1
                self.transport.write(reply)

    return Echo


def cpu(process: subprocess.Popen[str]) -> float:
    """Return the seconds of CPU time that a process has had."""
    with open(f"/proc/{process.pid}/stat") as file:  # noqa: PTH123
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


async def measured(process: subprocess.Popen[str], trips: Callable[[], int]) -> tuple[float, float]:
    """Return round trips for a second of CPU time, and for a second of the wall's."""
    await asyncio.sleep(WARM_UP)
    done, busy, begun = trips(), cpu(process), time.perf_counter()
    await asyncio.sleep(SECONDS)
    done = trips() - done
    return done / (cpu(process) - busy), done / (time.perf_counter() - begun)


async def server_rate(name: str, size: int) -> tuple[float, float]:
    process = start("serve", name)
    loads: list[Load] = []
    try:
        places = await asyncio.to_thread(first_line, process)
        loop = asyncio.get_running_loop()
        for number in range(CONNECTIONS):
            host, port = places[number % len(places)].split(":")
            _, load = await loop.create_connection(lambda: Load(size), host, int(port))
            loads.append(load)
        return await measured(process, lambda: sum(load.trips for load in loads))
    finally:
        for load in loads:
            load.transport.abort()
        process.terminate()
        process.wait()


async def client_rate(name: str) -> tuple[float, float]:
    count = [0]
    server = await asyncio.get_running_loop().create_server(server_of(count), "127.0.0.1", 0)
    where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    process = start("connect", name, where)
    try:
        assert await asyncio.to_thread(first_line, process) == ["begun"]
        return await measured(process, lambda: count[0])
    finally:
        process.terminate()
        process.wait()
        server.close()


Rates = dict[str, list[tuple[float, float]]]


async def compare(names: tuple[str, ...], rate: Callable[[str], Any]) -> Rates:
    """Measure in turn, so that what else the machine does hits all alike."""
    rates: Rates = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            rates[name].append(await rate(name))
    return rates


def median(values: list[tuple[float, float]], column: int) -> float:
    return statistics.median(value[column] for value in values)


async def main() -> None:
    print("| | | trips/CPU s | trips/s | MB/CPU s | Tokay is |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for size in SIZES:
        what = f"server, {size} bytes, {CONNECTIONS} connections"
        show(what, size, await compare(SERVERS, lambda name, size=size: server_rate(name, size)))  # type: ignore[misc]
    show("client, 64 bytes", 64, await compare(("tokay", "websockets"), client_rate))


def show(what: str, size: int, rates: Rates) -> None:
    ours = median(rates["tokay"], 0)
    for name, values in rates.items():
        trips = median(values, 0)
        ratio = "" if name == "tokay" else f"{ours / trips:.2f} times"
        print(
            f"| {what} | {name} | {trips:.0f} | {median(values, 1):.0f} "
            f"| {trips * size / 1e6:.0f} | {ratio} |",
            flush=True,
        )


SERVERS = ("tokay", "websockets", "picows")
ROLES: dict[tuple[str, str], Callable[..., Any]] = {
    ("serve", "tokay"): serve_tokay,
    ("serve", "websockets"): serve_websockets,
    ("serve", "picows"): serve_picows,
    ("connect", "tokay"): connect_tokay,
    ("connect", "websockets"): connect_websockets,
}

if __name__ == "__main__":
    role = ROLES.get((sys.argv[1], sys.argv[2])) if len(sys.argv) > 2 else None
    uvloop.run(main() if role is None else role(*sys.argv[3:]))
