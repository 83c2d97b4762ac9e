"""The station: brings the `wlan` interface up by the join procedure, and keeps it up."""

import asyncio

from tokay.board.board import Board
from tokay.board.pins import Direction, PinError, Pins
from tokay.board.radio import Radio
from tokay.kernel.commands import Call
from tokay.kernel.events import Ready, WlanChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import failed
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.network import Interface, Network, NetworkStatus, lease_cache
from tokay.plugins.wlan import driver, join_cache
from tokay.plugins.wlan import variables as wlan
from tokay.plugins.wlan.choose import choose
from tokay.plugins.wlan.join import Join, Joined, JoinResult

NAME = "wlan"


class Wlan(Plugin):
    """The bearer of the `wlan` interface."""

    name = "wlan"
    after = ("network", "gpio")

    __slots__ = (
        "_join", "_joined", "_kernel", "_last", "_network", "_pins", "_round", "_task", "_watch",
        "radio",
    )  # fmt: skip

    def start(self, kernel: Kernel, board: Board) -> None:
        """Register as the bearer; without auto-join the radio is silent until it is needed."""
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._join: Join | None = None
        self._joined: Joined | None = None
        self._round: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._pins: Pins = board.pins
        self.radio: Radio = board.radio
        self.radio.on_note = kernel.log.line
        self.radio.on_lost = self._lost
        self._last = JoinResult.NONE
        if self.radio.tunable:
            for variable in driver.DRIVEN:
                kernel.variables.watch(variable, self._configure)
            self._configure()
        self._network.register(NAME, self)
        self._drive_status(0)
        kernel.events.on(Ready, lambda _: self._auto_join())

    async def stop(self) -> None:
        """Leave the network."""
        joined = self._joined
        lease = joined.dhcp.lease if joined is not None and joined.dhcp is not None else None
        if joined is not None and lease is not None and self._kernel.variables[wlan.DHCP_CACHE]:
            lease_cache.save(self._kernel, NAME, joined.link.bssid, lease)
            joined.keep_lease()
        await self.down()
        self.radio.on_lost = None
        self.radio.on_note = None

    @property
    def status(self) -> NetworkStatus:
        """How the interface stands."""
        if self._joined is not None:
            return NetworkStatus.UP
        return NetworkStatus.JOINING if self._join is not None else NetworkStatus.DOWN

    @property
    def result(self) -> JoinResult:
        """How the join that runs stands, or how the last one ended."""
        return self._last if self._join is None else self._join.result

    @property
    def joining(self) -> bool:
        """Whether a join is under way that nobody has to wait for."""
        return self._join is not None

    async def choose(self, call: Call) -> None:
        """Ask the person at the console which network to join. Raises CommandError."""
        await choose(call, self.radio)

    async def up(self) -> None:
        """Join; several who ask at once wait for one round. Raises CommandError."""
        if self._joined is not None and self._join is None:
            return
        if self._join is None:
            self._begin()
        elif self._round is None:
            self._join.hurry()
        if self._round is None:
            self._round = asyncio.get_running_loop().create_future()
        # A caller that gives up must not take the round from others who wait for it.
        if not await asyncio.shield(self._round):
            raise failed("the join failed")

    async def down(self) -> None:
        """Leave the network, release the address, and stop auto-join."""
        if self._task is not None:
            if self._join is not None:
                self._join.forced_down = True
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        joined = self._joined
        if joined is None:
            return
        self._network.interface_down(NAME)
        self._forget()
        if joined.dhcp is not None:
            joined.dhcp.release()
        joined.link.deconfigure()
        await self.radio.leave()
        self._kernel.notice("wlan_leave")

    def _configure(self, _index: str = "", _value: object = None) -> None:
        """Set the radio up as the variables say."""
        self.radio.configure(driver.radio_settings(self._kernel.variables))

    def _auto_join(self) -> None:
        """Begin to join by itself, if the settings ask for it and nobody has begun."""
        if self._kernel.variables[wlan.AUTO_JOIN] and self._join is None and self._joined is None:
            self._begin()

    def _begin(self) -> None:
        self._join = Join(self._kernel, self.radio, join_cache.load(self._kernel), self._round_over)
        self._task = asyncio.get_running_loop().create_task(self._run(self._join))
        self._kernel.events.emit(WlanChanged())

    async def _run(self, join: Join) -> None:
        try:
            await self._network.release_radio(NAME)
            await join.run()
            if join.details is None:
                join_cache.save(self._kernel, None)
            if join.joined is not None:
                await self._up(join, join.joined)
        except asyncio.CancelledError:
            join.result = JoinResult.ABORTED
            raise
        finally:
            self._last = join.result
            self._join = self._task = None
            self._round_over(self._joined is not None)
            self._kernel.events.emit(WlanChanged())
        if self._joined is None and join.joined is not None:
            self._auto_join()  # it was lost before it counted as up

    def _round_over(self, joined: bool) -> None:
        """Resolve the future of those who wait for this round."""
        if self._round is not None:
            self._round.set_result(joined)
            self._round = None

    async def _up(self, join: Join, joined: Joined) -> None:
        self._joined = joined
        join_cache.save(self._kernel, join.details)
        self._watch = asyncio.get_running_loop().create_task(self._watch_lease(join))
        await self._network.interface_up(Interface(self._kernel, NAME, joined.link, joined.address))
        if self._joined is not joined:
            return  # lost meanwhile
        self._drive_status(1)
        self._kernel.notice("wlan_joined")

    async def _watch_lease(self, join: Join) -> None:
        await join.lease_lost.wait()
        self._kernel.log.line("DHCP lease lost")
        self._watch = None
        await self.down()
        self._auto_join()

    def _lost(self, reason: str) -> None:
        """Called by the radio when the access point is lost."""
        joined = self._joined
        if joined is None:
            return
        self._kernel.log.line(f"Link lost: {reason}")
        self._network.interface_down(NAME)
        self._forget()
        if joined.dhcp is not None:
            joined.dhcp.stop()
        self._kernel.notice("wlan_leave")
        self._auto_join()

    def _forget(self) -> None:
        self._joined = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._drive_status(0)
        self._kernel.events.emit(WlanChanged())

    def _drive_status(self, level: int) -> None:
        pin = self._kernel.variables[wlan.STATUS_GPIO]
        if pin != NO_PIN:
            try:
                self._pins.configure(pin, Direction.OUTPUT_PUSH_PULL, level)
            except PinError as error:
                self._kernel.log.line(str(error))
