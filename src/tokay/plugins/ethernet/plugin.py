"""The Ethernet plugin: registers the bearer where the board has a cable."""

from tokay.board.board import Board
from tokay.board.radio import next_mac
from tokay.kernel.events import Ready
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.ethernet.port import EthernetPort
from tokay.plugins.ethernet.variables import NAME
from tokay.plugins.network import Network, NetworkStatus


class Ethernet(Plugin):
    """The `ethernet` interface of a device, if it has one."""

    name = NAME
    after = ("network",)

    __slots__ = ("mac", "port")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Register as the bearer, and start by itself if the settings ask for it."""
        self.port: EthernetPort | None = None
        self.mac = next_mac(kernel.mac)
        if board.ethernet is None:
            return
        self.mac = board.ethernet.mac
        self.port = EthernetPort(kernel, board.ethernet)
        kernel.plugin(Network).register(NAME, self.port)
        port = self.port
        kernel.events.on(Ready, lambda _: port.auto_start())

    async def stop(self) -> None:
        """Bring the interface down."""
        if self.port is not None:
            await self.port.stop()

    @property
    def status(self) -> NetworkStatus:
        """How the interface stands."""
        return NetworkStatus.DOWN if self.port is None else self.port.status
