"""WLAN: the station. Brings the `wlan` interface up by the join procedure."""

import asyncio
from typing import Any, ClassVar

from tokay.board.pins import Direction, PinError, Pins
from tokay.board.radio import Radio
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.kinds import NO_PIN
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import failed
from tokay.kernel.variables import computed
from tokay.plugins.network import Interface, Network, NetworkStatus
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.join import Details, Join, Joined, JoinResult

NAME = "wlan"
CARRIED = "wlan.details"

JOIN_RESULT = computed(
    "wlan.join.result", "wl j s", lambda kernel, _: str(int(kernel.plugin(Wlan).result)),
    doc="How the last join ended: 1 joined, 3 no ssid, 4 no passkey, 5 security, 6 not found, "
    "7 failed, 8 aborted; 2 while joining, 0 never tried.",
)  # fmt: skip
STATUS = computed(
    "wlan.network.status", "wl n s", lambda kernel, _: str(int(kernel.plugin(Wlan).status)),
    doc="0 down, 1 joined without an address, 2 up, 3 joining.",
)  # fmt: skip


@command("wlan_get_rssi", "rssi")
def wlan_get_rssi(call: Call) -> str:
    """Print the signal of the joined network in dBm."""
    rssi = call.kernel.plugin(Wlan).radio.rssi()
    if rssi is None:
        raise failed("not joined")
    return str(rssi)


class Wlan(Plugin):
    """The bearer of the `wlan` interface."""

    name = "wlan"
    variables = (*wlan.SETTINGS, JOIN_RESULT, STATUS)
    commands: ClassVar = (wlan_get_rssi,)
    after = ("network", "gpio")

    __slots__ = ("_joined", "_joining", "_kernel", "_network", "_pins", "_watch", "radio", "result")

    result: JoinResult

    def start(self, kernel: Kernel, board: Any) -> None:
        """Register as the bearer; the radio stays silent until the network is needed."""
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._joined: Joined | None = None
        self._joining: asyncio.Task[bool] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._pins: Pins = board.pins
        self.radio: Radio = board.radio
        self.radio.on_lost = self._lost
        self.result = JoinResult.NONE
        self._network.register(NAME, self)
        self._drive_status(0)

    async def stop(self) -> None:
        """Leave the network."""
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.gather(self._joining, return_exceptions=True)
        await self.down()
        self.radio.on_lost = None

    @property
    def status(self) -> NetworkStatus:
        """How the interface stands."""
        if self._joined is not None:
            return NetworkStatus.UP
        return NetworkStatus.JOINING if self._joining is not None else NetworkStatus.DOWN

    async def up(self) -> None:
        """Join; several who ask at once wait for one join. Raises CommandError."""
        if self._joined is not None:
            return
        if self._joining is None:
            self._joining = asyncio.get_running_loop().create_task(self._join())
            self._joining.add_done_callback(self._join_ended)
        # A caller that gives up must not take the join from others who wait for it.
        if not await asyncio.shield(self._joining):
            raise failed("the join failed")

    async def down(self) -> None:
        """Leave the network, and give the address back."""
        joined = self._joined
        if joined is None:
            return
        self._network.lowering(NAME)
        self._forget()
        if joined.dhcp is not None:
            joined.dhcp.release()
        joined.link.deconfigure()
        await self.radio.leave()
        self._kernel.notice("wlan_leave")

    async def _join(self) -> bool:
        self.result = JoinResult.JOINING
        join = Join(self._kernel, self.radio, self._stored())
        try:
            joined = await join.run()
        finally:
            self.result = join.result
        self._remember(join.details)
        if joined is None:
            return False
        self._joined = joined
        self._watch = asyncio.get_running_loop().create_task(self._watch_lease(join))
        self._network.raised(Interface(self._kernel, NAME, joined.link, joined.address))
        self._drive_status(1)
        self._kernel.notice("wlan_joined")
        return True

    def _join_ended(self, task: "asyncio.Task[bool]") -> None:
        self._joining = None
        if not task.cancelled():
            task.exception()  # whoever waits hears it; nobody may be left who does

    def _remember(self, details: Details | None) -> None:
        """Keep for the next join what this one found to be true, and nothing else."""
        if details is None:
            self._kernel.carried.pop(CARRIED, None)
        else:
            self._kernel.carried[CARRIED] = details

    def _stored(self) -> Details | None:
        """Return what an earlier join found, while the settings still ask for the same."""
        stored: Details | None = self._kernel.carried.get(CARRIED)
        values = self._kernel.variables
        if stored is None or values[wlan.SSID] not in ("", stored.ssid):
            return None
        asked = wlan.SECURITIES.get(values[wlan.SECURITY], stored.security)
        if values[wlan.BSSID] not in ("", stored.bssid) or asked != stored.security:
            return None
        return stored

    async def _watch_lease(self, join: Join) -> None:
        await join.lease_lost.wait()
        self._kernel.log.line("DHCP lease lost")
        self._watch = None
        await self.down()

    def _lost(self, reason: str) -> None:
        """Hear from the radio that the access point is gone."""
        joined = self._joined
        if joined is None:
            return
        self._kernel.log.line(f"Link lost: {reason}")
        self._network.lowering(NAME)
        self._forget()
        if joined.dhcp is not None:
            joined.dhcp.stop()
        self._kernel.notice("wlan_leave")

    def _forget(self) -> None:
        self._joined = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._drive_status(0)

    def _drive_status(self, level: int) -> None:
        pin = self._kernel.variables[wlan.STATUS_GPIO]
        if pin != NO_PIN:
            try:
                self._pins.configure(pin, Direction.OUTPUT_PUSH_PULL, level)
            except PinError as error:
                self._kernel.log.line(str(error))


PLUGIN = Wlan
