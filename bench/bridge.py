"""The serial bridge, pty to TCP and back, beside socat and ser2net: bytes a second and round trips.

    python bench/bridge.py            the table, and a gigabyte through a peer that stalls
    python bench/bridge.py --short    the table only

Each bridge runs alone on one core, the load on another; they are measured in turn, so that the
ratios are of one run. socat and ser2net are fetched as the tests fetch their peers. ser2net has the
serial end of its pty and no character delay, and buffers of 64 KiB.
"""

import contextlib
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.interop import peers

ROUNDS = 5
SIZE = 32 << 20
TRIPS = 4000
GIGABYTE = 1 << 30
PIECE = 64 << 10
CORES = sorted(os.sched_getaffinity(0))
STALL = 0.2
"""Seconds for which the peer of the gigabyte stops reading, every 64 MB."""


class Ends(NamedTuple):
    """What the load has of a bridge."""

    serial: int
    peer: socket.socket
    pid: int


Bridge = Callable[[], "contextlib.AbstractContextManager[Ends]"]


def on_core(core: int) -> None:
    """Run on one core from here on, and start processes there."""
    os.sched_setaffinity(0, {CORES[core % len(CORES)]})


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


@contextlib.contextmanager
def running(command: list[str], **options: object) -> "Iterator[subprocess.Popen[bytes]]":
    on_core(0)
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    on_core(1)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def opened(path: str, server: socket.socket, pid: int) -> Iterator[Ends]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    peer, _ = server.accept()
    peer.settimeout(None)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield Ends(fd, peer, pid)
    finally:
        peer.close()
        os.close(fd)


def tokay(*, gather: bool) -> "Bridge":
    """Return a device in stream mode; ``gather``: with the settings of the factory."""

    @contextlib.contextmanager
    def bridge() -> Iterator[Ends]:
        with listening() as server:
            settings = {
                "bus.mode": "stream",
                "bus.log_bus": "none",
                "wlan.ssid": "tokay",
                "wlan.passkey": "tokay-lab",
                "wlan.auto_join.enabled": "1",
                "tcp.client.auto_start": "1",
                "tcp.client.remote_host": "127.0.0.1",
                "tcp.client.remote_port": str(server.getsockname()[1]),
            }
            if not gather:
                settings |= {"bus.stream.flush_time": "0", "bus.stream.flush_count": "0"}
            command = [sys.executable, "-c", "from tokay.cli import main; main()", "run"]
            command += ["--ephemeral", "--serial", "pty", "--events"]
            for name, value in settings.items():
                command += ["--set", f"{name}={value}"]
            with running(command, stderr=subprocess.PIPE) as process:
                assert process.stderr is not None
                path = json.loads(process.stderr.readline())["path"]
                with opened(path, server, process.pid) as ends:
                    yield ends

    return bridge


@contextlib.contextmanager
def socat() -> Iterator[Ends]:
    with listening() as server, tempfile.TemporaryDirectory() as folder:
        link = f"{folder}/pty"
        port = server.getsockname()[1]
        command = [*peers.find("socat").command, f"PTY,link={link},raw,echo=0"]
        with running([*command, f"TCP:127.0.0.1:{port},nodelay"]) as process:
            while not os.path.exists(link):  # noqa: PTH110
                time.sleep(0.01)
            with opened(link, server, process.pid) as ends:
                yield ends


@contextlib.contextmanager
def ser2net() -> Iterator[Ends]:
    host, device = os.openpty()
    tty.setraw(device)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ser2net.yaml"
        config.write_text(
            f"connection: &bench\n"
            f"  accepter: tcp(nodelay=true),127.0.0.1,{port}\n"
            f"  connector: serialdev,{os.ttyname(device)},4000000n81,local\n"
            f"  options:\n"
            f"    kickolduser: true\n"
            f"    chardelay: false\n"
            f"    net-to-dev-bufsize: 65536\n"
            f"    dev-to-net-bufsize: 65536\n",
            "utf-8",
        )
        program = peers.find("ser2net")
        command = [*program.command, "-n", "-c", str(config), "-P", f"{folder}/pid"]
        # Unpacked and not installed, its plugins are not where it looks.
        plugins = next((one for one in program.libraries if "/gensio/" in one), "")
        environment = os.environ | ({"GENSIO_LIBRARY_PATH": plugins} if plugins else {})
        with running(command, stderr=subprocess.DEVNULL, env=environment) as process:
            deadline = time.monotonic() + 10
            while True:
                try:
                    peer = socket.create_connection(("127.0.0.1", port))
                    break
                except ConnectionRefusedError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # It is through once a byte of each end has arrived at the other.
            os.write(host, b"!")
            peer.recv(1)
            try:
                yield Ends(host, peer, process.pid)
            finally:
                peer.close()
                os.close(host)
                os.close(device)


# The load.


def write_serial(ends: Ends, size: int) -> None:
    data = bytes(PIECE)
    while size:
        size -= os.write(ends.serial, data[:size])


def read_serial(ends: Ends, size: int) -> None:
    while size:
        size -= len(os.read(ends.serial, PIECE))


def write_peer(ends: Ends, size: int) -> None:
    data = memoryview(bytes(PIECE))
    while size:
        size -= ends.peer.send(data[:size])


def read_peer(ends: Ends, size: int) -> None:
    while size:
        size -= len(ends.peer.recv(4 * PIECE))


def seconds(*work: Callable[[], None]) -> float:
    threads = [threading.Thread(target=one) for one in work]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def to_peer(ends: Ends) -> float:
    took = seconds(lambda: write_serial(ends, SIZE), lambda: read_peer(ends, SIZE))
    return SIZE / took / 1e6


def to_serial(ends: Ends) -> float:
    took = seconds(lambda: write_peer(ends, SIZE), lambda: read_serial(ends, SIZE))
    return SIZE / took / 1e6


def both(ends: Ends) -> float:
    half = SIZE // 2
    took = seconds(
        lambda: write_serial(ends, half), lambda: read_peer(ends, half),
        lambda: write_peer(ends, half), lambda: read_serial(ends, half),
    )  # fmt: skip
    return SIZE / took / 1e6


def round_trips(ends: Ends) -> float:
    """Return microseconds from a byte's way into the pty to its echo: the median."""
    took = []
    for _ in range(TRIPS):
        start = time.perf_counter()
        os.write(ends.serial, b"x")
        ends.peer.recv(1)
        ends.peer.send(b"x")
        os.read(ends.serial, 1)
        took.append(time.perf_counter() - start)
    return 1e6 * statistics.median(took)


def processor(ends: Ends) -> float:
    """Return processor time of the bridge for bytes that go both ways, in ms a MB."""
    before = _processor_time(ends.pid)
    both(ends)
    return (_processor_time(ends.pid) - before) * 1e9 / SIZE


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


WORK = {
    "pty to TCP, MB/s": to_peer,
    "TCP to pty, MB/s": to_serial,
    "both together, MB/s": both,
    "processor time, ms a MB": processor,
    "one byte there and back, us": round_trips,
}


def gigabyte() -> None:
    """Send a gigabyte to a peer that stops reading now and then; compare the hashes."""
    with tokay(gather=True)() as ends:
        block = os.urandom(1 << 20)
        sent = hashlib.sha256()
        got = hashlib.sha256()

        def write() -> None:
            for number in range(GIGABYTE >> 20):
                data = number.to_bytes(8, "big") + block[8:]
                sent.update(data)
                at = 0
                while at < len(data):
                    at += os.write(ends.serial, data[at : at + PIECE])

        def read() -> None:
            left, stall = GIGABYTE, 0
            while left:
                data = ends.peer.recv(PIECE)
                got.update(data)
                left -= len(data)
                stall += len(data)
                if stall >= 64 << 20:
                    stall = 0
                    time.sleep(STALL)

        took = seconds(write, read)
        lost = "none" if sent.digest() == got.digest() else "SOME"
        print(f"1 GB through a peer that stalls 16 times: {took:.0f} s, bytes lost: {lost}")


def main() -> None:
    on_core(1)
    bridges: dict[str, Bridge] = {
        "Tokay": tokay(gather=True),
        "Tokay, flush_time and flush_count 0": tokay(gather=False),
        "socat": socat,
        "ser2net": ser2net,
    }
    for name in [one for one in bridges if one[:5] != "Tokay"]:
        try:
            peers.find(name)
        except peers.PeerError as error:
            print(f"without {name}: {error}", file=sys.stderr)
            del bridges[name]
    figures: dict[str, dict[str, list[float]]] = {
        what: {name: [] for name in bridges} for what in WORK
    }
    for _ in range(ROUNDS):
        for name, bridge in bridges.items():
            with bridge() as ends:
                for what, work in WORK.items():
                    figures[what][name].append(work(ends))
    others = [name for name in bridges if name[:5] != "Tokay"]
    print("| | " + " | ".join(bridges) + " | " + " | ".join(f"ratio to {o}" for o in others) + " |")
    print("| --- |" + " --- |" * (len(bridges) + len(others)))
    for what, by in figures.items():
        # What the factory settings hold back on purpose is not what a round trip measures.
        ours = "Tokay" if what.endswith("MB/s") else "Tokay, flush_time and flush_count 0"
        row = [f"{statistics.median(by[name]):.0f}" for name in bridges]
        for other in others:
            ratios = [a / b for a, b in zip(by[ours], by[other], strict=True)]
            row.append(f"{statistics.median(ratios):.2f}")
        print(f"| {what} | " + " | ".join(row) + " |")
    if "--short" not in sys.argv:
        print()
        gigabyte()


if __name__ == "__main__":
    main()
