import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from tokay.board.air.airspace import Airspace
from tokay.board.link import Link
from tokay.protocols import dhcp

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each of the loops that Tokay works on."""
    return asyncio.run if request.param == "asyncio" else uvloop.run


@pytest.fixture
def airspace() -> Airspace:
    return Airspace.default()


async def lease(link: Link, client: dhcp.DhcpClient | None = None) -> dhcp.Lease:
    """Do what the join procedure will do: run a DHCP client over a link."""
    loop = asyncio.get_running_loop()
    client = client or dhcp.DhcpClient(
        bytes.fromhex(link.mac.replace(":", "")), rng=random.Random(1)
    )
    bound: asyncio.Future[dhcp.Lease] = loop.create_future()

    def pump() -> None:
        for outgoing in client.datagrams_to_send():
            link.send_datagram(outgoing.data, outgoing.destination)
        for event in client.events():
            assert isinstance(event, dhcp.LeaseBound), event
            bound.set_result(event.lease)

    def receive(datagram: bytes) -> None:
        client.receive(datagram, loop.time())
        pump()

    link.on_datagram = receive
    client.start(loop.time())
    pump()
    return await asyncio.wait_for(bound, 5)


async def up(link: Link) -> str:
    """Give a link an address by DHCP; return it."""
    got = await lease(link)
    link.configure(str(got.address), str(got.netmask), str(got.gateway), str(got.dns[0]))
    return str(got.address)


@pytest.fixture
def obtain() -> Callable[..., Coroutine[Any, Any, dhcp.Lease]]:
    return lease


@pytest.fixture
def bring_up() -> Callable[[Link], Coroutine[Any, Any, str]]:
    return up
