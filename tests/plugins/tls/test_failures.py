"""Every way in which a handshake fails, by the line that it gives."""

import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.peers import Far, Peer, ask
from tests.pki import AUTHORITY, NAME, STRANGER, Identity, put, server_context

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.testing.clock import turned_loop

Play = Callable[[Far], Coroutine[Any, Any, None]]


async def failing(device: Device, port: int, more: str = "", host: str = "127.0.0.1") -> str:
    """Return the line with which tls_client fails; the notice and the answer follow it."""
    seen = await ask(device, f"tls_client {host} {port}{more}")
    assert seen[0] == f"[Opening: {host}:{port}]"
    assert seen[-2:] == ["[Open failed]", "Command failed"]
    assert (await ask(device, "list")) == ["! # Type  Info"]
    return seen[-3].removeprefix("Error with TLS handshake: ")


def shaking(context: ssl.SSLContext) -> Play:
    """Return a peer that shakes hands and says why it will not; the loop's own just leaves."""

    async def play(far: Far) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        end = context.wrap_bio(incoming, outgoing, server_side=True)
        while not far.ended:
            await far.until(lambda: far.received or far.ended)
            incoming.write(bytes(far.received))
            far.received.clear()
            try:
                end.do_handshake()
                end.read(1)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                far.send(outgoing.read())
                far.close()
                return
            far.send(outgoing.read())

    return play


# Certificates.


@pytest.mark.parametrize(
    ("identity", "line"),
    [
        (STRANGER.good, "5035 (state: 3, code: -0x2700)"),
        (AUTHORITY.expired, "5036 (state: 3, code: -0x2700)"),
        (AUTHORITY.early, "5036 (state: 3, code: -0x2700)"),
        (AUTHORITY.elsewhere, "5037 (state: 3, code: -0x2700)"),
    ],
    ids=["untrusted", "expired", "not yet valid", "wrong address"],
)
@pytest.mark.parametrize("version", ["12", "13"])
async def test_certificates(
    device: Device, loops: None, identity: Identity, line: str, version: str
) -> None:
    await ask(device, f"set network.tls.version {version}")
    async with Peer(tls=server_context(identity)) as peer:
        assert await failing(device, peer.port) == line


async def test_the_wrong_name(device: Device, air: Airspace) -> None:
    air.ap("lab").hosts["fax.lab"] = "127.0.0.1"
    async with Peer(tls=server_context()) as peer:
        line = await failing(device, peer.port, host="fax.lab")
        assert line == "5037 (state: 3, code: -0x2700)"


async def test_a_name_that_no_certificate_can_have(device: Device, air: Airspace) -> None:
    air.ap("lab").hosts[".lab"] = "127.0.0.1"
    async with Peer(tls=server_context()) as peer:
        assert await failing(device, peer.port, host=".lab") == "5032 (state: 0, code: -0x6C00)"


async def test_revoked(device: Device) -> None:
    revoked, other = AUTHORITY.issue(NAME, "127.0.0.1"), AUTHORITY.good
    await put(device, "ca.pem", AUTHORITY.revoking(revoked))
    async with Peer(tls=server_context(revoked)) as peer:
        assert await failing(device, peer.port) == "5038 (state: 3, code: -0x2700)"
    async with Peer(tls=server_context(other)) as peer:
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "0"


async def test_a_reason_stands_in_front_of_the_line(device: Device) -> None:
    async with Peer(tls=server_context(AUTHORITY.expired)) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert seen[1:3] == ["Starting TLS", "certificate has expired"]


# Nothing in common.


async def test_no_common_cipher(device: Device) -> None:
    context = server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    async with Peer(shaking(context)) as peer:
        assert await failing(device, peer.port) == "5010 (state: 1, code: -0x7380)"


async def test_no_common_version(device: Device) -> None:
    context = server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    async with Peer(shaking(context)) as peer:
        assert await failing(device, peer.port) == "5010 (state: 1, code: -0x6E80)"


async def test_a_server_that_answers_with_a_version_of_old(device: Device) -> None:
    async def play(far: Far) -> None:
        await far.until(lambda: far.received)
        hello = b"\x03\x00" + bytes(32) + b"\0" + b"\x00\x2f" + b"\0"
        far.send(b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26" + hello)

    async with Peer(play) as peer:
        assert await failing(device, peer.port) == "5010 (state: 2, code: -0x6E80)"


# The client's certificate.


async def test_a_certificate_is_required(device: Device) -> None:
    async with Peer(shaking(server_context(ca=AUTHORITY.pem))) as peer:
        # Behind ours: Certificate, ClientKeyExchange, ChangeCipherSpec, Finished.
        assert await failing(device, peer.port) == "5014 (state: 11, code: -0x7580)"


async def test_a_certificate_is_required_in_tls_13(device: Device) -> None:
    """The client has finished before the server looks: the stream opens, and ends at once."""
    await ask(device, "set network.tls.version 13")
    async with Peer(shaking(server_context(ca=AUTHORITY.pem))) as peer:
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "0"
        await device.kernel.streams.find(0).fill(1, 5)
        assert await ask(device, "poll 0") == ["2"]
        line = "Error with TLS handshake: 5014 (state: 15, code: -0x7580)"
        assert device.log[-1].text == line


async def test_a_certificate_that_the_server_does_not_know(device: Device) -> None:
    await put(device, "me.pem", STRANGER.good.cert + STRANGER.good.key)
    async with Peer(shaking(server_context(ca=AUTHORITY.pem))) as peer:
        line = await failing(device, peer.port, " ca.pem me.pem")
        assert line == "5018 (state: 11, code: -0x7780)"


# Peers that go.


async def closes(far: Far) -> None:
    await far.until(lambda: far.received)
    far.close()


async def resets(far: Far) -> None:
    await far.until(lambda: far.received)
    far.reset()


async def closes_in_the_middle(far: Far) -> None:
    await far.until(lambda: far.received)
    far.send(b"\x16\x03")
    far.close()


async def alerts(far: Far) -> None:
    await far.until(lambda: far.received)
    far.send(b"\x15\x03\x03\x00\x02\x02\x50")  # fatal, internal error


async def is_no_tls_server(far: Far) -> None:
    await far.until(lambda: far.received)
    far.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("play", "line"),
    [
        (closes, "5039 (state: 1, code: -0x7280)"),
        (closes_in_the_middle, "5020 (state: 1, code: -0x7280)"),
        (resets, "5020 (state: 1, code: -0x0050)"),
        (alerts, "5018 (state: 1, code: -0x7780)"),
        (is_no_tls_server, "5032 (state: 1, code: -0x7200)"),
    ],
)
async def test_peers(device: Device, loops: None, play: Play, line: str) -> None:
    async with Peer(play) as peer:
        assert await failing(device, peer.port) == line


async def test_time_out(device: Device) -> None:
    async with Peer() as peer:
        begun = turned_loop().time()
        assert await failing(device, peer.port) == "5031 (state: 1, code: -0x6800)"
        assert turned_loop().time() - begun == pytest.approx(4)
        await (await peer.next()).gone()


async def test_the_network_that_goes(device: Device, air: Airspace) -> None:
    async def play(far: Far) -> None:
        await far.until(lambda: far.received)
        air.ap("lab").power(False)

    async with Peer(play) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert seen[-1] == "Command failed"
        assert "[Open failed]" in seen
        await peer.all[0].gone()


# Files.


async def test_files_that_are_not_there(device: Device) -> None:
    async with Peer(tls=server_context()) as peer:
        for more in (" nope.pem", " ca.pem nope.pem", " ca.pem server.pem nope.key"):
            seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}{more}")
            assert seen[1:] == [
                f"no file {more.split()[-1]}",
                "Error with TLS handshake: 5033 (state: 0, code: -0x3E00)",
                "[Open failed]",
                "Command failed",
            ]
        await ask(device, "set network.tls.ca_cert nope.pem")
        assert (await failing(device, peer.port)).startswith("5033 ")
        assert not peer.all  # nobody was called


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        AUTHORITY.pem[:-60],
        AUTHORITY.good.key,
        bytes(300_000),
    ],
    ids=["nonsense", "no certificate", "cut short", "a key", "too large"],
)
async def test_files_that_are_no_certificates(device: Device, content: bytes) -> None:
    await put(device, "bad.pem", content)
    assert await failing(device, 9, " bad.pem") == "5033 (state: 0, code: -0x3E00)"
    line = await failing(device, 9, " ca.pem bad.pem server.key")
    assert line == "5033 (state: 0, code: -0x3E00)"
    line = await failing(device, 9, " ca.pem server.pem bad.pem")
    assert line == "5033 (state: 0, code: -0x3E00)" or content == AUTHORITY.good.key


async def test_a_key_of_another_certificate(device: Device) -> None:
    await put(device, "other.key", AUTHORITY.elsewhere.key)
    assert (await failing(device, 9, " ca.pem server.pem other.key")).startswith("5033 ")


async def test_a_key_with_a_password(device: Device) -> None:
    key = serialization.load_pem_private_key(AUTHORITY.good.key, None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    await put(device, "locked.key", locked)
    assert (await failing(device, 9, " ca.pem server.pem locked.key")).startswith("5033 ")


# Memory.


async def test_out_of_memory(device: Device, air: Airspace) -> None:
    async with Peer(tls=server_context()) as peer:
        air.do("lab", "tls_malloc", handshakes=1)
        assert await ask(device, f"tlsc 127.0.0.1 {peer.port}") == [
            f"[Opening: 127.0.0.1:{peer.port}]",
            "Starting TLS",
            "TLS malloc failed",
            "Error with TLS handshake: 5035",
            "[Open failed]",
            "Command failed",
        ]
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "0"
        air.do("lab", "tls_malloc")
        for _ in range(3):
            seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
            assert "TLS malloc failed" in seen
        air.do("lab", "tls_normal")
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "1"
