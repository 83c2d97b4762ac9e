"""Multicast on links: in an airspace, and with other programs of this machine on loopback."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from tests.board.conftest import Run

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.radio import SimulatedRadio
from tokay.board.net.bound_sockets import BoundSockets
from tokay.board.radio import JoinRequest

GROUP = "239.255.77.1"
NET = f"127.{128 + os.getpid() // 256 % 100}.{os.getpid() % 256}"
PORT = 20_000 + os.getpid() % 10_000


class Ear:
    """Hears datagrams."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, tuple[str, int], bool]] = []
        self._change = asyncio.Event()

    def __call__(self, data: bytes, source: tuple[str, int], group: bool) -> None:
        self.heard.append((data, source, group))
        self._change.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self._change.clear()
                await self._change.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airspace:
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    airspace = Airspace(locks=AddressLocks(tmp_path / "claims"))
    airspace.add(AccessPoint("one", subnet=f"{NET}.0/25"))
    airspace.add(AccessPoint("two", subnet=f"{NET}.128/25"))
    return airspace


async def join(air: Airspace, number: int, ssid: str = "one") -> LoopbackLink:
    link = await SimulatedRadio(air, f"02:00:00:00:00:{number:02X}").join(JoinRequest(ssid))
    address = IPv4Network(air.ap(ssid).subnet)[number + 1]
    link.configure(str(address), "255.255.255.128", "0.0.0.0", "0.0.0.0")
    return link


async def test_stations_of_a_network_hear_one_another(air: Airspace) -> None:
    links = [await join(air, 1), await join(air, 2), await join(air, 3, "two")]
    ears = [Ear() for _ in links]
    groups = [link.open_group(GROUP, PORT, ear) for link, ear in zip(links, ears, strict=True)]
    groups[0].send(b"all", (GROUP, PORT))
    groups[0].send(b"you", (f"{NET}.3", PORT))
    groups[0].send(b"nobody", (f"{NET}.77", PORT))
    groups[0].send(b"x" * 9001, (GROUP, PORT))
    await settle()
    source = (f"{NET}.2", PORT)
    assert ears[0].heard == [(b"all", source, True)]
    assert ears[1].heard == [(b"all", source, True), (b"you", source, False)]
    assert ears[2].heard == []
    groups[1].close()
    groups[1].close()
    groups[0].send(b"more", (GROUP, PORT))
    await settle()
    assert len(ears[1].heard) == 2


async def test_who_shares_an_ear_hears_once(air: Airspace) -> None:
    ear = Ear()
    links = [await join(air, number) for number in (1, 2, 3)]
    groups = [link.open_group(GROUP, PORT, ear) for link in links]
    groups[0].send(b"all", (GROUP, PORT))
    groups[0].send(b"one", (f"{NET}.4", PORT))
    await settle()
    assert [data for data, _, _ in ear.heard] == [b"all", b"one"]
    assert links[0].medium is links[1].medium
    for group in groups:
        group.close()
    groups[0].send(b"late", (GROUP, PORT))
    await settle()
    assert len(ear.heard) == 2


async def test_everybody_hears_a_broadcast(air: Airspace) -> None:
    links = [await join(air, 1), await join(air, 2)]
    ears = [Ear(), Ear()]
    groups = [link.open_group("", PORT, ear) for link, ear in zip(links, ears, strict=True)]
    groups[0].send(b"1", ("255.255.255.255", PORT))
    groups[0].send(b"2", (f"{NET}.127", PORT))
    await settle()
    assert [data for data, _, _ in ears[1].heard] == [b"1", b"2"]


async def test_without_an_address_there_is_no_group(air: Airspace) -> None:
    link = await join(air, 1)
    link.deconfigure()
    with pytest.raises(OSError, match="no address"):
        link.open_group(GROUP, PORT, Ear())


@contextlib.contextmanager
def program() -> Iterator[socket.socket]:
    """Another program of this machine, in the group on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((GROUP, PORT))
        here = socket.inet_aton("127.0.0.1")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + here)
        sock.setblocking(False)
        yield sock


async def recv(sock: socket.socket) -> tuple[bytes, tuple[str, int]]:
    async with asyncio.timeout(5):
        data, source = await asyncio.get_running_loop().sock_recvfrom(sock, 9000)
    return data, source


async def test_other_programs_are_heard_and_hear(air: Airspace) -> None:
    air.multicast_outside = True
    links = [await join(air, 1), await join(air, 2)]
    ears = [Ear(), Ear()]
    groups = [link.open_group(GROUP, PORT, ear) for link, ear in zip(links, ears, strict=True)]
    with program() as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        groups[0].send(b"hello", (GROUP, PORT))
        assert await recv(other) == (b"hello", (f"{NET}.2", PORT))
        alone.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        alone.bind(("127.0.0.1", 0))
        alone.setblocking(False)
        asker = alone.getsockname()
        alone.sendto(b"who", (GROUP, PORT))
        await ears[0].until(2)
        await ears[1].until(2)
        # What a station says comes back from the machine, and is heard once.
        assert ears[1].heard == [(b"hello", (f"{NET}.2", PORT), True), (b"who", asker, True)]
        groups[1].send(b"me", asker)
        assert await recv(alone) == (b"me", (f"{NET}.3", PORT))
        alone.sendto(b"you", (f"{NET}.3", PORT))
        await ears[1].until(3)
        assert ears[1].heard[2] == (b"you", asker, False)
        assert len(ears[0].heard) == 2
    for group in groups:
        group.close()
    # The socket went with its last station.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", PORT))


def test_a_real_interface(run: Run) -> None:
    run(_a_real_interface())


async def _a_real_interface() -> None:
    """The loopback interface will do, and needs no privilege."""
    own = BoundSockets(f"{NET}.201", "lo", network=IPv4Network("127.0.0.0/8"))
    shared = BoundSockets(f"{NET}.203", network=IPv4Network(f"{NET}.0/24"), groups_on="lo")
    assert shared.on_link(f"{NET}.5")
    assert not shared.on_link("10.0.0.1")
    ears = [Ear(), Ear()]
    groups = [
        sockets.open_group(GROUP, PORT, ear)
        for sockets, ear in zip((own, shared), ears, strict=True)
    ]
    try:
        groups[1].send(b"all", (GROUP, PORT))
        for ear in ears:
            await ear.until(1)
            assert ear.heard == [(b"all", (f"{NET}.203", PORT), True)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.sendto(b"you", (f"{NET}.201", PORT))
            await ears[0].until(2)
            assert ears[0].heard[1] == (b"you", sock.getsockname(), False)
        # The machine's own address may be somebody else's too: only the group is heard there.
        assert len(ears[1].heard) == 1
    finally:
        for group in groups:
            group.close()
            group.close()


async def test_no_interface() -> None:
    with pytest.raises(OSError, match="No such device"):
        BoundSockets("127.0.0.1").open_group(GROUP, PORT, Ear())
    with pytest.raises(OSError, match=r"."):
        BoundSockets("127.0.0.1", "no-such-if").open_group(GROUP, PORT, Ear())
