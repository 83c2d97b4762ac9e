"""A device's soft AP on a real Ethernet interface serves clients that others wrote."""

import json
import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.namespaces import LIMIT, closing, ip
from tests.interop.peers import Peer
from tests.interop.soft_ap import (
    AP,
    AP_MAC,
    DHCLIENT_SCRIPT,
    FACTS,
    ApWire,
    dig,
    private,
    python,
    script,
    soft_ap,
    udhcpc,
)

pytestmark = pytest.mark.usefixtures("leftovers")

Get = Callable[[str], Peer]
CROWD = Path(__file__).with_name("crowd.py")


def test_udhcpc_gets_renews_and_releases(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    busybox = peer("busybox")
    station = ap_wire.station(1)
    with soft_ap(ap_wire) as (_, console):
        assert console.do("get softap.mac") == AP_MAC
        with closing(udhcpc(ap_wire, station, busybox, tmp_path, "-x", "hostname:anole")) as client:
            address = client.expect(rf"^bound {FACTS} lease 86400$")[1]
            assert re.search(rf"02:00:5E:00:00:01 {address} .* anole", console.do("get so l"))
            client.send_signal(signal.SIGUSR1)
            assert client.expect(rf"^renew {FACTS}")[1] == address
            client.send_signal(signal.SIGUSR2)
            client.expect("unicasting a release")
            end = time.monotonic() + LIMIT
            while address in console.do("get softap.client_list"):
                assert time.monotonic() < end
        # Who comes back gets the same address, although it was seen there a moment ago.
        with closing(udhcpc(ap_wire, station, busybox, tmp_path)) as client:
            assert client.expect(rf"^bound {FACTS}")[1] == address


def test_dhclient_gets_and_renews(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    dhclient = peer("dhclient")
    station = ap_wire.station(1)
    config = tmp_path / "dhclient.conf"
    config.write_text(
        "request subnet-mask, routers, domain-name-servers;\nsupersede dhcp-renewal-time 2;\n"
        'send host-name "anole";\ninitial-interval 1;\n'
    )
    command = [
        *dhclient.command, "-d", "-4", "-cf", str(config), "-sf",
        script(tmp_path, DHCLIENT_SCRIPT), "-lf", str(tmp_path / "leases"), "-pf",
        str(tmp_path / "pid"), "eth0",
    ]  # fmt: skip
    with soft_ap(ap_wire) as (_, console), closing(private(station, *command)) as client:
        address = client.expect(rf"^BOUND {FACTS}$")[1]
        assert re.search(rf"{address} .* anole", console.do("get softap.client_list"))
        for _ in range(2):
            assert client.expect(rf"^RENEW {FACTS}$")[1] == address


def test_dhcpcd_gets_and_renews(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    dhcpcd = peer("dhcpcd")
    station = ap_wire.station(1)
    config = tmp_path / "dhcpcd.conf"
    config.write_text("ipv4only\nnohook resolv.conf\noption routers, domain_name_servers\n")
    command = [*dhcpcd.command, "-B", "-d", "-4", "-f", str(config), "-c", "/bin/true", "eth0"]
    with soft_ap(ap_wire) as (_, console), closing(private(station, *command)) as client:
        address = client.expect(r"leased (10\.10\.10\.\d+) for 86400 seconds")[1]
        client.expect(rf"adding default route via {AP}")
        assert address in ap_wire.addresses(station, "eth0")
        assert address in console.do("get softap.client_list")
        client.send_signal(signal.SIGUSR1)
        client.expect("renewing lease")
        client.expect(rf"acknowledged {address} from {AP}")


def test_two_clients_never_share_an_address(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    busybox = peer("busybox")
    first, second, third = (ap_wire.station(number) for number in (1, 2, 3))
    # The third has given itself the first address there is, and was never asked.
    ip("-n", third, "addr", "add", "10.10.10.2/24", "dev", "eth0")
    with ExitStack() as stack:
        _, console = stack.enter_context(soft_ap(ap_wire))
        # The device asks the wire as it comes up; it can spare what it has heard of by then.
        end = time.monotonic() + LIMIT
        while "02:00:5E:00:00:03" not in console.do("get softap.client_list").upper():
            assert time.monotonic() < end
        one = stack.enter_context(closing(udhcpc(ap_wire, first, busybox, tmp_path)))
        other = stack.enter_context(closing(udhcpc(ap_wire, second, busybox, tmp_path)))
        addresses = {client.expect(rf"^bound {FACTS}")[1] for client in (one, other)}
        assert len(addresses) == 2
        assert "10.10.10.2" not in addresses
        listed = console.do("get softap.client_list")
        assert all(address in listed for address in addresses)


def test_a_full_soft_ap_serves_nobody_else(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    busybox = peer("busybox")
    first, second = ap_wire.station(1), ap_wire.station(2)
    with soft_ap(ap_wire, "--set", "softap.max_clients=1"):
        with closing(udhcpc(ap_wire, first, busybox, tmp_path)) as client:
            client.expect(rf"^bound {FACTS}")
        with closing(udhcpc(ap_wire, second, busybox, tmp_path, "-n")) as client:
            client.expect("no lease, failing")


def test_the_interface_is_given_back(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    busybox = peer("busybox")
    station = ap_wire.station(1)
    with soft_ap(ap_wire) as (_, console):
        assert f"{AP}/24" in ap_wire.addresses(ap_wire.device, "eth1")
        console.do("network_down -i softap")
        assert ap_wire.addresses(ap_wire.device, "eth1") == ""
        console.do("set softap.static.ip 10.77.0.1")
        console.do("set softap.dhcp_server.gateway 10.77.0.1")
        console.do("network_up -i softap")
        assert "10.77.0.1/24" in ap_wire.addresses(ap_wire.device, "eth1")
        with closing(udhcpc(ap_wire, station, busybox, tmp_path)) as client:
            client.expect(r"^bound 10\.77\.0\.\d+ router 10.77.0.1 dns 10.77.0.1")
    assert ap_wire.addresses(ap_wire.device, "eth1") == ""


def test_dig_sees_the_dns_server(ap_wire: ApWire, peer: Get) -> None:
    program = peer("dig")
    station = ap_wire.station(1)
    ip("-n", station, "addr", "add", "10.10.10.77/24", "dev", "eth0")
    names = "softap.dns_server.url=setup.com,http://My.Device/index.html"
    portal = "softap.captive_portal_enabled=1"
    with soft_ap(ap_wire, "--set", names, "--set", portal) as (_, console):

        def short(*words: str) -> str:
            return dig(program, station, "+short", *words).strip()

        for own in ("setup.com", "SETUP.COM", "my.device"):
            assert short(own) == AP
        assert short("captive.apple.com") == AP
        assert short("connectivitycheck.gstatic.com") == AP
        assert short("setup.com", "AAAA") == ""
        answer = dig(program, station, "setup.com", "+noedns")
        assert "status: NOERROR" in answer
        assert re.search(r"flags: qr aa rd;", answer)
        assert "status: NXDOMAIN" in dig(program, station, "www.example.com")
        # A station is known by ARP alone, too.
        assert "02:00:5E:00:00:01" in console.do("get softap.client_list")
        console.do("network_down -i softap")
        console.do("set softap.captive_portal_enabled 0")
        console.do("network_up -i softap")
        assert "status: NXDOMAIN" in dig(program, station, "captive.apple.com")


def test_250_clients_get_250_addresses(ap_wire: ApWire) -> None:
    station = ap_wire.station(1)
    with soft_ap(ap_wire, "--set", "softap.max_clients=253") as (_, console):
        facts = json.loads(python(station, CROWD.read_text(), "250"))
        assert len(set(facts["bound"])) == 250
        assert sorted(facts["renewed"]) == sorted(facts["bound"])
        assert console.do("get softap.client_list").startswith("! 250 clients")
