"""Settings of streams that start by themselves: on the interface that is named, and with TLS."""

import asyncio
import ssl

import pytest
from tests.peers import ADDRESS, Far, Peer, ask, free_port, soon, udp_peer
from tests.pki import AUTHORITY, client_context, put, server_context

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
KINDS = {"tcp.client": "TCPC", "udp.client": "UDPC", "udp.server": "UDPS"}


async def kinds(device: Device) -> list[str]:
    await turned_loop().turn(0.01)
    return [one.type for one in device.kernel.streams]


@pytest.mark.parametrize("service", KINDS)
async def test_the_interface(air: Airspace, lab: Settings, service: str) -> None:
    """What starts by itself does so when its interface comes, and with no other."""
    async with Peer() as peer, udp_peer() as far:
        port = {"tcp.client": peer.port, "udp.client": far.address[1]}.get(service, free_port())
        lab |= {f"{service}.auto_start": "1", f"{service}.auto_interface": "softap"}
        if service == "udp.server":
            lab["udp.server.port"] = str(port)
        else:
            lab |= {f"{service}.remote_host": "127.0.0.1", f"{service}.remote_port": str(port)}
        async with Device.simulated(airspace=air, settings=lab) as device:
            await ask(device, "network_up")
            assert await kinds(device) == []
            await ask(device, "network_up -i softap")
            assert await kinds(device) == [KINDS[service]]
            await ask(device, "network_down -i wlan")
            assert await kinds(device) == [KINDS[service]]
            await ask(device, "network_down -i softap")
            assert await kinds(device) == []


async def test_a_client_with_tls(air: Airspace, lab: Settings) -> None:
    lab |= {"tcp.client.auto_start": "1", "tcp.client.tls_enabled": "1"}
    lab |= {"tcp.client.remote_host": "127.0.0.1", "network.tls.ca_cert": "ca.pem"}
    async with (
        Peer(tls=server_context()) as peer,
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await put(device, "ca.pem", AUTHORITY.pem)
        await ask(device, f"set tcp.client.remote_port {peer.port}")
        await ask(device, "network_up")
        far = await peer.next()
        while not len(device.kernel.streams):
            await asyncio.sleep(0)
        assert await kinds(device) == ["TLSC"]
        far.send(b"hello")
        while not device.kernel.streams.find(0).available:
            await asyncio.sleep(0)


@pytest.mark.parametrize("known", [True, False])
async def test_a_server_that_wants_certificates(
    air: Airspace, lab: Settings, *, known: bool
) -> None:
    """`tcp.server.tls_ca_cert` makes the server ask who comes, and turn strangers away."""
    port = free_port()
    lab |= {
        "tcp.server.tls_cert": "server.pem",
        "tcp.server.tls_key": "server.key",
        "tcp.server.tls_ca_cert": "ca.pem",
    }
    async with Device.simulated(airspace=air, settings=lab) as device:
        await put(device, "ca.pem", AUTHORITY.pem)
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
        await ask(device, f"tlss start {port}")
        context = client_context(AUTHORITY.good if known else None)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        far = Far(lambda _: None)
        opening = asyncio.get_running_loop().create_connection(
            lambda: far, ADDRESS, port, ssl=context, server_hostname="127.0.0.1"
        )
        if known:
            await soon(opening)
            assert await kinds(device) == ["TLSS"]
            far.transport.abort()
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await soon(opening)
            assert await kinds(device) == []
