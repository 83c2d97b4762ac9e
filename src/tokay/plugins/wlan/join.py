"""The join procedure, step by step as the documentation numbers it.

Source: commands-network, section 2.1::

    1  as many attempts made as wlan.join.retries allows?  -> 6
    2  joined before with these details?                    -> 4, without a probe
    3  probe, once; not found                               -> 6
    4  associate within wlan.join.timeout; else             -> 1, one attempt more
    5  address by DHCP within wlan.dhcp.timeout, or static; -> 7, else 6
    6  failed
    7  done
"""

import asyncio
import contextlib
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import NamedTuple

from tokay.board.link import Link
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Radio
from tokay.board.security import Security
from tokay.kernel.kernel import Kernel
from tokay.plugins.network import Address, DhcpClient
from tokay.plugins.wlan import variables as wlan


class Step(IntEnum):
    """A numbered step of the procedure."""

    COUNT = 1
    RECALL = 2
    PROBE = 3
    ASSOCIATE = 4
    ADDRESS = 5
    FAILED = 6
    DONE = 7


class Outcome(Enum):
    """How a step ended."""

    YES = auto()
    NO = auto()


TRANSITIONS: dict[tuple[Step, Outcome], Step] = {
    (Step.COUNT, Outcome.YES): Step.RECALL,
    (Step.COUNT, Outcome.NO): Step.FAILED,
    (Step.RECALL, Outcome.YES): Step.ASSOCIATE,
    (Step.RECALL, Outcome.NO): Step.PROBE,
    (Step.PROBE, Outcome.YES): Step.ASSOCIATE,
    (Step.PROBE, Outcome.NO): Step.FAILED,
    (Step.ASSOCIATE, Outcome.YES): Step.ADDRESS,
    (Step.ASSOCIATE, Outcome.NO): Step.COUNT,
    (Step.ADDRESS, Outcome.YES): Step.DONE,
    (Step.ADDRESS, Outcome.NO): Step.FAILED,
}


class JoinResult(IntEnum):
    """`wlan.join.result`. Source: commands-network, section 2.7."""

    NONE = 0
    SUCCESS = 1
    JOINING = 2
    NO_SSID = 3
    NO_PASSKEY = 4
    BAD_SECURITY = 5
    NOT_FOUND = 6
    FAILED = 7
    ABORTED = 8


RESULTS = {
    JoinFailure.NO_PASSKEY: JoinResult.NO_PASSKEY,
    JoinFailure.BAD_SECURITY: JoinResult.BAD_SECURITY,
    JoinFailure.NOT_FOUND: JoinResult.NOT_FOUND,
}


class Details(NamedTuple):
    """What an association needs to know, from a probe or from an earlier join."""

    ssid: str
    bssid: str
    channel: int
    security: Security


@dataclass(slots=True)
class Joined:
    """What a join that reached step 7 has in hand."""

    link: Link
    address: Address
    dhcp: DhcpClient | None


class Join:
    """One run of the procedure. ``result`` tells how it stands."""

    def __init__(self, kernel: Kernel, radio: Radio, stored: Details | None) -> None:
        self._kernel = kernel
        self._radio = radio
        self._values = kernel.variables
        self._attempts = 0
        self._probed = False
        self._link: Link | None = None
        self._address: Address | None = None
        self._dhcp: DhcpClient | None = None
        self.details = stored
        self.result = JoinResult.JOINING
        self.lease_lost = asyncio.Event()

    async def run(self) -> Joined | None:
        """Go through the steps; return what was joined, or None."""
        if not self._values[wlan.SSID] and not self._values[wlan.BSSID]:
            self.result = JoinResult.NO_SSID
            return None
        steps = {
            Step.COUNT: self._count,
            Step.RECALL: self._recall,
            Step.PROBE: self._probe,
            Step.ASSOCIATE: self._associate,
            Step.ADDRESS: self._take_address,
        }
        step = Step.COUNT
        try:
            while step in steps:
                outcome = Outcome.YES if await steps[step]() else Outcome.NO
                step = TRANSITIONS[step, outcome]
        except asyncio.CancelledError:
            self.result = JoinResult.ABORTED
            await self._let_go()
            raise
        if step is Step.FAILED or self._link is None or self._address is None:
            if self.result is JoinResult.JOINING:
                self.result = JoinResult.FAILED
            await self._let_go()
            return None
        self.result = JoinResult.SUCCESS
        return Joined(self._link, self._address, self._dhcp)

    async def _let_go(self) -> None:
        if self._dhcp is not None:
            self._dhcp.stop()
        await self._radio.leave()

    async def _count(self) -> bool:
        if self._attempts >= self._values[wlan.JOIN_RETRIES]:
            return False
        self._attempts += 1
        self._kernel.notice(
            "wlan_joining", text=self._values[wlan.SSID] or self._values[wlan.BSSID]
        )
        return True

    async def _recall(self) -> bool:
        return self.details is not None

    async def _probe(self) -> bool:
        if self._probed:
            return False
        self._probed = True
        ssid, bssid = self._values[wlan.SSID], self._values[wlan.BSSID]
        asked = wlan.SECURITIES.get(self._values[wlan.SECURITY])
        found = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._values[wlan.JOIN_TIMEOUT] / 1000):
                found = await self._radio.scan(ssid=ssid or None)
        fitting = [
            network
            for network in found or ()
            if bssid in ("", network.bssid) and ssid in ("", network.ssid)
        ]
        if not fitting:
            self.result = JoinResult.NOT_FOUND
            return False
        best = fitting[0]
        if asked is None:
            self._kernel.log.line(f"Security type from probe: {best.security.value}")
        self.details = Details(best.ssid, best.bssid, best.channel, asked or best.security)
        return True

    async def _associate(self) -> bool:
        details = self.details
        if details is None:
            return False
        request = JoinRequest(
            ssid=details.ssid,
            bssid=details.bssid,
            channel=details.channel,
            security=details.security,
            passkey=self._values[wlan.PASSKEY] or None,
        )
        try:
            async with asyncio.timeout(self._values[wlan.JOIN_TIMEOUT] / 1000):
                self._link = await self._radio.join(request)
        except (JoinError, TimeoutError) as error:
            reason = error.reason if isinstance(error, JoinError) else JoinFailure.TIMEOUT
            self.result = RESULTS.get(reason, JoinResult.FAILED)
            self._kernel.log.line("Join failed")
            if not self._probed:
                # What an earlier join left behind is out of date: this attempt may probe.
                self.details = None
            return False
        return True

    async def _take_address(self) -> bool:
        assert self._link is not None  # noqa: S101 - step 4 came before
        try:
            if self._values[wlan.DHCP_ENABLED]:
                return await self._by_dhcp(self._link)
            return await self._by_hand(self._link)
        except OSError as error:
            self._kernel.log.line(str(error.strerror or error))
        except TimeoutError:
            self._kernel.log.line("DHCP timed out")
        self.result = JoinResult.FAILED
        return False

    async def _by_dhcp(self, link: Link) -> bool:
        self._kernel.log.line("Obtaining IPv4 address via DHCP")
        hostname = self._values[wlan.DHCP_HOSTNAME] or self._kernel.name
        self._dhcp = DhcpClient(link, self._kernel.mac, hostname, self.lease_lost.set)
        async with asyncio.timeout(self._values[wlan.DHCP_TIMEOUT]):
            lease = await self._dhcp.acquire()
        dns = ",".join(str(server) for server in lease.dns) or wlan.NO_ADDRESS
        gateway = str(lease.gateway or wlan.NO_ADDRESS)
        self._address = Address(str(lease.address), str(lease.netmask), gateway, dns)
        return True

    async def _by_hand(self, link: Link) -> bool:
        values = self._values
        address = Address(
            values[wlan.STATIC_IP],
            values[wlan.STATIC_NETMASK],
            values[wlan.STATIC_GATEWAY],
            values[wlan.STATIC_DNS],
        )
        if address.address == wlan.NO_ADDRESS:
            self._kernel.log.line("wlan.static.ip is not set")
            return False
        await link.verify_free(address.address)
        link.configure(*address)
        self._address = address
        return True
