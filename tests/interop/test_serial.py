"""Serial hosts and network peers of others: pyserial on the port, socat and ncat on the stream."""

import contextlib
import hashlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from tests.cli.process import LIMIT, Process, read_until, serial_line
from tests.interop.peers import Peer

from tokay.protocols.framing import Block, BlockReader

FindPeer = Callable[[str], Peer]

# pyserial 3.5 sets up its thread in the old way.
pytestmark = pytest.mark.filterwarnings(r"ignore:set(Daemon|Name)\(\):DeprecationWarning")

STREAM = (
    "bus.mode=stream", "bus.log_bus=none", "wlan.ssid=tokay", "wlan.passkey=tokay-lab",
    "wlan.auto_join.enabled=1",
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@contextlib.contextmanager
def device(home: Path, *settings: str, port: str = "pty") -> Iterator[tuple[Process, str]]:
    """Run a device; give it and where its serial port is."""
    given = [word for one in settings for word in ("--set", one)]
    with Process(home, "run", "--ephemeral", "--events", "--serial", port, *given) as process:
        yield process, process.events_until("serial")["path"]


@contextlib.contextmanager
def program(*command: str) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def blocks(port: serial.Serial, reader: BlockReader) -> list[Block]:
    """Read until there is a block."""
    while True:
        got = port.read(1)
        assert got, "no answer"
        if found := reader.feed(got):
            return found


# pyserial.


def test_pyserial_drives_a_device_over_rfc2217(tmp_path: Path) -> None:
    with device(tmp_path, "system.cmd.format=machine", port="rfc2217:127.0.0.1:0") as (_, url):
        assert url.startswith("rfc2217://127.0.0.1:")
        with serial.serial_for_url(url, baudrate=115200, timeout=LIMIT) as port:
            reader = BlockReader()
            port.write(b"get bus.mode\r\n")
            assert blocks(port, reader) == [Block("R", 0, b"command")]
            every = bytes(range(256)) * 8
            port.write(b"fcr all.bin %d\r\n" % len(every) + every)
            assert blocks(port, reader)[-1].code == 0
            port.write(b"fop all.bin\r\n")
            assert blocks(port, reader) == [Block("R", 0, b"0")]
            port.write(b"read 0 4000\r\n")
            assert blocks(port, reader) == [Block("R", 0, every)]


def test_pyserial_sets_a_whole_port(tmp_path: Path) -> None:
    with device(tmp_path, "system.cmd.format=machine", port="rfc2217:127.0.0.1:0") as (_, url):
        with serial.serial_for_url(url, baudrate=9600, timeout=LIMIT) as port:
            port.baudrate = 921600
            port.bytesize = serial.SEVENBITS
            port.parity = serial.PARITY_EVEN
            port.stopbits = serial.STOPBITS_TWO
            port.rtscts = True
            port.dtr = False
            port.rts = False
            port.rts = True
            port.break_condition = True
            port.break_condition = False
            port.reset_input_buffer()
            port.reset_output_buffer()
            assert (port.cts, port.dsr, port.cd, port.ri) == (True, True, True, False)
            port.write(b"get bus.mode\r\n")
            assert blocks(port, BlockReader()) == [Block("R", 0, b"command")]
        # The next one finds it as it was.
        with serial.serial_for_url(url, timeout=LIMIT) as port:
            port.write(b"get bus.mode\r\n")
            assert blocks(port, BlockReader()) == [Block("R", 0, b"command")]


def test_pyserial_on_a_pty_breaks_into_the_bridge(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = server.getsockname()[1]
        client = ("tcp.client.auto_start=1", "tcp.client.remote_host=127.0.0.1")
        with device(
            tmp_path, *STREAM, *client, f"tcp.client.remote_port={where}", "system.cmd.echo=0"
        ) as (process, path):
            process.events_until("network_up")
            server.settimeout(LIMIT)
            far, _ = server.accept()
            far.settimeout(LIMIT)
            with far, serial.Serial(path, 115200, timeout=LIMIT) as port:
                port.write(b"to the peer")
                assert far.recv(100, socket.MSG_WAITALL | socket.MSG_PEEK)[:1] == b"t"
                assert _receive(far, 11) == b"to the peer"
                far.sendall(b"to the host")
                assert port.read(11) == b"to the host"
                port.timeout = 3.1  # the guard time is the wall's here
                assert port.read(1) == b""
                port.timeout = LIMIT
                port.write(b"$$$")
                assert port.read_until(b"> ") == b"Command Mode Start\r\n> "
                port.write(b"stream_list\r\n")
                assert b"# 0 TCPC  127.0.0.1:" in port.read_until(b"> ")
                port.write(b"exit\r\n")
                assert port.read_until(b"> ") == b"Success\r\n> "
                port.write(b"again")
                assert _receive(far, 5) == b"again"


def _receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, data
        data += piece
    return data


# Peers of the stream.


SIZE = 4 << 20


def server_settings(port: int) -> tuple[str, ...]:
    return (*STREAM, "tcp.server.auto_start=1", f"tcp.server.port={port}")


@pytest.mark.parametrize("name", ["socat", "ncat"])
def test_a_peer_connects_and_bytes_go_both_ways(tmp_path: Path, peer: FindPeer, name: str) -> None:
    command, port = peer(name).command, free_port()
    with device(tmp_path, *server_settings(port)) as (process, path):
        address = process.events_until("network_up")["address"]
        far_end = {"socat": ("-", f"TCP:{address}:{port}"), "ncat": (address, str(port))}[name]
        with program(*command, *far_end) as far, serial_line(path) as host:
            assert far.stdin is not None
            assert far.stdout is not None
            far.stdin.write(b"hello from afar")
            far.stdin.flush()
            assert read_until(host, b"afar") == b"hello from afar"
            os.write(host, b"hello from the host")
            assert read_until(far.stdout.fileno(), b"host") == b"hello from the host"
            there, here = os.urandom(SIZE), os.urandom(SIZE)
            writers = [
                threading.Thread(target=_write_all, args=(far.stdin.fileno(), there)),
                threading.Thread(target=_write_all, args=(host, here)),
            ]
            for writer in writers:
                writer.start()
            digests: dict[str, bytes] = {}
            readers = [
                threading.Thread(target=_digest, args=(host, SIZE, digests, "there")),
                threading.Thread(target=_digest, args=(far.stdout.fileno(), SIZE, digests, "here")),
            ]
            for reader in readers:
                reader.start()
            for thread in (*writers, *readers):
                thread.join(LIMIT)
            assert digests == {
                "there": hashlib.sha256(there).digest(),
                "here": hashlib.sha256(here).digest(),
            }


@pytest.mark.parametrize("name", ["socat", "ncat"])
def test_a_peer_that_listens(tmp_path: Path, peer: FindPeer, name: str) -> None:
    command, port = peer(name).command, free_port()
    listening = {
        "socat": ("-", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"),
        "ncat": ("-l", "127.0.0.1", str(port)),
    }[name]
    client = (
        "tcp.client.auto_start=1", "tcp.client.remote_host=127.0.0.1",
        f"tcp.client.remote_port={port}", "tcp.client.retry_period=100",
        "tcp.client.retries=255",
    )  # fmt: skip
    with program(*command, *listening) as far, device(tmp_path, *STREAM, *client) as (_, path):
        assert far.stdin is not None
        assert far.stdout is not None
        with serial_line(path) as host:
            os.write(host, b"hello")
            assert read_until(far.stdout.fileno(), b"hello") == b"hello"
            far.stdin.write(b"hello yourself")
            far.stdin.flush()
            assert read_until(host, b"yourself") == b"hello yourself"


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:65536]) :]


def _digest(fd: int, size: int, digests: dict[str, bytes], name: str) -> None:
    digest = hashlib.sha256()
    while size:
        data = os.read(fd, min(size, 65536))
        if not data:
            break
        digest.update(data)
        size -= len(data)
    digests[name] = digest.digest()
