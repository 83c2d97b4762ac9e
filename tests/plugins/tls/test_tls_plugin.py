"""What the TLS plugin publishes: connecting, beginning TLS on an open connection, serving."""

import asyncio
import ssl
from typing import cast

import pytest
from tests.peers import Far, Peer, ask, free_port, read, soon
from tests.pki import AUTHORITY, NAME, STRANGER, client_context, put, server_context

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.profile import load
from tokay.kernel.results import CommandError
from tokay.plugins.network import Interface, Network
from tokay.plugins.tls import Credentials, Tls, TlsError
from tokay.plugins.tls.ciphers import CIPHERS
from tokay.testing.clock import turned_loop

PROFILES = ("gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2")


def parts(device: Device) -> tuple[Tls, Interface]:
    interface = device.kernel.plugin(Network).find()
    assert interface is not None
    return device.kernel.plugin(Tls), interface


def a_far() -> Far:
    return Far(lambda _: None)


async def starts_tls(far: Far, context: ssl.SSLContext) -> Far:
    """Speak plain text, then TLS, as a mail server does; return the end of the latter."""
    assert await far.line(b"STARTTLS\r\n")
    far.send(b"220 Ready\r\n")
    loop = asyncio.get_running_loop()
    above = a_far()
    transport = await loop.start_tls(far.transport, above, context, server_side=True)
    assert transport is not None
    above.connection_made(transport)
    return above


async def plain(device: Device, port: int) -> tuple[asyncio.Transport, Far]:
    _, interface = parts(device)
    transport, near = await interface.connect_tcp(a_far, "127.0.0.1", port)
    transport.write(b"STARTTLS\r\n")
    assert await near.line(b"\r\n") == b"220 Ready\r\n"
    return transport, near


async def test_tls_on_an_open_connection(device: Device, loops: None, air: Airspace) -> None:
    ends: list[Far] = []

    async def play(far: Far) -> None:
        ends.append(await starts_tls(far, server_context()))

    tls, _ = parts(device)
    async with Peer(play) as peer:
        transport, near = await plain(device, peer.port)
        above, end = await tls.upgrade(transport, a_far, NAME)
        assert cast("object", end.transport) is above
        above.write(b"EHLO\r\n")
        while not ends:
            await asyncio.sleep(0)
        assert await ends[0].take(6) == b"EHLO\r\n"
        ends[0].send(b"250 OK\r\n")
        assert await end.take(8) == b"250 OK\r\n"
        assert not near.received  # the plain end has heard nothing of it
        above.close()
        await ends[0].gone()


async def test_tls_on_an_open_connection_that_fails(device: Device) -> None:
    async def play(far: Far) -> None:
        await far.line(b"STARTTLS\r\n")
        far.send(b"220 Ready\r\n")

    tls, _ = parts(device)
    async with Peer(play) as peer:
        transport, _ = await plain(device, peer.port)
        with pytest.raises(TlsError, match=r"^Error with TLS handshake: 5031 \(state: 1, "):
            await soon(tls.upgrade(transport, a_far, NAME))
        assert transport.is_closing()


async def test_a_connection_that_does_not_come_about(device: Device) -> None:
    tls, interface = parts(device)
    with pytest.raises(ConnectionRefusedError):
        await tls.connect(interface, a_far, "127.0.0.1", free_port(), limit=1)
    assert not device.log[-1].text.startswith("Error with TLS")


async def test_the_network_goes_during_a_handshake(device: Device) -> None:
    tls, interface = parts(device)
    async with Peer() as peer:
        connecting = asyncio.ensure_future(
            tls.connect(interface, a_far, "127.0.0.1", peer.port, limit=1)
        )
        far = await peer.next()
        await ask(device, "network_down")
        with pytest.raises(OSError, match=r"wlan went down|given up"):
            await connecting
        await far.gone()


async def test_whoever_waits_may_give_up(device: Device) -> None:
    tls, interface = parts(device)
    async with Peer() as peer:
        connecting = asyncio.ensure_future(
            tls.connect(interface, a_far, "127.0.0.1", peer.port, limit=1)
        )
        far = await peer.next()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await far.gone()
        assert not tls._handshakes


async def test_an_address_that_was_looked_up(device: Device) -> None:
    tls, interface = parts(device)
    async with Peer(tls=server_context()) as peer:
        transport, _ = await tls.connect(
            interface, a_far, NAME, peer.port, limit=1, address="127.0.0.1"
        )
        assert transport.get_extra_info("peername") == ("127.0.0.1", peer.port)
        assert transport.get_extra_info("sockname")[0] == device.address
        transport.abort()


async def test_serving_with_files_that_cannot_be_used(device: Device) -> None:
    tls, _ = parts(device)
    for files in (Credentials(), Credentials(cert="nope.pem")):
        with pytest.raises(CommandError):
            tls.serve(a_far, files)
        assert device.log[-1].text == "Error with TLS handshake: 5033 (state: 0, code: -0x3E00)"


async def test_a_protocol_that_cannot_be_made(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug above does not leave a connection behind."""
    tls, interface = parts(device)

    def broken() -> asyncio.Protocol:
        raise RuntimeError("broken")

    listener = await interface.listen_tcp(
        tls.serve(broken, Credentials(cert="server.pem", key="server.key")), 0
    )
    loop = asyncio.get_running_loop()
    _, far = await loop.create_connection(
        a_far, device.address, listener.port, ssl=client_context(), server_hostname="127.0.0.1"
    )
    await far.gone()
    assert not tls._handshakes
    listener.close()
    assert any("broken" in str(one.exc_info) for one in caplog.records)
    caplog.clear()


async def test_over_a_slow_network(device: Device, air: Airspace) -> None:
    """The air's own layer lies between TLS and the socket, and has no buffers to lend."""
    air.do("lab", "shape", latency=0.25)
    port = free_port()
    await ask(device, f"tls_server start {port} server.pem server.key")
    async with Peer(tls=server_context()) as peer:
        begun = turned_loop().time()
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "0"
        assert turned_loop().time() - begun >= 1.5  # three round trips: TCP, and two of TLS
        far = await peer.next()
        data = bytes(range(256)) * 400
        far.send(data)
        assert await soon(read(device, len(data))) == data
        assert await ask(device, "write 0 60000", data[:60000]) == ["Success"]
        assert await far.take(60000) == data[:60000]
        await ask(device, "close 0")  # the goodbye takes its time as well
        await far.gone()
        await turned_loop().turn(1)


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_table_and_the_profiles_agree(profile: str) -> None:
    names = load(profile).tls_ciphers
    order = [one.name for one in CIPHERS if one.name in names]
    assert order == names
    assert load(profile).tls_floor == 12


@pytest.mark.parametrize(("version", "first", "count"), [
    ("10", "TLS 1.0 ECDHE-RSA-AES256-SHA", 6),
    ("11", "TLS 1.0 ECDHE-RSA-AES256-SHA", 6),
    ("12", "TLS 1.2 ECDHE-ECDSA-AES128-GCM-SHA256", 14),
    ("13", "TLS 1.3 TLS_AES_256_GCM_SHA384", 17),
])  # fmt: skip
async def test_tls_ciphers(device: Device, version: str, first: str, count: int) -> None:
    await ask(device, f"set network.tls.version {version}")
    head, *rows = (await ask(device, "tls_ciphers"))[-1].split("\r\n")
    assert head == "! # Since   Name"
    assert rows[0] == f"#  0 {first}"
    assert len(rows) == count


async def test_a_ca_file_with_a_list_that_does_not_fit(device: Device) -> None:
    """A list of another authority: nothing is known of ours, and so nobody is believed."""
    revoking = STRANGER.revoking(STRANGER.good).replace(STRANGER.pem, AUTHORITY.pem)
    await put(device, "ca.pem", revoking)
    async with Peer(tls=server_context()) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert seen[-3] == "Error with TLS handshake: 5035 (state: 3, code: -0x2700)"
