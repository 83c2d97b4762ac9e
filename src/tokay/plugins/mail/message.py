"""A mail as it goes over the wire (RFC 5322, MIME)."""

import secrets
from collections.abc import Sequence
from datetime import UTC, timedelta, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from tokay.kernel.clock import Clock
from tokay.plugins.mail.address import Sender


def text_of(raw: bytes) -> str:
    """Return what a host wrote: UTF-8 if it is that, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def compose(
    clock: Clock,
    sender: Sender,
    to: Sequence[str],
    subject: str,
    body: bytes,
    *,
    eight_bit: bool = False,
) -> bytes:
    """Return a whole mail, its date by the device's clock.

    Texts come as the console has them: a byte a character. ``eight_bit``: the server takes bytes
    beyond ASCII (RFC 6152); else such a text is quoted-printable.
    """
    mail = EmailMessage(SMTP)
    name = text_of(sender.name.encode("latin-1"))
    mail["From"] = Address(display_name=name, addr_spec=sender.address)
    mail["To"] = [Address(addr_spec=one) for one in to]
    mail["Subject"] = text_of(subject.encode("latin-1"))
    zone = timezone(timedelta(minutes=clock.zone)) if clock.zone else UTC
    mail["Date"] = format_datetime(clock.utc().astimezone(zone).replace(microsecond=0))
    domain = sender.address.rpartition("@")[2]
    mail["Message-ID"] = f"<{secrets.token_hex(16)}@{domain}>"
    text = text_of(body)
    if text.isascii() or eight_bit:
        mail.set_content(text)
    else:
        mail.set_content(text, cte="quoted-printable")
    return mail.as_bytes()
