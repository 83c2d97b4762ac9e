import asyncio
import gc
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.radio import SimulatedRadio
from tokay.board.air.subnet import Subnet
from tokay.board.radio import JoinRequest
from tokay.protocols import dhcp

LAB = JoinRequest("tokay", passkey="tokay-lab")

Obtain = Callable[..., Coroutine[Any, Any, dhcp.Lease]]
BringUp = Callable[[LoopbackLink], Coroutine[Any, Any, str]]


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[AddressLocks]:
    """Locks in a file of our own: other test runs do not change which address comes."""
    claims = AddressLocks(tmp_path / "claims")
    yield claims
    claims.close()


@pytest.fixture
def airspace(claims: AddressLocks) -> Airspace:
    airspace = Airspace(locks=claims)
    # Not the default subnet, where devices of other runs may have sockets.
    airspace.add(AccessPoint("tokay", passphrase="tokay-lab", subnet="127.81.0.0/16"))
    return airspace


def mac(number: int) -> str:
    return (0x020000000000 + number).to_bytes(6).hex(":")


async def join(airspace: Airspace, number: int = 1) -> LoopbackLink:
    return await SimulatedRadio(airspace, mac(number)).join(LAB)


async def test_dhcp_gives_an_address_through_the_link(airspace: Airspace, obtain: Obtain) -> None:
    got = await obtain(await join(airspace))
    assert str(got.address) == "127.81.0.2"
    assert str(got.netmask) == "255.255.0.0"
    assert str(got.gateway) == str(got.server) == str(got.dns[0]) == "127.81.0.1"


async def test_addresses_come_in_order_and_return_to_their_station(
    airspace: Airspace, bring_up: BringUp
) -> None:
    links = [await join(airspace, n) for n in range(3)]
    assert [await bring_up(link) for link in links] == [f"127.81.0.{n}" for n in (2, 3, 4)]
    links[1].close()
    assert await bring_up(await join(airspace, 7)) == "127.81.0.5"
    assert await bring_up(await join(airspace, 1)) == "127.81.0.3"


async def test_an_answer_comes_on_a_later_turn(airspace: Airspace) -> None:
    link = await join(airspace)
    heard: list[bytes] = []
    link.on_datagram = heard.append
    client = dhcp.DhcpClient(bytes.fromhex(link.mac.replace(":", "")), rng=random.Random(1))
    client.start(0)
    (discover,) = client.datagrams_to_send()
    link.send_datagram(discover.data, discover.destination)
    assert heard == []
    await asyncio.sleep(0)
    assert len(heard) == 1
    # To a server that is not there; with an answer under way when the link goes; afterwards.
    link.send_datagram(discover.data, "127.81.0.9")
    await asyncio.sleep(0)
    link.send_datagram(discover.data)
    link.close()
    link.send_datagram(discover.data)
    await asyncio.sleep(0)
    assert len(heard) == 1


async def test_a_lease_is_renewed_and_released_over_the_link(
    airspace: Airspace, obtain: Obtain
) -> None:
    link = await join(airspace)
    loop = asyncio.get_running_loop()
    client = dhcp.DhcpClient(bytes.fromhex(link.mac.replace(":", "")), rng=random.Random(1))
    got = await obtain(link, client)
    link.configure(str(got.address), str(got.netmask), str(got.gateway), "127.81.0.1")
    answered = asyncio.Event()

    def receive(datagram: bytes) -> None:
        client.receive(datagram, loop.time())
        answered.set()

    link.on_datagram = receive
    client.handle_timer(got.renew_at)
    (request,) = client.datagrams_to_send()
    assert request.destination == "127.81.0.1"
    link.send_datagram(request.data, request.destination)
    await answered.wait()
    assert [type(event) for event in client.events()] == [dhcp.LeaseRenewed]
    # The RELEASE counts although the link closes in the same breath.
    client.release(loop.time())
    for outgoing in client.datagrams_to_send():
        link.send_datagram(outgoing.data, outgoing.destination)
    link.close()
    stranger = SimulatedRadio(airspace, mac(2))
    wanted = await obtain(await stranger.join(LAB))
    assert wanted.address == IPv4Address("127.81.0.3")


async def test_an_address_with_a_foreign_socket_is_passed_over(
    airspace: Airspace, bring_up: BringUp
) -> None:
    with socket.create_server(("127.81.0.2", 0)):
        assert await bring_up(await join(airspace)) == "127.81.0.3"


TAKE = """
import pathlib, sys
from ipaddress import IPv4Address
from tokay.board.air.address_lock import AddressLocks
claims = AddressLocks(pathlib.Path(sys.argv[1]))
first = IPv4Address(sys.argv[2])
print(all([claims.acquire(first + n) for n in range(int(sys.argv[3]))]), flush=True)
sys.stdin.read()
"""


async def test_addresses_of_another_process_are_passed_over(
    airspace: Airspace, bring_up: BringUp, tmp_path: Path
) -> None:
    # More in a row than the DHCP server tries for one DISCOVER.
    with subprocess.Popen(
        [sys.executable, "-c", TAKE, str(tmp_path / "claims"), "127.81.0.2", "1000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        expected = IPv4Address("127.81.0.2") + 1000
        assert await bring_up(await join(airspace)) == str(expected)
        process.kill()


async def test_an_offered_address_is_claimed_before_it_is_configured(
    airspace: Airspace, obtain: Obtain, claims: AddressLocks
) -> None:
    link = await join(airspace)
    got = await obtain(link)
    assert claims.in_use(got.address)
    link.configure(str(got.address), "255.255.0.0", "127.81.0.1", "127.81.0.1")
    assert claims.in_use(got.address)
    link.deconfigure()
    link.deconfigure()
    assert not claims.in_use(got.address)


async def test_two_airspaces_in_one_process_keep_apart(
    claims: AddressLocks, airspace: Airspace, bring_up: BringUp
) -> None:
    other = Airspace(locks=claims)
    other.add(AccessPoint("tokay", passphrase="tokay-lab", subnet="127.81.0.0/16"))
    assert await bring_up(await join(airspace)) == "127.81.0.2"
    assert await bring_up(await join(other)) == "127.81.0.3"


async def test_a_full_network_stays_silent(claims: AddressLocks, bring_up: BringUp) -> None:
    airspace = Airspace(locks=claims)
    airspace.add(AccessPoint("tokay", passphrase="tokay-lab", subnet="127.81.0.0/30"))
    assert await bring_up(await join(airspace, 1)) == "127.81.0.2"
    link = await join(airspace, 2)
    heard: list[bytes] = []
    link.on_datagram = heard.append
    client = dhcp.DhcpClient(bytes.fromhex(link.mac.replace(":", "")), rng=random.Random(1))
    client.start(0)
    for outgoing in client.datagrams_to_send():
        link.send_datagram(outgoing.data)
    await asyncio.sleep(0)
    assert heard == []


async def test_offers_that_nobody_took_are_freed_with_the_airspace(
    airspace: Airspace, obtain: Obtain, claims: AddressLocks
) -> None:
    lan = Subnet(IPv4Network("127.82.0.0/24"), claims)
    client = dhcp.DhcpClient(bytes(6), rng=random.Random(1))
    client.start(0)
    (discover,) = client.datagrams_to_send()
    assert lan.handle_dhcp(discover.data, discover.destination, 0)
    assert claims.in_use(IPv4Address("127.82.0.2"))
    del lan
    gc.collect()
    assert not claims.in_use(IPv4Address("127.82.0.2"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.81.0.0", "no station's address in 127.81.0.0/16"),
        ("127.81.255.255", "no station's address"),
        ("192.168.1.5", "no station's address"),
        ("127.81.0.1", "127.81.0.1: Address already in use"),
        ("127.81.0.7", "127.81.0.7: Address already in use"),
        ("nonsense", "not an IPv4 address: 'nonsense'"),
    ],
)
async def test_a_static_address_must_be_free_and_of_this_network(
    airspace: Airspace, address: str, message: str
) -> None:
    (await join(airspace, 1)).configure("127.81.0.7", "255.255.0.0", "127.81.0.1", "127.81.0.1")
    link = await join(airspace, 2)
    link.configure("127.81.0.8", "255.255.0.0", "127.81.0.1", "127.81.0.1")
    with pytest.raises(OSError, match=message):
        link.configure(address, "255.255.0.0", "127.81.0.1", "127.81.0.1")
    assert link.address == "127.81.0.8"
    link.configure("127.81.0.8", "255.255.0.0", "127.81.0.1", "127.81.0.1")
    link.configure("127.81.0.9", "255.255.0.0", "127.81.0.1", "127.81.0.1")
    assert link.address == "127.81.0.9"
