"""The WebSocket plugin: a client by command, and the endpoints of the HTTP server."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import Stream, StreamType
from tokay.kernel.value_types import NO_PIN, Pin
from tokay.kernel.variables import Applies, Variable
from tokay.plugins.gpio import variable_line
from tokay.plugins.http_server import HttpServer, Request
from tokay.plugins.ioconn import Ioconn, Way
from tokay.plugins.network import Interface
from tokay.plugins.streams import Streams, StreamStatusPins
from tokay.plugins.tls import Tls
from tokay.plugins.websocket.client import connected, websocket_client
from tokay.plugins.websocket.target import parse_url

if TYPE_CHECKING:
    from tokay.plugins.websocket.app import AppStreams
    from tokay.plugins.websocket.clients import Clients, Maker

STREAM, COMMANDS, TEXT_DATA = "/stream", "/cmdstream", "/zapstreams"

CONNECTED_GPIO = Variable(
    "http.server.connected_gpio", "ht s x", Pin(), NO_PIN, applies=Applies.NETWORK_RESTART,
    doc="The GPIO that is high while a WebSocket stream has a client.",
)  # fmt: skip


async def _by_pin(way: Way) -> Stream:
    """Open a WebSocket for `ioconn`, whose host may be a URL. Raises CommandError."""
    kernel, target = way.kernel, way.target
    named = "://" in target.host
    url = parse_url(target.host if named else f"ws://{target.host}:{target.port}/")
    files = kernel.plugin(Tls).files
    stream = await connected(kernel, way.interface, url, files=files, local_port=target.local_port)
    kernel.streams.admit(stream, auto=True)
    return stream


class WebSocket(Plugin):
    """WebSocket connections of one device. ``app``: the application streams of plugins."""

    name = "websocket"
    variables: ClassVar = (CONNECTED_GPIO,)
    commands: ClassVar = (websocket_client,)
    after = ("gpio", "http_server", "ioconn", "network", "streams", "tcp", "tls")

    __slots__ = ("_app", "_clients", "_kernel", "_lines", "_pins")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Register the endpoints that the product has."""
        self._kernel = kernel
        self._pins = board.pins
        self._lines: StreamStatusPins | None = None
        self._app: AppStreams | None = None
        self._clients: dict[str, Clients] = {}
        if kernel.variables[CONNECTED_GPIO] != NO_PIN:
            self._connected()
        kernel.plugin(Ioconn).offer("web", _by_pin)
        server = kernel.plugin(HttpServer)
        for path in kernel.profile.websockets:
            server.upgrade(path, self._take)

    async def stop(self) -> None:
        """Say goodbye to everyone."""
        for clients in self._clients.values():
            clients.leave()

    def network_down(self, interface: Interface) -> None:
        """Say goodbye to who came over an interface. Streams close with it by themselves."""
        for clients in self._clients.values():
            clients.leave(interface)

    @property
    def app(self) -> "AppStreams":
        """The application streams: register there what pages may read and write."""
        if self._app is None:
            from tokay.plugins.websocket.app import AppStreams  # noqa: PLC0415 - start-up time

            self._app = AppStreams()
        return self._app

    # Endpoints.

    def _take(self, request: Request, transport: asyncio.Transport, early: bytes) -> None:
        """Take a connection over, at whatever path."""
        if request.path == STREAM:
            self._stream(request, transport, early)
            return
        clients = self._clients.get(request.path)
        if clients is None:
            from tokay.plugins.websocket.clients import Clients  # noqa: PLC0415 - start-up time

            clients = self._clients[request.path] = Clients(self._maker(request.path))
        clients.take(request, transport, early)

    def _maker(self, path: str) -> "Maker":
        """Return what makes the clients of an endpoint."""
        if path == COMMANDS:
            from tokay.plugins.websocket.commands import CommandClient  # noqa: PLC0415 - start-up time

            return lambda _request, gone: CommandClient(self._kernel, gone)
        from tokay.plugins.websocket.app import (  # noqa: PLC0415 - start-up time
            JSON,
            MSGPACK,
            AppClient,
        )

        coding = JSON if path == TEXT_DATA else MSGPACK
        return lambda request, gone: AppClient(self.app, coding, request, gone)

    def _stream(self, request: Request, transport: asyncio.Transport, early: bytes) -> None:
        """`/stream`: a stream each."""
        from tokay.plugins.websocket.server import begin, key_of, refuse  # noqa: PLC0415 - as above
        from tokay.plugins.websocket.stream import WebSocketStream  # noqa: PLC0415 - as above

        key = key_of(request, transport)
        if not key:
            return
        streams = self._kernel.streams
        if streams.full or (streams.bridging and self._has_client()):
            refuse(transport, 503, "No streams available")
            return
        local, peer = request.local, request.peer
        info = f"{local[0]}:{local[1]} {peer[0]}:{peer[1]}"
        stream = WebSocketStream(self._kernel, request.interface, StreamType.WEBS, info)
        begin(stream.connection, transport, key)
        streams.open(stream, auto=True)
        self._kernel.plugin(Streams).follow(stream, self._connected())
        if early:
            stream.connection.data_received(early)

    def _has_client(self) -> bool:
        return any(
            stream.type == StreamType.WEBS and not stream.ended for stream in self._kernel.streams
        )

    def _connected(self) -> StreamStatusPins:
        """Return the line that tells of the clients of `/stream`."""
        if self._lines is None:
            line = variable_line(self._kernel, self._pins, CONNECTED_GPIO)
            self._lines = StreamStatusPins(connected=line)
        return self._lines
