"""tls_client: how it connects, whom it believes, and what it says."""

import ssl
import warnings

import pytest
from tests.dialogue import PROFILES
from tests.peers import ADDRESS, Far, Peer, ask, free_port, read
from tests.pki import AUTHORITY, NAME, RSA_AUTHORITY, STRANGER, put, server_context

from tokay.board.air.airspace import Airspace
from tokay.device import Device

UNVERIFIED = "No CA certificate: the server is not verified"


def ssl_object(far: Far) -> ssl.SSLObject:
    """Return the peer's end of TLS."""
    found: ssl.SSLObject = far.transport.get_extra_info("ssl_object")
    return found


async def test_a_connection(device: Device, loops: None) -> None:
    async with Peer(tls=server_context()) as peer:
        where = f"127.0.0.1:{peer.port}"
        assert await ask(device, f"tls_client 127.0.0.1 {peer.port}") == [
            f"[Opening: {where}]",
            "Starting TLS",
            "[Opened: 0]",
            "0",
        ]
        far = await peer.next()
        host, port = far.address
        assert host == ADDRESS
        assert await ask(device, "list") == [f"! # Type  Info\r\n# 0 TLSC  {where} ({port})"]
        assert await ask(device, "write 0 5", b"a\r\nb\0") == ["Success"]
        assert await far.take(5) == b"a\r\nb\0"
        far.send(b"hello")
        assert await read(device, 5) == b"hello"
        assert ssl_object(far).version() == "TLSv1.2"
        assert await ask(device, "close 0") == ["Closing: 0", "[Closed: 0]", "Success"]
        await far.gone()
        assert far.error is None


async def test_the_name_goes_along_and_is_checked(device: Device, air: Airspace) -> None:
    air.ap("lab").hosts[NAME] = "127.0.0.1"
    asked = []
    context = server_context()
    context.sni_callback = lambda _sslobj, name, _context: asked.append(name)
    async with Peer(tls=context) as peer:
        assert (await ask(device, f"tlsc {NAME} {peer.port}"))[-1] == "0"
        # An address is no name to be sent (RFC 6066 section 3).
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "1"
    assert asked == [NAME, None]


async def test_a_dot_at_the_end_is_not_part_of_the_name(device: Device, air: Airspace) -> None:
    air.ap("lab").hosts[NAME] = "127.0.0.1"
    async with Peer(tls=server_context()) as peer:
        assert (await ask(device, f"tlsc {NAME}. {peer.port}"))[-1] == "0"


async def test_without_a_ca_nobody_is_verified_and_the_log_says_so(device: Device) -> None:
    await ask(device, 'set network.tls.ca_cert ""')
    async with Peer(tls=server_context(STRANGER.expired)) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert seen[1:] == ["Starting TLS", UNVERIFIED, "[Opened: 0]", "0"]


async def test_the_ca_of_the_factory_is_none_where_it_is_not(device: Device) -> None:
    """A fielded host gives host and port only, and was never told to bring a CA."""
    await ask(device, "set network.tls.ca_cert geotrust_ca.pem")
    async with Peer(tls=server_context()) as peer:
        assert UNVERIFIED in await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        await put(device, "geotrust_ca.pem", AUTHORITY.pem)
        assert UNVERIFIED not in await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        await put(device, "geotrust_ca.pem", STRANGER.pem)
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}"))[-1] == "Command failed"


async def test_files_of_the_command_come_first(device: Device) -> None:
    await put(device, "other.pem", STRANGER.pem)
    async with Peer(tls=server_context(STRANGER.good)) as peer:
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port} other.pem"))[-1] == "0"
        seen = await ask(device, f'tlsc 127.0.0.1 {peer.port} ""')
        assert UNVERIFIED in seen
        assert seen[-1] == "1"


@pytest.mark.parametrize("how", ["variables", "arguments", "one file"])
async def test_a_client_certificate(device: Device, loops: None, how: str) -> None:
    me = AUTHORITY.issue("me.lab")
    await put(device, "me.pem", me.cert + (me.key if how == "one file" else b""))
    await put(device, "me.key", me.key)
    line = ""
    if how == "variables":
        await ask(device, "set network.tls.client_cert me.pem")
        await ask(device, "set network.tls.client_key me.key")
    else:
        line = " ca.pem me.pem" + (" me.key" if how == "arguments" else "")
    async with Peer(tls=server_context(ca=AUTHORITY.pem)) as peer:
        assert (await ask(device, f"tlsc 127.0.0.1 {peer.port}{line}"))[-1] == "0"
        certificate = ssl_object(await peer.next()).getpeercert()
        assert certificate is not None
        assert ("DNS", "me.lab") in certificate["subjectAltName"]


@pytest.mark.parametrize(
    ("asked", "spoken", "said"),
    [
        ("10", "TLSv1", ["TLS 1.0 is asked for: it is not safe"]),
        ("11", "TLSv1.1", ["TLS 1.1 is asked for: it is not safe"]),
        ("12", "TLSv1.2", []),
        ("13", "TLSv1.3", []),
    ],
)
async def test_versions(
    device: Device, loops: None, asked: str, spoken: str, said: list[str]
) -> None:
    await ask(device, f"set network.tls.version {asked}")
    await put(device, "ca.pem", RSA_AUTHORITY.pem)
    async with Peer(tls=server_context(RSA_AUTHORITY.good, old=True)) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert seen[1:] == ["Starting TLS", *said, "[Opened: 0]", "0"]
        far = await peer.next()
        assert ssl_object(far).version() == spoken
        far.send(b"both")
        assert await read(device, 4) == b"both"
        await ask(device, "write 0 4", b"ways")
        assert await far.take(4) == b"ways"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("least", "most", "theirs", "spoken"),
    [
        ("10", "12", (10, 10), "TLSv1"),
        ("10", "12", (11, 11), "TLSv1.1"),
        ("10", "12", (12, 13), "TLSv1.2"),
        ("11", "12", (10, 10), None),
        ("12", "13", (11, 11), None),
        ("13", "13", (12, 12), None),
        ("none", "12", (11, 11), None),
        ("13", "11", (11, 12), "TLSv1.1"),
    ],
)
async def test_a_range_of_versions(
    air: Airspace,
    lab: dict[str, str],
    profile: str,
    least: str,
    most: str,
    theirs: tuple[int, int],
    spoken: str | None,
) -> None:
    versions = {10: "TLSv1", 11: "TLSv1_1", 12: "TLSv1_2", 13: "TLSv1_3"}
    context = server_context(RSA_AUTHORITY.good, old=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[versions[theirs[0]]]
        context.maximum_version = ssl.TLSVersion[versions[theirs[1]]]
    settings = lab | {"network.tls.min_version": least, "network.tls.version": most}
    async with (
        Peer(tls=context) as peer,
        Device.simulated(profile=profile, airspace=air, settings=settings) as device,
    ):
        await ask(device, "network_up")
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        if spoken is None:
            assert seen[-1] == "Command failed"
        else:
            assert seen[-1] == "0"
            assert ssl_object(await peer.next()).version() == spoken
        told = [line for line in seen if "are spoken" in line]
        assert told == (
            [f"TLS 1.{int(least) - 10} to TLS 1.2 are spoken: under TLS 1.2 is not safe"]
            if least in ("10", "11") and most == "12"
            else []
        )


async def test_refused_connections_are_tried_again_as_those_of_tcp(device: Device) -> None:
    await ask(device, "set tcp.client.retries 2")
    port = free_port()
    refused = f"127.0.0.1:{port}: Connection refused"
    assert await ask(device, f"tlsc 127.0.0.1 {port}") == [
        f"[Opening: 127.0.0.1:{port}]",
        *[refused] * 3,
        "[Open failed]",
        "Command failed",
    ]


async def test_what_tls_refuses_is_not_tried_again(device: Device) -> None:
    await ask(device, "set tcp.client.retries 2")
    async with Peer(tls=server_context(STRANGER.good)) as peer:
        seen = await ask(device, f"tlsc 127.0.0.1 {peer.port}")
        assert len([line for line in seen if line.startswith("Error with TLS")]) == 1


async def test_contexts_are_shared_by_content(device: Device) -> None:
    from tokay.plugins.tls import Credentials, Tls

    tls = device.kernel.plugin(Tls)
    await put(device, "same.pem", AUTHORITY.pem)
    await put(device, "other.pem", STRANGER.pem)
    first, same, other = (
        tls._client_context(Credentials(name)) for name in ("ca.pem", "same.pem", "other.pem")
    )
    assert first is same
    assert first is not other
