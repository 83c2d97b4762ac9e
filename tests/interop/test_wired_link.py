"""A wired link's sockets, from the other end of the wire, on both loops."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.interop.namespaces import SERVER, Process, Wire, ip

pytestmark = pytest.mark.usefixtures("leftovers")

# In the device's namespace: join, take an address, serve TCP and UDP, then take another.
PROGRAM = """
import asyncio, errno, sys
from tokay.board.radio import JoinRequest
from tokay.board.wired import WiredRadio

class Upper(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data.upper())

class UpperUdp(Upper, asyncio.DatagramProtocol):
    def datagram_received(self, data, peer):
        self.transport.sendto(data.upper(), peer)

async def main():
    radio = WiredRadio("eth0")
    link = await radio.join(JoinRequest("cable"))
    for address in ("10.9.0.7", "10.9.0.8"):
        await link.verify_free(address)
        link.configure(address, "255.255.255.0", "10.9.0.1", "")
        listener = await link.listen_tcp(Upper, 80)
        udp, _ = await link.open_udp(UpperUdp, port=80)
        print("serving", link.address, listener.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        udp.close()
    for bad in (
        ("10.9.0.999", "255.255.255.0", "0.0.0.0", ""),
        ("10.9.0.9", "255.0.255.0", "0.0.0.0", ""),
        ("10.9.0.9", "255.255.255.0", "nowhere", ""),
        ("10.9.0.9", "255.255.255.0", "0.0.0.0", "10.9.0.1,nobody"),
    ):
        try:
            link.configure(*bad)
        except OSError as error:
            print("refused", errno.errorcode[error.errno], link.address, flush=True)
    await radio.leave()
    print("left", link.address, flush=True)

if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""

CLIENT = """
import socket, sys
address = (sys.argv[1], 80)
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(5)
        sock.connect(address)
        sock.send(b"hello")
        print(sock.recv(100).decode())
"""


def ask(wire: Wire, address: str) -> str:
    command = ["ip", "netns", "exec", wire.peer, sys.executable, "-c", CLIENT, address]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_servers_are_reached_and_move_with_the_address(
    wire: Wire, loop: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = Process(wire.device, sys.executable, str(program), loop)
    try:
        for address in ("10.9.0.7", "10.9.0.8"):
            process.expect(f"^serving {address} 80$")
            assert ask(wire, address) == "HELLO\nHELLO\n"
            assert wire.addresses() == [address]
            assert f"default via {SERVER}" in ip("-n", wire.device, "route")
            process.say("")
        for _ in range(4):
            process.expect("^refused EADDRNOTAVAIL 10.9.0.8$")
        process.expect("^left None$")
        assert process.wait() == 0
        assert wire.addresses() == []
    finally:
        process.close()
