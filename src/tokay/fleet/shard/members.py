"""One device of a fleet: its power, its state, and what is measured of it.

    off --power--> on --join begins--> joining --network_up--> joined
                   ^---------------------------network_down-------'

What a device does is seen from its events and its commands; nothing is asked of it.
"""

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, Protocol, cast

from tokay.board.air.airspace import Airspace
from tokay.board.storage import Storage
from tokay.device import Device, DeviceOffError
from tokay.fleet.identity import Identity
from tokay.fleet.layout import Place
from tokay.fleet.measures import Measures
from tokay.fleet.shard.host import Host
from tokay.kernel.events import AddressingChanged, StreamClosed, StreamOpened, WlanChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import Response
from tokay.kernel.streams import Stream, StreamType
from tokay.plugins.wlan import JoinResult, Wlan

_HTTP = (StreamType.HTTP, StreamType.HTTPS)
_CLIENTS = {
    StreamType.TCPC: ("connect",),
    StreamType.TLSC: ("connect", "tls"),
    StreamType.HTTP: ("connect",),
    StreamType.HTTPS: ("connect", "tls"),
    StreamType.WEBC: ("connect",),
}
"""What the opening of a stream says: a connection, and a handshake over it."""
_CONNECTING = frozenset(
    ("tcp_client", "tcpc", "tls_client", "tlsc", "http_get", "hge", "http_post", "hpo",
     "http_head", "hhe", "websocket_client", "wbc")
)  # fmt: skip
"""Commands whose failure is that of a connection."""


class State(StrEnum):
    """How a device stands."""

    OFF = "off"
    ON = "on"
    JOINING = "joining"
    JOINED = "joined"


class Surroundings(Protocol):
    """What a member asks of its shard."""

    airspace: Airspace
    storage: Storage

    def now(self) -> float:
        """Return the seconds since the start of the run."""

    def measures(self, group: str) -> Measures:
        """Return where a group's measures of the present stage go."""

    def changed(self, group: str, before: State, after: State) -> None:
        """Called when a device has another state."""

    def note(self, device: int, kind: str, text: str) -> None:
        """Tell something of a device."""


class MeasuredDevice(Device):
    """A device whose commands are measured, whoever gives them."""

    observer: "Member | None" = None

    async def command(self, line: str | bytes, data: bytes = b"") -> Response:
        """Execute one command; see ``Device.command``."""
        observer = self.observer
        if observer is None:
            return await super().command(line, data)
        return await observer.measure(line, super().command(line, data))


class Member:
    """One device, off at first. ``host`` is what stands beside it while it has power."""

    __slots__ = (
        "_addressing", "_addressing_took", "_began", "_change", "_http", "_join_began", "_joined",
        "_kernel", "_received", "_sent", "_shard", "_state", "device", "group", "host", "index",
        "join_due",
    )  # fmt: skip

    def __init__(self, shard: Surroundings, who: Identity, place: Place, name: str) -> None:
        self._shard = shard
        self.index = who.index
        self.group = place.group.name
        device = MeasuredDevice.simulated(
            profile=place.group.profile,
            name=name,
            mac=who.mac,
            airspace=shard.airspace,
            state=shard.storage,
            on_event=self._event,
        )
        self.device = cast("MeasuredDevice", device)
        self.device.observer = self
        self.host: Host | None = None
        self.join_due: float | None = None
        """Since when the device ought to be on its way into the network."""
        self._state = State.OFF
        self._change: asyncio.Task[None] | None = None
        self._kernel: Kernel | None = None
        self._joined = False
        self._join_began: float | None = None
        self._addressing: float | None = None
        self._addressing_took: float | None = None
        self._began: float | None = None
        self._http: dict[Stream, float] | None = None
        self._sent = self._received = 0

    @property
    def state(self) -> State:
        """How the device stands."""
        return self._state

    # The power, and what else comes from outside. One thing at a time.

    def power_on(self, due: float) -> None:
        """Switch it on, if it is off, and start its host."""
        self._queue(self._power_on(due))

    def power_off(self, *, cut: bool) -> None:
        """Take the power away: ``cut`` without a word to the network."""
        self._queue(self._power_off(cut=cut))

    def reboot(self, due: float) -> None:
        """Boot it anew, if it is on."""
        self._queue(self._reboot(due))

    def rejoin(self, due: float) -> None:
        """Take it out of the network and back in."""
        self._queue(self._rejoin(due))

    async def settled(self) -> None:
        """Return when nothing of that is under way."""
        while self._change is not None and not self._change.done():
            await asyncio.wait([self._change])

    def _queue(self, step: Coroutine[Any, Any, None]) -> None:
        self._change = asyncio.get_running_loop().create_task(self._after(self._change, step))

    async def _after(
        self, before: "asyncio.Task[None] | None", step: Coroutine[Any, Any, None]
    ) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        try:
            await step
        except Exception as error:  # noqa: BLE001 - one device must not stop the fleet
            self._shard.measures(self.group).count("device.errors")
            self._shard.note(self.index, "device", repr(error))

    async def _power_on(self, due: float) -> None:
        if self._state is not State.OFF:
            return
        self.join_due = due
        await self.device.__aenter__()
        if self.host is not None:
            self.host.start(self.device)

    async def _power_off(self, *, cut: bool) -> None:
        if self._state is State.OFF:
            return
        if self.host is not None:
            await self.host.stop()
        if cut:
            # Nobody hears a goodbye of a device that has lost its power.
            self._shard.airspace.deauthenticate(self.device.mac)
            self._shard.measures(self.group).count("power_cuts")
        self.join_due = None
        await self.device.__aexit__(None, None, None)

    async def _reboot(self, due: float) -> None:
        if self._state is not State.OFF:
            self.join_due = due
            self.device.reboot()
            await self.device.steady()

    async def _rejoin(self, due: float) -> None:
        if self._state is not State.OFF:
            self.join_due = due
            self._shard.measures(self.group).count("rejoins")
            await self.device.command("network_restart")

    # What is seen of it.

    def _event(self, event: str, facts: dict[str, Any]) -> None:
        match event:
            case "ready":
                self._booted()
            case "network_up" if facts["interface"] == "wlan":
                self._network_up()
            case "network_down" if facts["interface"] == "wlan":
                self._network_down()
            case "off":
                self.count_bytes()
                self._kernel = None
                self._set(State.OFF)
            case _:
                return
        if self.host is not None:
            self.host.event(event)

    def _booted(self) -> None:
        measures = self._shard.measures(self.group)
        if self._kernel is not None:
            self.count_bytes()
            measures.count("reboots")
        kernel = self._kernel = self.device.kernel
        self._sent = self._received = 0
        self._joined = False
        measures.count("boots")
        kernel.events.on(AddressingChanged, self._on_addressing)
        kernel.events.on(WlanChanged, self._on_wlan)
        kernel.events.on(StreamOpened, self._on_opened)
        kernel.events.on(StreamClosed, self._on_closed)
        self._set(State.ON)

    def _network_up(self) -> None:
        measures, now = self._shard.measures(self.group), self._shard.now()
        since = self.join_due if self.join_due is not None else self._join_began
        if since is not None:
            measures.observe("join", now - since)
        if self._addressing_took is not None:
            measures.observe("dhcp", self._addressing_took)
        self.join_due = self._join_began = self._addressing_took = None
        self._joined = True
        self._set(State.JOINED)

    def _network_down(self) -> None:
        self.count_bytes()
        self._joined = False
        if self._state is State.JOINED:
            self._set(State.ON)

    def _on_addressing(self, event: AddressingChanged) -> None:
        if event.interface != "wlan":
            return
        now = self._shard.now()
        if event.active:
            self._addressing = now
        elif self._addressing is not None:
            self._addressing_took, self._addressing = now - self._addressing, None

    def _on_wlan(self, _event: WlanChanged) -> None:
        kernel = self._kernel
        if kernel is None or self._joined:
            return
        wlan = kernel.plugin(Wlan)
        if wlan.joining:
            if self._join_began is None:
                self._join_began = self._shard.now()
            self._set(State.JOINING)
            return
        if wlan.result not in (JoinResult.SUCCESS, JoinResult.ABORTED, JoinResult.NONE):
            measures = self._shard.measures(self.group)
            measures.count("join.errors")
            measures.count(f"join.errors.{wlan.result.name.lower()}")
            if self._addressing_took is not None:
                measures.count("dhcp.errors")
                self._addressing_took = None
        self._join_began = None
        if wlan.result is not JoinResult.SUCCESS and self._state is State.JOINING:
            self._set(State.ON)

    def _on_opened(self, event: StreamOpened) -> None:
        stream = event.stream
        measures, now = self._shard.measures(self.group), self._shard.now()
        began = now if self._began is None else self._began
        for name in _CLIENTS.get(cast("StreamType", stream.type), ()):
            measures.observe(name, now - began)
        if stream.type in _HTTP:
            if self._http is None:
                self._http = {}
            self._http[stream] = began
        elif event.auto and stream.type in (StreamType.TCPS, StreamType.TLSS, StreamType.WEBS):
            measures.count("accepts")

    def _on_closed(self, event: StreamClosed) -> None:
        stream = event.stream
        if self._http and stream in self._http:
            self._look_at_http()
            if self._http.pop(stream, None) is not None:
                self._shard.measures(self.group).count("http.errors")  # it never answered
        self.count_bytes()

    def _look_at_http(self) -> None:
        """Count the requests that have an answer now."""
        assert self._http is not None  # noqa: S101 - the callers looked
        for stream, began in list(self._http.items()):
            status = getattr(stream, "reader").status  # noqa: B009 - every HTTP stream has one
            if not status:
                continue
            del self._http[stream]
            measures = self._shard.measures(self.group)
            measures.count(f"http.status.{status}")
            if status >= 400:
                measures.count("http.errors")
            else:
                measures.observe("http", self._shard.now() - began)

    async def measure(self, line: str | bytes, work: Coroutine[Any, Any, Response]) -> Response:
        """Run a command and count how it ended and how long it took."""
        shard = self._shard
        began = self._began = shard.now()
        try:
            response = await work
        except (DeviceOffError, asyncio.CancelledError):
            raise
        finally:
            self._began = None
        measures = shard.measures(self.group)
        if response.ok:
            measures.observe("command", shard.now() - began)
        else:
            measures.count("command.errors")
            measures.count(f"command.errors.{response.code.name.lower()}")
            if _word(line) in _CONNECTING:
                measures.count("connect.errors")
        if self._http:
            self._look_at_http()
        return response

    def count_bytes(self) -> None:
        """Count what its streams have carried since the last time."""
        if self._kernel is None:
            return
        streams = self._kernel.streams
        sent, received = streams.sent - self._sent, streams.received - self._received
        if sent or received:
            measures = self._shard.measures(self.group)
            measures.count("bytes.sent", sent)
            measures.count("bytes.received", received)
            self._sent, self._received = streams.sent, streams.received

    def _set(self, state: State) -> None:
        if state is not self._state:
            before, self._state = self._state, state
            self._shard.changed(self.group, before, state)


def _word(line: str | bytes) -> str:
    text = line.decode("latin-1") if isinstance(line, bytes) else line
    return text.split(" ", 1)[0]
