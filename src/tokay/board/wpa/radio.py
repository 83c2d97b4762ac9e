"""A real radio of this machine: a station by wpa_supplicant, a soft AP by hostapd.

Both on one radio share what the radio has, and what that is, its interface combinations tell.
Where there is one channel for both, the station leads (measured: a station cannot join on
another channel than that of an access point of its own radio):

| when | then |
| --- | --- |
| the device joins while the soft AP is up | the soft AP announces a switch and moves, first |
| the network moves | the soft AP moves too; the station is thrown off and joins again |
| the soft AP is started while joined | the station's channel overrules `softap.channel` |
"""

import asyncio
import contextlib
import logging
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tokay.board.net.netlink import Monitor, Netlink
from tokay.board.radio import (
    ApConfig,
    ApError,
    JoinError,
    JoinFailure,
    JoinRequest,
    RadioError,
    RadioSettings,
    ScanResult,
    mac_text,
)
from tokay.board.wired.radio import usable_interface
from tokay.board.wpa import holders, networks
from tokay.board.wpa.access_point import AccessPoint
from tokay.board.wpa.daemon import DaemonError
from tokay.board.wpa.interface import (
    describe,
    index_of,
    reserve,
    runtime_folder,
    why_lost,
    wiphy_of,
)
from tokay.board.wpa.links import WpaApLink, WpaLink
from tokay.board.wpa.nl80211 import Nl80211
from tokay.board.wpa.supplicant import Joined, Supplicant
from tokay.board.wpa.tuning import Tuning
from tokay.board.wpa.undo import Undo, remove_folder, switch_off
from tokay.protocols import ieee80211, nl80211
from tokay.protocols.nl80211 import InterfaceType
from tokay.protocols.wpa_ctrl import Bss

FRESH = 5.0
"""Seconds for which a scan is good enough to join by."""
FIND_SCANS = 2
"""Scans before a network counts as not found: a busy one may miss the few milliseconds of a probe.
"""
DEFAULT_AP_CHANNEL = 6
CHANNELS = range(1, 15)

_LOCAL_BIT = 0x02  # IEEE 802-2014 section 8.2.2
_MAX_IFNAME = 15

_logger = logging.getLogger(__name__)


class WpaRadio:
    """A `Radio` on the wireless interface `ifname`.

    `ap_ifname` is the interface for a soft AP; without one it is made on the same radio. The same
    name twice is for a radio that can be one or the other. Raises RadioError.
    """

    tunable = True

    def __init__(self, ifname: str, ap_ifname: str | None = None) -> None:
        self.on_lost: Callable[[str], None] | None = None
        self.on_note: Callable[[str], None] | None = None
        self.ifname = ifname
        facts = usable_interface(ifname)
        self._index = facts.ifindex
        self._was_up = facts.up
        self._mac = mac_text(facts.mac.hex())
        self._wiphy = wiphy_of(ifname)
        self._ap_ifname, self._ap_wiphy = ap_ifname, self._wiphy
        if ap_ifname is not None and ap_ifname != ifname:
            usable_interface(ap_ifname)
            self._ap_wiphy = wiphy_of(ap_ifname)
        self._concurrent = self._channels_at_once()
        for name, index in {ifname: self._index, ap_ifname: index_of(ap_ifname)}.items():
            held = holders.holder_of(name, index) if name is not None else None
            if held is not None:
                raise RadioError(f"{name}: {held}")
        self._reservation = reserve(ifname)
        self._folder: Path | None = None
        self._undo = Undo(self._reservation)
        self._supplicant: Supplicant | None = None
        self._settings = RadioSettings()
        self._tuning = Tuning(ifname, self._index, self._wiphy, self._undo, self._note)
        self._ap: AccessPoint | None = None
        self._ap_owner: Nl80211 | None = None
        self._link: WpaLink | None = None
        self._monitor: Monitor | None = None
        self._seen: list[Bss] = []
        self._seen_at = -FRESH
        self._preparing = asyncio.Lock()
        self._ap_lock = asyncio.Lock()
        self._switching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        _logger.info("%s", self.abilities)

    @property
    def abilities(self) -> str:
        """What the radio can do, in one line."""
        return f"{self.ifname}: {describe(self._wiphy, self._ap_wiphy, self._concurrent)}"

    @property
    def mac(self) -> str:
        """The interface's own address."""
        return self._mac

    def configure(self, settings: RadioSettings) -> None:
        """Set the radio up; see `Radio.configure`. While it is off that waits."""
        before, self._settings = self._settings, settings
        if self._supplicant is not None and self._supplicant.pid is not None:
            self._tuning.apply(settings, before)

    # The station.

    async def scan(
        self, *, ssid: str | None = None, channel: int | None = None, passive: bool = False
    ) -> list[ScanResult]:
        """Look for networks in the 2.4 GHz band, strongest first; see `Radio.scan`."""
        frequencies = self._frequencies(CHANNELS if channel is None else (channel,))
        try:
            found = await self._look(frequencies, ssid, passive=passive)
        except DaemonError as error:
            self._note(self._reason(error))
            return []
        results = [one for one in map(networks.scan_result, found) if one is not None]
        own = self._ap.link.bssid if self._ap is not None and self._ap.link is not None else ""
        return sorted(
            (one for one in results if ssid in (None, one.ssid) and one.bssid != own),
            key=lambda one: -one.rssi,
        )

    async def wait_turn(self) -> None:
        """Return at once; see `Radio.wait_turn`."""

    async def join(self, request: JoinRequest) -> WpaLink:
        """Associate and authenticate, once; see `Radio.join`. Raises JoinError."""
        await self.leave()
        try:
            supplicant = await self._station()
            bss = await self._find(request)
            settings, security = networks.settings_for(request, bss)
            await self._lead_ap(bss.frequency)
            joined = await supplicant.join(settings)
        except JoinError as error:
            if error.reason is JoinFailure.WRONG_PASSKEY:
                self._note(f"{self.ifname}: {error}")
            raise
        except DaemonError as error:
            self._note(self._reason(error))
            raise JoinError(JoinFailure.REFUSED) from None
        try:
            with Netlink() as kernel:
                kernel.clear(self._index)
            link = WpaLink(
                self.ifname, self._index, self._mac, bssid=joined.bssid,
                frequency=joined.frequency, security=security, undo=self._undo,
            )  # fmt: skip
        except OSError as error:
            await supplicant.leave()
            self._note(f"{self.ifname}: {error.strerror}")
            raise JoinError(JoinFailure.REFUSED) from None
        self._link = link
        self._monitor = Monitor(self._check_link)
        return link

    async def verify(self, request: JoinRequest) -> None:
        """Try credentials without joining; see `Radio.verify`. Raises JoinError.

        A station that has joined cannot be at another access point too: it must leave first.
        """
        if self._link is not None:
            self._note(f"{self.ifname}: the radio cannot try a network while it has joined one")
            raise JoinError(JoinFailure.REFUSED)
        try:
            supplicant = await self._station()
            settings, _ = networks.settings_for(request, await self._find(request))
            await self._lead_ap(settings.frequencies[0])
            await supplicant.join(settings)
        except DaemonError as error:
            self._note(self._reason(error))
            raise JoinError(JoinFailure.REFUSED) from None
        finally:
            if self._supplicant is not None:
                await self._supplicant.leave()

    async def wps(self) -> tuple[str, str]:
        """Wait for a pushed button; see `Radio.wps`. Raises JoinError."""
        await self.leave()
        try:
            credential = await (await self._station()).wps()
        except DaemonError as error:
            self._note(self._reason(error))
            raise JoinError(JoinFailure.REFUSED) from None
        return credential.ssid.decode("latin-1"), credential.key

    async def leave(self) -> None:
        """Leave the network and close the link."""
        self._release()
        if self._supplicant is not None:
            await self._supplicant.leave()

    def rssi(self) -> int | None:
        """Return the signal of the joined access point in dBm, None if not joined."""
        if self._link is None:
            return None
        try:
            with Nl80211() as kernel:
                facts = kernel.station(self._index)
        except OSError:
            return None
        return facts.signal if facts is not None else None

    # The soft AP.

    async def start_ap(self, config: ApConfig) -> WpaApLink:
        """Start the soft AP; see `Radio.start_ap`. Raises ApError."""
        async with self._ap_lock:
            await self._end_ap()
            if InterfaceType.AP not in self._ap_wiphy.types:
                raise ApError(f"{self.ifname}: the radio cannot be an access point")
            if self._concurrent == 0:
                if self._link is not None:
                    raise ApError(
                        f"{self.ifname}: the radio cannot be station and access point at once"
                    )
                if self._supplicant is not None:
                    await self._supplicant.stop()
            channel = self._ap_channel(config.channel)
            try:
                folder = await self._prepare()
                ifname = self._make_ap_interface()
                reservation = self._reserve_ap(ifname)
            except (OSError, DaemonError) as error:
                self._close_ap_interface()
                text = error.strerror if isinstance(error, OSError) else str(error)
                raise ApError(f"{self.ifname}: no interface for the soft AP: {text}") from None
            except RadioError as error:
                raise ApError(str(error)) from None
            self._ap = AccessPoint(ifname, folder, self._undo)
            self._ap.on_note = self._note
            try:
                link = await self._ap.start(config, channel, self._settings.region, reservation)
            except BaseException:
                reservation.close()
                self._ap = None
                self._close_ap_interface()
                raise
            link.on_close = self._ap_closed
            return link

    async def close(self) -> None:
        """Leave the air, end the programs, and undo what was changed on this machine."""
        if self._switching is not None:
            self._switching.cancel()
        await self.leave()
        async with self._ap_lock:
            await self._end_ap()
        if self._supplicant is not None:
            await self._supplicant.stop()
        await self._undo.close()
        self._reservation.close()

    # How the two share the radio.

    def _channels_at_once(self) -> int:
        """Return on how many channels station and soft AP can be at once, 0 if they cannot."""
        if self._ap_ifname == self.ifname:
            return 0
        if self._wiphy.index != self._ap_wiphy.index:
            return 2
        return self._wiphy.channels_for([InterfaceType.STATION, InterfaceType.AP])

    def _ap_channel(self, asked: int) -> int:
        link = self._link
        if link is not None and self._concurrent == 1:
            if asked not in (0, link.channel):
                self._note(f"soft AP on channel {link.channel}, not {asked}: WLAN is joined there")
            return link.channel
        return asked or DEFAULT_AP_CHANNEL

    async def _lead_ap(self, frequency: int) -> None:
        """Take the soft AP to the channel on which the station is about to join."""
        ap = self._ap
        if ap is None or not ap.up:
            return
        if self._concurrent == 0:
            raise DaemonError("the radio cannot be station and access point at once")
        channel = ieee80211.channel_of(frequency)
        if self._concurrent == 1 and channel is not None and ap.link is not None:
            if ap.link.channel != channel:
                self._note(f"soft AP moves from channel {ap.link.channel} to {channel}")
            if not await ap.move(channel):
                raise DaemonError("the soft AP cannot leave its channel")

    def _follow(self, frequency: int) -> None:
        """Take the soft AP along when the network moves to another channel."""
        if self._concurrent == 1 and self._ap is not None and self._ap.up:
            self._switching = asyncio.get_running_loop().create_task(self._switch_ap(frequency))

    async def _switch_ap(self, frequency: int) -> None:
        with contextlib.suppress(DaemonError):
            await self._lead_ap(frequency)

    # What is started when it is first needed.

    async def _station(self) -> Supplicant:
        """Return the running station. Raises DaemonError."""
        if self._concurrent == 0:
            if self._ending is not None:
                await asyncio.shield(self._ending)
            if self._ap is not None and self._ap.up:
                raise DaemonError("the radio is an access point now: stop the soft AP first")
        folder = await self._prepare()
        if self._supplicant is None:
            self._supplicant = Supplicant(self.ifname, folder, self._undo)
            self._supplicant.on_lost = self._lose
            self._supplicant.on_moved = self._moved
            self._supplicant.on_switch = self._follow
        fresh = self._supplicant.pid is None
        await self._supplicant.start()
        if fresh:
            self._tuning.apply(self._settings, RadioSettings())
        return self._supplicant

    async def _prepare(self) -> Path:
        """Make what every program needs: the folder of its sockets, and the way back."""
        async with self._preparing:
            if self._folder is None:
                try:
                    await self._undo.open()
                    folder = Path(tempfile.mkdtemp(prefix=f"{self.ifname}-", dir=runtime_folder()))
                except OSError as error:
                    raise DaemonError(f"{error.filename}: {error.strerror}") from None
                self._undo.add("folder", remove_folder(folder))
                if not self._was_up:
                    self._undo.add("up", switch_off(self._index))
                self._folder = folder
            return self._folder

    def _make_ap_interface(self) -> str:
        """Return the interface for the soft AP; one of its own is made if none was named."""
        if self._ap_ifname is not None:
            return self._ap_ifname
        if self._concurrent == 0:
            return self.ifname
        name = f"{self.ifname[: _MAX_IFNAME - 2]}ap"
        mac = bytes.fromhex(self._mac.replace(":", ""))
        owner = self._ap_owner = Nl80211()
        # It belongs to the socket: the kernel removes it when this process ends, however that is.
        owner.request(
            nl80211.new_ap_interface(
                self._wiphy.index, name, bytes((mac[0] ^ _LOCAL_BIT,)) + mac[1:]
            )
        )
        return name

    def _reserve_ap(self, ifname: str) -> socket.socket:
        if ifname == self.ifname:
            return self._reservation.dup()
        return reserve(ifname)

    def _close_ap_interface(self) -> None:
        if self._ap_owner is not None:
            self._ap_owner.close()
            self._ap_owner = None

    def _ap_closed(self) -> None:
        """End hostapd, whose link was closed."""
        self._ending = asyncio.get_running_loop().create_task(self._end_closed_ap())

    async def _end_closed_ap(self) -> None:
        async with self._ap_lock:
            if self._ap is not None and not self._ap.up:
                await self._end_ap()

    async def _end_ap(self) -> None:
        if self._ap is not None:
            await self._ap.stop()
            self._ap = None
        self._close_ap_interface()

    # Scans.

    def _frequencies(self, channels: "range | tuple[int, ...]") -> list[int]:
        has = {one.mhz for one in self._wiphy.frequencies if not one.disabled}
        return [mhz for mhz in map(ieee80211.frequency_of, channels) if mhz in has]

    async def _look(
        self, frequencies: list[int], ssid: str | None, *, passive: bool = False
    ) -> list[Bss]:
        if not frequencies:
            return []
        supplicant = await self._station()
        wanted = ssid.encode("latin-1") if ssid else None
        found = await supplicant.scan(frequencies, wanted, passive=passive)
        self._seen, self._seen_at = found, asyncio.get_running_loop().time()
        return found

    async def _find(self, request: JoinRequest) -> Bss:
        """Return the best access point for a request; one just seen is taken. Raises JoinError."""
        if asyncio.get_running_loop().time() - self._seen_at < FRESH:
            found = self._best(request)
            if found is not None:
                return found
        channels = CHANNELS if request.channel is None else (request.channel,)
        for _ in range(FIND_SCANS):
            await self._look(self._frequencies(channels), request.ssid)
            found = self._best(request)
            if found is not None:
                return found
        raise JoinError(JoinFailure.NOT_FOUND)

    def _best(self, request: JoinRequest) -> Bss | None:
        ssid = request.ssid.encode("latin-1")
        bssid = request.bssid and mac_text(request.bssid)
        matching = [
            bss
            for bss in self._seen
            if (bss.ssid == ssid or (not ssid and bssid))
            and bssid in (None, "", bss.bssid.upper())
            and request.channel in (None, ieee80211.channel_of(bss.frequency))
        ]
        return max(matching, key=lambda bss: bss.level, default=None)

    # What happens by itself.

    def _lose(self, reason: str) -> None:
        if self._link is None:
            return
        self._release()
        if self.on_lost is not None:
            self.on_lost(reason)

    def _moved(self, joined: Joined) -> None:
        link = self._link
        if link is None:
            return
        bssid = mac_text(joined.bssid)
        link.move(bssid, joined.frequency)
        self._note(f"WLAN is at {bssid} on channel {link.channel} now")
        self._follow(joined.frequency)

    def _check_link(self) -> None:
        """Close the link if its interface is gone or switched off. Called by the monitor."""
        link = self._link
        if link is None:
            return
        reason = why_lost(self.ifname, link.address)
        if reason:
            self._lose(reason)

    def _release(self) -> None:
        link, self._link = self._link, None
        monitor, self._monitor = self._monitor, None
        for held in (monitor, link):
            if held is not None:
                held.close()

    def _reason(self, error: DaemonError) -> str:
        """Return why a program does not do what it should: the radio may be switched off."""
        if holders.blocked_by_rfkill(self._wiphy.name):
            return f"{self.ifname} is switched off; switch it on: rfkill unblock wifi"
        return str(error)

    def _note(self, line: str) -> None:
        if self.on_note is not None:
            self.on_note(line)
