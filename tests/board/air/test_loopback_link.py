import asyncio
import contextlib
import errno
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.air.loopback_link import LoopbackLink
from tokay.board.air.radio import SimulatedRadio
from tokay.board.net.sockets import LOW_PORT_OFFSET
from tokay.board.radio import JoinRequest

Run = Callable[[Coroutine[Any, Any, None]], None]

SUBNET = "127.83.0.0/16"


class Peer(asyncio.Protocol):
    """Says who has come, and echoes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass
        self.transport.write(transport.get_extra_info("peername")[0].encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Heard(asyncio.Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.data = asyncio.get_running_loop().create_future()
        self.over = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        if not self.data.done():
            self.data.set_result(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


class Datagrams(asyncio.DatagramProtocol):
    """Keeps the first datagram and its sender."""

    def __init__(self) -> None:
        self.first = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.first.done():
            self.first.set_result((data, addr))


@contextlib.asynccontextmanager
async def station(*, uplink: bool = True, number: int = 1) -> AsyncIterator[LoopbackLink]:
    """Join an airspace of one's own and take an address nobody else has."""
    airspace = Airspace()
    airspace.add(
        AccessPoint("air", subnet=SUBNET, uplink=uplink, hosts={"Server.LAN": "127.0.0.1"})
    )
    radio = SimulatedRadio(airspace, f"0200000000{number:02x}")
    link = await radio.join(JoinRequest("air"))
    link.configure(f"127.83.0.{number + 1}", "255.255.0.0", "127.83.0.1", "127.83.0.1")
    try:
        yield link
    finally:
        link.close()


def test_a_connection_comes_from_the_devices_own_address(run: Run) -> None:
    async def check() -> None:
        server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with station() as link:
            transport, heard = await link.connect_tcp(Heard, "127.0.0.1", port)
            assert await heard.data == b"127.83.0.2\n"
            assert transport.get_extra_info("sockname")[0] == link.address
            transport.close()
            await heard.over
        server.close()

    run(check())


def test_a_local_port_is_used_and_serves_for_another_peer_at_once(run: Run) -> None:
    async def check() -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Peer, "127.0.0.1", 0) for _ in range(2)]
        async with station() as link:
            for server in servers:
                transport, heard = await link.connect_tcp(
                    Heard, "127.0.0.1", server.sockets[0].getsockname()[1], local_port=30303
                )
                assert transport.get_extra_info("sockname") == (link.address, 30303)
                await heard.data
                transport.close()
                await heard.over
        for server in servers:
            server.close()

    run(check())


def test_listening_is_on_the_devices_address_alone(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            listener = await link.listen_tcp(Peer, 0)
            assert listener.port >= 1024
            reader, writer = await asyncio.open_connection(link.address, listener.port)
            assert await reader.readline() == b"127.0.0.1\n"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", listener.port)
            listener.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(link.address, listener.port)
            writer.write(b"still here\n")
            assert await reader.readline() == b"still here\n"
            writer.close()
            await writer.wait_closed()

    run(check())


def test_listeners_end_with_the_link(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            address = link.address
            ports = [(await link.listen_tcp(Peer, 0)).port for _ in range(2)]
            link.close()
            link.close()
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(address, port)

    run(check())


def test_nothing_opens_without_an_address(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            link.deconfigure()
            assert link.address is None
            attempts: list[Coroutine[Any, Any, object]] = [
                link.connect_tcp(Heard, "127.0.0.1", 1),
                link.listen_tcp(Peer, 0),
                link.open_udp(Datagrams),
                link.resolve("server.lan"),
            ]
            for attempt in attempts:
                with pytest.raises(OSError, match="no address") as caught:
                    await attempt
                assert caught.value.errno == errno.ENETDOWN

    run(check())


def test_errors_keep_their_number_and_name_the_place(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                port = closed.getsockname()[1]
            with pytest.raises(ConnectionRefusedError) as caught:
                await link.connect_tcp(Heard, "127.0.0.1", port)
            assert caught.value.strerror == f"127.0.0.1:{port}: Connection refused"
            listener = await link.listen_tcp(Peer, 0)
            with pytest.raises(OSError, match=f":{listener.port}: Address already in use"):
                await link.listen_tcp(Peer, listener.port)
            with pytest.raises(OSError, match=r"not an IPv4 address: 'a\.lan'"):
                await link.connect_tcp(Heard, "a.lan", 80)
            before = len(list(Path("/proc/self/fd").iterdir()))
            for _ in range(10):
                with pytest.raises(OSError, match="refused"):
                    await link.connect_tcp(Heard, "127.0.0.1", port)
            assert len(list(Path("/proc/self/fd").iterdir())) == before

    run(check())


def test_udp_comes_and_goes_at_the_devices_address(run: Run) -> None:
    async def check() -> None:
        async with station() as one, station(number=2) as two:
            server, at_server = await one.open_udp(Datagrams)
            client, at_client = await two.open_udp(
                Datagrams, remote=server.get_extra_info("sockname")
            )
            client.sendto(b"question")
            data, sender = await at_server.first
            assert (data, sender[0]) == (b"question", two.address)
            server.sendto(b"answer", sender)
            assert await at_client.first == (b"answer", server.get_extra_info("sockname"))
            client.close()
            server.close()

    run(check())


def test_beyond_loopback_the_machine_chooses_the_source(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            # 0.0.0.0 is this machine too (ip(7)), so this goes nowhere; yet it is no loopback
            # address, and a socket bound to one could not say whether the choice was made.
            with socket.create_server(("0.0.0.0", 0)) as server:
                port = server.getsockname()[1]
                transport, heard = await link.connect_tcp(Heard, "0.0.0.0", port, local_port=9)
                assert transport.get_extra_info("sockname")[0] != link.address
                transport.abort()
                await heard.over
                udp, _ = await link.open_udp(Datagrams, port=9, remote=("0.0.0.0", port))
                assert udp.get_extra_info("sockname")[0] != link.address
                udp.close()

    run(check())


def test_without_an_uplink_there_is_only_this_machine(run: Run) -> None:
    async def check() -> None:
        async with station(uplink=False) as link:
            with pytest.raises(OSError, match=r"192\.0\.2\.1: Network is unreachable"):
                await link.connect_tcp(Heard, "192.0.2.1", 80)
            with pytest.raises(socket.gaierror, match="no such name"):
                await link.resolve("localhost")
            assert await link.resolve("server.lan") == ["127.0.0.1"]

    run(check())


def test_names_resolve_from_the_hosts_table_first(run: Run) -> None:
    async def check() -> None:
        async with station() as link:
            assert await link.resolve("192.0.2.7") == ["192.0.2.7"]
            for name in ("server.lan", "SERVER.LAN", "server.lan."):
                assert await link.resolve(name) == ["127.0.0.1"]
            assert await link.resolve("localhost") == ["127.0.0.1"]
            for bad in ("", "x" * 64 + ".lan", "a\0b", "::1"):
                with pytest.raises(OSError):  # noqa: PT011 - the resolver's own text
                    await link.resolve(bad)

    run(check())


def test_a_low_port_moves_up_by_8000_and_stations_still_find_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unprivileged(socket.socket):
        def bind(self, address: Any) -> None:
            if 0 < address[1] < 1024:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(address)

    async def check() -> None:
        async with station() as link:
            listener = await link.listen_tcp(Peer, 80)
            assert listener.port == 80 + LOW_PORT_OFFSET == 8080
            transport, heard = await link.connect_tcp(Heard, str(link.address), 80)
            assert await heard.data == b"127.83.0.2\n"
            transport.close()
            await heard.over
            udp, _ = await link.open_udp(Datagrams, port=53)
            assert udp.get_extra_info("sockname")[1] == 8053
            udp.close()
            listener.close()
            with pytest.raises(ConnectionRefusedError):
                await link.connect_tcp(Heard, str(link.address), 80)

    monkeypatch.setattr("tokay.board.air.loopback_link.socket.socket", Unprivileged)
    run(check())


UNPRIVILEGED = """
import asyncio, os
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.board.radio import JoinRequest
from tokay.board.air.radio import SimulatedRadio

async def main():
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    airspace = Airspace()
    airspace.add(AccessPoint("air", subnet="127.84.0.0/16"))
    link = await SimulatedRadio(airspace, "020000000001").join(JoinRequest("air"))
    link.configure("127.84.0.2", "255.255.0.0", "127.84.0.1", "127.84.0.1")
    listener = await link.listen_tcp(asyncio.Protocol, 81)
    print(listener.port)
    link.close()

asyncio.run(main())
"""


def test_a_process_without_privileges_gets_the_high_port() -> None:
    found = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED], capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    # Containers often let everyone bind every port; then no port has to move.
    start = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    assert found.stdout == ("81\n" if start <= 81 else "8081\n")


def test_a_thousand_idle_links_hold_nothing(run: Run) -> None:
    async def check() -> None:
        airspace = Airspace()
        airspace.add(AccessPoint("air", subnet=SUBNET))
        radios = [SimulatedRadio(airspace, (2 << 40 | n).to_bytes(6).hex()) for n in range(1001)]
        first = await radios[0].join(JoinRequest("air"))
        first.configure("127.83.4.0", "255.255.0.0", "127.83.0.1", "127.83.0.1")
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        tasks = len(asyncio.all_tasks())
        for n, radio in enumerate(radios[1:]):
            link = await radio.join(JoinRequest("air"))
            link.configure(
                f"127.83.{8 + n // 256}.{n % 256}", "255.255.0.0", "127.83.0.1", "127.83.0.1"
            )
        assert len(airspace.ap("air").stations) == 1001
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
        assert len(asyncio.all_tasks()) == tasks
        assert not hasattr(first, "__dict__")
        assert not hasattr(radios[0], "__dict__")
        airspace.ap("air").power(False)

    run(check())
