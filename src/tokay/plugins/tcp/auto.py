"""The TCP client that connects by itself when its interface comes up.

Steps 1 to 4 are those of ``RetrySequence``; then

    5 lost      the server closed, or the sequence failed: 1 again, after tcp.client.retry_period,
                as often as tcp.client.auto_retries allows since the interface came up

A stream that was closed on this side stays closed until the interface comes up again.

Source: docs/protocol/network.md, section 7.5.
"""

import asyncio

from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError
from tokay.kernel.streams import StreamType
from tokay.plugins.network import AutoStartClient, Interface, TcpStream
from tokay.plugins.tcp.client import ConnectTarget, Dial, dial_tcp, dial_tls, open_client
from tokay.plugins.tcp.variables import (
    CLIENT_AUTO_RETRIES,
    CLIENT_TLS,
    ENDLESS,
    LOCAL_PORT,
    REMOTE_HOST,
    REMOTE_PORT,
    RETRY_PERIOD,
)
from tokay.plugins.tls import Tls

LEAST_PAUSE = 0.1
"""Seconds between two connections, so that a server that closes at once is not stormed."""


class AutoStream(TcpStream):
    """A stream that can be waited for: ``over`` is whether it was closed on this side."""

    __slots__ = ("over",)

    def __init__(self, kernel: Kernel, interface: Interface, type: StreamType, target: str) -> None:
        super().__init__(kernel, interface, type, target)
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def close(self) -> None:
        self._settle(True)
        super().close()

    def _end(self) -> None:
        self._settle(False)
        super()._end()

    def _settle(self, closed_here: bool) -> None:
        if not self.over.done():
            self.over.set_result(closed_here)


class AutoTcpClient(AutoStartClient):
    """The one client of `tcp.client.auto_start`."""

    __slots__ = ()

    host = REMOTE_HOST

    async def _run(self, interface: Interface) -> None:
        values = self._kernel.variables
        retries = 0
        while not await self._connect(interface) and interface.up:
            allowed = values[CLIENT_AUTO_RETRIES]
            if allowed != ENDLESS and retries >= allowed:
                return
            retries += 1
            await asyncio.sleep(max(values[RETRY_PERIOD] / 1000, LEAST_PAUSE))

    async def _connect(self, interface: Interface) -> bool:
        """Connect and wait for the end; return whether it was closed on this side."""
        values = self._kernel.variables
        target = ConnectTarget(values[REMOTE_HOST], values[REMOTE_PORT], values[LOCAL_PORT])
        kind, dial = self._way()
        stream = AutoStream(self._kernel, interface, kind, str(target))
        try:
            self._kernel.streams.reserve()
            await open_client(self._kernel, stream, target, dial, auto=True)
        except CommandError:
            return False  # the log has the reason
        return await stream.over

    def _way(self) -> tuple[StreamType, Dial]:
        if self._kernel.variables[CLIENT_TLS]:
            return StreamType.TLSC, dial_tls(self._kernel.plugin(Tls))
        return StreamType.TCPC, dial_tcp
