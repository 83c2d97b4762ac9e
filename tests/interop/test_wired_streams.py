"""Streams of a device on a real cable, against socat at its other end."""

import subprocess
import time
from collections.abc import Callable

import pytest
from tests.interop.namespaces import LIMIT, Console, Process, Wire, closing, device
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

Get = Callable[[str], Peer]
PORT = 50000
STATIC = (
    "--set", "wlan.dhcp.enabled=0", "--set", "wlan.static.ip=10.9.0.7",
    "--set", "wlan.ssid=cable", "--set", "wlan.auto_join.enabled=1",
)  # fmt: skip


def socat(wire: Wire, peer: Peer, *words: str, data: bytes) -> None:
    """Let socat send something from the other end of the wire."""
    command = ["ip", "netns", "exec", wire.peer, *peer.command, *words]
    subprocess.run(command, input=data, check=True, timeout=LIMIT)


def polled(console: Console, handle: int) -> None:
    """Wait until a stream is there and has something unread."""
    end = time.monotonic() + LIMIT
    while console.ask(f"poll {handle}") != (0, "1"):
        assert time.monotonic() < end


def repeated(hearer: Process, pattern: str, say: Callable[[], object]) -> None:
    """Say something until it is heard: nobody tells when a program begins to listen."""
    end = time.monotonic() + LIMIT
    while True:
        say()
        try:
            hearer.expect(pattern, 0.2)
        except AssertionError:
            if time.monotonic() > end:
                raise
        else:
            return


@pytest.mark.parametrize("to", ["255.255.255.255", "10.9.0.255"])
def test_broadcasts_both_ways(wire: Wire, peer: Get, to: str) -> None:
    program = peer("socat")
    with device(wire, *STATIC) as (tokay, console):
        tokay.event("network_up")
        assert console.do(f"udpc {to} {PORT} {PORT}") == "0"
        there = f"UDP-DATAGRAM:{to}:{PORT},broadcast,bind=10.9.0.1"
        socat(wire, program, "-u", "-", there, data=b"hello")
        polled(console, 0)
        assert console.do("read 0 100") == "hello"
        listener = (*program.command, "-u", f"UDP-RECV:{PORT}", "-")
        with closing(Process(wire.peer, *listener)) as hearer:
            repeated(hearer, "^world$", lambda: console.do("write 0 6", b"world\n"))


def test_a_tcp_server_that_comes_back_with_the_cable(wire: Wire, peer: Get) -> None:
    program = peer("socat")
    options = ("--set", "tcp.server.auto_start=1", "--set", "wlan.auto_join.retry_delay=1")
    with device(wire, *STATIC, *options) as (tokay, console):
        for _ in range(2):
            tokay.event("network_up")
            client = Process(
                wire.peer, *program.command, "-u", "EXEC:echo hello", "TCP:10.9.0.7:3000"
            )
            with closing(client):
                polled(console, 0)
                assert console.do("read 0 100") == "hello\n"
            wire.plug(False)
            tokay.event("network_down")
            assert console.do("poll all") == "None"
            wire.plug(True)
