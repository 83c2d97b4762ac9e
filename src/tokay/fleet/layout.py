"""Which device is where: its group, its access point, its network, its shard.

    index    0, 1, ... through the groups in the order of the file
    number   the same within the group
    shard    index modulo the number of shards: every shard has a share of every group

Nothing here depends on the shard but the subnets: an access point is there in every shard that has
devices on it, and each such part of its network has a block of addresses of its own.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from tokay.fleet.errors import ScenarioError
from tokay.fleet.scenario import AccessPointRow, Group, Scenario

DEFAULT_SSID = "tokay"
DEFAULT_PASSPHRASE = "tokay-lab"  # noqa: S105 - printed in the manual; it guards nothing
DEFAULT_SUBNET = "127.77.0.0/16"
"""What a scenario's access point has that names none: it gets a block of ``REGION``."""
REGION = IPv4Network("127.128.0.0/9")
MAX_LOOKS = 64
"""Places that are looked at for one that nobody uses."""
SPARE = 8
"""Addresses of a block beyond those of its devices: network, gateway, broadcast, and room."""


class Place(NamedTuple):
    """Where a device lives."""

    group: Group
    number: int
    access_point: int
    """Its number among ``Layout.access_points``."""


@dataclass(frozen=True)
class Layout:
    """Where all devices of a fleet are."""

    seed: int
    groups: list[Group]
    access_points: list[AccessPointRow]
    ends: list[int]
    """For each group the index behind its last device."""
    homes: dict[str, list[tuple[int, int]]]
    """For each group its access points, each with the number behind its last device there."""

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return self.ends[-1]

    def place(self, index: int) -> Place:
        """Return where device ``index`` lives."""
        at = bisect_right(self.ends, index)
        group = self.groups[at]
        number = index - (self.ends[at] - group.count)
        homes = self.homes[group.name]
        home = bisect_right(homes, number, key=lambda one: one[1])
        return Place(group, number, homes[home][0])

    def group_range(self, name: str) -> range:
        """Return the indexes of a group's devices."""
        at = next(at for at, group in enumerate(self.groups) if group.name == name)
        return range(self.ends[at] - self.groups[at].count, self.ends[at])


def layout(scenario: Scenario) -> Layout:
    """Lay a fleet out. Raises ScenarioError."""
    points = _expand(scenario)
    room = [point.devices for point in points]
    homes = {group.name: _homes(group, at, points, room) for at, group in enumerate(scenario.group)}
    ends = list(accumulate(group.count for group in scenario.group))
    return Layout(scenario.seed, scenario.group, points, ends, homes)


def subnets(layout: Layout, shard: int, shards: int, base: int = 0) -> list[IPv4Network | None]:
    """Return the network of each access point in a shard; None where nobody lives.

    ``base``: where the fleet's addresses begin in ``REGION``; see ``free_base``. Raises
    ScenarioError when there are not enough addresses.
    """
    networks, _ = _allocate(layout, shards, base)
    return [networks.get((number, shard)) for number in range(len(layout.access_points))]


def free_base(layout: Layout, shards: int, taken: Callable[[IPv4Address], bool]) -> int:
    """Return a place for the fleet's addresses that nobody uses, so that two runs do not meet.

    ``taken`` says whether somebody has an address. Raises ScenarioError.
    """
    _, size = _allocate(layout, shards, 0)
    slot = 1 << max(size - 1, 1).bit_length()
    slots = REGION.num_addresses // slot
    for turn in range(MAX_LOOKS):
        base = (os.getpid() * 31 + turn) % slots * slot
        # The gateway is nobody's: the first station is behind it.
        if not taken(REGION.network_address + base + 2):
            return base
    return 0


def _allocate(
    layout: Layout, shards: int, base: int
) -> tuple[dict[tuple[int, int], IPv4Network], int]:
    """Return the networks by access point and shard, and where the next one could begin."""
    counts: Counter[tuple[int, int]] = Counter()
    for index in range(layout.devices):
        counts[layout.place(index).access_point, index % shards] += 1
    networks: dict[tuple[int, int], IPv4Network] = {}
    region = int(REGION.network_address)
    at = region + base
    for number, point in enumerate(layout.access_points):
        given = point.subnet != DEFAULT_SUBNET
        at_given = int(IPv4Network(point.subnet, strict=False).network_address)
        for shard in range(shards):
            devices = counts[number, shard]
            if not devices:
                continue
            size = 1 << (devices + devices // 8 + SPARE).bit_length()
            start = -(-(at_given if given else at) // size) * size
            networks[number, shard] = IPv4Network((start, 33 - size.bit_length()))
            at, at_given = (at, start + size) if given else (start + size, at_given)
        _check_room(number, point, given=given, at=at, at_given=at_given)
    return networks, at - region


def _check_room(number: int, point: AccessPointRow, *, given: bool, at: int, at_given: int) -> None:
    if given and at_given > int(IPv4Network(point.subnet, strict=False).broadcast_address) + 1:
        message = f"{point.subnet} is too small for its devices"
        raise ScenarioError(message, ("access_point", number, "subnet"))
    if not given and at > int(IPv4Address(REGION.broadcast_address)) + 1:
        raise ScenarioError(f"{REGION} is too small for this fleet", ("access_point",))


def _expand(scenario: Scenario) -> list[AccessPointRow]:
    points: list[AccessPointRow] = []
    for row in scenario.access_point or [
        AccessPointRow(ssid=DEFAULT_SSID, passphrase=DEFAULT_PASSPHRASE)
    ]:
        points += expand_row(row)
    return points


def expand_row(row: AccessPointRow) -> list[AccessPointRow]:
    """Return the access points that one table makes."""
    return [
        msgspec.structs.replace(row, ssid=row.ssid.replace("{number}", str(number)), count=1)
        for number in range(row.count)
    ]


def access_point_keys(row: AccessPointRow) -> dict[str, Any]:
    """Return what ``AccessPoint`` takes of a table."""
    keys = msgspec.structs.asdict(row)
    del keys["devices"], keys["count"]
    return keys


def _homes(
    group: Group, at: int, points: list[AccessPointRow], room: list[int]
) -> list[tuple[int, int]]:
    """Place a group's devices on access points: the sized ones first, the rest evenly."""
    known = [point.ssid for point in points]
    for ssid in group.access_points:
        if ssid not in known:
            raise ScenarioError(f"no access point {ssid!r}", ("group", at, "access_points"))
    mine = [
        n for n, ssid in enumerate(known) if not group.access_points or ssid in group.access_points
    ]
    homes: list[tuple[int, int]] = []
    placed = 0
    for number in mine:
        if points[number].devices:
            here = min(room[number], group.count - placed)
            room[number] -= here
            placed += here
            homes.append((number, placed))
    open_ended = [number for number in mine if not points[number].devices]
    rest = group.count - placed
    if rest and not open_ended:
        message = f"{rest} devices find no room on its access points"
        raise ScenarioError(message, ("group", at, "count"))
    for turn, number in enumerate(open_ended, 1):
        homes.append((number, placed + rest * turn // len(open_ended)))
    return homes
