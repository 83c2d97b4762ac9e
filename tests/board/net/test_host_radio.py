"""The machine's network, which is its loopback interface here."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

import pytest

from tokay.board.net import host_radio
from tokay.board.net.host_radio import HostRadio, MachineNetwork, name_servers
from tokay.board.radio import JoinError, JoinFailure, JoinRequest
from tokay.protocols import dhcp

Run = Callable[[Coroutine[Any, Any, None]], None]
Obtain = Callable[..., Coroutine[Any, Any, dhcp.Lease]]
MAC = "4C:55:CC:00:00:01"
MACHINE = MachineNetwork("lo", "", IPv4Interface("127.0.0.1/8"), IPv4Address("127.0.0.254"))


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> list[MachineNetwork | None]:
    stands: list[MachineNetwork | None] = [MACHINE]
    monkeypatch.setattr(host_radio, "machine_network", lambda: stands[0])
    monkeypatch.setattr(host_radio, "name_servers", lambda: [IPv4Address("127.0.0.53")])
    return stands


def test_a_lease_says_what_the_machine_has(run: Run, obtain: Obtain) -> None:
    async def main() -> None:
        radio = HostRadio(MAC)
        (network,) = await radio.scan(ssid="any")
        assert network.ssid == "any"
        link = await radio.join(JoinRequest("any"))
        lease = await obtain(link)
        assert (lease.address, lease.gateway) == (MACHINE.address.ip, MACHINE.gateway)
        assert lease.dns == (IPv4Address("127.0.0.53"),)
        assert lease.renew_at == float("inf")
        link.configure("127.0.0.1", "255.0.0.0", "0.0.0.0", "")
        assert link.address == "127.0.0.1"
        with pytest.raises(OSError, match="is not this machine's"):
            link.configure("127.0.0.2", "255.0.0.0", "0.0.0.0", "")
        await radio.leave()

    run(main())


def test_sockets_are_the_machines(run: Run) -> None:
    async def main() -> None:
        radio = HostRadio(MAC)
        link = await radio.join(JoinRequest("any"))
        with pytest.raises(OSError, match="no address"):
            await link.listen_tcp(asyncio.Protocol, 0)
        link.configure("127.0.0.1", "255.0.0.0", "0.0.0.0", "")
        listener = await link.listen_tcp(asyncio.Protocol, 0)
        transport, _ = await link.connect_tcp(asyncio.Protocol, "127.0.0.1", listener.port)
        assert transport.get_extra_info("peername") == ("127.0.0.1", listener.port)
        transport.close()
        with pytest.raises(OSError, match="not an IPv4 address"):
            await link.connect_tcp(asyncio.Protocol, "localhost", listener.port)
        udp, _ = await link.open_udp(asyncio.DatagramProtocol)
        assert udp.get_extra_info("sockname")[0] == "127.0.0.1"
        udp.close()
        assert await link.resolve("127.0.0.9") == ["127.0.0.9"]
        with pytest.raises(socket.gaierror):
            await link.resolve("x" * 70)
        await radio.leave()
        with pytest.raises(OSError, match="no address"):
            await link.listen_tcp(asyncio.Protocol, 0)
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect(("127.0.0.1", listener.port))

    run(main())


def test_a_machine_that_moves_loses_the_link(
    run: Run, machine: list[MachineNetwork | None]
) -> None:
    async def main() -> None:
        radio = HostRadio(MAC)
        lost: list[str] = []
        radio.on_lost = lost.append
        await radio.join(JoinRequest("any"))
        radio._check_link()
        assert lost == []
        assert radio.rssi() == host_radio.RSSI
        await radio.verify(JoinRequest("any"))
        machine[0] = None
        radio._check_link()
        assert lost == ["this machine's network has changed"]
        assert radio.rssi() is None
        assert await radio.scan() == []
        with pytest.raises(JoinError):
            await radio.verify(JoinRequest("any"))
        with pytest.raises(JoinError) as caught:
            await radio.join(JoinRequest("any"))
        assert caught.value.reason is JoinFailure.NOT_FOUND

    run(main())


def test_a_machine_without_a_mac_leaves_the_device_its_own() -> None:
    assert HostRadio(MAC).mac == MAC


def test_name_servers_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("# c\nsearch x\nnameserver 10.0.0.1\nnameserver fe80::1\nnameserver\n")
    assert name_servers(path) == [IPv4Address("10.0.0.1")]
    assert name_servers(tmp_path / "none") == []
