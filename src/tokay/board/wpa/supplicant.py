"""The station: wpa_supplicant, driven over its control socket.

wpa_supplicant is told of one network at a time, and of none while the device has not joined:
when and what to join is the device's to decide. It is started when it is first needed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tokay.board.radio import JoinError, JoinFailure, mac_text
from tokay.board.wpa.control_socket import ControlSocket, NoAnswerError, next_of
from tokay.board.wpa.daemon import Daemon, DaemonError
from tokay.board.wpa.undo import Undo
from tokay.protocols.wpa_ctrl import (
    Bss,
    Event,
    Name,
    StationSettings,
    WpaCtrlError,
    WpsCredential,
    read_bss_list,
    read_credential,
    read_fields,
    scan_command,
    station_settings,
)
from tokay.protocols.wpa_ctrl.replies import BSS_MASK, IE_MASK

PROGRAM = "wpa_supplicant"
SCAN_LIMIT = 30.0
"""Seconds for a scan of all channels, and for one of somebody else's that has to end before."""
_MAX_BSS = 512
_SCAN_RETRIES = 3

_CONFIGURATION = """\
ctrl_interface={folder}
update_config=0
wps_cred_processing=1
p2p_disabled=1
bss_max_count={max_bss}
"""

# 802.11 reason codes (IEEE 802.11-2020, table 9-49) in the words of a log.
_REASONS = {
    2: "the authentication is no longer valid",
    3: "the access point went off",
    4: "the access point is not heard any more",
    8: "the access point went off",
    15: "the handshake was not answered",
}


class Joined(NamedTuple):
    """The access point that a station has joined."""

    bssid: str
    frequency: int


class Supplicant:
    """One wpa_supplicant for one interface.

    ``on_lost`` is called with the reason when a network that was joined is lost, ``on_moved`` when
    the station is at another access point or on another channel, ``on_switch`` with the frequency
    when the access point is about to change its channel.
    """

    def __init__(self, ifname: str, folder: Path, undo: Undo) -> None:
        self.on_lost: Callable[[str], None] | None = None
        self.on_moved: Callable[[Joined], None] | None = None
        self.on_switch: Callable[[int], None] | None = None
        self._ifname = ifname
        self._folder = folder
        self._daemon = Daemon(PROGRAM, folder, undo)
        self._daemon.on_exit = self._on_exit
        self._starting = asyncio.Lock()
        self._scanning = asyncio.Lock()
        self._joined: Joined | None = None
        self._moving: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process, while it runs."""
        return self._daemon.pid

    async def start(self) -> ControlSocket:
        """Return the control socket; the program is started if need be. Raises DaemonError."""
        async with self._starting:
            if self._daemon.control is not None:
                return self._daemon.control
            if self._daemon.running:
                await self._daemon.stop()
            sockets = self._folder / "wpa"
            configuration = self._folder / "wpa_supplicant.conf"
            configuration.write_text(
                _CONFIGURATION.format(folder=sockets, max_bss=_MAX_BSS), encoding="ascii"
            )
            control = await self._daemon.start(
                ["-Dnl80211", f"-i{self._ifname}", f"-c{configuration}"], sockets / self._ifname
            )
            control.on_event = self._on_event
            return control

    async def stop(self) -> None:
        """Leave the network and end the program."""
        self._joined = None
        if self._moving is not None:
            self._moving.cancel()
        await self._daemon.stop()

    async def scan(
        self, frequencies: Sequence[int], ssid: bytes | None = None, *, passive: bool = False
    ) -> list[Bss]:
        """Return what is in range on some frequencies. Raises DaemonError."""
        control = await self.start()
        with self._answering():
            async with self._scanning, asyncio.timeout(SCAN_LIMIT):
                await control.ask("BSS_FLUSH 0")
                for _ in range(_SCAN_RETRIES):
                    if await self._scan(control, scan_command(frequencies, ssid, passive=passive)):
                        break
                else:
                    if self._joined is None:
                        # It does not switch an interface on again that was off: a new one does.
                        await self._daemon.stop()
                    raise DaemonError(f"{self._ifname}: the radio cannot scan")
                found = await self._list(control)
        return [bss for bss in found if not frequencies or bss.frequency in frequencies]

    async def _scan(self, control: ControlSocket, command: str) -> bool:
        """Scan once; return whether it was done. One that is under way is waited for first."""
        with control.events() as events:
            answer = await control.ask(command)
            event = await next_of(events, Name.SCAN_RESULTS, Name.SCAN_FAILED) if (
                answer.ok or answer.text.startswith(b"FAIL-BUSY")
            ) else None  # fmt: skip
        return answer.ok and event is not None and event.name == Name.SCAN_RESULTS

    async def _list(self, control: ControlSocket) -> list[Bss]:
        """Return the list of wpa_supplicant: an answer has room for a few at a time."""
        found: dict[int, Bss] = {}
        first, mask = 0, BSS_MASK
        while len(found) < _MAX_BSS:
            reply = await control.ask(f"BSS RANGE={first}- MASK=0x{mask:x}")
            part = list(read_bss_list(reply.text))
            if not part and mask & IE_MASK:
                mask &= ~IE_MASK  # one whose elements alone are longer than an answer
                continue
            if not part:
                break
            found.update((bss.id, bss) for bss in part)
            first, mask = max(found) + 1, BSS_MASK
        return list(found.values())

    async def join(self, settings: StationSettings) -> Joined:
        """Join a network; one that is joined is left first.

        The caller sets the time limit. Raises JoinError and DaemonError.
        """
        await self.leave()
        control = await self.start()
        with self._answering():
            try:
                with control.events() as events:
                    await self._select(control, settings)
                    await self._wait_joined(events)
                self._joined = await self._status(control)
                if self._joined is None:
                    raise JoinError(JoinFailure.TIMEOUT)
            except BaseException:
                await self._forget(control)
                raise
        return self._joined

    async def _select(self, control: ControlSocket, settings: StationSettings) -> None:
        number = (await control.ask("ADD_NETWORK")).text.decode("latin-1")
        if not number.isdigit():
            raise WpaCtrlError("ADD_NETWORK: FAIL")
        for name, value in station_settings(settings):
            try:
                await control.command(f"SET_NETWORK {number} {name} {value}")
            except WpaCtrlError:
                # A program that was built without WEP, or without SAE, does not know the name.
                raise JoinError(JoinFailure.BAD_SECURITY) from None
        await control.command(f"SELECT_NETWORK {number}")

    async def _wait_joined(self, events: "asyncio.Queue[Event]") -> None:
        """Wait for the end of an attempt. Raises JoinError."""
        while True:
            event = await next_of(
                events, Name.CONNECTED, Name.TEMP_DISABLED, Name.ASSOC_REJECT, Name.AUTH_REJECT,
                Name.DISCONNECTED,
            )  # fmt: skip
            if event.name == Name.CONNECTED:
                return
            failure = _failure_of(event)
            if failure is not None:
                raise JoinError(failure)

    async def wps(self) -> WpsCredential:
        """Wait for an access point whose button is pushed. Raises JoinError and DaemonError."""
        await self.leave()
        control = await self.start()
        with self._answering():
            try:
                with control.events() as events:
                    await control.command("WPS_PBC")
                    event = await next_of(
                        events, Name.WPS_CREDENTIAL, Name.WPS_TIMEOUT, Name.WPS_OVERLAP
                    )
                if event.name != Name.WPS_CREDENTIAL:
                    raise JoinError(
                        JoinFailure.REFUSED
                        if event.name == Name.WPS_OVERLAP
                        else JoinFailure.NOT_FOUND
                    )
                return read_credential(event.first_word)
            finally:
                with contextlib.suppress(WpaCtrlError):
                    await control.ask("WPS_CANCEL")
                await self._forget(control)

    async def leave(self) -> None:
        """Leave the network; nothing happens if none is joined."""
        self._joined = None
        if self._moving is not None:
            self._moving.cancel()
            self._moving = None
        if self._daemon.control is not None:
            await self._forget(self._daemon.control)

    async def set_country(self, country: str) -> None:
        """Tell the rules of which country hold. Raises DaemonError."""
        control = await self.start()
        with self._answering():
            await control.command(f"SET country {country}")

    async def _forget(self, control: ControlSocket) -> None:
        with contextlib.suppress(WpaCtrlError):
            await control.ask("REMOVE_NETWORK all")

    async def _status(self, control: ControlSocket) -> Joined | None:
        fields = read_fields((await control.ask("STATUS")).text)
        try:
            bssid = mac_text(fields["bssid"].decode("latin-1"))
            frequency = int(fields["freq"])
        except (KeyError, ValueError):
            return None
        return Joined(bssid, frequency) if fields.get("wpa_state") == b"COMPLETED" else None

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Put a program that does not answer, or not sensibly, to its end."""
        try:
            yield
        except (WpaCtrlError, TimeoutError) as error:
            if isinstance(error, TimeoutError | NoAnswerError):
                self._daemon.abandon()
            raise DaemonError(f"{PROGRAM}: {str(error) or 'no answer'}") from None

    # What happens by itself.

    def _on_event(self, event: Event) -> None:
        if self._joined is None:
            return
        if event.name == Name.DISCONNECTED:
            self._lose(_reason_of(event))
        elif event.name == Name.STARTED_CHANNEL_SWITCH:
            frequency = event.number("freq")
            if frequency is not None and self.on_switch is not None:
                self.on_switch(frequency)
        elif event.name in (Name.CONNECTED, Name.CHANNEL_SWITCH) and self._moving is None:
            self._moving = asyncio.get_running_loop().create_task(self._move())

    async def _move(self) -> None:
        """See where the station is now."""
        try:
            control = self._daemon.control
            joined = None
            if control is not None:
                with contextlib.suppress(WpaCtrlError):
                    joined = await self._status(control)
        finally:
            self._moving = None
        if joined is not None and self._joined is not None and joined != self._joined:
            self._joined = joined
            if self.on_moved is not None:
                self.on_moved(joined)

    def _lose(self, reason: str) -> None:
        self._joined = None
        control = self._daemon.control
        if control is not None:
            # It would join again by itself, and go round the procedure.
            task = asyncio.get_running_loop().create_task(self._forget(control))
            self._moving = task
            task.add_done_callback(self._forgotten)
        if self.on_lost is not None:
            self.on_lost(reason)

    def _forgotten(self, task: "asyncio.Task[None]") -> None:
        if self._moving is task:
            self._moving = None

    def _on_exit(self) -> None:
        if self._joined is not None:
            self._lose(f"{PROGRAM} has ended")


def _failure_of(event: Event) -> JoinFailure | None:
    """Return what an event means for an attempt to join; None when it goes on."""
    if event.name == Name.TEMP_DISABLED:
        if event.fields.get("reason") == b"WRONG_KEY":
            return JoinFailure.WRONG_PASSKEY
        return JoinFailure.TIMEOUT
    if event.name == Name.AUTH_REJECT:
        # Type 3 is SAE, whose answers depend on the password (IEEE 802.11-2020, 12.4).
        sae = event.number("auth_type") == 3
        return JoinFailure.WRONG_PASSKEY if sae else JoinFailure.REFUSED
    return JoinFailure.REFUSED if event.name == Name.ASSOC_REJECT else None


def _reason_of(event: Event) -> str:
    code = event.number("reason")
    return _REASONS.get(code or 0, f"the access point ended the association (reason {code})")
