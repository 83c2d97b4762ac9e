"""TLS streams against stunnel, side by side in one run; and what an idle stream takes.

    python bench/tls.py

MB/s of one stream, the two sides measured in turn, both with AES-128 GCM under TLS 1.2. `in` and
`out` are a stream of a device's TLS server that is read or written through the Python API; stunnel
hands it on to a program beside it. `through` is TLS in front of a TCP server on both sides: the
same work. The server's process has one core, whatever else takes part the other; `cpu` is the
processor time of that process alone: stunnel's divided by ours.
"""

import asyncio
import gc
import multiprocessing
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.interop.peers import PeerError, find
from tests.pki import RSA_AUTHORITY

from tokay import AccessPoint, Airspace, Device
from tokay.kernel.profile import load
from tokay.plugins.tls.ciphers import spoken
from tokay.plugins.tls.contexts import client_context, server_context
from tokay.plugins.tls.transport import TlsTransport

ROUNDS = 5
SIZE = 256 << 20
"""Bytes a measurement."""
CHUNK = 65536
PORT = 4433
IDLE = 1000
"""Idle streams of which memory is taken, both ends in one process."""
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
SPOKEN = spoken(load("gecko-os-4"), 12)


def on_core(number: int) -> None:
    """Stay on one core, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


# The server under test: Tokay's side, in a process of its own.


async def streams(device: Device) -> None:
    """Serve the streams of a device's TLS server: the first byte says which way."""
    kernel = device.kernel
    while True:
        while not len(kernel.streams):
            await asyncio.sleep(0.01)
        stream = next(iter(kernel.streams))
        await stream.fill(1, 60)
        which, left = stream.take(1), SIZE
        if which == b"i":
            while left and not stream.ended:
                await stream.fill(1, 60)
                left -= len(stream.take(CHUNK))
            stream.write(b"!")
        elif which == b"o":
            chunk = bytes(CHUNK)
            for _ in range(SIZE // CHUNK):
                await stream.room(60)
                stream.write(chunk)
        await stream.fill(1, 60)
        kernel.streams.close(stream)


class Link(asyncio.Protocol):
    """One half of a way through: what it hears the other half says."""

    def __init__(self, to: int = 0) -> None:
        self.to = to
        self.other: Link
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self.to:
            self.transport.pause_reading()
            self.other = Link()
            self.other.other = self
            self.task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self.other, "127.0.0.1", self.to)
        assert self.transport is not None
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        assert self.other.transport is not None
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        assert self.other.transport is not None
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other.transport is not None
        self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other.transport is not None:
            self.other.transport.close()


def serve_tokay(pipe: Connection, plain: int) -> None:
    on_core(0)
    identity = RSA_AUTHORITY.good

    async def serve() -> None:
        context = server_context(SPOKEN, b"", identity.cert, identity.key)
        loop = asyncio.get_running_loop()

        def accept() -> TlsTransport:
            return TlsTransport(
                context, lambda: Link(plain), lambda *_: None, limit=10, server=True
            )

        server = await loop.create_server(accept, "127.0.0.1", 0)
        through = server.sockets[0].getsockname()[1]
        air = Airspace()
        air.add(AccessPoint("bench", subnet="127.94.0.0/24"))
        settings = {"wlan.ssid": "bench", "wlan.security": "open"}
        async with Device.simulated(airspace=air, settings=settings) as device:
            for name, content in (("cert", identity.cert), ("key", identity.key)):
                assert (await device.command(f"file_create {name} {len(content)}", content)).ok
            assert (await device.command(f"tls_server start {PORT} cert key")).ok
            pipe.send((device.address, through))
            serving = asyncio.ensure_future(streams(device))
            await loop.run_in_executor(None, pipe.recv)
            serving.cancel()

    uvloop.run(serve())


# The program beside stunnel, on the load's core.


def plain_server(port: Callable[[int], Any]) -> None:
    """Serve both directions: the first byte of a connection says which."""
    listener = socket.create_server(("127.0.0.1", 0))
    port(listener.getsockname()[1])
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve_plain, args=(sock,), daemon=True).start()


def _serve_plain(sock: socket.socket) -> None:
    with sock:
        which = sock.recv(1)
        if which == b"o":
            chunk = bytes(CHUNK)
            for _ in range(SIZE // CHUNK):
                sock.sendall(chunk)
            sock.recv(1)
        elif which == b"i":
            buffer, left = bytearray(CHUNK), SIZE
            while left:
                left -= sock.recv_into(buffer)
            sock.sendall(b"!")
            sock.recv(1)


# The load: a client on blocking sockets.


def transfer(where: tuple[str, int], which: str) -> float:
    """Move ``SIZE`` bytes in or out through a TLS server; return MB/s."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    with socket.create_connection(where) as raw, context.wrap_socket(raw) as sock:
        sock.sendall(which[0].encode())
        begun = time.perf_counter()
        if which == "in":
            chunk = bytes(CHUNK)
            for _ in range(SIZE // CHUNK):
                sock.sendall(chunk)
            assert sock.recv(1) == b"!"
        else:
            buffer, left = bytearray(CHUNK), SIZE
            while left:
                left -= sock.recv_into(buffer)
        return SIZE / 1e6 / (time.perf_counter() - begun)


def cpu(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(pid: int, where: tuple[str, int], which: str) -> tuple[float, float]:
    """Return MB/s, and processor seconds of the server."""
    before = cpu(pid)
    speed = transfer(where, which)
    return speed, cpu(pid) - before


def stunnel(folder: Path, plain: int, port: int) -> "subprocess.Popen[bytes]":
    identity = RSA_AUTHORITY.good
    (folder / "server.pem").write_bytes(identity.cert + identity.key)
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsyslog = no\ndebug = 3\n[bench]\naccept = 127.0.0.1:{port}\n"
        f"connect = 127.0.0.1:{plain}\ncert = {folder / 'server.pem'}\n"
        "sslVersion = TLSv1.2\nciphers = ECDHE-RSA-AES128-GCM-SHA256\n"
    )
    command = [*find("stunnel4").command, str(folder / "stunnel.conf")]
    if shutil.which("taskset"):
        core = min(os.sched_getaffinity(0))
        command = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return process
    raise PeerError("stunnel4 does not listen")


# Memory.


def idle_memory(pipe: Connection, version: int, *, used: bool) -> None:
    """Send the bytes that an end of an idle stream takes."""
    identity = RSA_AUTHORITY.good

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE

    async def measure() -> float:
        speaks = spoken(load("gecko-os-4"), version)
        near = client_context(speaks, RSA_AUTHORITY.pem, b"", b"")
        far = server_context(speaks, b"", identity.cert, identity.key)
        loop = asyncio.get_running_loop()
        heard = 0

        class Quiet(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                nonlocal heard
                heard += len(data)

        def accept() -> TlsTransport:
            return TlsTransport(far, Quiet, lambda *_: None, limit=60, server=True)

        server = await loop.create_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def connect() -> TlsTransport:
            nonlocal heard
            done = loop.create_future()
            end = TlsTransport(
                near, Quiet, lambda _, error: done.set_result(error), limit=60, host="127.0.0.1"
            )
            await loop.create_connection(lambda: end, "127.0.0.1", port)
            assert await done is None
            if used:
                heard = 0
                end.write(bytes(CHUNK))
                while heard < CHUNK:
                    await asyncio.sleep(0)
            return end

        kept = [await connect() for _ in range(50)]
        before = resident()
        kept += [await connect() for _ in range(IDLE)]
        took = (resident() - before) / IDLE / 2
        for end in kept:
            end.abort()
        server.close()
        await asyncio.sleep(0.1)
        return took

    pipe.send(uvloop.run(measure()))


def in_a_process(target: Callable[..., None], *args: Any, **kwargs: Any) -> Any:
    near, far = multiprocessing.Pipe()
    process = multiprocessing.Process(target=target, args=(far, *args), kwargs=kwargs)
    process.start()
    result = near.recv()
    process.join()
    return result


def main() -> None:
    multiprocessing.set_start_method("spawn")
    ports: list[int] = []
    threading.Thread(target=plain_server, args=(ports.append,), daemon=True).start()
    while not ports:
        time.sleep(0.01)
    near, far = multiprocessing.Pipe()
    tokay = multiprocessing.Process(target=serve_tokay, args=(far, ports[0]))
    tokay.start()
    assert tokay.pid is not None
    address, through = near.recv()
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        theirs = stunnel(Path(folder), ports[0], port)
        on_core(1)
        try:
            print("| | Tokay, MB/s | stunnel, MB/s | ratio | cpu |")
            print("| --- | ---: | ---: | ---: | ---: |")
            for label, ours, which in (
                ("in", (address, PORT), "in"),
                ("out", (address, PORT), "out"),
                ("in, through", ("127.0.0.1", through), "in"),
                ("out, through", ("127.0.0.1", through), "out"),
            ):
                rounds = [
                    (
                        measured(tokay.pid, ours, which),
                        measured(theirs.pid, ("127.0.0.1", port), which),
                    )
                    for _ in range(ROUNDS)
                ]
                our = statistics.median(one[0][0] for one in rounds)
                their = statistics.median(one[1][0] for one in rounds)
                ratio = statistics.median(one[0][0] / one[1][0] for one in rounds)
                less = statistics.median(one[1][1] / max(one[0][1], 1e-3) for one in rounds)
                print(f"| {label} | {our:.0f} | {their:.0f} | {ratio:.2f} | {less:.2f} |")
        finally:
            theirs.terminate()
            theirs.wait()
            near.send(None)
            tokay.join()
    print("\n| an idle stream | TLS 1.2, KB | TLS 1.3, KB |")
    print("| --- | ---: | ---: |")
    for label, used in (("that did nothing yet", False), ("that carried 64 KB", True)):
        row = [in_a_process(idle_memory, version, used=used) / 1024 for version in (12, 13)]
        print(f"| {label} | {row[0]:.1f} | {row[1]:.1f} |")


if __name__ == "__main__":
    main()
