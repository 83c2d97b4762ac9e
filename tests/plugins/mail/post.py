"""A post office: aiosmtpd, and a device that sends to it."""

import asyncio
import email
import email.policy
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from tests.peers import ask

from tokay.device import Device

FROM = "thing@example.com"
TO = "you@example.net"


class Post:
    """What a server was given."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.greeted = ""
        self.logins: list[tuple[str, LoginPassword]] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name and arguments
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = self.greeted = hostname
        return responses

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        self.envelopes.append(envelope)
        return "250 2.0.0 taken as 4711"

    def login(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append((mechanism, data))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    def mail(self) -> EmailMessage:
        """The one that came. No property: aiosmtpd looks at all that a handler has."""
        (envelope,) = self.envelopes
        content = envelope.original_content
        assert content is not None
        lines = content.replace(b"\r\n", b"\n")
        parsed = email.message_from_bytes(lines, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@asynccontextmanager
async def post_office(
    *, over_tls: ssl.SSLContext | None = None, authenticated: bool = False, **options: Any
) -> AsyncIterator[tuple[Post, int]]:
    """Run aiosmtpd; give what it was given, and its port.

    ``over_tls``: speak TLS from the first byte. ``authenticated``: take the right login only.
    """
    post = Post()
    if authenticated:
        options["authenticator"] = post.login
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it warns of logins without TLS
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, loop=loop, hostname="post", **options), "127.0.0.1", 0, ssl=over_tls
    )
    try:
        yield post, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def send(device: Device, port: int, subject: str = "Hi", text: bytes = b"hello") -> list[str]:
    await ask(device, f"set email.smtp.port {port}")
    await ask(device, "network_up")
    return await ask(device, f"smtp_send {TO} {subject} {len(text)}", text)
