"""A soft AP in an airspace, from its stations' side and from its own."""

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.air.soft_ap import ap_mac
from tokay.board.link import ApLink, Link
from tokay.board.radio import ApConfig, ApError, JoinError, JoinFailure, JoinRequest, Radio
from tokay.protocols import dhcp

MAC = "4C:55:CC:00:00:05"
HOME = IPv4Network("127.78.0.0/16")
BringUp = Callable[[Link], Coroutine[Any, Any, str]]


@pytest.fixture
def airspace(tmp_path: Path) -> Airspace:
    return Airspace.default(locks=AddressLocks(tmp_path / "claims"))


def radios(airspace: Airspace) -> tuple[Radio, Radio]:
    return SimulatedRadio(airspace, MAC), SimulatedRadio(airspace, "02:00:00:00:00:09")


def serve(link: ApLink) -> dhcp.DhcpServer:
    """Answer DHCP as the soft AP's plugin does."""
    network = link.network
    server = dhcp.DhcpServer(
        dhcp.ServerConfig(
            address=network.ip,
            netmask=network.netmask,
            gateway=network.ip,
            dns=(network.ip,),
            pool_first=network.network.network_address + 1,
            pool_last=network.network.broadcast_address - 1,
        ),
        in_use=link.in_use,
    )

    def receive(datagram: bytes) -> None:
        for one in server.receive(datagram, asyncio.get_running_loop().time()):
            link.send_datagram(one.data, one.destination, one.mac)

    link.on_datagram = receive
    return server


async def start(radio: Radio, config: ApConfig) -> ApLink:
    link = await radio.start_ap(config)
    link.configure("10.10.10.1", "255.255.255.0", "10.10.10.1", "10.10.10.1")
    return link


async def test_others_find_it_and_join(airspace: Airspace) -> None:
    device, phone = radios(airspace)
    link = await start(device, ApConfig("setup", "password", channel=11))
    (found,) = await phone.scan(ssid="setup")
    assert (found.bssid, found.channel, str(found.security)) == (ap_mac(MAC), 11, "WPA2-AES")
    assert not await device.scan(ssid="setup")
    heard: list[tuple[str, bool]] = []
    link.on_station = lambda mac, joined: heard.append((mac, joined))
    with pytest.raises(JoinError) as caught:
        await phone.join(JoinRequest("setup", passkey="passwort"))
    assert caught.value.reason is JoinFailure.WRONG_PASSKEY
    await phone.join(JoinRequest("setup", passkey="password"))
    assert [station.mac for station in link.stations] == [phone.mac]
    await phone.leave()
    await asyncio.sleep(0)
    assert not link.stations
    assert heard == [(phone.mac, True), (phone.mac, False)]
    link.close()
    link.close()
    assert not await phone.scan(ssid="setup")


async def test_its_address_is_the_first_of_a_free_network(airspace: Airspace) -> None:
    airspace.add(AccessPoint("guests", subnet="127.78.5.0/24"))
    taken = IPv4Address("127.78.6.1")
    assert airspace.locks.acquire(taken)
    device, _ = radios(airspace)
    try:
        link = await start(device, ApConfig("setup"))
        assert str(link.network) == "127.78.7.1/24"
        assert link.address == "127.78.7.1"
        assert airspace.locks.in_use(link.network.ip)
        link.close()
        assert not airspace.locks.in_use(IPv4Address("127.78.7.1"))
    finally:
        airspace.locks.release(taken)


async def test_a_station_gets_an_address_and_talks_both_ways(
    airspace: Airspace, bring_up: BringUp
) -> None:
    device, phone = radios(airspace)
    link = await start(device, ApConfig("setup", "password"))
    server = serve(link)
    station = await phone.join(JoinRequest("setup", passkey="password"))
    address = await bring_up(station)
    assert address == str(link.network.ip + 1)
    assert [str(lease.address) for lease in server.leases(0)] == [address]
    peers: list[str] = []

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            peers.append(transport.get_extra_info("peername")[0])
            transport.close()

    listener = await link.listen_tcp(Echo, 0)
    own = await station.listen_tcp(Echo, 0)
    await station.connect_tcp(asyncio.Protocol, str(link.network.ip), listener.port)
    await link.connect_tcp(asyncio.Protocol, address, own.port)
    while len(peers) < 2:
        await asyncio.sleep(0)
    assert set(peers) == {address, str(link.network.ip)}
    link.close()
    assert station.address is None


async def test_so_many_stations_and_no_more(airspace: Airspace) -> None:
    device, _ = radios(airspace)
    link = await start(device, ApConfig("setup", max_clients=2))
    phones = [SimulatedRadio(airspace, f"02:00:00:00:00:{n:02}") for n in range(3)]
    await phones[0].join(JoinRequest("setup"))
    await phones[1].join(JoinRequest("setup"))
    with pytest.raises(JoinError) as caught:
        await phones[2].join(JoinRequest("setup"))
    assert caught.value.reason is JoinFailure.REFUSED
    await phones[1].join(JoinRequest("setup"))  # it was there already
    await phones[0].leave()
    await phones[2].join(JoinRequest("setup"))
    assert [one.mac for one in link.stations] == [phones[1].mac, phones[2].mac]


async def test_it_goes_to_the_channel_of_the_network_that_is_joined(airspace: Airspace) -> None:
    device, _ = radios(airspace)
    link = await start(device, ApConfig("setup", channel=1))
    assert link.channel == 1
    await device.join(JoinRequest("tokay", passkey="tokay-lab"))
    assert link.channel == 6
    assert (await start(device, ApConfig("setup", channel=1))).channel == 6


async def test_one_that_cannot_be_is_refused_and_leaves_nothing(airspace: Airspace) -> None:
    device, _ = radios(airspace)
    before = airspace.access_points
    for config in (ApConfig("x" * 33), ApConfig("setup", "short"), ApConfig("setup", channel=15)):
        with pytest.raises(ApError):
            await device.start_ap(config)
    assert airspace.access_points == before
    assert not airspace.locks.in_use(HOME.network_address + (5 << 8) + 1)
    assert "secret" not in repr(ApConfig("setup", "secret"))
