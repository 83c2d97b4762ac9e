"""The bearer of `ethernet`: takes up the link of a cable, gives it an address, and keeps it up.

    attempt    a link within LINK_TIMEOUT, an address as step 5 of a join has it   -> up, else pause
    pause      only while ethernet.auto_start.enabled is on, else the end          -> attempt
    up         until network_down (the end), or the cable or the lease is gone     -> attempt, if on

Who waits for the interface waits for one attempt; auto-start goes on behind it.
"""

import asyncio
import contextlib
from typing import NamedTuple

from tokay.board.link import Link
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Radio
from tokay.kernel.commands import Call
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import bad_args, failed
from tokay.plugins.ethernet.variables import (
    AUTO_START,
    DHCP_CACHE,
    NAME,
    RETRY_DELAY,
    addressing,
)
from tokay.plugins.network import (
    Interface,
    InterfaceAddress,
    LinkDhcpClient,
    Network,
    NetworkStatus,
    lease_cache,
    take_address,
)

LINK_TIMEOUT = 10.0
"""Seconds for a link; two cards take 1 to 3 to agree on a speed."""
LEAST_PAUSE = 0.1
"""Seconds between two attempts even when the setting is 0: a missing cable must not cost a core."""


class EthernetAttachment(NamedTuple):
    """What an attempt that succeeded has in hand."""

    link: Link
    address: InterfaceAddress
    dhcp: LinkDhcpClient | None
    lease_lost: asyncio.Event

    def keep_lease(self) -> "EthernetAttachment":
        """Stop the DHCP client without a RELEASE, so that the lease outlives this."""
        if self.dhcp is not None:
            self.dhcp.stop()
        return self._replace(dhcp=None)


class EthernetPort:
    """One Ethernet interface; ``cable`` is a radio whose only network is the other end."""

    def __init__(self, kernel: Kernel, cable: Radio) -> None:
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._cable = cable
        self._link: Link | None = None
        self._attached: EthernetAttachment | None = None
        self._limit: asyncio.Timeout | None = None
        self._told = False
        """Whether the log says already that there is no link: auto-start tries for days."""
        self._hurry = asyncio.Event()
        self._waited: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        cable.on_lost = self._lost

    async def stop(self) -> None:
        """Bring the interface down; a lease that is to be kept is not released."""
        attached = self._attached
        lease = attached.dhcp.lease if attached is not None and attached.dhcp is not None else None
        if attached is not None and lease is not None and self._kernel.variables[DHCP_CACHE]:
            lease_cache.save(self._kernel, NAME, attached.link.bssid, lease)
            self._attached = attached.keep_lease()
        await self.down()
        self._cable.on_lost = None

    @property
    def status(self) -> NetworkStatus:
        """How the interface stands: never `JOINING`, which is a matter of WLAN."""
        if self._attached is not None:
            return NetworkStatus.UP
        return NetworkStatus.DOWN if self._link is None else NetworkStatus.NO_ADDRESS

    @property
    def joining(self) -> bool:
        """Whether it is being started in the background."""
        return self._task is not None

    async def choose(self, call: Call) -> None:
        """Refuse: there is nothing to choose from. Raises CommandError."""
        raise bad_args("a cable has one network")

    async def up(self) -> None:
        """Bring the interface up; several who ask wait for one attempt. Raises CommandError."""
        if self._attached is not None and self._task is None:
            return
        if self._task is None:
            self._begin()
        elif self._waited is None:
            self._hurry.set()
        if self._waited is None:
            self._waited = asyncio.get_running_loop().create_future()
        # A caller that gives up must not take the attempt from others who wait for it.
        if not await asyncio.shield(self._waited):
            raise failed("Ethernet does not come up")

    async def down(self) -> None:
        """Bring the interface down, release the address, and stop auto-start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        attached = self._attached
        if attached is None:
            return
        self._network.interface_down(NAME)
        self._forget()
        if attached.dhcp is not None:
            attached.dhcp.release()
        attached.link.deconfigure()
        await self._cable.leave()
        self._kernel.log.line("Ethernet stopped")

    def auto_start(self) -> None:
        """Begin to start by itself, if the settings ask for it and nobody has begun."""
        if self._kernel.variables[AUTO_START] and self._task is None and self._attached is None:
            self._begin()

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        attached = None
        try:
            while (attached := await self._attempt()) is None:
                self._tell_waiting(False)
                if not self._kernel.variables[AUTO_START]:
                    return
                await self._pause()
            await self._up(attached)
        finally:
            self._task = None
            self._tell_waiting(self._attached is not None)
        if self._attached is None:
            self.auto_start()  # it was lost before it counted as up

    async def _pause(self) -> None:
        """Wait for the next attempt, or for somebody who needs the interface now."""
        self._hurry.clear()
        delay = max(self._kernel.variables[RETRY_DELAY], LEAST_PAUSE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._hurry.wait()

    async def _attempt(self) -> EthernetAttachment | None:
        """Attach to the link and configure an address: one attempt."""
        self._tell("Starting Ethernet")
        attached = None
        try:
            async with asyncio.timeout(LINK_TIMEOUT) as self._limit:
                link = self._link = await self._take_link()
                # From here on only the loss of the link ends it: an address has its own limit.
                self._limit.reschedule(None)
                self._told = False
                attached = await self._take_address(link)
                if attached is not None and self._link is not link:
                    attached.keep_lease()  # lost in the same moment
                    attached = None
        except JoinError:
            self._no_link()
        except TimeoutError:
            self._no_link()
        finally:
            self._limit = None
            if attached is None:
                self._link = None
                await self._cable.leave()
        return attached

    def _no_link(self) -> None:
        self._tell("No Ethernet link")
        self._told = True

    def _tell(self, text: str) -> None:
        if not self._told or self._waited is not None:
            self._kernel.log.line(text)

    async def _take_link(self) -> Link:
        """Attach to whatever is at the other end. Raises JoinError."""
        for network in await self._cable.scan():
            return await self._cable.join(JoinRequest(network.ssid, network.bssid))
        raise JoinError(JoinFailure.NOT_FOUND)

    async def _take_address(self, link: Link) -> EthernetAttachment | None:
        lease_lost = asyncio.Event()
        settings = addressing(self._kernel, self._cable.mac)
        taken = await take_address(self._kernel, link, settings, lease_lost.set)
        return None if taken is None else EthernetAttachment(link, *taken, lease_lost)

    async def _up(self, attached: EthernetAttachment) -> None:
        self._attached = attached
        self._watch = asyncio.get_running_loop().create_task(self._watch_lease(attached))
        interface = Interface(self._kernel, NAME, attached.link, attached.address)
        await self._network.interface_up(interface)
        if self._attached is attached:
            self._kernel.log.line("Ethernet started")

    async def _watch_lease(self, attached: EthernetAttachment) -> None:
        await attached.lease_lost.wait()
        self._kernel.log.line("DHCP lease lost")
        self._watch = None
        await self.down()
        self.auto_start()

    def _lost(self, reason: str) -> None:
        """Called by the radio when the carrier is lost."""
        if self._link is None:
            return
        self._kernel.log.line(f"Link lost: {reason}")
        attached = self._attached
        if attached is None:
            self._link = None
            if self._limit is not None:
                self._limit.reschedule(asyncio.get_running_loop().time())
            return
        self._network.interface_down(NAME)
        self._forget()
        if attached.dhcp is not None:
            attached.dhcp.stop()
        self._kernel.log.line("Ethernet stopped")
        self.auto_start()

    def _forget(self) -> None:
        self._link = self._attached = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _tell_waiting(self, up: bool) -> None:
        """Resolve the future of those who wait for this attempt."""
        if self._waited is not None:
            self._waited.set_result(up)
            self._waited = None
