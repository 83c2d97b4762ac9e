"""The part of a fleet's airspace that is in one shard."""

from tokay.board.air.access_point import AccessPoint
from tokay.board.air.airspace import Airspace
from tokay.fleet import layout as layouts
from tokay.fleet.layout import Layout
from tokay.fleet.scenario import Scenario


def build(scenario: Scenario, layout: Layout, shard: int, shards: int, base: int) -> Airspace:
    """Return the airspace of a shard: the access points where it has devices, and their script."""
    air = Airspace()
    air.seed = scenario.seed
    networks = layouts.subnets(layout, shard, shards, base)
    for row, network in zip(layout.access_points, networks, strict=True):
        if network is not None:
            keys = layouts.access_point_keys(row) | {"subnet": network}
            access_point = air.add(AccessPoint(**keys))
            access_point.uplink_addresses = tuple(scenario.uplink.addresses)
    here = {access_point.ssid for access_point in air.access_points}
    for event in scenario.event:
        if event.ap.encode().decode("latin-1") in here:
            air.script.add(event)
    return air
