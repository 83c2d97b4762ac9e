"""TCP: clients and a server by command and by themselves."""

from typing import ClassVar

from tokay.board.board import Board
from tokay.board.pins import Pins
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, bad_args
from tokay.kernel.streams import StreamType
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.gpio import variable_line
from tokay.plugins.network import Interface, Network
from tokay.plugins.streams import StreamStatusPins
from tokay.plugins.tcp import variables as tcp
from tokay.plugins.tcp.auto import AutoTcpClient
from tokay.plugins.tcp.client import tcp_client
from tokay.plugins.tcp.server import StreamServer, Wrap
from tokay.plugins.tls import SERVER_ENABLED as TLS_ENABLED


async def server_command(call: Call, server: StreamServer, wrap: Wrap | None = None) -> None:
    """Carry out `*_server [-i interface] action [port]`. Raises CommandError."""
    action = call["action"]
    if action == "stop":
        server.stop(call.number("port", 1, 65535) if "port" in call else None)
        return
    if action != "start":
        raise bad_args(f"{action} is neither start nor stop")
    port = call.number("port", 1, 65535, call.kernel.variables[tcp.SERVER_PORT])
    interface = await call.kernel.plugin(Network).need(call.get("interface"))
    await server.start(interface, port, wrap=wrap)


@command("tcp_server", "tcps", "[-i interface] action [port]")
async def tcp_server(call: Call) -> None:
    """`start` or `stop` a TCP server; each of its clients is a stream."""
    await server_command(call, call.kernel.plugin(Tcp).server)


class Tcp(Plugin):
    """TCP clients and servers.

    ``server`` is the one of `tcp_server`; a server over TCP is made by ``new_server``. Nothing is
    made for a device that uses neither.
    """

    name = "tcp"
    variables = (*tcp.CLIENT, *tcp.SERVER)
    commands: ClassVar = (tcp_client, tcp_server)
    after = ("gpio", "network", "streams", "tls")

    __slots__ = ("_auto", "_kernel", "_lines", "_pins", "_server", "_servers")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Show on the pins that nobody is connected."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._lines: StreamStatusPins | None = None
        self._servers: list[StreamServer] = []
        self._server: StreamServer | None = None
        self._auto: AutoTcpClient | None = None
        self._show_lines()

    async def stop(self) -> None:
        """Listen and connect no more."""
        for server in self._servers:
            server.close()
        if self._auto is not None:
            await self._auto.stop()

    @property
    def server(self) -> StreamServer:
        """The server of `tcp_server`."""
        if self._server is None:
            self._server = self.new_server(StreamType.TCPS)
        return self._server

    def new_server(self, type: StreamType) -> StreamServer:
        """Return a server, stopped, that goes by `tcp.server` and comes back with the network."""
        if not self._servers:
            self._kernel.variables.watch(tcp.IDLE_TIMEOUT, self._idle_timeout_changed)
        server = StreamServer(self._kernel, type, self._need_lines())
        self._servers.append(server)
        return server

    async def network_up(self, interface: Interface) -> None:
        """Serve, and connect, on an interface that has come up."""
        self._show_lines()
        for server in self._servers:
            await server.network_up(interface)
        values, network = self._kernel.variables, self._kernel.plugin(Network)
        if values[tcp.SERVER_AUTO_START] and network.serves(
            values[tcp.SERVER_AUTO_INTERFACE], interface
        ):
            await self._auto_serve(interface)
        if values[tcp.CLIENT_AUTO_START] and network.serves(
            values[tcp.CLIENT_AUTO_INTERFACE], interface
        ):
            if self._auto is None:
                self._auto = AutoTcpClient(self._kernel)
            self._auto.network_up(interface)

    def network_down(self, interface: Interface) -> None:
        """Stop the auto-start client of an interface that goes down."""
        for server in self._servers:
            server.network_down(interface)
        if self._auto is not None:
            self._auto.network_down(interface)

    async def _auto_serve(self, interface: Interface) -> None:
        if self._kernel.variables[TLS_ENABLED] or self.server.wanted is not None:
            return  # with TLS it is the server of `tls_server`
        port = self._kernel.variables[tcp.SERVER_PORT]
        try:
            await self.server.start(interface, port, auto=True)
        except CommandError:
            return  # the log has the reason

    def _show_lines(self) -> None:
        values = self._kernel.variables
        if any(values[pin] != NO_PIN for pin in (tcp.CONNECTED_GPIO, tcp.DATA_GPIO)):
            self._need_lines()

    def _need_lines(self) -> StreamStatusPins:
        """Return the pins that tell of the clients of all servers."""
        if self._lines is None:
            self._lines = StreamStatusPins(
                connected=variable_line(self._kernel, self._pins, tcp.CONNECTED_GPIO),
                data=variable_line(self._kernel, self._pins, tcp.DATA_GPIO),
            )
        return self._lines

    def _idle_timeout_changed(self, _index: str, _seconds: int) -> None:
        for server in self._servers:
            for client in server.clients:
                client.watch_idleness()
