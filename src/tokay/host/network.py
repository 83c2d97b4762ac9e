"""The network of a module: scan, join, the soft AP's clients, connections.

Source: docs/protocol/network.md, sections 2, 3 and 6 to 10.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from tokay.host.errors import FramingError
from tokay.host.response import Event
from tokay.host.stream import Stream
from tokay.host.words import quote

if TYPE_CHECKING:
    from tokay.host.module import Module

SCAN_TIMEOUT = 30.0
JOIN_TIMEOUT = 60.0
UP = "2"
"""`wlan.network.status` of an interface that has its address."""

OnEvent = Callable[[Event], None]


class AccessPoint(NamedTuple):
    """A row of `wlan_scan -v`: ``rssi`` in dBm, ``rate`` in Mbit/s as printed."""

    ssid: str
    bssid: str
    channel: int
    rssi: int
    security: str
    rate: str


class Network:
    """The network of one module: ``module.network``."""

    def __init__(self, module: "Module") -> None:
        self._module = module

    async def scan(self, *, on_event: OnEvent | None = None) -> list[AccessPoint]:
        """Return the networks in range; ``on_event`` is called with the log of the meantime."""
        with _listening(self._module, on_event):
            rows = await self._module.listing("wlan_scan -v", timeout=SCAN_TIMEOUT)
        return [_row(row) for row in rows if row.startswith("#")]

    async def join(
        self,
        ssid: str,
        passkey: str = "",
        *,
        timeout: float = JOIN_TIMEOUT,
        on_event: OnEvent | None = None,
    ) -> str:
        """Join a network and return the address; ``save`` keeps it for the next start.

        ``on_event`` is called with each step of the log. A module that is in that network already
        is not disturbed. Raises CommandFailed, whose log says how far it came.
        """
        module = self._module
        joined = await module.get("wlan.network.status") == UP
        if joined and await module.get("wlan.ssid") == ssid:
            return await self.address()
        await module.set("wlan.ssid", ssid)
        await module.set("wlan.passkey", passkey)
        with _listening(module, on_event):
            await module.command("network_restart" if joined else "network_up", timeout=timeout)
        return await self.address()

    async def leave(self) -> None:
        """Leave the network."""
        await self._module.command("network_down")

    async def address(self) -> str:
        """Return the IPv4 address of the WLAN interface, 0.0.0.0 while there is none."""
        return await self._module.get("wlan.network.ip")

    async def rssi(self) -> int:
        """Return the signal strength in dBm. Raises CommandFailed when not joined."""
        return (await self._module.command("wlan_get_rssi")).number

    async def clients(self) -> list[str]:
        """Return the rows of the soft AP's client list, without their headings."""
        rows = await self._module.listing("get softap.client_list")
        return [row.lstrip("# ") for row in rows if row.startswith("#")]

    async def ping(self, host: str = "") -> str:
        """Return what `ping` says of a host, or of the gateway. Raises CommandFailed."""
        return (await self._module.command(f"ping {quote(host) if host else '-g'}")).text

    # Connections.

    async def tcp(self, host: str, port: int, *, tls: bool = False) -> Stream:
        """Connect to a server."""
        command = "tls_client" if tls else "tcp_client"
        return self._module.stream(await self._module.command(f"{command} {quote(host)} {port}"))

    async def udp(self, host: str, port: int) -> Stream:
        """Exchange datagrams with a host: one ``write`` is one of them."""
        return self._module.stream(await self._module.command(f"udp_client {quote(host)} {port}"))

    async def http_get(self, url: str) -> Stream:
        """Fetch a page; the stream is its body."""
        return self._module.stream(await self._module.command(f"http_get {quote(url)}"))

    async def websocket(self, url: str) -> Stream:
        """Open a WebSocket."""
        return self._module.stream(await self._module.command(f"websocket_client {quote(url)}"))

    async def listen(self, port: int) -> None:
        """Serve TCP on a port; each client is an `opened` event and a stream."""
        await self._module.command(f"tcp_server start {port}")


@contextlib.contextmanager
def _listening(module: "Module", handler: OnEvent | None) -> Iterator[None]:
    """Call a handler with every event while in ``with``."""
    stop = module.on("", handler) if handler is not None else None
    try:
        yield
    finally:
        if stop is not None:
            stop()


def _row(row: str) -> AccessPoint:
    words = row.split(None, 9)
    try:
        ssid = words[9] if len(words) > 9 else ""
        return AccessPoint(ssid, words[4], int(words[2]), int(words[3]), words[6], words[5])
    except (IndexError, ValueError):
        raise FramingError("a row of `wlan_scan -v` that is none", row.encode()) from None
