"""Listens where the settings say, and lets one client at a time in.

Source: docs/protocol/command-protocol.md, sections 1 and 14.
"""

from typing import TYPE_CHECKING

from tokay.board.board import Board
from tokay.board.link import TcpListener
from tokay.kernel.events import RemoteTerminalChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.network import Interface, Network
from tokay.plugins.remote_terminal import variables as settings

if TYPE_CHECKING:
    from tokay.plugins.remote_terminal.terminal import Terminal


class RemoteTerminal(Plugin):
    """The listener of one device, and the client that it lets in."""

    name = "remote_terminal"
    variables = (
        settings.ENABLED,
        settings.INTERFACE,
        settings.PASSWORD,
        settings.PORT,
        settings.TIMEOUT,
    )
    after = ("network", "bus")

    __slots__ = ("_interface", "_kernel", "_listener", "_terminal")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Wait for the network."""
        self._kernel = kernel
        self._interface: Interface | None = None
        self._listener: TcpListener | None = None
        self._terminal: Terminal | None = None

    async def network_up(self, interface: Interface) -> None:
        """Listen, if this is the interface."""
        values = self._kernel.variables
        wanted = self._kernel.plugin(Network).resolve(values[settings.INTERFACE])
        if not values[settings.ENABLED] or interface.name != wanted:
            return
        from tokay.plugins.remote_terminal.terminal import (  # noqa: PLC0415 - only who has it on pays
            Terminal,
        )

        port = values[settings.PORT]
        try:
            self._listener = await interface.listen_tcp(lambda: Terminal(self._kernel, self), port)
        except OSError as error:
            self._kernel.log.line(f"Remote terminal: {error.strerror or error}")
            return
        self._interface = interface
        self._kernel.log.line(f"Remote terminal listening on port: {port}")

    def network_down(self, interface: Interface) -> None:
        """Disconnect and listen no more."""
        if interface is self._interface:
            self._close()

    async def stop(self) -> None:
        """Disconnect."""
        self._close()

    # What a terminal asks.

    def admit(self, terminal: "Terminal") -> bool:
        """Accept a client, unless there is one or the interface is down."""
        if self._terminal is not None or self._listener is None:
            return False
        self._terminal = terminal
        return True

    def began(self) -> None:
        """Called when the client has the parser."""
        self._kernel.events.emit(RemoteTerminalChanged(connected=True))

    def left(self, terminal: "Terminal", *, begun: bool) -> None:
        """Called when a client has disconnected."""
        if self._terminal is terminal:
            self._terminal = None
            if begun:
                self._kernel.events.emit(RemoteTerminalChanged(connected=False))

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = self._interface = None
        if self._terminal is not None:
            self._terminal.end()
