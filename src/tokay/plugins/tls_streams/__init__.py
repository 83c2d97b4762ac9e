"""TLS streams: clients and a server by command, and the server by itself.

Connecting, listening and the life of a stream are those of TCP; in between stands TLS. Source:
docs/protocol/network.md, sections 7.3 and 7.4.
"""

from collections.abc import Callable
from typing import ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError
from tokay.kernel.streams import StreamType
from tokay.plugins.network import Interface, Network
from tokay.plugins.tcp import (
    SERVER_AUTO_INTERFACE,
    SERVER_AUTO_START,
    SERVER_PORT,
    StreamServer,
    Tcp,
    Wrap,
    client_command,
    dial_tls,
    server_command,
)
from tokay.plugins.tls import (
    SERVER_CA_CERT,
    SERVER_CERT,
    SERVER_ENABLED,
    SERVER_KEY,
    Credentials,
    Tls,
)


@command(
    "tls_client",
    "tlsc",
    "[-i interface] [-l local_port] [-g gpio] [host] [port] [ca_cert] [client_cert] [client_key]",
)
async def tls_client(call: Call) -> str:
    """Connect to a TLS server; the response is the stream's handle."""
    tls = call.kernel.plugin(Tls)
    ca, cert, key = tls.files
    files = Credentials(
        call.get("ca_cert", ca), call.get("client_cert", cert), call.get("client_key", key)
    )
    return await client_command(call, StreamType.TLSC, dial_tls(tls, files))


@command("tls_server", "tlss", "[-i interface] action [port] [cert] [key] [ca_cert]")
async def tls_server(call: Call) -> None:
    """`start` or `stop` a TLS server; each of its clients is a stream."""
    values = call.kernel.variables
    files = Credentials(
        call.get("ca_cert", values[SERVER_CA_CERT]),
        call.get("cert", values[SERVER_CERT]),
        call.get("key", values[SERVER_KEY]),
    )
    server = call.kernel.plugin(TlsStreams).server
    await server_command(call, server, over_tls(call.kernel, lambda: files))


def over_tls(kernel: Kernel, files: Callable[[], Credentials]) -> Wrap:
    """Return what puts TLS in front of a server's streams, with the files of that moment."""
    return lambda factory: kernel.plugin(Tls).serve(factory, files())


class TlsStreams(Plugin):
    """TLS clients and a server."""

    name = "tls_streams"
    commands: ClassVar = (tls_client, tls_server)
    after = ("tcp", "tls")

    __slots__ = ("_kernel", "_server")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin without a server."""
        self._kernel = kernel
        self._server: StreamServer | None = None

    @property
    def server(self) -> StreamServer:
        """The server of `tls_server`."""
        if self._server is None:
            self._server = self._kernel.plugin(Tcp).new_server(StreamType.TLSS)
        return self._server

    async def network_up(self, interface: Interface) -> None:
        """Serve on an interface that has come up, if the server that does so is to speak TLS."""
        values = self._kernel.variables
        if not (values[SERVER_ENABLED] and values[SERVER_AUTO_START]):
            return
        network = self._kernel.plugin(Network)
        if network.resolve(values[SERVER_AUTO_INTERFACE]) != interface.name:
            return
        if self.server.wanted is not None:
            return

        def files() -> Credentials:
            return Credentials(values[SERVER_CA_CERT], values[SERVER_CERT], values[SERVER_KEY])

        try:
            await self.server.start(
                interface, values[SERVER_PORT], wrap=over_tls(self._kernel, files), auto=True
            )
        except CommandError:
            return  # the log has the reason


PLUGIN = TlsStreams
