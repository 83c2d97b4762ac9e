"""A wire between two network namespaces, and what is put at its ends.

Everything runs in namespaces that are made here and removed afterwards; the machine's own
network is neither used nor changed.
"""

import contextlib
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import serial
from tests.interop.peers import Peer

LIMIT = 20.0
SERVER = "10.9.0.1"
MAC = "02:54:4F:4B:41:59"

_numbers = itertools.count(1)


def ip(*words: str) -> str:
    """Run ip(8)."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


class Wire:
    """Two namespaces with an `eth0` each. The peer's has an address; the device's has none."""

    def __init__(self) -> None:
        name = f"tokay-{os.getpid()}-{next(_numbers)}"
        self.device, self.peer = f"{name}-dev", f"{name}-peer"

    def __enter__(self) -> Self:
        try:
            ip("netns", "add", self.device)
            ip("netns", "add", self.peer)
            ip(
                "link", "add", "eth0", "address", MAC, "netns", self.device,
                "type", "veth", "peer", "name", "eth0", "netns", self.peer,
            )  # fmt: skip
            ip("-n", self.peer, "addr", "add", f"{SERVER}/24", "dev", "eth0")
            for name in ("lo", "eth0"):
                ip("-n", self.peer, "link", "set", name, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.device, self.peer):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def addresses(self) -> list[str]:
        """List the IPv4 addresses at the device's end."""
        found = json.loads(ip("-j", "-4", "-n", self.device, "addr", "show", "eth0") or "[]")
        return [info["local"] for link in found for info in link.get("addr_info", [])]

    def plug(self, plugged: bool) -> None:
        """Put the cable in, or pull it, at the peer's end."""
        ip("-n", self.peer, "link", "set", "eth0", "up" if plugged else "down")


OWN_PROCESSES = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child")
"""In front of a command: a PID namespace, so that all its children end with it (unshare(1))."""


class Process:
    """A program in a namespace, and the lines of its standard error.

    `isolated`: it starts children that outlive it, so it has a PID namespace of its own.
    """

    def __init__(self, namespace: str, *command: str, isolated: bool = False) -> None:
        self._isolated = isolated
        before = OWN_PROCESSES if isolated else ()
        self._popen = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *before, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._lines.put(line.rstrip())
        self._lines.put(None)

    def expect(self, pattern: str, limit: float = LIMIT) -> "re.Match[str]":
        """Wait for a line, from the last that was waited for on."""
        end = time.monotonic() + limit
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError("\n".join([f"no line like {pattern!r} in", *self.seen]))
            self.seen.append(line)
            if match := re.search(pattern, line):
                return match

    def say(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._program(), number)

    def _program(self) -> int:
        """Return the process of the program: if isolated the child of unshare(1)."""
        own = self._popen.pid
        if not self._isolated:
            return own
        children = Path(f"/proc/{own}/task/{own}/children")
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if found := children.read_text().split():
                return int(found[0])
        raise AssertionError("the program has not started")

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        return self._popen.wait(LIMIT)

    def kill(self) -> None:
        """End it, and all that it has started, without a chance to tidy up."""
        self._popen.kill()
        self._popen.wait(LIMIT)

    def close(self) -> int:
        """End it; return the exit status."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                self.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait(LIMIT)
        finally:
            self._reader.join(LIMIT)
            # To close a pipe that a thread reads would wait for the thread, in C.
            assert not self._reader.is_alive(), "something holds the program's standard output"
            for pipe in (self._popen.stdin, self._popen.stdout):
                assert pipe is not None
                pipe.close()


class Tokay(Process):
    """A device, driven through its serial port as a host MCU does."""

    def __init__(self, namespace: str, radio: str, *options: str) -> None:
        super().__init__(
            namespace,
            sys.executable, "-c", "from tokay.cli import main; main()", "run", "--radio", radio,
            "--ephemeral", "--events", "--set", "wlan.ssid=cable", *options,
        )  # fmt: skip

    def event(self, name: str, limit: float = LIMIT) -> dict[str, Any]:
        """Wait for an event."""
        line = self.expect(rf'^{{"event": "{name}"', limit).string
        facts: dict[str, Any] = json.loads(line)
        return facts


class Console:
    """The host's end of the serial port, in machine format: nine bytes of header, then a body."""

    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, timeout=LIMIT)
        self.logs: list[str] = []
        """What the device has logged."""
        self._port.write(b"set system.cmd.format machine\r\n")
        assert self._port.read_until(b"R000008\r\nSet OK\r\n").endswith(b"Set OK\r\n")

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def human(self) -> None:
        """Go over to the format for people, which ``ask`` does not understand."""
        self._port.write(b"set system.cmd.format human\r\n")
        assert self._port.read_until(b"Set OK\r\n> ").endswith(b"Set OK\r\n> ")

    def ask(self, line: str, data: bytes = b"") -> tuple[int, str]:
        """Send a command and its data; return the code and the body."""
        self._port.write(line.encode() + b"\r\n" + data)
        while True:
            header = self._port.read(9)
            assert len(header) == 9, (line, header)
            body = self._port.read(int(header[2:7]))
            if header[:1] == b"R":
                return header[1] - 48, body[:-2].decode()
            self.logs.append(body[:-2].decode())

    def do(self, line: str, data: bytes = b"") -> str:
        """Do what must succeed."""
        code, body = self.ask(line, data)
        assert code == 0, (line, body)
        return body


@contextmanager
def device(wire: Wire, *options: str, radio: str = "wired:eth0") -> Iterator[tuple[Tokay, Console]]:
    """Start a device at its end of the wire."""
    with closing(Tokay(wire.device, radio, "--serial", "pty", *options)) as tokay:
        path = tokay.event("serial")["path"]
        tokay.event("ready")
        console = Console(path)
        try:
            yield tokay, console
        finally:
            console.close()


@contextmanager
def dnsmasq(wire: Wire, peer: Peer, *options: str) -> Iterator[Process]:
    """Start a DHCP and DNS server at the other end."""
    server = Process(
        wire.peer, *peer.command, "--no-daemon", "--conf-file=/dev/null", "--user=root",
        "--interface=eth0", "--bind-interfaces", "--dhcp-range=10.9.0.50,10.9.0.99,2m",
        "--dhcp-authoritative", "--no-ping", "--leasefile-ro", "--pid-file=", "--no-resolv",
        "--no-hosts", "--address=/thing.test/10.9.0.1", "--log-dhcp", "--log-facility=-", *options,
    )  # fmt: skip
    with closing(server):
        server.expect("sockets bound exclusively to interface eth0")
        yield server


@contextmanager
def echo(wire: Wire) -> Iterator[tuple[Process, int]]:
    """Start an echo server at the other end, which says who connects; give its port too."""
    program = (
        "import socket\n"
        f"server = socket.create_server(('{SERVER}', 0))\n"
        "print('port', server.getsockname()[1], flush=True)\n"
        "peer, address = server.accept()\n"
        "print('from', address[0], flush=True)\n"
        "while data := peer.recv(4096): peer.sendall(data)\n"
    )
    with closing(Process(wire.peer, sys.executable, "-c", program)) as server:
        yield server, int(server.expect(r"^port (\d+)")[1])


@contextmanager
def closing(process: Any) -> Iterator[Any]:
    """End a process with the block."""
    try:
        yield process
    finally:
        process.close()
