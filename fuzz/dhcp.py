"""Coverage-guided fuzzing of the DHCP codec, client and server. See README.md beside this."""

import random
import sys
from ipaddress import IPv4Address

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols.dhcp import DhcpClient, DhcpError, DhcpMessage, DhcpServer, ServerConfig

MAC = bytes.fromhex("4c55cc001122")
COOKIE = b"\x63\x82\x53\x63"
CONFIG = ServerConfig(
    address=IPv4Address("10.10.10.1"),
    netmask=IPv4Address("255.255.255.0"),
    gateway=IPv4Address("10.10.10.1"),
    dns=(IPv4Address("10.10.10.1"),),
    pool_first=IPv4Address("10.10.10.2"),
    pool_last=IPv4Address("10.10.10.9"),
)


def addressed(data: bytes, op: int, xid: bytes = b"\0\0\0\1") -> bytes:
    """Lay `data` out as a message that is for us: its op, xid, hardware address and cookie."""
    fixed, options = data[:24].ljust(24, b"\0"), data[24:]
    names, options = (options[:192], options[192:]) if fixed[0] & 1 else (b"", options)
    header = bytes((op, 1, 6, 0)) + xid + fixed[:20] + MAC.ljust(16, b"\0")
    return header + names.ljust(192, b"\0") + COOKIE + options


def fuzz_codec(data: bytes) -> None:
    """Any bytes are a message or `DhcpError`, and a message that was read can be written."""
    try:
        message = DhcpMessage.decode(data)
    except DhcpError:
        return
    for text in (message.hostname, message.domain, message.message):
        assert text.isprintable()
    repr((message.message_type, message.server_id, message.dns, message.routers))
    if len(data) < 3000:
        assert DhcpMessage.decode(message.encode()) == message


def fuzz_client(data: bytes) -> None:
    """A client takes in anything, in any of its states, and still has a plan."""
    client = DhcpClient(MAC, rng=random.Random(1))
    client.start(0)
    for now in range(30):
        client.handle_timer(now)
        for outgoing in client.datagrams_to_send():
            client.receive(addressed(data, 2, outgoing.data[4:8]), now)
        client.receive(data, now)
        client.events()
    lease = client.lease
    assert client.get_timer() is not None or (lease and lease.lease_time == 0xFFFFFFFF)


def fuzz_server(data: bytes) -> None:
    """A server takes in anything, and what it says can be read."""
    server = DhcpServer(CONFIG)
    for now, datagram in enumerate((data, addressed(data, 1), addressed(data, 1))):
        for outgoing in server.receive(datagram, now):
            assert DhcpMessage.decode(outgoing.data).op == 2
    assert len(server.leases(3)) <= 1


def fuzz(data: bytes) -> None:
    fuzz_codec(data)
    fuzz_codec(addressed(data, 1))
    fuzz_client(data)
    fuzz_server(data)


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=8192", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
