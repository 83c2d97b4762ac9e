"""The join procedure, step by step as the documentation numbers it.

Source: docs/protocol/network.md, section 2.1::

    1  as many attempts made as wlan.join.retries allows?  -> 6
    2  joined before with these details?                    -> 4, without a probe
    3  probe, once; not found                               -> 6
    4  associate within wlan.join.timeout; else             -> 1, one attempt more
    5  address by DHCP within wlan.dhcp.timeout, or static; -> 7, else 6
    6  failed; auto-join goes on, so begin another round?   -> 1, else the end
    7  done: the end

One pass from 1 to 6 or 7 is a *round*. Who waits for the network waits for one round; auto-join
goes on behind it. The diagram in `docs/join.md` is drawn from the table below.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import NamedTuple

from tokay.board.link import Link
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Radio, ScanResult
from tokay.board.security import Security
from tokay.kernel.kernel import Kernel
from tokay.plugins.network import InterfaceAddress, LinkDhcpClient, take_address
from tokay.plugins.wlan import scan
from tokay.plugins.wlan import variables as wlan


class JoinStep(IntEnum):
    """A numbered step of the procedure."""

    COUNT = 1
    RECALL = 2
    PROBE = 3
    ASSOCIATE = 4
    ADDRESS = 5
    FAILED = 6
    DONE = 7
    END = 8


class Outcome(Enum):
    """How a step ended."""

    YES = auto()
    NO = auto()


TRANSITIONS: dict[tuple[JoinStep, Outcome], JoinStep] = {
    (JoinStep.COUNT, Outcome.YES): JoinStep.RECALL,
    (JoinStep.COUNT, Outcome.NO): JoinStep.FAILED,
    (JoinStep.RECALL, Outcome.YES): JoinStep.ASSOCIATE,
    (JoinStep.RECALL, Outcome.NO): JoinStep.PROBE,
    (JoinStep.PROBE, Outcome.YES): JoinStep.ASSOCIATE,
    (JoinStep.PROBE, Outcome.NO): JoinStep.FAILED,
    (JoinStep.ASSOCIATE, Outcome.YES): JoinStep.ADDRESS,
    (JoinStep.ASSOCIATE, Outcome.NO): JoinStep.COUNT,
    (JoinStep.ADDRESS, Outcome.YES): JoinStep.DONE,
    (JoinStep.ADDRESS, Outcome.NO): JoinStep.FAILED,
    (JoinStep.FAILED, Outcome.YES): JoinStep.COUNT,
    (JoinStep.FAILED, Outcome.NO): JoinStep.END,
    (JoinStep.DONE, Outcome.YES): JoinStep.END,
}


class JoinResult(IntEnum):
    """`wlan.join.result`. Source: docs/protocol/network.md, section 2.7."""

    NONE = 0
    SUCCESS = 1
    JOINING = 2
    NO_SSID = 3
    NO_PASSKEY = 4
    BAD_SECURITY = 5
    NOT_FOUND = 6
    FAILED = 7
    ABORTED = 8


WORDS = {
    JoinResult.NO_SSID: "No SSID",
    JoinResult.NO_PASSKEY: "No passkey",
    JoinResult.BAD_SECURITY: "Security type not supported",
    JoinResult.NOT_FOUND: "Network not found",
}
"""What the log says of a result, before `Join failed`."""

RESULTS = {
    JoinFailure.NO_PASSKEY: JoinResult.NO_PASSKEY,
    JoinFailure.BAD_SECURITY: JoinResult.BAD_SECURITY,
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
    address: InterfaceAddress
    dhcp: LinkDhcpClient | None

    def keep_lease(self) -> None:
        """Stop the DHCP client without a RELEASE, so that the lease outlives this."""
        if self.dhcp is not None:
            self.dhcp.stop()
            self.dhcp = None


class Join:
    """One run of the procedure, from its start to its end.

    ``result`` tells how it stands, ``joined`` what it ended in. ``round_over`` is called after each
    round, with whether it joined. ``forced_down`` is set by whoever takes the interface down.
    """

    def __init__(
        self,
        kernel: Kernel,
        radio: Radio,
        stored: Details | None,
        round_over: Callable[[bool], None],
    ) -> None:
        self._kernel = kernel
        self._radio = radio
        self._values = kernel.variables
        self._round_over = round_over
        self._rounds = 0
        self._attempts = 0
        self._probed = False
        self._hurry = asyncio.Event()
        self._link: Link | None = None
        self._address: InterfaceAddress | None = None
        self._dhcp: LinkDhcpClient | None = None
        self.details = stored
        self.joined: Joined | None = None
        self.forced_down = False
        self.result = JoinResult.JOINING
        self.lease_lost = asyncio.Event()

    async def run(self) -> None:
        """Run the steps of the join."""
        steps = {
            JoinStep.COUNT: self._count,
            JoinStep.RECALL: self._recall,
            JoinStep.PROBE: self._probe,
            JoinStep.ASSOCIATE: self._associate,
            JoinStep.ADDRESS: self._take_address,
            JoinStep.FAILED: self._failed,
            JoinStep.DONE: self._done,
        }
        step = JoinStep.COUNT
        try:
            while step is not JoinStep.END:
                outcome = Outcome.YES if await steps[step]() else Outcome.NO
                step = TRANSITIONS[step, outcome]
        except asyncio.CancelledError:
            self.result = JoinResult.ABORTED
            await self._let_go()
            raise

    def hurry(self) -> None:
        """Begin the next round now: somebody waits for it."""
        self._hurry.set()

    def _note(self, result: JoinResult) -> None:
        """Set the result, and write its words to the log."""
        self.result = result
        if result in WORDS:
            self._kernel.log.line(WORDS[result])

    async def _let_go(self) -> None:
        if self._dhcp is not None:
            self._dhcp.stop()
            self._dhcp = None
        self._link = None
        await self._radio.leave()

    async def _count(self) -> bool:
        if not self._values[wlan.SSID] and not self._values[wlan.BSSID]:
            self._note(JoinResult.NO_SSID)
            return False
        if self._attempts >= self._values[wlan.JOIN_RETRIES]:
            return False
        await self._radio.wait_turn()
        self._attempts += 1
        network = self._values[wlan.SSID] or self._values[wlan.BSSID]
        self._kernel.notice("wlan_joining", text=network)
        return True

    async def _recall(self) -> bool:
        return self.details is not None

    async def _probe(self) -> bool:
        if self._probed:
            return False
        self._probed = True
        for _ in range(self._values[scan.RETRIES] + 1):
            best = await self._look()
            if best is not None:
                break
        else:
            self._note(JoinResult.NOT_FOUND)
            self._kernel.log.line("Join failed")
            return False
        asked = wlan.SECURITIES.get(self._values[wlan.SECURITY])
        if asked is None:
            self._kernel.log.line(f"Security type from probe: {best.security.value}")
        # An access point that hides its SSID has to be asked for it.
        ssid = best.ssid or self._values[wlan.SSID]
        self.details = Details(ssid, best.bssid, best.channel, asked or best.security)
        return True

    async def _look(self) -> ScanResult | None:
        """Return the strongest network that wlan.bssid names, or wlan.ssid if that is not set."""
        bssid = self._values[wlan.BSSID]
        ssid = "" if bssid else self._values[wlan.SSID]
        found: list[ScanResult] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._values[wlan.JOIN_TIMEOUT] / 1000):
                found = await scan.look(self._kernel, self._radio, ssid=ssid)
        return next(
            (one for one in found if bssid in ("", one.bssid) and ssid in ("", one.ssid)), None
        )

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
            roam=not self._values[wlan.BSSID],
        )
        try:
            async with asyncio.timeout(self._values[wlan.JOIN_TIMEOUT] / 1000):
                self._link = await self._radio.join(request)
        except (JoinError, TimeoutError) as error:
            reason = error.reason if isinstance(error, JoinError) else JoinFailure.TIMEOUT
            self._note(RESULTS.get(reason, JoinResult.FAILED))
            self._kernel.log.line("Join failed")
            if not self._probed:
                # What an earlier join left behind is out of date: this attempt may probe.
                self.details = None
            return False
        return True

    async def _take_address(self) -> bool:
        assert self._link is not None  # noqa: S101 - step 4 came before
        settings = wlan.addressing(self._kernel)
        taken = await take_address(self._kernel, self._link, settings, self.lease_lost.set)
        if taken is None:
            self.result = JoinResult.FAILED
            return False
        self._address, self._dhcp = taken
        return True

    async def _failed(self) -> bool:
        if self._link is None and self._attempts:
            self.details = None  # nobody answered to them
        await self._let_go()
        if self.result is JoinResult.JOINING:
            self.result = JoinResult.FAILED
        self._round_over(False)
        self._rounds += 1
        most = self._values[wlan.AUTO_JOIN_RETRIES]
        if not self._values[wlan.AUTO_JOIN] or self.forced_down or 0 < most <= self._rounds:
            return False
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._values[wlan.AUTO_JOIN_DELAY]):
                await self._hurry.wait()
        self._attempts, self._probed = 0, False
        self.result = JoinResult.JOINING
        return True

    async def _done(self) -> bool:
        assert self._link is not None  # noqa: S101 - step 4 came before
        assert self._address is not None  # noqa: S101 - step 5 came before
        self.joined = Joined(self._link, self._address, self._dhcp)
        self.result = JoinResult.SUCCESS
        return True
