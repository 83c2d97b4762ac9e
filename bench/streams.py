"""Streams: two of tcp_client copied one to the other through the Python API, beside a bare copy.

python bench/streams.py [megabytes]

The far ends are one other process: it sends what the copy reads and counts what the copy writes.
The bare copy is the same loop (uvloop) with two protocols and the pause that each asks of the
other. Then eight streams at once: how the slowest fares beside the mean.
"""

import asyncio
import multiprocessing
import socket
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import cast

import uvloop

from tokay import Device
from tokay.kernel.open_stream import OpenStream

MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 256
ROUNDS = 5
STREAMS = 8
PIECE = bytes(1 << 16)
SETTINGS = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}


def far_ends(pipe: Connection) -> None:
    """Serve: connections to the first port are sent to, those to the second are counted."""
    source, sink = (socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2))
    pipe.send((source.getsockname()[1], sink.getsockname()[1]))
    total = MEGABYTES << 20
    while pipe.recv():
        sending, _ = source.accept()
        counting, _ = sink.accept()
        begun = time.perf_counter()
        sender = multiprocessing.Process(target=send, args=(sending, total))
        sender.start()
        sending.close()
        left, buffer = total, bytearray(1 << 18)
        while left:
            got = counting.recv_into(buffer)
            if not got:
                break
            left -= got
        pipe.send(time.perf_counter() - begun)
        counting.close()
        sender.join()


def send(sock: socket.socket, total: int) -> None:
    while total:
        total -= sock.send(PIECE[:total])
    sock.close()


class Bare(asyncio.Protocol):
    """One end of the bare copy."""

    def __init__(self, other: "Bare | None" = None) -> None:
        self.other = other
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        assert self.other is not None
        self.other.transport.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        assert self.other is not None
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other is not None
        self.other.transport.resume_reading()


async def bare(source: int, sink: int) -> None:
    loop = asyncio.get_running_loop()
    _, two = await loop.create_connection(Bare, "127.0.0.1", sink)

    def reader() -> Bare:
        two.other = Bare(two)
        return two.other

    await loop.create_connection(reader, "127.0.0.1", source)
    await two.gone


async def ours(device: Device, source: int, sink: int) -> None:
    there, back = [await opened(device, port) for port in (source, sink)]
    while data := await there.read():
        await back.write(data)
    back.close()
    there.close()


async def opened(device: Device, port: int) -> OpenStream:
    response = await device.command(f"tcp_client 127.0.0.1 {port}")
    assert response.ok, response
    return device.stream(int(response.text))


async def copies(pipe: Connection, device: Device, source: int, sink: int) -> None:
    loop = asyncio.get_running_loop()
    speeds: dict[str, list[float]] = {"bare": [], "streams": []}
    work: dict[str, list[float]] = {"bare": [], "streams": []}
    for _ in range(ROUNDS):
        for name, copy in (("bare", bare(source, sink)), ("streams", ours(device, source, sink))):
            pipe.send(True)
            used = time.process_time()
            await copy
            work[name].append(1000 * (time.process_time() - used) / MEGABYTES)
            seconds = await loop.run_in_executor(None, pipe.recv)
            speeds[name].append(MEGABYTES / seconds)
    ratio = statistics.median(a / b for a, b in zip(speeds["streams"], speeds["bare"], strict=True))
    print("| | MB/s | CPU ms a MB |")
    print("| --- | ---: | ---: |")
    for name, values in speeds.items():
        print(f"| {name} | {statistics.median(values):.0f} | {statistics.median(work[name]):.2f} |")
    print(f"| ratio | {ratio:.2f} | |")


async def fairness(device: Device) -> None:
    """Let eight streams receive at once; look when the first has its share."""
    total = MEGABYTES << 20
    share = total // STREAMS
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    streams = [await opened(device, server.getsockname()[1]) for _ in range(STREAMS)]
    fars = [server.accept()[0] for _ in streams]
    for stream in streams:
        assert not stream.closed
    senders = [multiprocessing.Process(target=send, args=(far, share), daemon=True) for far in fars]
    got = [0] * STREAMS
    first: list[list[int]] = []

    async def take(number: int, stream: OpenStream) -> None:
        while data := await stream.read():
            got[number] += len(data)
            if got[number] >= share and not first:
                first.append(list(got))

    for sender in senders:
        sender.start()
    for far in fars:
        far.close()
    begun = time.perf_counter()
    await asyncio.gather(*(take(number, stream) for number, stream in enumerate(streams)))
    seconds = time.perf_counter() - begun
    server.close()
    slowest = min(first[0]) / statistics.mean(first[0])
    print()
    print("| 8 streams at once | |")
    print("| --- | ---: |")
    print(f"| MB/s together | {total / seconds / (1 << 20):.0f} |")
    print(f"| slowest beside the mean | {slowest:.2f} |")


async def main() -> None:
    pipe, far = multiprocessing.Pipe()
    process = multiprocessing.Process(target=far_ends, args=(far,))
    process.start()
    source, sink = pipe.recv()
    try:
        async with Device.simulated(settings=SETTINGS) as device:
            assert (await device.command("network_up")).ok
            await copies(pipe, device, source, sink)
            await fairness(device)
    finally:
        pipe.send(False)
        process.join()


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    uvloop.run(main())
