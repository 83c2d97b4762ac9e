"""A conversation with a mail server: aiosmtplib speaks SMTP, the device brings the connection.

The library would open sockets and begin TLS by itself, on the machine's network. So it is given a
protocol that is connected already, and after STARTTLS a new one: RFC 3207 section 4.2 wants all
forgotten that was heard before, and a new protocol and client know nothing.

    port 465                TLS from the first byte (RFC 8314)
    a CA file is set        STARTTLS, and no mail to a server that has none
    neither                 STARTTLS if the server offers it
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple, cast

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from aiosmtplib.protocol import SMTPProtocol

from tokay.kernel.kernel import Kernel
from tokay.plugins.network import Interface
from tokay.plugins.tcp import CONNECT_TIMEOUT
from tokay.plugins.tls import Tls

REPLY_TIMEOUT = 60.0
"""Seconds that a server may take for one answer."""
QUIT_TIMEOUT = 2.0
"""Seconds for the answer to QUIT; the mail is with the server then, and nobody waits."""
IMPLICIT_TLS = 465
LONGEST_REASON = 200
"""Characters of a server's answer that the log shows."""
GREETING, READY = 220, 220


class MailError(Exception):
    """A mail that was not taken; the text is for the log."""


class Login(NamedTuple):
    """As the console has them: a byte a character."""

    username: str
    password: str


class Envelope(NamedTuple):
    """Who gets a mail from whom, and the mail."""

    sender: str
    recipients: list[str]
    compose: Callable[[bool], bytes]
    """Returns the mail, for a server that takes eight bits or for one that does not."""


class _Server:
    """Where a mail goes, and how it is reached."""

    def __init__(self, kernel: Kernel, interface: Interface, host: str, port: int) -> None:
        self._kernel, self._interface = kernel, interface
        self.host, self.port = host, port
        self._tls = kernel.plugin(Tls)

    @property
    def needs_tls(self) -> bool:
        """Whether a CA file says that only a server that proves itself will do."""
        return bool(self._tls.files.ca)

    async def connect(self) -> SMTP:
        """Connect, and hear the greeting. Raises OSError, SMTPException."""
        self._kernel.log.line(f"Connecting (SMTP): {self.host}:{self.port}")
        limit = self._kernel.variables[CONNECT_TIMEOUT] / 1000
        if self.port == IMPLICIT_TLS:
            transport, protocol = await self._tls.connect(
                self._interface, SMTPProtocol, self.host, self.port, limit=limit
            )
        else:
            async with asyncio.timeout(limit):
                transport, protocol = await self._interface.connect_tcp(
                    SMTPProtocol, self.host, self.port
                )
        try:
            reply = await protocol.read_response(timeout=REPLY_TIMEOUT)
            if reply.code != GREETING:
                raise SMTPResponseException(reply.code, reply.message)
        except BaseException:
            transport.abort()
            raise
        return self._client(transport, protocol)

    async def greet(self, client: SMTP) -> None:
        """Say EHLO, or HELO to a server that refuses it (RFC 5321 section 3.2)."""
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()

    async def begin_tls(self, plain: SMTP) -> SMTP:
        """Begin TLS on a connection, if it must be or can be. Raises OSError, SMTPException."""
        if self.port == IMPLICIT_TLS:
            await self.greet(plain)
            return plain
        await self.greet(plain)
        if not plain.supports_extension("starttls"):
            if self.needs_tls:
                raise MailError("the server has no STARTTLS, and network.tls.ca_cert is set")
            return plain
        reply = await plain.execute_command(b"STARTTLS")
        if reply.code != READY:
            raise SMTPResponseException(reply.code, reply.message)
        transport, protocol = await self._tls.upgrade(
            cast("asyncio.Transport", plain.transport), SMTPProtocol, self.host
        )
        client = self._client(transport, protocol)
        await self.greet(client)
        return client

    def _client(self, transport: asyncio.BaseTransport, protocol: SMTPProtocol) -> SMTP:
        # An address literal: a device has no name that a server could look up (RFC 5321 4.1.3).
        address = self._interface.address.address
        client = SMTP(hostname=self.host, local_hostname=f"[{address}]", timeout=REPLY_TIMEOUT)
        client.protocol, client.transport = protocol, transport
        return client


async def send(
    kernel: Kernel, interface: Interface, host: str, port: int, login: Login, envelope: Envelope
) -> SMTP:
    """Deliver a mail; return the client, for `leave`. Raises MailError, OSError."""
    client, accepted = None, False
    try:
        server = _Server(kernel, interface, host, port)
        client = await server.connect()
        client = await server.begin_tls(client)
        if login.username:
            await client.login(login.username.encode("latin-1"), login.password.encode("latin-1"))
        eight_bit = client.supports_extension("8bitmime")
        mail = envelope.compose(eight_bit)
        options = [] if mail.isascii() else ["BODY=8BITMIME"]
        refused, reply = await client.sendmail(
            envelope.sender, envelope.recipients, mail, mail_options=options
        )
        for recipient, answer in refused.items():
            kernel.log.line(f"{recipient} refused: {answer.code} {_line(answer.message)}")
        kernel.log.line(f"Mail accepted: {_line(reply)}")
        accepted = True
        return client
    except SMTPException as error:
        raise MailError(_reason(error)) from error
    finally:
        if client is not None and not accepted:
            abort(client)


async def leave(client: SMTP) -> None:
    """Say QUIT, and wait a little for the answer."""
    with contextlib.suppress(SMTPException, OSError):
        async with asyncio.timeout(QUIT_TIMEOUT):
            await client.quit()


def abort(client: SMTP) -> None:
    """Close the connection of a client, if it is open."""
    if client.transport is not None:
        cast("asyncio.Transport", client.transport).abort()


def _reason(error: SMTPException) -> str:
    """Return what a server, or the library, has to say, in one short line."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]  # there is one
    if isinstance(error, SMTPResponseException):
        return f"SMTP error {error.code}: {_line(error.message)}"
    return f"SMTP error: {_line(error.message)}"


def _line(text: str) -> str:
    shown = "; ".join(text.splitlines())
    return "".join(char if " " <= char <= "~" else "?" for char in shown)[:LONGEST_REASON]
