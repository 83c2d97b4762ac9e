"""A device on a real Ethernet interface, against dnsmasq."""

import subprocess
from collections.abc import Callable, Iterator

import pytest
from tests.interop.namespaces import MAC, SERVER, Process, Tokay, Wire, device, dnsmasq, echo, ip
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")

SHORT = ("--dhcp-option=option:T1,3", "--dhcp-option=option:T2,90")
PAYLOAD = "".join(f"line {number:05}" for number in range(300))


@pytest.fixture
def server(wire: Wire, peer: Callable[[str], Peer]) -> Iterator[Process]:
    with dnsmasq(wire, peer("dnsmasq"), *SHORT) as server:
        yield server


def inside(wire: Wire, *command: str) -> str:
    return subprocess.run(
        ["ip", "netns", "exec", wire.device, *command], capture_output=True, text=True, check=True
    ).stdout


def test_a_lease_is_taken_renewed_and_released(wire: Wire, server: Process) -> None:
    with device(wire, "--set", "wlan.dhcp.hostname=lizard") as (tokay, console):
        assert console.do("get wlan.mac") == MAC
        console.do("network_up")
        address = tokay.event("network_up")["address"]
        server.expect(rf"DHCPACK\(eth0\) {address} {MAC.lower()} lizard")
        assert wire.addresses() == [address]
        assert console.do("get wlan.network.ip") == address
        assert console.do("get wlan.network.gateway") == SERVER
        assert console.do("get wlan.network.netmask") == "255.255.255.0"
        assert f"default via {SERVER} dev eth0" in ip("-n", wire.device, "route")
        # Configured, it hears the server by a plain socket and the wire not at all.
        assert len(inside(wire, "cat", "/proc/net/packet").splitlines()) == 1
        for _ in range(2):
            server.expect(rf"DHCPREQUEST\(eth0\) {address}")
            server.expect(rf"DHCPACK\(eth0\) {address}")
        assert not [line for line in server.seen if "DHCPNAK" in line]
        console.do("network_down")
        tokay.event("network_down")
        server.expect(rf"DHCPRELEASE\(eth0\) {address}")
        assert wire.addresses() == []
        assert "default" not in ip("-n", wire.device, "route")


def test_a_lease_is_given_back_when_the_device_is_told_to_end(wire: Wire, server: Process) -> None:
    with device(wire) as (tokay, console):
        console.do("network_up")
        assert tokay.close() == 0
    server.expect(r"DHCPRELEASE\(eth0\)")
    assert wire.addresses() == []


def test_a_client_and_names_by_the_leases_server(wire: Wire, server: Process) -> None:
    del server
    with echo(wire) as (peer, port), device(wire) as (_, console):
        assert console.do(f"tcp_client thing.test {port}") == "0"
        peer.expect(f"^from {wire.addresses()[0]}$")
        console.do(f"stream_write 0 {len(PAYLOAD)}", PAYLOAD.encode())
        got = ""
        while len(got) < len(PAYLOAD):
            got += console.do("stream_read 0 1000")
        assert got == PAYLOAD
        assert console.ask("tcp_client nobody.test 1")[0] != 0


def test_a_pulled_cable_is_noticed_and_the_next_join_works(wire: Wire, server: Process) -> None:
    del server
    with device(wire) as (tokay, console):
        console.do("network_up")
        tokay.event("network_up")
        wire.plug(False)
        tokay.event("network_down")
        assert console.do("get wlan.network.status") == "0"
        assert wire.addresses() == []
        wire.plug(True)
        console.do("network_up")
        tokay.event("network_up")


def test_without_a_carrier_there_is_no_network(wire: Wire) -> None:
    wire.plug(False)
    with device(wire) as (_, console):
        assert console.ask("network_up")[0] != 0
        assert console.do("get wlan.join.result") == "6"
        assert console.ask("network_verify wifi cable 02:00:00:00:00:01 1")[0] != 0
        wire.plug(True)
        console.do("network_verify wifi cable 02:00:00:00:00:01 1")
        assert wire.addresses() == []


def test_an_address_that_someone_has_is_declined(wire: Wire, peer: Callable[[str], Peer]) -> None:
    taken = "10.9.0.50"
    ip("-n", wire.peer, "addr", "add", f"{taken}/32", "dev", "lo")
    fixed = f"--dhcp-host={MAC},{taken}"
    with (
        dnsmasq(wire, peer("dnsmasq"), fixed) as server,
        device(wire, "--set", "wlan.dhcp.timeout=40") as (tokay, console),
    ):
        console.do("network_up")
        server.expect(rf"DHCPDECLINE\(eth0\) {taken}")
        address = tokay.event("network_up")["address"]
        assert address != taken
        assert wire.addresses() == [address]


def test_a_static_address_that_someone_has_is_not_taken(wire: Wire) -> None:
    static = ("--set", "wlan.dhcp.enabled=0", "--set", f"wlan.static.ip={SERVER}")
    with device(wire, *static) as (_, console):
        assert console.ask("network_up")[0] != 0
        assert wire.addresses() == []
        console.do("set wlan.static.ip 10.9.0.7")
        console.do("network_up")
        assert wire.addresses() == ["10.9.0.7"]


def test_what_a_killed_device_left_behind_goes(wire: Wire, server: Process) -> None:
    with device(wire) as (tokay, console):
        console.do("network_up")
        tokay.kill()
    (left,) = wire.addresses()
    server.expect(rf"DHCPACK\(eth0\) {left}")
    static = ("--set", "wlan.dhcp.enabled=0", "--set", "wlan.static.ip=10.9.0.7")
    with device(wire, *static) as (_, console):
        console.do("network_up")
        assert wire.addresses() == ["10.9.0.7"]


def test_an_interface_in_use_is_refused(wire: Wire) -> None:
    ip("-n", wire.device, "addr", "add", "192.0.2.1/24", "dev", "eth0")
    tokay = Tokay(wire.device, "wired:eth0", "--exec", "network_up")
    try:
        tokay.expect("^tokay: eth0: this machine uses it, as 192.0.2.1/24;")
        assert tokay.wait() == 2
        assert wire.addresses() == ["192.0.2.1"]
    finally:
        tokay.close()


def test_two_devices_do_not_share_an_interface(wire: Wire) -> None:
    static = ("--set", "wlan.dhcp.enabled=0", "--set", "wlan.static.ip=10.9.0.7")
    with device(wire, *static) as (_, first):
        with device(wire, *static) as (_, second):
            first.do("network_up")
            assert second.ask("network_up")[0] != 0
        assert wire.addresses() == ["10.9.0.7"]


def test_the_machines_own_network(wire: Wire) -> None:
    ip("-n", wire.device, "link", "set", "eth0", "up")  # the other end of a carrier
    ip("-n", wire.peer, "route", "add", "default", "via", "10.9.0.254")
    tokay = Tokay(
        wire.peer, "host", "--exec", "network_up", "--exec", "get wlan.network.ip",
        "--exec", "get wlan.network.gateway",
    )  # fmt: skip
    try:
        tokay.expect(f"^{SERVER}$")
        tokay.expect(r"^10\.9\.0\.254$")
        assert tokay.wait() == 0
    finally:
        tokay.close()
