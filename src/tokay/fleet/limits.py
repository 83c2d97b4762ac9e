"""What this machine allows, looked at before a run: descriptors, ports, memory."""

import ipaddress
import resource
from pathlib import Path

from tokay.fleet.errors import FleetError
from tokay.fleet.scenario import Scenario

OWN_DESCRIPTORS = 128
"""Descriptors of a shard beside those of its devices' connections."""
DEVICE_MEMORY = 50 * 1024
"""Bytes that a device may take, joined and with a connection, from measurements with some room."""
SHARD_MEMORY = 60 * 1024 * 1024
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_MEMORY = Path("/proc/meminfo")


def check(scenario: Scenario, shards: int, *, local: bool) -> None:
    """Raise FleetError for what is too little. ``local``: all shards are on this machine."""
    talking = sum(group.count for group in scenario.group if group.command or group.behaviour)
    needed = -(-talking // shards) + OWN_DESCRIPTORS
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY, -1) and needed > hard:
        raise FleetError(
            f"a shard may need {needed} descriptors and the limit is {hard}:"
            f" raise it (ulimit -Hn {needed}) or take more --shards"
        )
    if local:
        _check_ports(scenario, talking)
        _check_memory(scenario, shards)


def raise_descriptors() -> None:
    """Take as many descriptors as the machine allows this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_ports(scenario: Scenario, talking: int) -> None:
    host = scenario.server.host
    try:
        if not host or ipaddress.ip_address(host).is_loopback:
            return  # on loopback every device has an address of its own
    except ValueError:
        pass
    low, high = map(int, _PORTS.read_text("ascii").split())
    addresses = max(1, len(scenario.uplink.addresses))
    ports = (high - low + 1) * addresses
    if talking > ports:
        raise FleetError(
            f"{talking} devices may connect to {host} and there are {ports} ports from"
            f" {addresses} address{'es' if addresses > 1 else ''}: give more in"
            " uplink.addresses, or widen net.ipv4.ip_local_port_range"
        )


def _check_memory(scenario: Scenario, shards: int) -> None:
    needed = scenario.devices * DEVICE_MEMORY + shards * SHARD_MEMORY
    rows = dict(row.split(":") for row in _MEMORY.read_text("ascii").splitlines() if ":" in row)
    available = int(rows["MemAvailable"].split()[0]) * 1024
    if needed > available:
        raise FleetError(
            f"{scenario.devices} devices may take {needed // 2**20} MB and {available // 2**20} MB"
            " are free: take fewer devices, or more machines"
        )
