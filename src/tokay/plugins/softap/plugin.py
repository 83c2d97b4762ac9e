"""The soft AP: brings the `softap` interface up, with DHCP and DNS for its clients.

Source: docs/protocol/network.md, section 4.
"""

import asyncio
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from tokay.board.board import Board
from tokay.board.link import ApLink
from tokay.board.radio import ApConfig, ApError, Radio
from tokay.kernel.commands import Call
from tokay.kernel.events import Ready, SoftApStationChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, bad_args, failed
from tokay.kernel.tokenizer import printable
from tokay.plugins.network import Interface, InterfaceAddress, Network
from tokay.plugins.softap import report
from tokay.plugins.softap import variables as softap
from tokay.plugins.softap.ap_settings import ApSettings, by_settings
from tokay.plugins.softap.clients import ApClients

if TYPE_CHECKING:
    from tokay.plugins.softap.dhcp import LinkDhcpServer
    from tokay.plugins.softap.dns import DnsServer

NAME = "softap"
_LONGEST_PREFIX = 30


@dataclass(slots=True)
class Running:
    """What is there while the soft AP is up."""

    announced: ApSettings
    link: ApLink
    interface: Interface
    clients: ApClients
    dhcp: "LinkDhcpServer | None" = None
    dns: "DnsServer | None" = None

    def close(self) -> None:
        """End it all."""
        self.link.on_station = None
        if self.dhcp is not None:
            self.dhcp.stop()
        if self.dns is not None:
            self.dns.close()
        self.link.close()


class SoftAp(Plugin):
    """The bearer of the `softap` interface. ``running`` is None while it is down."""

    name = NAME
    variables = (*softap.SETTINGS, *report.VARIABLES)
    after = ("network", "wlan")

    __slots__ = ("_auto", "_kernel", "_lock", "_network", "_radio", "running")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Register as the bearer; the air is silent until the soft AP is needed."""
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._radio: Radio = board.radio
        self._lock = asyncio.Lock()
        self._auto: asyncio.Task[None] | None = None
        self.running: Running | None = None
        self._network.register(NAME, self)
        kernel.events.on(Ready, self._auto_start)

    async def stop(self) -> None:
        """Stop the soft AP."""
        if self._auto is not None:
            self._auto.cancel()
            await asyncio.gather(self._auto, return_exceptions=True)
        await self.down()

    @property
    def joining(self) -> bool:
        """Nothing runs in the background that would take longer than to wait for it."""
        return False

    @property
    def portal(self) -> str | None:
        """Where captive-portal requests are sent: a name of the device; None while it is off."""
        running = self.running
        if running is None or not running.announced.captive_portal:
            return None
        names = running.announced.names
        return names[0] if names else running.interface.address.address

    async def up(self, announced: ApSettings | None = None) -> None:
        """Bring the soft AP up, as the settings say or as told. Raises CommandError."""
        async with self._lock:
            if self.running is None:
                await self._start(announced or by_settings(self._kernel))

    async def choose(self, call: Call) -> None:
        """Refuse: there is nothing to choose from. Raises CommandError."""
        raise bad_args("a soft AP joins nothing")

    async def down(self) -> None:
        """Bring the soft AP down; a no-op when it is down."""
        async with self._lock:
            running, self.running = self.running, None
            if running is not None:
                self._network.interface_down(NAME)
                running.close()

    async def _start(self, announced: ApSettings) -> None:
        values, log = self._kernel.variables, self._kernel.log
        await self._network.release_radio(NAME)
        log.line(f"Starting SoftAP: {printable(announced.ssid)}")
        config = ApConfig(
            ssid=announced.ssid,
            passkey=announced.passkey,
            channel=values[softap.CHANNEL],
            hidden=values[softap.HIDDEN],
            max_clients=values[softap.MAX_CLIENTS],
        )
        try:
            self._check_static()
            link = await self._radio.start_ap(config)
        except (ApError, OSError, ValueError) as error:
            log.line(f"SoftAP failed: {error}")
            raise failed(str(error)) from error
        try:
            await self._serve(link, announced)
        except BaseException as error:
            running, self.running = self.running, None
            if running is not None:
                self._network.interface_down(NAME)
                running.close()
            link.close()
            if not isinstance(error, OSError | ValueError):
                raise
            log.line(f"SoftAP failed: {error}")
            raise failed(str(error)) from error

    async def _serve(self, link: ApLink, announced: ApSettings) -> None:
        values = self._kernel.variables
        asked = values[softap.STATIC_IP]
        link.configure(asked, values[softap.STATIC_NETMASK], values[softap.STATIC_GATEWAY], asked)
        own = link.network

        def real(address: str) -> str:
            return str(own.ip) if address in (asked, "0.0.0.0") else address  # noqa: S104

        gateway = real(values[softap.STATIC_GATEWAY])
        address = InterfaceAddress(str(own.ip), str(own.netmask), gateway, str(own.ip))
        interface = Interface(self._kernel, NAME, link, address)
        running = Running(announced, link, interface, ApClients(link))
        self.running = running
        link.on_station = self._hear
        if announced.dhcp:
            from tokay.plugins.softap.dhcp import LinkDhcpServer  # noqa: PLC0415 - start-up time

            gateway = real(values[softap.DHCP_GATEWAY])
            running.dhcp = LinkDhcpServer(self._kernel, link, IPv4Address(gateway))
        if announced.dns:
            from tokay.plugins.softap.dns import DnsServer, usable  # noqa: PLC0415 - start-up time

            portal = announced.captive_portal
            running.dns = DnsServer(usable(announced.names), own.ip, portal=portal)
            await running.dns.start(interface)
        await self._network.interface_up(interface)

    def _check_static(self) -> None:
        """Raise ValueError when the static address cannot be one."""
        values = self._kernel.variables
        address, netmask = values[softap.STATIC_IP], values[softap.STATIC_NETMASK]
        try:
            network = IPv4Interface(f"{address}/{netmask}").network
        except AddressValueError:
            raise
        except ValueError:
            raise ValueError(f"{netmask} is no netmask") from None
        ends = (str(network.network_address), str(network.broadcast_address))
        if network.prefixlen > _LONGEST_PREFIX or address in ends:
            raise ValueError(f"{address} cannot be a host of {network}")

    def _hear(self, mac: str, joined: bool) -> None:
        if self.running is None:
            return
        self.running.clients.changed(mac, self._kernel.clock.monotonic)
        self._kernel.log.line(f"SoftAP client {'joined' if joined else 'left'}: {mac}")
        self._kernel.events.emit(SoftApStationChanged(mac, joined))

    def _auto_start(self, _event: Ready) -> None:
        values, table = self._kernel.variables, self._kernel.variables.table
        if not values[softap.AUTO_START]:
            return
        auto_join = table.by_name.get("wlan.auto_join.enabled")
        if not self._kernel.profile.concurrent_ap and auto_join and values[auto_join]:
            self._kernel.log.line("SoftAP not started: WLAN joins by itself")
            return
        self._auto = asyncio.get_running_loop().create_task(self._up_alone())

    async def _up_alone(self) -> None:
        try:
            await self.up()
        except CommandError:
            return  # the log has the reason
