"""Servers whose clients are streams, over TCP or over something on top of it.

A server that was started listens whenever its interface is up, until it is stopped: what the
network takes away comes back with it. The listener has no stream; each client has one.

Source: docs/protocol/network.md, section 7.2.
"""

import asyncio
from collections.abc import Callable

from tokay.board.link import TcpListener
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import Stream, StreamType
from tokay.plugins.network import AutoStartServer, Interface, ListenRequest, TcpStream, keep_alive
from tokay.plugins.streams import Streams, StreamStatusPins
from tokay.plugins.tcp.variables import IDLE_TIMEOUT, MAX_CLIENTS

Factory = Callable[[], asyncio.BaseProtocol]
Wrap = Callable[[Factory], Factory]
"""Puts something, such as TLS, between a connection and its stream. Raises CommandError."""


class TcpServerStream(TcpStream):
    """One client of a server."""

    __slots__ = ("_loop", "_server", "_timer", "heard")

    def __init__(self, server: "StreamServer", interface: Interface, kernel: Kernel) -> None:
        super().__init__(kernel, interface, server.type, "")
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.heard = self._loop.time()
        """When something was last exchanged."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        here, there = (transport.get_extra_info(name) for name in ("sockname", "peername"))
        if here is None or there is None:  # reset before it was looked at
            self.drop()
            return
        self.info = f"{here[0]}:{here[1]} {there[0]}:{there[1]}"
        self._server.admit(self, transport)
        self.watch_idleness()

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        super().data_received(data)

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> None:
        self.heard = self._loop.time()
        super().write(data, flags)

    def close(self) -> None:
        super().close()
        self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._let_go()

    def drop(self) -> None:
        """Break the connection off, as if the peer had: what it sent can still be read."""
        if self._transport is not None:
            self._transport.abort()

    def watch_idleness(self) -> None:
        """Drop the client once nothing is exchanged for `tcp.server.idle_timeout`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limit = self._kernel.variables[IDLE_TIMEOUT]
        if not limit or self.ended or self._transport is None or self._transport.is_closing():
            return
        if self._loop.time() >= self.heard + limit:
            self._kernel.log.line(f"Idle timeout: {self.handle}")
            self.drop()
        else:
            self._timer = self._loop.call_at(self.heard + limit, self.watch_idleness)

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._server.forget(self)


class StreamServer(AutoStartServer):
    """One server. ``type``: what its clients are in `stream_list`. ``lines`` tell of them."""

    __slots__ = ("_lines", "_listener", "_refusing", "_wrap", "clients", "type")

    def __init__(self, kernel: Kernel, type: StreamType, lines: StreamStatusPins) -> None:
        super().__init__(kernel)
        self._lines = lines
        self._listener: TcpListener | None = None
        self._wrap: Wrap | None = None
        self._refusing = False
        self.type = type
        self.clients: set[TcpServerStream] = set()
        """Those that are connected."""

    async def start(
        self, interface: Interface, port: int, *, wrap: Wrap | None = None, auto: bool = False
    ) -> None:
        """Listen, now and whenever the interface comes up again.

        ``auto``: nobody asked for it by command. Raises CommandError; it is then stopped.
        """
        if self.wanted is None:
            self._wrap = wrap
        await self._begin(interface, port, auto=auto)

    def stop(self, port: int | None = None) -> None:
        """Stop listening and close every client. Raises CommandError when it is not started.

        ``port`` must be the one that it was started with.
        """
        if self.wanted is None or port not in (None, self.wanted.port):
            raise failed("no such server has been started")
        self.wanted = None
        self._deafen()
        for stream in [one for one in self._kernel.streams if self._is_ours(one)]:
            self._kernel.streams.close(stream)

    def network_down(self, interface: Interface) -> None:
        """Listen no more, for now. The network closes the streams."""
        if self.wanted is not None and self.wanted.interface == interface.name:
            self._deafen()

    def close(self) -> None:
        """End; whoever closes the streams does so for all of them."""
        self.wanted = None
        self._deafen()

    async def _open(self, interface: Interface, wanted: ListenRequest) -> None:
        def client() -> asyncio.BaseProtocol:
            return TcpServerStream(self, interface, self._kernel)

        factory = client if self._wrap is None else self._wrap(client)
        listener = await interface.listen_tcp(factory, wanted.port)
        if self.wanted is not wanted or not interface.up:
            listener.close()  # stopped meanwhile
            return
        self._deafen()
        self._listener = listener

    def _deafen(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _is_ours(self, stream: Stream) -> bool:
        return isinstance(stream, TcpServerStream) and stream.type is self.type

    # What its clients tell.

    def admit(self, stream: TcpServerStream, transport: asyncio.BaseTransport) -> None:
        """Open a stream for a connection that came, or drop it when there are too many."""
        kernel, wanted = self._kernel, self.wanted
        most = 1 if kernel.streams.bridging else kernel.variables[MAX_CLIENTS]
        if kernel.streams.bridging:
            # One whose sending half is shut makes way.
            for one in tuple(self.clients):
                if one.finish_half_closed():
                    self.clients.discard(one)
        if wanted is None or not stream.interface.up or len(self.clients) >= most:
            stream.drop()
            return
        if kernel.streams.full:
            if not self._refusing:  # said once, however many come
                kernel.log.line("No streams available")
            self._refusing = True
            stream.drop()
            return
        self._refusing = False
        self.clients.add(stream)
        keep_alive(kernel.variables, transport)
        kernel.streams.open(stream, auto=wanted.auto)
        kernel.plugin(Streams).follow(stream, self._lines)

    def forget(self, stream: TcpServerStream) -> None:
        """Called when a client has disconnected."""
        self.clients.discard(stream)
