"""The `ethernet` interface of a device on a real cable, against dnsmasq."""

from collections.abc import Callable

import pytest
from tests.interop.namespaces import MAC, SERVER, Wire, device, dnsmasq
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")


def test_it_starts_by_itself_and_comes_back_with_the_cable(
    wire: Wire, peer: Callable[[str], Peer]
) -> None:
    options = ("--ethernet", "eth0", "--set", "ethernet.auto_start.enabled=1")
    with (
        dnsmasq(wire, peer("dnsmasq")) as server,
        device(wire, *options, radio="simulated") as (tokay, console),
    ):
        up = tokay.event("network_up")
        assert up["interface"] == "ethernet"
        assert wire.addresses() == [up["address"]]
        assert console.do("get ethernet.mac") == MAC
        assert console.do("get wlan.mac") != MAC
        assert console.do("get ethernet.network.gateway") == SERVER
        assert console.do("get ethernet.network.status") == "2"
        wire.plug(False)
        assert tokay.event("network_down")["interface"] == "ethernet"
        assert console.do("get ethernet.network.status") == "0"
        assert wire.addresses() == []
        wire.plug(True)
        assert tokay.event("network_up")["address"] == up["address"]
        console.do("network_down -i ethernet")
        server.expect(rf"DHCPRELEASE\(eth0\) {up['address']}")
        assert wire.addresses() == []
