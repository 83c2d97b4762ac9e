"""The soft AP: hostapd, driven over its control socket, and restarted when it ends by itself."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from tokay.board.net.netlink import Netlink
from tokay.board.radio import ApConfig, ApError, mac_text
from tokay.board.security import Security
from tokay.board.wpa.control_socket import ControlSocket, next_of
from tokay.board.wpa.daemon import Daemon, DaemonError
from tokay.board.wpa.links import WpaApLink
from tokay.board.wpa.undo import Undo
from tokay.protocols import ieee80211
from tokay.protocols.wpa import WpaError
from tokay.protocols.wpa_ctrl import (
    AccessPointSettings,
    Event,
    Name,
    WpaCtrlError,
    access_point_file,
    read_fields,
)

PROGRAM = "hostapd"
ENABLE_LIMIT = 10.0
"""Seconds for an access point to come up."""
SWITCH_LIMIT = 5.0
"""Seconds for a channel switch that was announced."""
SWITCH_COUNT = 5
"""Beacons that announce a channel switch before it is made."""
RESTART_DELAYS = (0.1, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt to bring an access point up again; then it is given up."""


class AccessPoint:
    """One hostapd for one interface.

    ``on_note`` is called with a line for the log.
    """

    def __init__(self, ifname: str, folder: Path, undo: Undo) -> None:
        self.on_note: Callable[[str], None] | None = None
        self._ifname = ifname
        self._folder = folder
        self._undo = undo
        self._daemon = Daemon(PROGRAM, folder, undo)
        self._daemon.on_exit = self._on_exit
        self._settings: AccessPointSettings | None = None
        self._restarting: asyncio.Task[None] | None = None
        self.link: WpaApLink | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process, while it runs."""
        return self._daemon.pid

    @property
    def up(self) -> bool:
        """Whether the access point is on the air, or about to come back."""
        return self.link is not None and self.link.open

    async def start(
        self, config: ApConfig, channel: int, country: str, reservation: socket.socket
    ) -> WpaApLink:
        """Start an access point. Raises ApError."""
        self._settings = AccessPointSettings(
            self._ifname, str(self._folder / "hostapd"), config.ssid.encode("latin-1"), channel,
            config.passkey, config.hidden, config.max_clients, country,
        )  # fmt: skip
        try:
            await self._run(self._settings)
            with Netlink() as kernel:
                facts = kernel.link(self._ifname)
                if facts is None:
                    raise ApError(f"{self._ifname} is gone")
                kernel.clear(facts.ifindex)
            self.link = WpaApLink(
                self._ifname, facts.ifindex, mac_text(facts.mac.hex()),
                channel=channel, security=Security.WPA2_AES if config.passkey else Security.OPEN,
                reservation=reservation, undo=self._undo,
            )  # fmt: skip
        except (DaemonError, WpaError, OSError) as error:
            await self._daemon.stop()
            text = error.strerror if isinstance(error, OSError) else str(error)
            raise ApError(f"{self._ifname}: {text}") from None
        except BaseException:
            await self._daemon.stop()
            raise
        return self.link

    async def stop(self) -> None:
        """End the access point; nothing happens when there is none."""
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
            self._restarting = None
        link, self.link = self.link, None
        if link is not None:
            link.on_close = None
            link.close()
        await self._daemon.stop()

    async def move(self, channel: int) -> bool:
        """Go to another channel and take the stations along; return whether it is there."""
        link, control, settings = self.link, self._daemon.control, self._settings
        if link is None or settings is None:
            return False
        if link.channel == channel:
            return True
        moved = control is not None and await self._switch(control, channel)
        self._settings = settings._replace(channel=channel)
        if not moved:
            # A driver without channel switches: the stations have to find it again.
            await self._daemon.stop()
            link.lose_stations()
            try:
                await self._run(self._settings)
            except DaemonError as error:
                self._tell(f"the soft AP cannot go to channel {channel}: {error}")
                return False
        link.channel = channel
        return True

    async def _switch(self, control: ControlSocket, channel: int) -> bool:
        frequency = ieee80211.frequency_of(channel)
        flavour = " ht" if self._settings is not None and self._settings.flavour == "n" else ""
        try:
            with control.events() as events:
                await control.command(f"CHAN_SWITCH {SWITCH_COUNT} {frequency}{flavour}")
                async with asyncio.timeout(SWITCH_LIMIT):
                    event = await next_of(events, Name.CSA_FINISHED, Name.AP_DISABLED)
        except (WpaCtrlError, TimeoutError):
            return False
        return event.name == Name.CSA_FINISHED

    async def _run(self, settings: AccessPointSettings) -> None:
        """Start hostapd and wait until the access point is on the air. Raises DaemonError."""
        configuration = self._folder / "hostapd.conf"
        configuration.touch(0o600)
        configuration.write_text(access_point_file(settings), encoding="ascii")
        path = Path(settings.control_folder) / self._ifname
        control = await self._daemon.start([str(configuration)], path)
        try:
            async with asyncio.timeout(ENABLE_LIMIT):
                await self._wait_enabled(control)
        except (WpaCtrlError, TimeoutError):
            line = self._daemon.last_line
            await self._daemon.stop()
            raise DaemonError(f"{PROGRAM}: {line}") from None
        control.on_event = self._on_event

    async def _wait_enabled(self, control: ControlSocket) -> None:
        with control.events() as events:
            while True:
                state = read_fields((await control.ask("STATUS")).text).get("state", b"")
                if state == b"ENABLED":
                    return
                if state in (b"DISABLED", b"NO_IR"):
                    raise WpaCtrlError(f"state {state.decode()}")
                await next_of(events, Name.AP_ENABLED, Name.AP_DISABLED, Name.INTERFACE_DISABLED)

    def _on_event(self, event: Event) -> None:
        if self.link is None:
            return
        if event.name in (Name.STATION_CONNECTED, Name.STATION_DISCONNECTED):
            self.link.station_changed(event.first_word, event.name == Name.STATION_CONNECTED)
        elif event.name == Name.CSA_FINISHED:
            channel = ieee80211.channel_of(event.number("freq") or 0)
            if channel is not None:
                self.link.channel = channel

    def _on_exit(self) -> None:
        if self.up and self._restarting is None:
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        """Bring the access point up again; its link stays, and its address."""
        link, settings = self.link, self._settings
        if link is None or settings is None:
            return
        self._tell(f"{PROGRAM} has ended: the soft AP is started again")
        link.lose_stations()
        for delay in RESTART_DELAYS:
            await asyncio.sleep(delay)
            try:
                await self._run(self._settings or settings)
            except DaemonError as error:
                reason = str(error)
                continue
            self._restarting = None
            return
        self._restarting = None
        self._tell(f"the soft AP is given up: {reason}")
        link.close()

    def _tell(self, line: str) -> None:
        if self.on_note is not None:
            self.on_note(line)
