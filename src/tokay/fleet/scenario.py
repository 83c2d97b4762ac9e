"""A scenario: what a fleet is, what happens to it, and what it must hold. The keys of its file.

Times are seconds. What is text may be a template (``tokay.fleet.template``). docs/fleet.md explains
every key.
"""

from pathlib import Path
from typing import Any

import msgspec

from tokay.board.air.airspace_file import AccessPointTable
from tokay.board.air.fault_events import AnyFaultEvent

EVENTS = ("ready", "network_up", "network_down")
"""What a command may wait for."""


class AccessPointRow(AccessPointTable, forbid_unknown_fields=True):
    """An access point, as in an airspace, and how many devices live there.

    0 is an equal share of those that no other access point takes. ``count`` makes so many alike,
    named by `{number}` in ``ssid``.
    """

    devices: int = 0
    count: int = 1


class FileSource(msgspec.Struct, forbid_unknown_fields=True):
    """A file whose content is read from beside the scenario, as it is."""

    path: str


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """What the host beside a module does at certain times.

    ``run``: one command line or several, as on the console, each a template that also knows
    `{reply}`, the response before, and `{handle}`, that of the first line. ``data`` goes with the
    line that has `{size}`. Without ``every`` and ``on`` it runs once.
    """

    run: str | list[str]
    name: str = ""
    after: float = 0.0
    every: float = 0.0
    on: str = ""
    jitter: float = 0.0
    data: str = ""
    expect: str = ""
    """A regular expression that must be found in the last response."""
    timeout: float = 30.0

    @property
    def lines(self) -> list[str]:
        """The command lines."""
        return [self.run] if isinstance(self.run, str) else self.run

    @property
    def title(self) -> str:
        """What the measures call it: its name, or the first command."""
        return self.name or self.lines[0].split(" ", 1)[0]


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Devices that are alike but for their identity."""

    name: str
    count: int
    profile: str = "gecko-os-4"
    settings: dict[str, str | int | bool] = {}
    files: dict[str, str | FileSource] = {}
    rows: str = ""
    """A CSV file with a heading: one row a device, `{csv.COLUMN}` in templates."""
    access_points: list[str] = []
    """SSIDs where the group lives; none is all."""
    behaviour: str = ""
    """`module:function`, a coroutine function: device, index, random source."""
    command: list[Command] = []


class Stage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """A part of the run. ``duration`` 0 is as long as it takes; of a hold, all that is left."""

    name: str = ""
    duration: float = 0.0
    groups: list[str] = []
    jitter: float = 0.0
    """Each thing happens up to this many seconds late."""


class Ramp(Stage, tag="ramp"):
    """Switch devices on, or off, until so many are on.

    Evenly within ``over`` seconds, or at ``rate`` a second with Poisson gaps, or all at once.
    """

    devices: int | None = None
    share: float = 1.0
    over: float = 0.0
    rate: float = 0.0


class Hold(Stage, tag="hold"):
    """Wait, with the fleet as it is."""


class Churn(Stage, tag="churn"):
    """Strike devices chosen by chance, so many a second, with Poisson gaps."""

    power_cuts: float = 0.0
    reboots: float = 0.0
    rejoins: float = 0.0
    away: float = 5.0
    """Seconds that the power is off."""


class Storm(Stage, tag="storm"):
    """Cut the power of a share of the devices; they all come back ``within`` seconds."""

    share: float = 1.0
    away: float = 10.0
    within: float = 1.0


class Outage(Stage, tag="outage"):
    """Switch access points off for a while. ``share`` of all of them, unless they are named."""

    access_points: list[str] = []
    share: float = 0.5
    away: float = 30.0


AnyStage = Ramp | Hold | Churn | Storm | Outage


class Authority(msgspec.Struct, forbid_unknown_fields=True):
    """The CA that signs the devices' certificates: PEM files, or none and it is made."""

    certificate: str = ""
    key: str = ""


class ServerTable(msgspec.Struct, forbid_unknown_fields=True):
    """The server that the fleet talks to. Without ``host`` the one that comes with Tokay runs."""

    host: str = ""
    http: int = 80
    https: int = 443
    tcp: int = 7
    delay: float = 0.0
    """Seconds that the server that comes with Tokay takes for an answer."""
    capacity: int = 0
    """Requests that it answers at once; the others wait. 0 is any number."""


class Uplink(msgspec.Struct, forbid_unknown_fields=True):
    """How devices leave this machine: by one of these addresses of it, in turn."""

    addresses: list[str] = []


class Scenario(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    group: list[Group]
    description: str = ""
    seed: int = 0
    duration: float = 0.0
    jitter: float = 0.0
    """For every stage that has none of its own."""
    access_point: list[AccessPointRow] = []
    event: list[AnyFaultEvent] = []
    stage: list[AnyStage] = []
    thresholds: dict[str, Any] = {}
    ca: Authority = msgspec.field(default_factory=Authority)
    server: ServerTable = msgspec.field(default_factory=ServerTable)
    uplink: Uplink = msgspec.field(default_factory=Uplink)

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return sum(group.count for group in self.group)

    def stage_name(self, number: int) -> str:
        """Return what a stage is called: its name, or what it does and its number."""
        stage = self.stage[number]
        return stage.name or f"{type(stage).__name__.lower()}-{number + 1}"


class Source(msgspec.Struct):
    """A scenario as it came, to be sent to shards: the text and where files beside it are."""

    text: str
    name: str
    folder: str
    seed: int | None = None
    devices: int | None = None

    @property
    def path(self) -> Path:
        """What messages name."""
        return Path(self.folder) / self.name
