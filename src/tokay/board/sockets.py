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
    sock = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
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
    """Bind to a broadcast address, on which all who are bound so hear the same."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bind(sock, address, port)


def no_address() -> OSError:
    """Return the error of a link that has no address, or none any more."""
    return OSError(errno.ENETDOWN, "the link has no address")
