"""How an interface gets its address: by DHCP within a time limit, or from its static settings.

This is step 5 of the network-up sequence (docs/protocol/network.md, section 2.1), for every bearer.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from tokay.board.link import Link
from tokay.kernel.events import AddressingChanged
from tokay.kernel.kernel import Kernel
from tokay.plugins.network import lease_cache
from tokay.plugins.network.dhcp import LinkDhcpClient
from tokay.plugins.network.interface import InterfaceAddress

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what the getters print while down


class Addressing(NamedTuple):
    """What the settings of an interface say of its address."""

    interface: str
    """Whose settings they are, and whose lease is kept: `wlan`."""
    mac: str
    """The hardware address that asks."""
    dhcp: bool
    hostname: str
    """The name told to the DHCP server; empty for the device's."""
    timeout: float
    """Seconds that the DHCP server may take."""
    cached: bool
    """Whether a lease from before a reboot is taken up without asking."""
    static: InterfaceAddress
    """What to be without DHCP."""


async def take_address(
    kernel: Kernel, link: Link, settings: Addressing, lease_lost: Callable[[], None]
) -> tuple[InterfaceAddress, LinkDhcpClient | None] | None:
    """Configure the address of a link; return None, with a line in the log, when there is none.

    With DHCP the client is returned too: it renews the lease until it is stopped, and calls
    ``lease_lost`` when the lease is gone.
    """
    kernel.events.emit(AddressingChanged(settings.interface, active=True))
    try:
        if settings.dhcp:
            return await _by_dhcp(kernel, link, settings, lease_lost)
        return await _by_hand(kernel, link, settings)
    except TimeoutError:  # an OSError too, and one without a text
        kernel.log.line("DHCP timed out")
    except OSError as error:
        kernel.log.line(str(error.strerror or error))
    finally:
        kernel.events.emit(AddressingChanged(settings.interface, active=False))
    return None


async def _by_dhcp(
    kernel: Kernel, link: Link, settings: Addressing, lease_lost: Callable[[], None]
) -> tuple[InterfaceAddress, LinkDhcpClient]:
    kernel.log.line("Obtaining IPv4 address via DHCP")
    kept = lease_cache.load(kernel, settings.interface, link.bssid) if settings.cached else None
    client = LinkDhcpClient(link, settings.mac, settings.hostname or kernel.name, lease_lost)
    try:
        async with asyncio.timeout(settings.timeout):
            lease = await client.acquire(kept)
    except BaseException:
        client.stop()
        raise
    dns = ",".join(str(server) for server in lease.dns) or NO_ADDRESS
    gateway = str(lease.gateway or NO_ADDRESS)
    return InterfaceAddress(str(lease.address), str(lease.netmask), gateway, dns), client


async def _by_hand(
    kernel: Kernel, link: Link, settings: Addressing
) -> tuple[InterfaceAddress, None] | None:
    address = settings.static
    if address.address == NO_ADDRESS:
        kernel.log.line(f"{settings.interface}.static.ip is not set")
        return None
    await link.verify_free(address.address)
    link.configure(*address)
    return address, None
