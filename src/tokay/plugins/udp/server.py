"""The UDP server: one stream for everybody. Source: docs/protocol/network.md, section 8.2.

It is a stream from its start to its stop. One that the network takes away comes back with it; one
that is closed by `stream_close` is stopped.
"""

import asyncio

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import failed
from tokay.kernel.streams import StreamType
from tokay.plugins.network import AutoStartServer, Interface, ListenRequest
from tokay.plugins.streams import Streams, StreamStatusPins
from tokay.plugins.udp.inbox import Peer
from tokay.plugins.udp.stream import UdpStream
from tokay.plugins.udp.variables import LOCK_CLIENT, SERVER_HOST, SERVER_REMOTE_PORT


class UdpServerStream(UdpStream):
    """Hears all and answers the last; or with `udp.server.lock_client` the first one only."""

    __slots__ = ("_preset", "_server")

    def __init__(self, server: "UdpServer", kernel: Kernel, interface: Interface) -> None:
        super().__init__(kernel, interface, StreamType.UDPS)
        self._server = server
        self._preset = False

    def preset(self, peer: Peer) -> None:
        """Return the peer that is written to before any has sent."""
        if self.peer is None:
            self.learn(peer)

    def hears(self, peer: Peer) -> bool:
        if not super().hears(peer):
            return False
        if self.peer is not None and self.peer != peer and self._kernel.variables[LOCK_CLIENT]:
            return False
        self.learn(peer)
        return True

    def close(self) -> None:
        super().close()
        self._server.closed(self)


class UdpServer(AutoStartServer):
    """The server of `udp_server`."""

    __slots__ = ("_lines", "_presetting", "stream")

    def __init__(self, kernel: Kernel, lines: StreamStatusPins) -> None:
        super().__init__(kernel)
        self._lines = lines
        self._presetting: asyncio.Task[None] | None = None
        self.stream: UdpServerStream | None = None

    async def start(self, interface: Interface, port: int, *, auto: bool = False) -> int:
        """Open the stream, now and whenever the interface comes up again; return its handle.

        Raises CommandError; it is then stopped.
        """
        if self.wanted is None:
            self._kernel.streams.reserve()
        await self._begin(interface, port, auto=auto)
        assert self.stream is not None  # noqa: S101 - it has just been opened
        return self.stream.handle

    def stop(self) -> None:
        """Close the stream. Raises CommandError when the server is not started."""
        if self.wanted is None:
            raise failed("the server has not been started")
        self.wanted = None
        if self.stream is not None:
            self._kernel.streams.close(self.stream)

    def closed(self, stream: UdpServerStream) -> None:
        """Called when the stream is closed, on this side or because the network went down."""
        if self.stream is stream:
            self.stream = None
            if self._presetting is not None:
                self._presetting.cancel()
            if stream.interface.up:
                self.wanted = None

    async def preset(self) -> None:
        """Return once the server knows the peer that the settings name, or that it is unknown."""
        if self._presetting is not None:
            await asyncio.wait([self._presetting])

    async def _preset(self, stream: UdpServerStream) -> None:
        values = self._kernel.variables
        host, port = values[SERVER_HOST], values[SERVER_REMOTE_PORT]
        if not host or not port:
            return
        try:
            async with stream.interface.while_up():
                stream.preset((await stream.interface.resolve(host), port))
        except OSError as error:
            self._kernel.log.line(str(error.strerror or error))

    async def _open(self, interface: Interface, wanted: ListenRequest) -> None:
        stream = UdpServerStream(self, self._kernel, interface)
        await stream.bind(wanted.port)
        stream.info = f"({stream.port})"
        if self.wanted is not wanted or not interface.up:
            stream.close()
            raise failed("stopped meanwhile")
        self._kernel.streams.admit(stream, auto=wanted.auto)
        self.stream = stream
        self._kernel.plugin(Streams).follow(stream, self._lines)
        self._presetting = asyncio.get_running_loop().create_task(self._preset(stream))
