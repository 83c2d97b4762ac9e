"""The network plugin: which interfaces are up, and the commands that change that.

Source: docs/protocol/network.md, sections 1.3, 1.4 and 2.
"""

import logging
from collections.abc import Sequence
from typing import ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.events import NetworkDown, NetworkUp
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import IN_PROGRESS, bad_args, failed
from tokay.kernel.streams import HIGH_WATER
from tokay.kernel.variables import computed
from tokay.plugins.network import keepalive
from tokay.plugins.network.bearer import Bearer
from tokay.plugins.network.interface import Interface
from tokay.plugins.network.variables import (
    BUFFER_RATIO,
    BUFFER_SIZE,
    DEFAULT_INTERFACE,
    DNS_TIMEOUT,
    INTERFACES,
    RADIO,
)

_logger = logging.getLogger(__name__)


def _traffic(kernel: Kernel, _words: Sequence[str]) -> str:
    return f"{kernel.streams.received},{kernel.streams.sent}"


TRAFFIC = computed(
    "network.traffic", "ne r", _traffic,
    doc="Bytes that network streams have received and sent since boot.",
)  # fmt: skip


def _interface(call: Call) -> str:
    return call.get("interface") or call.get("where")


def _buffer_usage(kernel: Kernel, _words: Sequence[str]) -> str:
    """Return how full the fullest stream's receive buffer is, and whether one waits to send."""
    streams = [stream for stream in kernel.streams if stream.network]
    received = max((stream.available for stream in streams), default=0)
    sending = any(stream.choked for stream in streams)
    return f"rx:{min(100, received * 100 // HIGH_WATER)},tx:{100 if sending else 0}"


BUFFER_USAGE = computed(
    "network.buffer.usage", "ne b u", _buffer_usage,
    doc="How full the buffers of streams are, in percent, of the fullest.",
)  # fmt: skip


@command("network_up", "nup", "[-i interface] [-s] [where]")
async def network_up(call: Call) -> str | None:
    """Bring an interface up; with -s a person chooses from a scan first."""
    network = call.kernel.plugin(Network)
    bearer = network.bearer(_interface(call))
    if "-s" in call:
        await bearer.choose(call)
        await bearer.down()
    elif bearer.joining:
        return IN_PROGRESS
    await network.need(_interface(call))
    return None


@command("network_down", "ndo", "[-i interface] [where]")
async def network_down(call: Call) -> None:
    """Take an interface down; its streams close."""
    await call.kernel.plugin(Network).bearer(_interface(call)).down()


@command("network_restart", "nre", "[-i interface] [where]")
async def network_restart(call: Call) -> None:
    """Take an interface down and bring it up again: changed network variables then apply."""
    network = call.kernel.plugin(Network)
    await network.bearer(_interface(call)).down()
    await network.need(_interface(call))


@command("network_flush")
def network_flush(call: Call) -> None:
    """Forget the names that were looked up."""
    for interface in call.kernel.plugin(Network).interfaces:
        interface.link.flush_dns()


@command("network_lookup", "nlo", "[-i interface] host")
async def network_lookup(call: Call) -> str:
    """Resolve a name; the response is its IPv4 address."""
    interface = await call.kernel.plugin(Network).need(call.get("interface"))
    try:
        return await interface.resolve(call["host"])
    except OSError as error:
        raise failed(str(error)) from error


class Network(Plugin):
    """The interfaces of one device. Bearers register; everybody else asks."""

    name = "network"
    variables = (
        BUFFER_SIZE,
        BUFFER_RATIO,
        BUFFER_USAGE,
        DEFAULT_INTERFACE,
        TRAFFIC,
        DNS_TIMEOUT,
        *keepalive.VARIABLES,
    )
    commands: ClassVar = (network_up, network_down, network_restart, network_flush, network_lookup)

    __slots__ = ("_bearers", "_interfaces", "_kernel")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin without an interface."""
        self._kernel = kernel
        self._bearers: dict[str, Bearer] = {}
        self._interfaces: dict[str, Interface] = {}

    # For bearers.

    def register(self, name: str, bearer: Bearer) -> None:
        """Register the bearer of an interface."""
        self._bearers[name] = bearer

    async def release_radio(self, name: str) -> None:
        """Bring down the radio's other interface, where the profile has no concurrent AP."""
        if self._kernel.profile.concurrent_ap:
            return
        for other in RADIO:
            if other != name and other in self._bearers:
                await self._bearers[other].down()

    async def interface_up(self, interface: Interface) -> None:
        """Called by a bearer once its interface has an address; return when all serve on it."""
        self._interfaces[interface.name] = interface
        self._kernel.log.line(f"IPv4 address: {interface.address.address}")
        for plugin in tuple(self._kernel.plugins.values()):
            try:
                serving = plugin.network_up(interface)
                if serving is not None:
                    await serving
            except Exception:
                _logger.exception("plugin %s fails when the network comes", plugin.name)
            if self._interfaces.get(interface.name) is not interface:
                return  # lost meanwhile
        ports = {str(asked): bound for asked, bound in sorted(interface.ports.items())}
        self._kernel.events.emit(NetworkUp(interface.name, interface.address.address, ports))

    def interface_down(self, name: str) -> None:
        """Called by a bearer before its interface loses its address; close what uses it."""
        interface = self._interfaces.pop(name, None)
        if interface is None:
            return
        interface.lower()
        for stream in self._kernel.streams:
            if getattr(stream, "interface", None) is interface:
                self._kernel.streams.close(stream)
        for plugin in reversed(tuple(self._kernel.plugins.values())):
            try:
                plugin.network_down(interface)
            except Exception:
                _logger.exception("plugin %s fails when the network goes", plugin.name)
        self._kernel.events.emit(NetworkDown(name))

    # For whoever needs the network.

    async def need(self, name: str = "") -> Interface:
        """Return an interface, brought up first if it is down. Raises CommandError."""
        name = self.resolve(name)
        if name not in self._interfaces:
            await self.bearer(name).up()
        interface = self._interfaces.get(name)
        if interface is None:
            raise failed(f"{name} is down")
        return interface

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces that are up."""
        return list(self._interfaces.values())

    def find(self, name: str = "") -> Interface | None:
        """Return an interface if it is up."""
        return self._interfaces.get(self.resolve(name))

    def address(self, name: str = "") -> str:
        """Return the address of an interface, empty while it has none."""
        interface = self.find(name)
        return interface.address.address if interface is not None else ""

    def bearer(self, name: str = "") -> Bearer:
        """Return who brings an interface up. Raises CommandError when there is nobody."""
        name = self.resolve(name)
        if name not in self._bearers:
            raise failed(f"this device has no {name}")
        return self._bearers[name]

    def serves(self, name: str, interface: Interface) -> bool:
        """Whether a service's own `*.interface` names an interface."""
        return self.resolve(name) == interface.name

    def resolve(self, name: str) -> str:
        """Return the interface that a word, empty or `default` included, stands for."""
        if name in ("", "default"):
            return self._kernel.variables[DEFAULT_INTERFACE]
        if name not in INTERFACES:
            raise bad_args(f"{name} is no interface")
        return name
