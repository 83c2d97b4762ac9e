"""A program of somebody else's on the same wire hears announcements."""

import json
import sys
from collections.abc import Callable

import pytest
from tests.interop.namespaces import MAC, Process, Wire, closing, device, dnsmasq
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

LISTENER = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", 55555))
print("listening", flush=True)
while True:
    data, (host, port) = sock.recvfrom(2000)
    print("heard", host, port, data.decode(), flush=True)
"""


def test_announcements_are_heard(wire: Wire, peer: Callable[[str], Peer]) -> None:
    with (
        dnsmasq(wire, peer("dnsmasq")),
        closing(Process(wire.peer, sys.executable, "-c", LISTENER)) as listener,
    ):
        listener.expect("listening")
        with device(wire, "--set", "broadcast.interval=1") as (_, console):
            console.do("network_up")
            (address,) = wire.addresses()
            for _ in range(2):
                heard = listener.expect(r"^heard (\S+) (\d+) (.*)")
                assert (heard[1], heard[2]) == (address, "55555")
                said = json.loads(heard[3])
                assert list(said) == console.do("get broadcast.data").split(",")
                assert said["ip"] == address
                assert said["mac"] == MAC == console.do("get wlan.mac")
                assert said["version"] == console.do("version")
