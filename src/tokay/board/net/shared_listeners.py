"""Listening for many addresses of this machine's loopback with few descriptors.

The first listeners of a port have a socket each, on their own address. When a fleet listens on one
port, the next ones share a socket on every address of the loopback device, and a connection finds
its listener by the local address that it came to; where there is none it is reset. So a device of
a fleet costs an entry in a table, and a single device keeps no port from other programs.

    listen -> own socket            while few listen on the port, or where sharing cannot be
           -> the shared socket     opened by the first that is one too many

All these sockets say SO_REUSEPORT, so that both kinds, and those of other Tokay processes, go
together: the kernel prefers the socket of the exact address (inet_lookup_listener). Two processes
with a shared socket on one port would each get half of the other's connections, so the port is
claimed on the whole machine first; who comes second goes on with own sockets. So does everybody
where another program listens on every address.
"""

import asyncio
import contextlib
import errno
import os
import socket
import weakref
from typing import Protocol, cast

from tokay.board.air.address_lock import AddressLocks, wildcard_ports
from tokay.board.net.pre_accept import RESET, Factory, PreAcceptFactory, PreAcceptServer
from tokay.board.net.sockets import BACKLOG, bind, bind_low, new_socket

OWN_SOCKETS = 8
"""Listeners of one port that have a socket of their own before one is shared."""
SHARED_BACKLOG = 4096
"""Connections that may wait to be accepted on a shared socket; the kernel may allow fewer."""
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of the loopback device alone


class _Closable(Protocol):
    """What listens on a socket: asyncio's server, or one that answers at once."""

    def close(self) -> None:
        """Stop listening."""


class SharedListener:
    """One listener on one address."""

    __slots__ = ("_address", "_port", "_server", "port")

    def __init__(self, port: "_SharedPort", address: str, server: _Closable | None) -> None:
        self._port: _SharedPort | None = port
        self._address = address
        self._server = server
        self.port = port.number

    def close(self) -> None:
        """Stop listening; accepted connections live on."""
        port, self._port = self._port, None
        if port is not None:
            if self._server is not None:
                self._server.close()
                port.own_sockets -= 1
            port.remove(self._address)


class _SharedPort(asyncio.Protocol):
    """One port: who listens on it. As a protocol it is the door of the shared socket."""

    def __init__(self, table: "SharedListeners", number: int) -> None:
        self.number = number
        self.own_sockets = 0
        self.opening = asyncio.Lock()
        self._table = table
        self._factories: dict[str, Factory] = {}
        self._server: _Closable | None = None
        self._locks: AddressLocks | None = None

    def add(self, address: str, factory: Factory) -> None:
        """Add the listener of an address. Raises OSError (EADDRINUSE) if it has one."""
        if address in self._factories:
            message = f"{address}:{self.number}: {os.strerror(errno.EADDRINUSE)}"
            raise OSError(errno.EADDRINUSE, message)
        self._factories[address] = factory

    def remove(self, address: str) -> None:
        """Remove the listener of an address; close the shared socket with the last."""
        self._factories.pop(address, None)
        if not self._factories:
            if self._server is not None:
                self._server.close()
                self._server = None
            if self._locks is not None:
                self._locks.release_port(self.number)
                self._locks = None
            self._table.ports.pop(self.number, None)

    async def open_shared(self, locks: AddressLocks) -> bool:
        """Open the shared socket if need be; return False where it cannot be opened."""
        async with self.opening:
            if self._server is None and self.own_sockets >= OWN_SOCKETS:
                await self._open_shared(locks)
        return self._server is not None

    async def _open_shared(self, locks: AddressLocks) -> None:
        if self.number in wildcard_ports() or not locks.acquire_port(self.number):
            return
        try:
            with new_socket(socket.SOCK_STREAM, _EVERY_ADDRESS, self.number) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
                bind(sock, _EVERY_ADDRESS, self.number)
                sock.listen(SHARED_BACKLOG)
                if any(isinstance(one, PreAcceptFactory) for one in self._factories.values()):
                    self._server = PreAcceptServer(sock, self._find)
                else:
                    self._server = await asyncio.get_running_loop().create_server(
                        lambda: self, sock=sock, backlog=SHARED_BACKLOG
                    )
        except OSError:
            locks.release_port(self.number)
        else:
            self._locks = locks

    def _find(self, sock: socket.socket) -> Factory | None:
        return self._factories.get(sock.getsockname()[0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        factory = self._factories.get(transport.get_extra_info("sockname")[0])
        if factory is None:
            with contextlib.suppress(OSError):
                sock = transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            cast("asyncio.Transport", transport).abort()
            return
        protocol = factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class SharedListeners:
    """The listeners of one loop, by port."""

    def __init__(self) -> None:
        self.ports: dict[int, _SharedPort] = {}
        self._moved_ports: dict[int, int] = {}

    async def listen(
        self, locks: AddressLocks, address: str, port: int, factory: Factory
    ) -> SharedListener:
        """Listen on a loopback address; low ports as for `Link.listen_tcp`. Raises OSError."""
        known = self.ports.get(self._moved_ports.get(port, port)) if port else None
        if known is not None and known.own_sockets >= OWN_SOCKETS:
            known.add(address, factory)
            try:
                if await known.open_shared(locks):
                    return SharedListener(known, address, None)
            except BaseException:
                known.remove(address)
                raise
            known.remove(address)
        return await self._listen_alone(address, port, factory)

    async def _listen_alone(self, address: str, port: int, factory: Factory) -> SharedListener:
        with new_socket(socket.SOCK_STREAM, address, port) as sock:
            if port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound = bind_low(sock, address, port)
            if port not in (0, bound):
                self._moved_ports[port] = bound
            here = self.ports.get(bound)
            if here is None:
                here = self.ports[bound] = _SharedPort(self, bound)
            here.add(address, factory)
            here.own_sockets += 1
            try:
                # Listening begins before the loop is asked: a port taken by someone who set
                # SO_REUSEADDR too shows only here.
                sock.listen(BACKLOG)
                server: _Closable
                if isinstance(factory, PreAcceptFactory):
                    server = PreAcceptServer(sock, lambda _sock: factory)
                else:
                    server = await asyncio.get_running_loop().create_server(
                        factory, sock=sock, backlog=BACKLOG
                    )
            except BaseException:
                here.own_sockets -= 1
                here.remove(address)
                raise
        return SharedListener(here, address, server)


_tables: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, SharedListeners]" = (
    weakref.WeakKeyDictionary()
)


def shared_listeners() -> SharedListeners:
    """Return the listeners of the running loop."""
    loop = asyncio.get_running_loop()
    table = _tables.get(loop)
    if table is None:
        table = _tables[loop] = SharedListeners()
    return table
