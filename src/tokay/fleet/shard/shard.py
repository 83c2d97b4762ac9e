"""The life of a shard: it prepares its devices, waits for the start, and carries out the plan.

    begin     the scenario comes; identities and settings are stored, devices are made, all off
    ready     told to the run
    go        the clock starts; the plan's actions happen when they are due
    sample    once a second what was measured since is sent, and forgotten
    stop      every device is switched off; the last sample; done

A shard that starts in the middle of a run skips what the plan had before: it only takes from it
which devices and access points are on.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tokay.board.storage import Storage, StorageError
from tokay.fleet import layout as layouts
from tokay.fleet import plan
from tokay.fleet.behaviour import find_behaviour
from tokay.fleet.control import (
    Begin,
    Channel,
    Done,
    Failed,
    Go,
    Note,
    Ping,
    Pong,
    Ready,
    Sample,
    Stop,
)
from tokay.fleet.errors import FleetError
from tokay.fleet.measures import Measures, Table
from tokay.fleet.plan import Action, What
from tokay.fleet.scenario_file import load
from tokay.fleet.shard import air as airs
from tokay.fleet.shard.host import Host
from tokay.fleet.shard.members import Member, State
from tokay.fleet.shard.preparation import Preparation, device_name
from tokay.fleet.template import Value

SAMPLE = 1.0
"""Seconds between two samples."""
BATCH = 32
"""Actions that are begun before other things have their turn."""
MAX_NOTES = 200
"""Notes that a shard sends; the rest is only counted."""
STOP_BATCH = 256
_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


class Shard:
    """A shard, as `Begin` describes it. ``sample`` is the seconds between samples.

    ``clock``: uvloop's own has a resolution of a millisecond.
    """

    def __init__(
        self,
        channel: Channel,
        begin: Begin,
        *,
        sample: float = SAMPLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._begin = begin
        self._sample = sample
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._started = 0.0
        self._table = Table()
        self._rows: dict[str, Measures] = {}
        self._stage = ""
        self._notes = 0
        self._lag = 0.0
        self.members: dict[int, Member] = {}
        self.states: dict[str, dict[str, int]] = {}

    # What members and hosts ask.

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        return self._clock() - self._started

    def measures(self, group: str) -> Measures:
        """Return where a group's measures of the present stage go."""
        row = self._rows.get(group)
        if row is None:
            row = self._rows[group] = self._table.row(group, self._stage)
        return row

    def changed(self, group: str, before: State, after: State) -> None:
        """Count a device that has another state."""
        states = self.states[group]
        states[before] -= 1
        states[after] += 1

    def note(self, device: int, kind: str, text: str) -> None:
        """Tell something of a device, as long as there is not too much to tell."""
        self._notes += 1
        if self._notes <= MAX_NOTES:
            self._channel.send(Note(round(self.now(), 3), device, kind, text[:300]))

    def values(self, device: int) -> dict[str, Value]:
        """Return what the templates of a device know."""
        return self._preparation.values(device, self._layout.place(device))

    # Its life.

    async def prepare(self) -> Ready:
        """Store what devices begin with, and make them. Raises FleetError."""
        began = time.perf_counter()
        begin = self._begin
        self.scenario = load(begin.source)
        folder = Path(begin.source.folder)
        self._layout = layouts.layout(self.scenario)
        self._spans = plan.spans(self.scenario, self._layout)
        self.airspace = airs.build(
            self.scenario, self._layout, begin.shard, begin.shards, begin.base
        )
        try:
            self.storage = Storage(Path(begin.state) if begin.state else None)
        except StorageError as error:
            raise FleetError(str(error)) from None
        self._preparation = Preparation(self.scenario, self._layout, folder, begin.values)
        indexes = range(begin.shard, self._layout.devices, begin.shards)
        try:
            restored = await self._preparation.store(self.storage, indexes)
        except StorageError as error:
            raise FleetError(f"{begin.state or 'memory'}: {error}") from None
        behaviours = {
            group.name: find_behaviour(group.behaviour, folder)
            for group in self.scenario.group
            if group.behaviour
        }
        self.states = {group.name: dict.fromkeys(State, 0) for group in self.scenario.group}
        for index in indexes:
            place = self._layout.place(index)
            who = self._preparation.identity(index, place)
            member = Member(self, who, place, device_name(place))
            behaviour = behaviours.get(place.group.name)
            if behaviour is not None or place.group.command:
                dice = who.random("host")
                member.host = Host(
                    self, index, place.group.name, place.group.command, behaviour, dice
                )
            self.members[index] = member
            self.states[place.group.name][State.OFF] += 1
        seconds = time.perf_counter() - began
        return Ready(_pid(), len(self.members), restored, seconds)

    async def run(self, elapsed: float = 0.0) -> None:
        """Carry out the plan, from ``elapsed`` seconds on, until this is cancelled."""
        self._started = self._clock() - elapsed
        self.airspace.start(elapsed)
        self._enter_stage()
        tasks = [
            self._loop.create_task(work) for work in (self._act(elapsed), self._send_samples())
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Send what was measured, switch every device off, and close what is open.

        The run is over: what devices do while they are switched off is no part of it.
        """
        members = list(self.members.values())
        for member in members:
            member.count_bytes()
        self.send_sample()
        for member in members:
            if member.host is not None:
                await member.host.stop()
        for at in range(0, len(members), STOP_BATCH):
            batch = members[at : at + STOP_BATCH]
            for member in batch:
                member.power_off(cut=False)
            for member in batch:
                await member.settled()
        self.airspace.stop()
        self.storage.close()

    def _enter_stage(self) -> None:
        now = self.now()
        name = self._spans[-1].name
        for span in self._spans:
            if now < span.ends - 1e-9:
                name = span.name
                self._loop.call_later(span.ends - now, self._enter_stage)
                break
        if name != self._stage:
            self._stage = name
            self._rows = {}

    # The plan.

    async def _act(self, elapsed: float) -> None:
        begun = 0
        for action in self._coming(elapsed):
            delay = action.at - self.now()
            if delay > 0:
                await asyncio.sleep(delay)
                begun = 0
            elif begun >= BATCH:
                # A fleet that starts at once must not keep those who have started from going on.
                await asyncio.sleep(0)
                begun = 0
            self._do(action)
            begun += 1
        await self._loop.create_future()

    def _coming(self, elapsed: float) -> Iterator[Action]:
        """Yield the actions of this shard; of those that are past only their outcome."""
        on: dict[int, Action] = {}
        for action in plan.actions(self.scenario, self._layout):
            air = action.what in (What.AIR_OFF, What.AIR_ON)
            if not air and action.index not in self.members:
                continue
            if action.at >= elapsed:
                yield from on.values()
                on = {}
                yield action
            elif air:
                self._do(action)
            elif action.what is What.POWER_ON:
                on[action.index] = Action(elapsed, 0, action.index, What.POWER_ON)
            elif action.what in (What.POWER_OFF, What.POWER_CUT):
                on.pop(action.index, None)
        yield from on.values()

    def _do(self, action: Action) -> None:
        if action.what in (What.AIR_OFF, What.AIR_ON):
            self._switch_air(action)
            return
        member = self.members[action.index]
        match action.what:
            case What.POWER_ON:
                member.power_on(action.at)
            case What.POWER_OFF:
                member.power_off(cut=False)
            case What.POWER_CUT:
                member.power_off(cut=True)
            case What.REBOOT:
                member.reboot(action.at)
            case What.REJOIN:
                member.rejoin(action.at)

    def _switch_air(self, action: Action) -> None:
        ssid = self._layout.access_points[action.index].ssid
        on = action.what is What.AIR_ON
        try:
            access_point = self.airspace.ap(ssid)
        except LookupError:
            return  # none of its devices is here
        access_point.power(on)
        for member in self.members.values():
            away = member.state not in (State.OFF, State.JOINED)
            if away and self._layout.place(member.index).access_point == action.index:
                member.join_due = action.at if on else None

    # Samples.

    async def _send_samples(self) -> None:
        due = self._loop.time()
        while True:
            due += self._sample
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            self._lag = max(0.0, self._loop.time() - due)
            self.send_sample()

    def send_sample(self) -> None:
        """Send what was measured since the last time."""
        table, self._table, self._rows = self._table, Table(), {}
        usage = time.process_time()
        memory = int(_STATM.read_text("ascii").split()[1]) * _PAGE
        states = {group: dict(counts) for group, counts in self.states.items()}
        at = round(min(self.now(), self._spans[-1].ends), 6)
        self._channel.send(Sample(at, states, table.pack(), self._lag, usage, memory))


async def serve(
    channel: Channel, *, sample: float = SAMPLE, clock: Callable[[], float] = time.monotonic
) -> None:
    """Be the shard that the other end of a connection asks for, until it stops or is gone."""
    begin = await channel.receive()
    if not isinstance(begin, Begin):
        return
    shard = Shard(channel, begin, sample=sample, clock=clock)
    running: asyncio.Task[None] | None = None
    try:
        try:
            channel.send(await shard.prepare())
        except FleetError as error:
            channel.send(Failed(str(error)))
            return
        except Exception as error:
            channel.send(Failed(repr(error)))
            raise
        while (message := await channel.receive()) is not None and not isinstance(message, Stop):
            if isinstance(message, Ping):
                channel.send(Pong(message.number))
            elif isinstance(message, Go) and running is None:
                running = asyncio.get_running_loop().create_task(shard.run(message.elapsed))
                running.add_done_callback(partial(_report, channel))
        if message is None:
            return  # nobody is there to hear what was
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await shard.stop()
        channel.send(Done())
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _report(channel: Channel, task: "asyncio.Task[None]") -> None:
    """Tell the run of a plan that broke off."""
    if not task.cancelled() and (error := task.exception()) is not None:
        channel.send(Failed(repr(error)))


def _pid() -> int:
    import os  # noqa: PLC0415

    return os.getpid()
