"""UDP: a client and a server by command and by themselves."""

from typing import ClassVar

from tokay.board.board import Board
from tokay.board.pins import Pins
from tokay.kernel import system_variables
from tokay.kernel.commands import MAX_DATA, Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.kernel.value_types import NO_PIN, Ipv4, integer
from tokay.plugins.gpio import variable_line
from tokay.plugins.network import Interface, Network
from tokay.plugins.streams import StreamStatusPins
from tokay.plugins.udp import variables as udp
from tokay.plugins.udp.client import AutoUdpClient, udp_client
from tokay.plugins.udp.inbox import Peer
from tokay.plugins.udp.server import UdpServer, UdpServerStream
from tokay.protocols.framing import MAX_BODY

WORDS = {"start": (0, 1), "stop": (0, 0), "read": (2, 3), "write": (4, 4)}
"""How few and how many words stand behind each action."""


@command("udp_server", "udps", "[-i interface] action [words...]", data="size")
async def udp_server(call: Call) -> str | bytes | None:
    """`start [port]`, `stop`, `read handle size [ip:port]`, `write handle ip port size` with data.

    The response to `start` is the handle of the stream, that to `read` the sender's address and
    port, a blank, and one datagram: of any client, or of the one that is named.
    """
    action, words = call["action"], call.rest
    if action not in WORDS:
        call.without_data()
        raise bad_args(f"{action} is not one of {', '.join(WORDS)}")
    least, most = WORDS[action]
    if len(words) < least:
        raise CommandError(Result.TOO_FEW_ARGS)
    if len(words) > most:
        raise CommandError(Result.TOO_MANY_ARGS)
    if action == "write":
        call.values["size"] = words[3]
        await _write(call, words)
        return None
    call.without_data()
    if action == "read":
        return await _read(call, words)
    plugin = call.kernel.plugin(Udp)
    if action == "stop":
        plugin.server.stop()
        return None
    port = integer(words[0], 1, 65535) if words else call.kernel.variables[udp.SERVER_PORT]
    interface = await call.kernel.plugin(Network).need(call.get("interface"))
    handle = await plugin.server.start(interface, port)
    await plugin.server.preset()
    return str(handle)


async def _read(call: Call, words: list[str]) -> bytes:
    size = integer(words[1], 1, MAX_BODY)
    stream = _stream(call, words[0])
    limit = call.kernel.variables[system_variables.READ_TIMEOUT] / 1000
    if len(words) > 2:
        if not await stream.fill_from(_peer(words[2]), limit):
            return b""
    else:
        await stream.fill(1, limit)
    sender = stream.sender
    if sender is None:
        return b""
    data = await call.kernel.streams.read(stream.handle, size, 0)
    return f"{sender[0]}:{sender[1]} ".encode() + data


def _peer(word: str) -> Peer:
    """Return the client that `ip:port` names. Raises CommandError."""
    host, _, port = word.rpartition(":")
    return Ipv4().parse([host]), integer(port, 1, 65535)


async def _write(call: Call, words: list[str]) -> None:
    size = call.number("size", 1, MAX_DATA)
    peer = (Ipv4().parse([words[1]]), integer(words[2], 1, 65535))
    _stream(call, words[0])
    data = await call.data(size)
    _stream(call, words[0]).send_to(data, peer)


def _stream(call: Call, word: str) -> UdpServerStream:
    """Return the server's stream, if that is its handle. Raises CommandError."""
    stream = call.kernel.plugin(Udp).server.stream
    if stream is None or str(stream.handle) != word:
        raise failed(f"{word} is no UDP server")
    return stream


class Udp(Plugin):
    """UDP clients and one server. Nothing is made for a device that uses neither."""

    name = "udp"
    variables = (*udp.CLIENT, *udp.SERVER)
    commands: ClassVar = (udp_client, udp_server)
    after = ("gpio", "network", "streams")

    __slots__ = ("_auto", "_kernel", "_pins", "_server")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Show on the pin that nothing is unread."""
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._server: UdpServer | None = None
        self._auto: AutoUdpClient | None = None
        self._show_line()

    async def stop(self) -> None:
        """Open nothing more."""
        if self._auto is not None:
            await self._auto.stop()

    @property
    def server(self) -> UdpServer:
        """The server of `udp_server`."""
        if self._server is None:
            line = variable_line(self._kernel, self._pins, udp.DATA_GPIO)
            self._server = UdpServer(self._kernel, StreamStatusPins(data=line))
        return self._server

    async def network_up(self, interface: Interface) -> None:
        """Serve, and open a client, on an interface that has come up."""
        self._show_line()
        if self._server is not None:
            await self._server.network_up(interface)
        values, network = self._kernel.variables, self._kernel.plugin(Network)
        if values[udp.SERVER_AUTO_START] and network.serves(
            values[udp.SERVER_AUTO_INTERFACE], interface
        ):
            await self._auto_serve(interface)
        if values[udp.CLIENT_AUTO_START] and network.serves(
            values[udp.CLIENT_AUTO_INTERFACE], interface
        ):
            if self._auto is None:
                self._auto = AutoUdpClient(self._kernel)
            self._auto.network_up(interface)

    def network_down(self, interface: Interface) -> None:
        """Stop the auto-start client of an interface that goes down."""
        if self._auto is not None:
            self._auto.network_down(interface)

    async def _auto_serve(self, interface: Interface) -> None:
        if self.server.wanted is not None:
            return
        port = self._kernel.variables[udp.SERVER_PORT]
        try:
            await self.server.start(interface, port, auto=True)
        except CommandError:
            return  # the log has the reason

    def _show_line(self) -> None:
        if self._kernel.variables[udp.DATA_GPIO] != NO_PIN:
            assert self.server is not None  # noqa: S101 - it makes the line
