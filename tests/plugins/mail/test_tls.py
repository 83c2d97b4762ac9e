"""smtp_send over TLS: when it is spoken, and what it keeps out."""

import ssl

import pytest
import trustme
from tests.peers import Far, Peer, ask
from tests.plugins.mail.post import FROM, TO, post_office, send

from tokay.board.air.airspace import Airspace
from tokay.device import Device

Settings = dict[str, str]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def lab(lab: Settings, air: Airspace) -> Settings:
    air.ap("lab").hosts["post.example.com"] = "127.0.0.1"
    return lab | {
        "email.name_address": FROM,
        "email.smtp.host": "post.example.com",
        "network.tls.ca_cert": "ca.pem",
    }


def server_context(authority: trustme.CA, name: str = "post.example.com") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def trust(device: Device, authority: trustme.CA) -> None:
    pem = authority.cert_pem.bytes()
    await ask(device, f"file_create ca.pem {len(pem)}", pem)


async def test_starttls(air: Airspace, lab: Settings, authority: trustme.CA, loops: None) -> None:
    context = server_context(authority)
    async with (
        post_office(tls_context=context, require_starttls=True) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await trust(device, authority)
        said = await send(device, port)
        assert said == [
            f"Connecting (SMTP): post.example.com:{port}",
            "Starting TLS",
            "Mail accepted: 2.0.0 taken as 4711",
            "Success",
        ]
        assert post.mail()["To"] == TO


async def test_logging_in_behind_starttls(
    air: Airspace, lab: Settings, authority: trustme.CA
) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    async with (
        post_office(tls_context=server_context(authority), authenticated=True) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await trust(device, authority)
        assert (await send(device, port))[-1] == "Success"
        assert [mechanism for mechanism, _ in post.logins] == ["PLAIN"]


async def test_tls_from_the_first_byte_on_port_465(
    air: Airspace, lab: Settings, authority: trustme.CA, loops: None
) -> None:
    async with (
        post_office(over_tls=server_context(authority)) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        air.subnet(air.ap("lab")).tcp_redirects["127.0.0.1", 465] = port
        await trust(device, authority)
        said = await send(device, 465)
        assert said[:2] == ["Connecting (SMTP): post.example.com:465", "Starting TLS"]
        assert said[-1] == "Success"
        assert len(post.envelopes) == 1


async def test_a_server_without_tls_gets_nothing_when_a_ca_is_set(
    air: Airspace, lab: Settings, authority: trustme.CA
) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    async with (
        post_office(auth_require_tls=False, authenticated=True) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await trust(device, authority)
        assert (await send(device, port))[-2:] == [
            "the server has no STARTTLS, and network.tls.ca_cert is set",
            "Command failed",
        ]
        assert (post.envelopes, post.logins) == ([], [])


async def test_tls_is_spoken_where_it_is_offered_though_no_ca_is_there(
    air: Airspace, lab: Settings, authority: trustme.CA
) -> None:
    """As from the factory: the CA file that is named is not on the device."""
    del lab["network.tls.ca_cert"]
    async with (
        post_office(tls_context=server_context(authority), require_starttls=True) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        said = await send(device, port)
        assert "Starting TLS" in said
        assert said[-1] == "Success"
        assert len(post.envelopes) == 1


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_server_that_is_another(
    air: Airspace, lab: Settings, authority: trustme.CA, wrong: str
) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    context = server_context(
        trustme.CA() if wrong == "authority" else authority,
        "other.example.com" if wrong == "name" else "post.example.com",
    )
    async with (
        post_office(tls_context=context, authenticated=True) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await trust(device, authority)
        said = await send(device, port)
        assert said[-2].startswith("Error with TLS handshake: ")
        assert said[-1] == "Command failed"
        assert (post.envelopes, post.logins) == ([], [])
        assert await ask(device, "get bus.mode") == ["command"]


async def test_what_was_said_before_tls_is_forgotten(air: Airspace, lab: Settings) -> None:
    """An attacker in the middle puts an answer of its own behind the server's (RFC 3207)."""

    async def play(far: Far) -> None:
        far.send(b"220 post\r\n")
        await far.line(b"\r\n")
        far.send(b"250-post\r\n250 STARTTLS\r\n")
        await far.line(b"\r\n")
        far.send(b"220 go on\r\n250-post\r\n250 AUTH PLAIN\r\n")
        await far.until(lambda: far.received)
        assert far.received[0] == 22, "a TLS handshake, and no plain command"
        far.close()

    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        pem = trustme.CA().cert_pem.bytes()
        await ask(device, f"file_create ca.pem {len(pem)}", pem)
        assert (await send(device, peer.port))[-1] == "Command failed"
        assert (await peer.next()).received[:1] == b"\x16"
