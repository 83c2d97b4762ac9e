"""Making sockets for links: bound to a link's address, errors told with the peer's name."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator

LOW_PORT_OFFSET = 8000
"""Added to a port under 1024 that this process may not bind."""

BACKLOG = 128

_FIRST_FREE_PORT = 1024
# linux/in.h; in Python's socket module from 3.12. The local port is then chosen at connect, and
# need only be unique together with the peer: a fleet does not run out of them.
_IP_BIND_ADDRESS_NO_PORT = 24


class SocketListener:
    """A listening socket: the `Listener` of links that keep nothing more of it."""

    __slots__ = ("_server", "port")

    def __init__(self, server: asyncio.Server, port: int) -> None:
        self._server = server
        self.port = port

    def close(self) -> None:
        """Stop listening; accepted connections live on."""
        self._server.close()


@contextlib.contextmanager
def new_socket(kind: socket.SocketKind, ip: str, port: int) -> Iterator[socket.socket]:
    """Make a socket, close it if setting it up fails, and say in the error whom it was for."""
    # With the protocol named asyncio sees that it is TCP, and lets small writes go at once.
    protocol = socket.IPPROTO_TCP if kind is socket.SOCK_STREAM else socket.IPPROTO_UDP
    options = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    sock = socket.socket(socket.AF_INET, kind | options, protocol)
    try:
        if kind is socket.SOCK_STREAM:
            # A connection in TIME_WAIT keeps its peer from the port, and must keep nobody else.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield sock
    except OSError as error:
        sock.close()
        if error.errno is None:
            raise
        raise OSError(error.errno, f"{ip}:{port}: {os.strerror(error.errno)}") from error
    except BaseException:
        sock.close()
        raise


async def connect(sock: socket.socket, address: tuple[str, int]) -> None:
    """Connect a socket. Raises OSError.

    On loopback a connection is there, or refused, before the system call is back: to look saves two
    turns of the loop, which are half of what a short connection costs.
    """
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
        return
    result = sock.connect_ex(address)
    if result in (errno.EALREADY, errno.EINPROGRESS):
        await asyncio.get_running_loop().sock_connect(sock, address)
    elif result not in (0, errno.EISCONN):
        raise OSError(result, os.strerror(result))


def bind_to_connect(sock: socket.socket, address: str, port: int) -> None:
    """Bind a socket that will connect; port 0 leaves the choice for then."""
    if not port:
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    bind(sock, address, port)


def bind(sock: socket.socket, address: str, port: int) -> int:
    """Bind; return the port."""
    sock.bind((address, port))
    bound: int = sock.getsockname()[1]
    return bound


def bind_low(sock: socket.socket, address: str, port: int) -> int:
    """Bind, to port + 8000 if a low port is not for us; return the port."""
    try:
        return bind(sock, address, port)
    except PermissionError:
        if not 0 < port < _FIRST_FREE_PORT:
            raise
    return bind(sock, address, port + LOW_PORT_OFFSET)


def bind_shared(sock: socket.socket, address: str, port: int) -> None:
    """Bind to a broadcast address; every socket bound so receives each datagram."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bind(sock, address, port)


def no_address() -> OSError:
    """Return the error of a link that has no address, or none any more."""
    return OSError(errno.ENETDOWN, "the link has no address")
