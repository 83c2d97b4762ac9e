"""A device as an access point: a second device joins it, and both see what they should."""

import asyncio
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.dialogue import PROFILES, Talk

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import Airspace
from tokay.board.air.dns_faults import DnsFault, DnsFaultRule
from tokay.board.storage import Storage
from tokay.device import Device
from tokay.kernel.events import NetworkUp
from tokay.kernel.plugin import Plugin
from tokay.plugins.network import Interface
from tokay.plugins.softap import SoftAp
from tokay.plugins.softap.plugin import Running
from tokay.protocols import dhcp

PORT = 7777


class Echo(Plugin):
    """Listens on every interface that comes up, and sends back what it gets."""

    name = "echo"

    async def network_up(self, interface: Interface) -> None:
        await interface.listen_tcp(_Echo, PORT)


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture
def airspace(tmp_path: Path) -> Airspace:
    return Airspace.default(locks=AddressLocks(tmp_path / "claims"))


@contextmanager
def phone(talk: Talk, name: str = "phone", **settings: str) -> Iterator[Device]:
    """Another device in the air of the first."""
    device = Device.simulated(name=name, airspace=talk.airspace, settings=settings, plugins=(Echo,))
    talk.run(device.__aenter__())
    try:
        yield device
    finally:
        talk.run(device.__aexit__(None, None, None))


def ask(talk: Talk, device: Device, line: str, data: bytes = b"") -> tuple[int, str]:
    """Give a command to the other device; time is turned when it waits for time."""
    response = talk.run(talk.loop.turn_until(device.command(line, data)))
    return int(response.code), response.text


def ssid(talk: Talk) -> str:
    return "Gecko_OS-" + talk.device.mac.replace(":", "")[-3:]


def running(talk: Talk) -> Running:
    found = talk.kernel.plugin(SoftAp).running
    assert found is not None
    return found


def own(talk: Talk) -> str:
    return running(talk).interface.address.address


def leases(talk: Talk) -> list[str]:
    server = running(talk).dhcp
    assert server is not None
    return [str(one.address) for one in server.leases().values()]


PASSKEY = {"softap.passkey": "password"}


def wlan(talk: Talk, passkey: str = "password") -> dict[str, str]:
    return {"wlan.ssid": ssid(talk), "wlan.passkey": passkey}


def test_a_second_device_joins_and_both_talk(airspace: Airspace) -> None:
    with Talk(settings=PASSKEY, airspace=airspace, plugins=(Echo,)) as talk:
        assert talk.answer("network_up -i softap") == (0, "Success")
        with phone(talk, **wlan(talk)) as other:
            assert ask(talk, other, "network_up") == (0, "Success")
            assert leases(talk) == [other.address]
            for device, host in ((other, own(talk)), (talk.device, other.address)):
                interface = "-i wlan" if device is other else "-i softap"
                assert ask(talk, device, f"tcp_client {interface} {host} {PORT}") == (0, "0")
                assert ask(talk, device, "stream_write 0 5", b"hello") == (0, "Success")
                assert ask(talk, device, "stream_read 0 5") == (0, "hello")
            # What stood on the network goes with it, on both sides.
            assert talk.answer("network_down -i softap") == (0, "Success")
            talk.turn(0)
            assert not list(talk.kernel.streams)
            assert other.address == ""
        assert talk.answer("network_down -i softap") == (0, "Success")


def test_a_station_asks_the_dns_server_that_its_lease_names(airspace: Airspace) -> None:
    with Talk(settings=PASSKEY, airspace=airspace) as talk:
        assert talk.answer("set softap.dns_server.url setup.com,lamp.lan") == (0, "Set OK")
        assert talk.answer("network_up -i softap") == (0, "Success")
        with phone(talk, **wlan(talk)) as other:
            for name in ("setup.com", "lamp.lan", "LAMP.lan."):
                assert ask(talk, other, f"network_lookup {name}") == (0, own(talk))
            assert ask(talk, other, "network_lookup example.com")[0] == 1
            # On its own interface the device asks itself.
            found = talk.run(talk.loop.turn_until(running(talk).interface.resolve("setup.com")))
            assert found == own(talk)


def test_a_station_asks_the_dns_server_of_its_static_settings(airspace: Airspace) -> None:
    with Talk(settings=PASSKEY, airspace=airspace) as talk:
        assert talk.answer("set softap.dns_server.url setup.com") == (0, "Set OK")
        assert talk.answer("network_up -i softap") == (0, "Success")
        fixed = {
            "wlan.dhcp.enabled": "0",
            "wlan.static.ip": own(talk).removesuffix(".1") + ".77",
            "wlan.static.dns": own(talk),
        }
        with phone(talk, **wlan(talk), **fixed) as other:
            assert ask(talk, other, "network_lookup setup.com") == (0, own(talk))
            airspace.access_points[-1].dns_rules = (DnsFaultRule(DnsFault.NXDOMAIN, ("setup.*",)),)
            assert ask(talk, other, "network_lookup setup.com")[0] == 1
            airspace.access_points[-1].dns_rules = ()
            # Without a server there is nobody to ask.
            assert ask(talk, other, "set wlan.static.dns 0.0.0.0")[0] == 0
            assert ask(talk, other, "network_restart")[0] == 0
            assert ask(talk, other, "network_lookup setup.com")[0] == 1


def test_a_dns_server_that_is_off_answers_nobody(airspace: Airspace) -> None:
    with Talk(settings={**PASSKEY, "softap.dns_server.enabled": "0"}, airspace=airspace) as talk:
        assert talk.answer("set softap.dns_server.url setup.com") == (0, "Set OK")
        assert talk.answer("network_up -i softap") == (0, "Success")
        with phone(talk, **wlan(talk)) as other:
            assert ask(talk, other, "network_lookup setup.com")[0] == 1


def test_the_log_has_the_real_address_and_the_settings_the_asked_one(airspace: Airspace) -> None:
    events: list[NetworkUp] = []
    with Talk(human=True, airspace=airspace) as talk:
        talk.kernel.events.on(NetworkUp, events.append)
        heard = talk.ask("network_up softap").decode()
        assert f"Starting SoftAP: {ssid(talk)}\r\nIPv4 address: {own(talk)}\r\n" in heard
        assert own(talk).startswith("127.78.")
        assert events[0].interface == "softap"
        assert events[0].address == own(talk)
        assert b"10.10.10.1\r\n" in talk.ask("get softap.static.ip")


def test_a_wrong_passphrase_a_hidden_name_and_a_full_house(airspace: Airspace) -> None:
    settings = PASSKEY | {"softap.hidden": "1", "softap.max_clients": "1"}
    with Talk(settings=settings, airspace=airspace) as talk:
        assert talk.answer("network_up -i softap") == (0, "Success")
        with phone(talk, **wlan(talk, "passwort")) as wrong:
            assert ask(talk, wrong, "network_up") == (1, "Command failed")
            assert ssid(talk) not in ask(talk, wrong, "wlan_scan")[1]
            assert ssid(talk) in ask(talk, wrong, f"wlan_scan 6 {ssid(talk)}")[1]
        with phone(talk, **wlan(talk)) as first, phone(talk, "tablet", **wlan(talk)) as second:
            assert ask(talk, first, "network_up") == (0, "Success")
            assert ask(talk, second, "network_up") == (1, "Command failed")
            assert ask(talk, first, "network_down") == (0, "Success")
            assert ask(talk, second, "network_up") == (0, "Success")


def test_clients_are_listed_and_stay_so_for_a_while(airspace: Airspace) -> None:
    with Talk(settings=PASSKEY, airspace=airspace) as talk:
        assert talk.answer("get softap.client_list") == (0, "! 0 clients")
        assert talk.answer("network_up -i softap") == (0, "Success")
        with phone(talk, **wlan(talk)) as other:
            ask(talk, other, "network_up")
            talk.turn(12)
            talk.heard()
            row = f"# 0 {other.mac} {other.address:<15}  -40    12 phone"
            head = "! # MAC               IP              RSSI   Age Name"
            assert talk.answer("get so l") == (0, f"! 1 client\r\n{head}\r\n{row}")
            info = dict(
                line.split(": ", 1) for line in talk.answer("get softap.info")[1].split("\r\n")
            )
            assert info == {
                "status": "up",
                "mac": talk.answer("get softap.mac")[1],
                "ssid": ssid(talk),
                "channel": "6",
                "security": "WPA2-AES",
                "ip": own(talk),
                "netmask": "255.255.255.0",
                "gateway": own(talk),
                "clients": "1",
            }
            ask(talk, other, "network_down")
        talk.turn(6)
        talk.heard()
        assert talk.answer("get softap.client_list")[1].startswith("! 1 client\r\n")
        talk.turn(2)
        assert talk.answer("get softap.client_list") == (0, "! 0 clients")
        assert talk.answer("set system.cmd.buffered 1")[0] == 0
        assert talk.answer("get softap.client_list") == (0, "0,13")


def test_leases_are_kept_over_a_reboot(airspace: Airspace) -> None:
    storage = Storage(None)
    settings = PASSKEY | {"softap.auto_start": "1"}
    with (
        Talk(settings=settings, airspace=airspace, storage=storage) as talk,
        phone(talk, **wlan(talk)) as first,
        phone(talk, "tablet", **wlan(talk)) as second,
    ):
        ask(talk, first, "network_up")
        ask(talk, second, "network_up")
        before = [first.address, second.address]
        talk.ask("reboot")
        talk.turn(5)
        assert sorted(leases(talk)) == sorted(before)
        ask(talk, second, "network_up")
        ask(talk, first, "network_up")
        assert [first.address, second.address] == before
    storage.close()


def test_an_address_that_someone_has_is_not_given(airspace: Airspace) -> None:
    with Talk(settings=PASSKEY, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        network = own(talk).rsplit(".", 1)[0]
        static = {
            "wlan.dhcp.enabled": "0",
            "wlan.static.ip": f"{network}.2",
            "wlan.static.gateway": f"{network}.1",
        }
        with phone(talk, **wlan(talk), **static) as fixed, phone(talk, "b", **wlan(talk)) as other:
            assert ask(talk, fixed, "network_up") == (0, "Success")
            assert ask(talk, other, "network_up") == (0, "Success")
            assert (fixed.address, other.address) == (f"{network}.2", f"{network}.3")


def test_without_its_dhcp_server_nobody_gets_an_address(airspace: Airspace) -> None:
    settings = PASSKEY | {"softap.dhcp_server.enabled": "0"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        with phone(talk, **wlan(talk)) as other:
            assert ask(talk, other, "network_up") == (1, "Command failed")


def test_it_starts_at_boot_and_as_the_default_interface(airspace: Airspace) -> None:
    settings = {"softap.auto_start": "1", "network.default_interface": "softap"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.turn(0)
        assert talk.airspace.ap(ssid(talk)).powered
        assert talk.answer("network_restart") == (0, "Success")
        assert talk.answer("network_down") == (0, "Success")
        assert ssid(talk) not in [one.ssid for one in talk.airspace.access_points]
        assert talk.answer("network_up") == (0, "Success")
    assert ssid(talk) not in [one.ssid for one in talk.airspace.access_points]


@pytest.mark.parametrize("profile", PROFILES)
def test_wlan_and_soft_ap_together_or_not(profile: str, airspace: Airspace) -> None:
    settings = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}
    together = profile in ("gecko-os-4", "zentrios-3")
    with Talk(profile, settings=settings, airspace=airspace) as talk:
        assert talk.answer("network_up") == (0, "Success")
        assert talk.answer("network_up -i softap") == (0, "Success")
        assert talk.answer("get wlan.network.status") == (0, "2" if together else "0")
        assert talk.answer("network_up -i wlan") == (0, "Success")
        status = "up" if together else "down"
        assert talk.answer("get softap.info")[1].startswith(f"status: {status}\r\n")
        assert talk.answer("get wlan.network.status") == (0, "2")


def test_wlan_that_joins_by_itself_comes_first_where_both_cannot_be(airspace: Airspace) -> None:
    settings = {
        "wlan.ssid": "tokay",
        "wlan.passkey": "tokay-lab",
        "wlan.auto_join.enabled": "1",
        "softap.auto_start": "1",
    }
    with Talk("gecko-os-2", settings=settings, airspace=airspace) as talk:
        talk.turn(1)
        assert talk.answer("get wlan.network.status") == (0, "2")
        assert talk.answer("get softap.info")[1].startswith("status: down\r\n")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"softap.static.netmask": "255.0.255.0"}, "255.0.255.0 is no netmask"),
        ({"softap.static.ip": "10.10.10.0"}, "10.10.10.0 cannot be a host of 10.10.10.0/24"),
        ({"softap.static.ip": "10.10.10.255"}, "10.10.10.255 cannot be a host of 10.10.10.0/24"),
    ],
)
def test_what_cannot_be_fails_with_a_reason(
    settings: dict[str, str], why: str, airspace: Airspace
) -> None:
    with Talk(human=True, settings=settings, airspace=airspace) as talk:
        heard = talk.ask("network_up -i softap").decode()
        assert f"SoftAP failed: {why}\r\nCommand failed\r\n" in heard
        assert len(talk.airspace.access_points) == 1


def test_marks_in_the_ssid_become_digits_of_the_mac(airspace: Airspace) -> None:
    settings = {"softap.ssid": "x#y#"}
    with Talk(settings=settings, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        digits = talk.device.mac.replace(":", "")[-3:]
        assert talk.airspace.access_points[-1].ssid == f"x{digits}y{digits}"
        assert talk.answer("get softap.ssid") == (0, "x#y#")


def test_a_flood_of_dhcp_costs_no_more_than_the_network_has(airspace: Airspace) -> None:
    dice = random.Random(3)
    with Talk(settings=PASSKEY, airspace=airspace) as talk:
        talk.ask("network_up -i softap")
        running = talk.kernel.plugin(SoftAp).running
        assert running is not None
        hear = running.link.on_datagram
        assert hear is not None

        async def flood() -> None:
            for number in range(3000):
                client = dhcp.DhcpClient(struct.pack("!HI", 0x0200, number), rng=dice)
                client.start(talk.loop.time())
                (out,) = client.datagrams_to_send()
                spoiled = bytearray(out.data)
                spoiled[dice.randrange(len(spoiled))] ^= 1 << dice.randrange(8)
                hear(bytes(spoiled)[: dice.randrange(1, 600)])
                hear(out.data)

        talk.run(flood())
        talk.turn(600)
        talk.heard()
        assert len(talk.kernel.storage.facts().get("softap.leases", "")) < 253 * 400
        with phone(talk, **wlan(talk)) as other:
            assert ask(talk, other, "network_up") == (0, "Success")
