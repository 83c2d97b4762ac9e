"""smtp_send against aiosmtpd, and against servers that misbehave."""

import asyncio
import base64
import hmac
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import LoginPassword
from tests.peers import ADDRESS, Far, Peer, ask, get
from tests.plugins.mail.post import FROM, TO, post_office, send

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
Play = Callable[[Far], Coroutine[Any, Any, None]]


@pytest.fixture
def lab(lab: Settings) -> Settings:
    return lab | {
        "email.name_address": FROM,
        "email.smtp.host": "127.0.0.1",
        "network.tls.ca_cert": "",
    }


# What goes out.


async def test_a_mail(air: Airspace, lab: Settings, loops: None) -> None:
    lab |= {"email.name_address": "Boiler room <thing@example.com>", "time.zone": "-4:30"}
    async with (
        post_office() as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await ask(device, "set time.rtc 1790000000")
        assert await send(device, port, '"It is hot"', b"80 C\r\nand rising\r\n") == [
            f"Connecting (SMTP): 127.0.0.1:{port}",
            "Mail accepted: 2.0.0 taken as 4711",
            "Success",
        ]
        (envelope,) = post.envelopes
        assert (envelope.mail_from, envelope.rcpt_tos) == (FROM, [TO])
        assert post.greeted == f"[{ADDRESS}]"
        mail = post.mail()
        assert mail["From"] == "Boiler room <thing@example.com>"
        assert mail["To"] == TO
        assert mail["Subject"] == "It is hot"
        date = mail["Date"].datetime
        assert date.utcoffset() == timedelta(hours=-4, minutes=-30)
        assert date.astimezone(UTC) - datetime.fromtimestamp(1790000000, UTC) < timedelta(seconds=9)
        assert mail["Message-ID"].endswith("@example.com>")
        assert mail.get_content_type() == "text/plain"
        assert mail.get_content() == "80 C\nand rising\n"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_letters_of_all_scripts(air: Airspace, lab: Settings, encoding: str) -> None:
    lab |= {"email.name_address": "Küche <thing@example.com>"}
    words = {"utf-8": "überläuft 水 é", "latin-1": "überläuft é"}[encoding]
    text = f"{words}\r\n" * 3
    async with (
        post_office() as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await ask(device, f"set email.smtp.port {port}")
        data = text.encode(encoding)
        line = f'smtp {TO} "{words}" {len(data)}'.encode(encoding)
        response = await device.command(line, data)
        assert response.ok
        mail = post.mail()
        assert mail["Subject"] == words
        assert mail["From"].addresses[0].display_name == "Küche"
        assert mail.get_content() == text.replace("\r\n", "\n")
        content = post.envelopes[0].original_content
        assert content is not None
        assert content.split(b"\r\n\r\n")[0].isascii()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".\r\n..\r\n.leading\r\n",
        b"line\n" * 3000,
        b"x" * 5000,
        b"From me\r\n\r\n.\r\nQUIT\r\n",
        bytes(range(1, 9)) + bytes(range(14, 256)),
        b"y" * 65536,
    ],
    ids=["empty", "dots", "many lines", "long line", "commands", "bytes", "all that fits"],
)
async def test_texts_arrive_as_they_were_sent(air: Airspace, lab: Settings, text: bytes) -> None:
    async with (
        post_office(data_size_limit=1 << 20) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        assert (await send(device, port, text=text))[-1] == "Success"
        assert len(post.envelopes) == 1
        got = post.mail().get_content().replace("\r\n", "\n").rstrip("\n")
        want = text.decode("latin-1").replace("\r\n", "\n").rstrip("\n")
        assert got == want


async def test_escapes_in_a_subject(air: Airspace, lab: Settings) -> None:
    async with (
        post_office() as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        assert (await send(device, port, r'"say \"when\" \x21"'))[-1] == "Success"
        assert post.mail()["Subject"] == 'say "when" !'


# What never goes out.


@pytest.mark.parametrize(
    "line",
    [
        r'you@example.net "Hi\r\nBcc: all@example.net"',
        r'you@example.net "Hi\n"',
        r'you@example.net "Hi\0"',
        r"you@example.net Hi\q",
        "you@example.net " + "x" * 256,
        "you Hi",
        "you@ Hi",
        "@example.net Hi",
        '"a@b c@d" Hi',
        "a@b,,c@d Hi",
        "a@b,c Hi",
        ",a@b Hi",
        "<a@b> Hi",
        '"a@b> SIZE=1" Hi',
        "a@b\x01 Hi",
        "a..b@example.net Hi",
        f"{'x' * 65}@example.net Hi",
    ],
)
async def test_what_could_slip_into_a_header_is_refused(
    air: Airspace, lab: Settings, line: str
) -> None:
    async with Device.simulated(airspace=air, settings=lab) as device:
        assert await ask(device, f"smtp_send {line} 2", b"hi") == ["Invalid argument"]
        assert await ask(device, "get bus.mode") == ["command"]


@pytest.mark.parametrize(
    "value",
    [
        "me",
        "Me <me>",
        r"me@example.com\r\nBcc:x@y",
        r'"Me\n<me@example.com>"',
        "<a@b><c@d>",
        "a@b.",
    ],
)
async def test_what_is_no_sender(value: str) -> None:
    async with Device.simulated() as device:
        assert await ask(device, f"set email.name_address {value}") in (
            ["Invalid argument"],
            ["Too many arguments"],
        )
        assert await ask(device, 'set email.name_address ""') == ["Set OK"]


async def test_the_password_is_never_shown() -> None:
    async with Device.simulated(settings={"email.smtp.password": "s3cret"}) as device:
        assert await get(device, "email.smtp.password") == ["********"]
        assert "s3cret" not in (await ask(device, "get all"))[0]


@pytest.mark.parametrize("name", ["email.smtp.host", "email.name_address"])
async def test_what_must_be_set(air: Airspace, lab: Settings, name: str) -> None:
    del lab[name]
    async with Device.simulated(airspace=air, settings=lab) as device:
        line = f"smtp_send {TO} Hi 2"
        assert await ask(device, line, b"hi") == [f"{name} is not set", "Command failed"]
        assert await ask(device, "get bus.mode") == ["command"]


# Logging in.


@pytest.mark.parametrize("excluded", ["", "PLAIN"])
async def test_logging_in(air: Airspace, lab: Settings, excluded: str) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    options: dict[str, Any] = {"auth_require_tls": False, "auth_exclude_mechanism": [excluded]}
    async with (
        post_office(authenticated=True, **options) as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        assert (await send(device, port))[-1] == "Success"
        ((mechanism, login),) = post.logins
        assert mechanism == ("LOGIN" if excluded else "PLAIN")
        assert login == LoginPassword(b"thing", b"s3cret")
        await ask(device, "set email.smtp.password wrong")
        said = await send(device, port)
        assert said[-2:] == [
            "SMTP error 535: 5.7.8 Authentication credentials invalid",
            "Command failed",
        ]
        assert "wrong" not in " ".join(said[:-2])


async def test_logging_in_by_challenge(air: Airspace, lab: Settings) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    challenge = b"<1.2@post>"
    answers: list[bytes] = []

    async def play(far: Far) -> None:
        far.send(b"220 post\r\n")
        await far.line(b"\r\n")
        far.send(b"250-post\r\n250 AUTH LOGIN PLAIN CRAM-MD5\r\n")
        assert await far.line(b"\r\n") == b"AUTH CRAM-MD5\r\n"
        far.send(b"334 " + base64.b64encode(challenge) + b"\r\n")
        answers.append(base64.b64decode(await far.line(b"\r\n")))
        far.send(b"535 no\r\n")

    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        await send(device, peer.port)
    digest = hmac.new(b"s3cret", challenge, "md5").hexdigest()
    assert answers[0] == b"thing " + digest.encode()


async def test_a_server_without_logins(air: Airspace, lab: Settings) -> None:
    lab |= {"email.smtp.username": "thing", "email.smtp.password": "s3cret"}
    async with (
        post_office() as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        said = await send(device, port)
        assert said[-2].startswith("SMTP error: The SMTP AUTH extension is not supported")
        assert post.envelopes == []


# Servers that misbehave.


def script(*answers: bytes) -> Play:
    """Say the first line, and one more for each that comes."""

    async def play(far: Far) -> None:
        for number, answer in enumerate(answers):
            if number:
                await far.line(b"\r\n")
            far.send(answer)
        far.close()

    return play


EHLO = b"250-post\r\n250 SIZE 1000000\r\n"
BAD = [
    ((b"554 go away\r\n",), "SMTP error 554: go away"),
    ((b"220 post\r\n", EHLO, b"550 5.1.0 not you\r\n", b"250 ok\r\n"),
     "SMTP error 550: 5.1.0 not you"),
    ((b"220 post\r\n", EHLO, b"250 ok\r\n", b"550-5.1.1 no\r\n550 such user\r\n", b"250 ok\r\n"),
     "SMTP error 550: 5.1.1 no; such user"),
    ((b"220 post\r\n", EHLO, b"250 ok\r\n", b"250 ok\r\n", b"452 full\r\n", b"250 ok\r\n"),
     "SMTP error 452: full"),
    ((b"220 post\r\n", EHLO, b"552 too big\r\n", b"250 ok\r\n"), "SMTP error 552: too big"),
    ((b"220 post\r\n",), "SMTP error: Connection lost"),
    ((b"",), "SMTP error: Unexpected EOF received"),
    ((b"HTTP/1.1 400 Bad\r\n",), "SMTP error -1: Malformed SMTP response line: HTTP/1.1 400 Bad"),
    ((b"220 \x1b[2J\xff\x00\r\n", b"\r\n"), "SMTP error -1: Malformed SMTP response line: ; "),
    ((b"220-" + b"x" * 100_000,), "SMTP error -1: Response too long"),
    ((b"421 \x1b[2Jbusy\xff\r\n",), "SMTP error 421: ?[2Jbusy?"),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "reason"), BAD)
async def test_what_a_server_says_is_in_the_log(
    air: Airspace, lab: Settings, answers: tuple[bytes, ...], reason: str
) -> None:
    async with (
        Peer(script(*answers)) as peer,
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        said = await send(device, peer.port)
        assert said[1].rstrip() == reason.rstrip("; ").rstrip()
        assert said[2:] == ["Command failed"]
        far = await peer.next()
        await far.gone()
        assert await ask(device, "get bus.mode") == ["command"]


async def test_a_server_that_says_nothing(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        said = await send(device, peer.port)
        assert said[-2:] == [
            "SMTP error: Timed out waiting for server response", "Command failed"
        ]  # fmt: skip
        await (await peer.next()).gone()


async def test_a_network_that_goes_meanwhile(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        sending = asyncio.ensure_future(send(device, peer.port))
        far = await peer.next()
        air.ap("lab").power(False)
        assert (await sending)[-1] == "Command failed"
        await far.gone()


async def test_nobody_is_there(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer:
        pass
    async with Device.simulated(airspace=air, settings=lab) as device:
        said = await send(device, peer.port)
        assert said[1:] == [f"127.0.0.1:{peer.port}: Connection refused", "Command failed"]


async def test_a_mail_that_was_taken_is_sent_even_if_the_goodbye_fails(
    air: Airspace, lab: Settings
) -> None:
    async def play(far: Far) -> None:
        for answer in (b"220 post\r\n", EHLO, b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            far.send(answer)
            await far.line(b"\r\n")
        await far.line(b"\r\n.\r\n")
        far.send(b"250 taken\r\n")
        await far.line(b"\r\n")
        far.reset()

    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        assert (await send(device, peer.port))[-2:] == ["Mail accepted: taken", "Success"]


def mute(*, greeting: bytes = EHLO, refuse_ehlo: bool = False) -> tuple[Play, list[bytes]]:
    """A server that takes a mail and never answers QUIT; and what it was told, line by line."""
    told: list[bytes] = []

    async def play(far: Far) -> None:
        far.send(b"220 post\r\n")
        told.append(await far.line(b"\r\n"))
        if refuse_ehlo:
            far.send(b"502 what?\r\n")
            told.append(await far.line(b"\r\n"))
            far.send(b"250 post\r\n")
        else:
            far.send(greeting)
        while (line := await far.line(b"\r\n")) != b"DATA\r\n":
            told.append(line)
            far.send(b"250 ok\r\n")
        far.send(b"354 go on\r\n")
        told.append(await far.line(b"\r\n.\r\n"))
        far.send(b"250 taken\r\n")
        told.append(await far.line(b"\r\n"))

    return play, told


async def test_the_answer_to_quit_is_waited_for_by_nobody(air: Airspace, lab: Settings) -> None:
    play, told = mute()
    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        loop = turned_loop()
        await ask(device, "network_up")
        await ask(device, f"set email.smtp.port {peer.port}")
        begun = loop.time()
        assert (await ask(device, f"smtp_send {TO} Hi 5", b"hello"))[-1] == "Success"
        assert loop.time() == begun
        assert await ask(device, "get bus.mode") == ["command"]
        far = await peer.next()
        await far.gone()
        assert loop.time() - begun <= 2.1
        assert told[-1] == b"QUIT\r\n"


async def test_a_server_that_knows_no_ehlo(air: Airspace, lab: Settings) -> None:
    play, told = mute(refuse_ehlo=True)
    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        assert (await send(device, peer.port, text="é".encode()))[-1] == "Success"
        assert [line.split()[0] for line in told[:4]] == [b"EHLO", b"HELO", b"MAIL", b"RCPT"]
        assert b"quoted-printable" in told[4]
        assert told[4].isascii()


@pytest.mark.parametrize("offered", [True, False])
async def test_eight_bits_go_where_they_are_taken(
    air: Airspace, lab: Settings, offered: bool
) -> None:
    play, told = mute(greeting=b"250-post\r\n250 8BITMIME\r\n" if offered else EHLO)
    async with Peer(play) as peer, Device.simulated(airspace=air, settings=lab) as device:
        assert (await send(device, peer.port, text="é".encode()))[-1] == "Success"
        assert (b"BODY=8BITMIME" in told[1].upper()) is offered
        assert ("é".encode() in told[3]) is offered
        assert (b"=C3=A9" in told[3]) is not offered


async def test_several_recipients(air: Airspace, lab: Settings) -> None:
    async with (
        post_office() as (post, port),
        Device.simulated(airspace=air, settings=lab) as device,
    ):
        await ask(device, f"set email.smtp.port {port}")
        await ask(device, "network_up")
        line = "smtp_send a@x.example,b@y.example Hi 5"
        assert (await ask(device, line, b"hello"))[-1] == "Success"
        assert post.envelopes[0].rcpt_tos == ["a@x.example", "b@y.example"]
        assert post.mail()["To"] == "a@x.example, b@y.example"
