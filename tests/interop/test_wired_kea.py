"""A device on a real Ethernet interface, against Kea."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.namespaces import MAC, SERVER, Process, Wire, closing, device, ip
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

RENEW = 3  # seconds


def settings(folder: Path) -> dict[str, object]:
    options = [
        {"name": "routers", "data": SERVER},
        {"name": "domain-name-servers", "data": SERVER},
    ]
    return {
        "interfaces-config": {"interfaces": ["eth0"]},
        "lease-database": {"type": "memfile", "name": str(folder / "leases"), "lfc-interval": 0},
        "authoritative": True,
        "valid-lifetime": 60,
        "renew-timer": RENEW,
        "rebind-timer": 50,
        "subnet4": [
            {
                "subnet": "10.9.0.0/24",
                "pools": [{"pool": "10.9.0.50 - 10.9.0.99"}],
                "option-data": options,
            }
        ],
        "loggers": [
            {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}
        ],
    }


@pytest.fixture
def kea(wire: Wire, peer: Callable[[str], Peer], tmp_path: Path) -> Iterator[Process]:
    program = peer("kea-dhcp4")
    ip("-n", wire.device, "link", "set", "eth0", "up")  # it leaves out what has no carrier
    config = tmp_path / "kea.conf"
    config.write_text(json.dumps({"Dhcp4": settings(tmp_path)}))
    folders = [f"KEA_{kind}_DIR={tmp_path}" for kind in ("PIDFILE", "LOCKFILE")]
    server = Process(wire.peer, "env", *folders, *program.command, "-c", str(config))
    with closing(server):
        server.expect("DHCP4_STARTED")
        yield server


def test_a_lease_is_taken_renewed_and_released(wire: Wire, kea: Process) -> None:
    with device(wire, "--set", "wlan.dhcp.hostname=lizard") as (tokay, console):
        console.do("network_up")
        address = tokay.event("network_up")["address"]
        kea.expect(rf"DHCP4_LEASE_ALLOC .*{MAC.lower()}.* lease {address} has been allocated")
        assert wire.addresses() == [address]
        assert console.do("get wlan.network.gateway") == SERVER
        for _ in range(2):
            kea.expect(rf"DHCP4_LEASE_ALLOC .* lease {address} ")
        console.do("network_down")
        kea.expect(rf"DHCP4_RELEASE .*{address} was released")
        assert wire.addresses() == []
