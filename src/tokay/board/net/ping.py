"""One echo request over a real network, by whichever socket this process may have."""

import asyncio
import contextlib
import itertools
import secrets
import socket

from tokay.protocols.icmp import echo_request, is_reply

_MAX_PACKET = 2048
_sequences = itertools.count(1)


async def ping(address: str, source: str | None, ifname: str | None = None) -> float:
    """Return the seconds until an address answers. The caller sets the time limit.

    A datagram socket needs the group to be in net.ipv4.ping_group_range, a raw one CAP_NET_RAW.
    Raises OSError: EPERM if neither is to be had.
    """
    loop = asyncio.get_running_loop()
    sequence, payload = next(_sequences) & 0xFFFF, secrets.token_bytes(16)
    with _socket() as sock:
        if ifname is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ifname.encode())
        if source is not None:
            sock.bind((source, 0))
        answered = loop.create_future()

        def receive() -> None:
            with contextlib.suppress(BlockingIOError):
                packet, (sender, _) = sock.recvfrom(_MAX_PACKET)
                if (
                    sender == address
                    and is_reply(packet, sequence, payload)
                    and not answered.done()
                ):
                    answered.set_result(loop.time())

        loop.add_reader(sock, receive)
        try:
            started = loop.time()
            sock.sendto(echo_request(secrets.randbits(16), sequence, payload), (address, 0))
            return float(await answered) - started
        finally:
            loop.remove_reader(sock)


def _socket() -> socket.socket:
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | flags, socket.IPPROTO_ICMP)
    except PermissionError:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW | flags, socket.IPPROTO_ICMP)
