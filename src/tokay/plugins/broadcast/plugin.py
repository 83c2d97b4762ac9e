"""When announcements are made: every `broadcast.interval` seconds while the interface is up.

From one to the next there is a timer and nothing else, and no socket is held. What cannot be sent
is lost, as on any wire; the log tells of an HTTP server that cannot be reached once, until it can.
"""

import asyncio
import contextlib
import errno
from typing import Any

from tokay.board.board import Board
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.plugins.broadcast.items import announcement
from tokay.plugins.broadcast.variables import (
    HTTP_HOST,
    INTERFACE,
    INTERVAL,
    SETTINGS,
    UDP_IP,
    UDP_PORT,
    VARIABLES,
)
from tokay.plugins.http_client import parse_url
from tokay.plugins.network import Interface, Network


class Broadcast(Plugin):
    """The announcements of one device."""

    name = "broadcast"
    variables = VARIABLES
    after = ("network", "gpio", "wlan", "tls", "remote_terminal")

    __slots__ = ("_interface", "_kernel", "_posting", "_sending", "_timer", "_unreachable",
                 "_watching")  # fmt: skip

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin once the network is up."""
        self._kernel = kernel
        self._interface: Interface | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._posting: asyncio.Task[None] | None = None
        self._unreachable = False
        self._watching = False

    async def stop(self) -> None:
        """Announce nothing more."""
        tasks = [task for task in (self._sending, self._posting) if task is not None]
        self._end()
        await asyncio.gather(*tasks, return_exceptions=True)

    def network_up(self, interface: Interface) -> None:
        """Announce, if this is the interface for it."""
        if not self._watching:  # a device that is never on a network need not
            self._watching = True
            for variable in SETTINGS:
                self._kernel.variables.watch(variable, self._changed)
        values = self._kernel.variables
        if interface.name == self._kernel.plugin(Network).resolve(values[INTERFACE]):
            self._end()
            if values[INTERVAL] and (values[UDP_PORT] or values[HTTP_HOST]):
                self._interface = interface
                self._announce()

    def network_down(self, interface: Interface) -> None:
        """Announce nothing more."""
        if interface is self._interface:
            self._end()

    def _changed(self, _index: str, _value: Any) -> None:
        """Begin anew with new settings."""
        self._end()
        interface = self._kernel.plugin(Network).find(self._kernel.variables[INTERFACE])
        if interface is not None:
            self.network_up(interface)

    def _end(self) -> None:
        self._interface = None
        for waiting in (self._timer, self._sending, self._posting):
            if waiting is not None:
                waiting.cancel()
        self._timer = self._sending = self._posting = None

    def _announce(self) -> None:
        values, interface = self._kernel.variables, self._interface
        if interface is None:
            return
        self._timer = self._kernel.clock.call_later(values[INTERVAL], self._announce)
        body = announcement(self._kernel, interface)
        loop = asyncio.get_running_loop()
        if body and values[UDP_PORT]:
            self._sending = loop.create_task(self._send(interface, body))
        # A slow server gets the next announcement when it is done with this one.
        if body and values[HTTP_HOST] and (self._posting is None or self._posting.done()):
            self._posting = loop.create_task(self._post(interface, body))

    async def _send(self, interface: Interface, body: bytes) -> None:
        values = self._kernel.variables
        remote = (values[UDP_IP], values[UDP_PORT])
        # Asked of the link: the interface would tell the port as one that is listened on.
        with contextlib.suppress(OSError):
            try:
                transport, _ = await interface.link.open_udp(
                    asyncio.DatagramProtocol, port=remote[1], remote=remote
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                transport, _ = await interface.link.open_udp(
                    asyncio.DatagramProtocol, remote=remote
                )
            transport.sendto(body)
            transport.close()

    async def _post(self, interface: Interface, body: bytes) -> None:
        # Seldom used, and so imported when it is.
        from tokay.plugins.broadcast.post import post  # noqa: PLC0415

        target = parse_url(self._kernel.variables[HTTP_HOST])
        try:
            await post(self._kernel, interface, target, body)
        except OSError as error:
            if not self._unreachable and interface.up:
                self._unreachable = True
                reason = error.strerror or str(error) or "timed out"
                self._kernel.log.line(f"Broadcast to {target.authority} fails: {reason}")
        else:
            self._unreachable = False
