"""A radio for a machine that is on a network already: its network is the device's WLAN.

Nothing is configured and no privilege is needed. The join procedure runs as ever, and its DHCP
client is answered here, with the address, the gateway and the name servers of the machine.
"""

import asyncio
import contextlib
import errno
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Interface
from pathlib import Path
from typing import NamedTuple, TypeVar

from tokay.board.air.access_point import derived_bssid
from tokay.board.link import BROADCAST, ApLink
from tokay.board.net.bound_link import BoundLink
from tokay.board.net.bound_sockets import BoundSockets
from tokay.board.net.netlink import Monitor, Netlink
from tokay.board.net.sockets import no_address
from tokay.board.net.system_resolver import system_resolve
from tokay.board.radio import (
    ApConfig,
    ApError,
    JoinError,
    JoinFailure,
    JoinRequest,
    RadioOptionError,
    RadioSettings,
    ScanResult,
    mac_text,
)
from tokay.board.security import Security
from tokay.protocols import dhcp

RSSI = -40
RESOLV_CONF = Path("/etc/resolv.conf")

_RATE = 144.4
_CHANNEL = 1

_P = TypeVar("_P", bound=asyncio.BaseProtocol)


class MachineNetwork(NamedTuple):
    """How this machine stands on its network."""

    ifname: str
    mac: str
    address: IPv4Interface
    gateway: IPv4Address | None


def machine_network() -> MachineNetwork | None:
    """Return the interface that the machine reaches the world by, or else any with an address.

    The loopback interface is the last resort. None without any address at all.
    """
    with contextlib.suppress(OSError), Netlink() as kernel:
        links = {link.ifindex: link for link in kernel.links() if link.carrier}
        routes = [route for route in kernel.default_routes() if route.ifindex in links]
        gateways = {route.ifindex: route.gateway for route in reversed(routes)}
        rest = sorted(links.values(), key=lambda link: (link.loopback, link.ifindex))
        for link in [*(links[route.ifindex] for route in routes), *rest]:
            for fact in kernel.addresses(link.ifindex):
                mac = mac_text(link.mac.hex()) if len(link.mac) == 6 else ""
                return MachineNetwork(link.name, mac, fact.address, gateways.get(link.ifindex))
    return None


def name_servers(path: Path = RESOLV_CONF) -> list[IPv4Address]:
    """Return the IPv4 name servers of this machine (resolv.conf(5)); none if it cannot be read."""
    found = []
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["nameserver"] and len(words) > 1:
                with contextlib.suppress(AddressValueError):
                    found.append(IPv4Address(words[1]))
    return found


class HostRadio:
    """A `Radio` whose one network is this machine's. `mac` is for a machine without one."""

    tunable = False

    __slots__ = ("_link", "_mac", "_monitor", "on_lost", "on_note")

    def __init__(self, mac: str) -> None:
        self.on_lost: Callable[[str], None] | None = None
        self.on_note: Callable[[str], None] | None = None
        machine = machine_network()
        has_mac = machine is not None and machine.mac.strip("0:")
        self._mac = machine.mac if machine is not None and has_mac else mac_text(mac)
        self._link: HostLink | None = None
        self._monitor: Monitor | None = None

    @property
    def mac(self) -> str:
        """The hardware address of the machine's interface."""
        return self._mac

    def configure(self, settings: RadioSettings) -> None:
        """Ignore the settings: there is nothing to set up."""

    async def scan(
        self, *, ssid: str | None = None, channel: int | None = None, passive: bool = False
    ) -> list[ScanResult]:
        """Report the machine's network, under the name that is asked for."""
        machine = machine_network()
        if machine is None or channel not in (None, _CHANNEL):
            return []
        return [
            ScanResult(
                ssid=machine.ifname if ssid is None else ssid,
                bssid=derived_bssid(machine.ifname.encode()),
                channel=_CHANNEL,
                rssi=RSSI,
                rate=_RATE,
                security=Security.OPEN,
            )
        ]

    async def wait_turn(self) -> None:
        """Return at once; see `Radio.wait_turn`."""

    async def join(self, request: JoinRequest) -> "HostLink":
        """Attach to the machine's network; see `Radio.join`. Raises JoinError."""
        await self.leave()
        machine = machine_network()
        if machine is None:
            raise JoinError(JoinFailure.NOT_FOUND)
        try:
            self._monitor = Monitor(self._check_link)
        except OSError:
            raise JoinError(JoinFailure.REFUSED) from None
        self._link = HostLink(self._mac, machine, name_servers())
        return self._link

    async def start_ap(self, config: ApConfig) -> ApLink:
        """Refuse: the machine's network is not ours to extend. Raises ApError."""
        message = f"the machine's own network has no soft AP called {config.ssid}"
        raise ApError(message)

    async def wps(self) -> tuple[str, str]:
        """The machine's network has no button; see `Radio.wps`. Raises JoinError."""
        raise JoinError(JoinFailure.NOT_FOUND)

    async def verify(self, request: JoinRequest) -> None:
        """See whether the machine is on a network. Raises JoinError."""
        if machine_network() is None:
            raise JoinError(JoinFailure.NOT_FOUND)

    async def leave(self) -> None:
        """Close the link; the machine's network is not touched."""
        self._release()

    async def close(self) -> None:
        """Close the link; nothing else was changed."""
        await self.leave()

    def rssi(self) -> int | None:
        """Return a good signal while joined."""
        return None if self._link is None else RSSI

    def _check_link(self) -> None:
        """Close the link if the machine's network has changed. Called by the monitor."""
        link = self._link
        if link is not None and machine_network() != link.machine:
            self._release()
            if self.on_lost is not None:
                self.on_lost("this machine's network has changed")

    def _release(self) -> None:
        link, self._link = self._link, None
        monitor, self._monitor = self._monitor, None
        for held in (monitor, link):
            if held is not None:
                held.close()


def open_host(options: str, mac: str) -> HostRadio:
    """Return the radio of `--radio host`. Raises RadioOptionError for any options."""
    if options:
        raise RadioOptionError("use host, which has no options")
    return HostRadio(mac)


class HostLink(BoundLink):
    """A `Link` on the network of this machine; made by `HostRadio.join`."""

    __slots__ = ("_address", "_dns", "_loop", "_mac", "_open", "machine", "on_datagram")

    def __init__(self, mac: str, machine: MachineNetwork, dns: list[IPv4Address]) -> None:
        super().__init__()
        self.on_datagram: Callable[[bytes], None] | None = None
        self.machine = machine
        self._mac = mac
        self._dns = dns
        self._loop = asyncio.get_running_loop()
        self._open = True

    @property
    def mac(self) -> str:
        """The machine's hardware address."""
        return self._mac

    @property
    def bssid(self) -> str:
        """An address that stands for the network."""
        return derived_bssid(self.machine.ifname.encode())

    @property
    def channel(self) -> int:
        """A channel: there is one."""
        return _CHANNEL

    @property
    def security(self) -> Security:
        """What protects the network is the machine's affair."""
        return Security.OPEN

    @property
    def address(self) -> str | None:
        """The machine's address, once it was asked for."""
        return None if self._sockets is None else self._sockets.address

    def send_datagram(self, datagram: bytes, destination: str = BROADCAST) -> None:
        """Answer the DHCP client with what the machine has, for ever."""
        try:
            asked = dhcp.DhcpMessage.decode(datagram)
        except dhcp.DhcpError:
            return
        kinds = {
            dhcp.MessageType.DISCOVER: dhcp.MessageType.OFFER,
            dhcp.MessageType.REQUEST: dhcp.MessageType.ACK,
        }
        kind = kinds.get(asked.message_type) if asked.message_type is not None else None
        if self._open and kind is not None:
            self._loop.call_soon(self._deliver, self._answer(asked, kind).encode())

    async def verify_free(self, address: str) -> None:
        """Leave it to `configure`: the machine's own address is the only one."""

    def configure(self, address: str, netmask: str, gateway: str, dns: str) -> None:
        """Make sockets on the machine's address from now on; there is no other to be had."""
        if not self._open:
            raise no_address()
        if address != str(self.machine.address.ip):
            raise OSError(
                errno.EADDRNOTAVAIL, f"{address} is not this machine's {self.machine.address.ip}"
            )
        if self._sockets is None:
            machine = self.machine
            self._sockets = BoundSockets(
                address, network=machine.address.network, groups_on=machine.ifname
            )

    def deconfigure(self) -> None:
        """Close the listeners."""
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None

    async def resolve(self, name: str) -> list[str]:
        """Resolve as the machine does; see `Link.resolve`."""
        self._bound()
        return await system_resolve(name)

    def close(self) -> None:
        """End the link; see `Link.close`."""
        self._open = False
        self.deconfigure()

    def _deliver(self, datagram: bytes) -> None:
        if self._open and self.on_datagram is not None:
            self.on_datagram(datagram)

    def _answer(self, asked: dhcp.DhcpMessage, kind: dhcp.MessageType) -> dhcp.DhcpMessage:
        address, gateway = self.machine.address, self.machine.gateway
        # No server has the client's own address; any other will do for one that is no server.
        server = gateway or IPv4Address(int(address.ip) ^ 1)
        options: dict[int, bytes] = {
            dhcp.DhcpOption.MESSAGE_TYPE: bytes((kind,)),
            dhcp.DhcpOption.SERVER_ID: server.packed,
            dhcp.DhcpOption.LEASE_TIME: dhcp.INFINITE.to_bytes(4),
            dhcp.DhcpOption.NETMASK: address.netmask.packed,
        }
        if gateway is not None:
            options[dhcp.DhcpOption.ROUTERS] = gateway.packed
        if self._dns:
            options[dhcp.DhcpOption.DNS] = b"".join(server.packed for server in self._dns)
        return dhcp.DhcpMessage(
            dhcp.BOOTREPLY, asked.xid, asked.chaddr, options, yiaddr=int(address.ip)
        )
