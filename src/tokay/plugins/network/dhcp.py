"""The DHCP client on a link: carries datagrams and time to the state machine that decides."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tokay.board.link import DhcpLink
from tokay.protocols.timer_pump import TimerPump

if TYPE_CHECKING:
    from tokay.protocols.dhcp import Lease


class LinkDhcpClient:
    """One lease on one link, from the first DISCOVER to its release.

    ``on_lost`` is called when a lease that was held is gone.
    """

    __slots__ = ("_client", "_link", "_loop", "_offered", "_on_lost", "_pump")

    def __init__(
        self, link: DhcpLink, mac: str, hostname: str, on_lost: Callable[[], None]
    ) -> None:
        from tokay.protocols.dhcp import DhcpClient  # noqa: PLC0415 - start-up time is measured

        self._link = link
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        # Seeded, so that a device does the same in every run of a test.
        self._client = DhcpClient(
            bytes.fromhex(mac.replace(":", "")),
            hostname=hostname,
            rng=random.Random(mac),  # noqa: S311 - for back-off, not for secrets
            broadcast=False,
        )
        self._pump = TimerPump(self._loop, self._client, self._process)
        self._offered: asyncio.Future[Lease] | None = None

    @property
    def lease(self) -> "Lease | None":
        """The lease that is held."""
        return self._client.lease

    async def acquire(self, kept: "Lease | None" = None) -> "Lease":
        """Return a lease whose address the link has taken. The caller sets the time limit.

        ``kept`` is one from before a restart: it is taken up without asking.
        """
        self._link.on_datagram = self._receive
        if kept is not None:
            self._client.adopt(kept, self._loop.time())
        else:
            self._client.start(self._loop.time())
        while True:
            self._offered = self._loop.create_future()
            self._pump.pump()
            lease = await self._offered
            dns = ",".join(map(str, lease.dns)) or "0.0.0.0"  # noqa: S104 - no server
            gateway = str(lease.gateway or "0.0.0.0")  # noqa: S104 - no router
            try:
                await self._link.verify_free(str(lease.address))
                self._link.configure(str(lease.address), str(lease.netmask), gateway, dns)
            except OSError:
                self._client.decline(self._loop.time())
            else:
                self._offered = None
                return lease

    def release(self) -> None:
        """Release the lease and stop."""
        self._client.release(self._loop.time())
        self._send()
        self.stop()

    def stop(self) -> None:
        """End, without a word to the server."""
        self._client.stop()
        self._link.on_datagram = None
        self._pump.stop()

    def _receive(self, datagram: bytes) -> None:
        self._client.receive(datagram, self._loop.time())
        self._pump.pump()

    def _send(self) -> None:
        for outgoing in self._client.datagrams_to_send():
            self._link.send_datagram(outgoing.data, outgoing.destination)

    def _process(self) -> None:
        """Send what is to be sent, and pass on what happened."""
        from tokay.protocols.dhcp import LeaseBound, LeaseExpired, LeaseRefused, LeaseRenewed  # noqa: PLC0415 - as above

        self._send()
        for event in self._client.events():
            match event:
                case LeaseBound(lease) if self._offered is not None and not self._offered.done():
                    self._offered.set_result(lease)
                case LeaseExpired() | LeaseRefused():
                    if self._offered is None:
                        self._on_lost()
                case LeaseBound() | LeaseRenewed():
                    pass
