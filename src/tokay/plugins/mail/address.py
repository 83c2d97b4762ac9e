"""Who a mail comes from and goes to, checked so that nothing else gets into its header."""

import re
from typing import NamedTuple

from tokay.kernel.results import bad_args
from tokay.kernel.value_types import Text

LONGEST_LOCAL, LONGEST_DOMAIN = 64, 255
"""RFC 5321 section 4.5.3.1."""
LONGEST_SUBJECT = 255
MAX_RECIPIENTS = 100
"""What every server takes (RFC 5321 section 4.5.3.1.8)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 5322 section 3.4.1 without quoted local parts and comments, which nobody uses on purpose.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9.]+\]")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


class Sender(NamedTuple):
    """A name, maybe empty, and an address."""

    name: str
    address: str


def check_address(address: str) -> None:
    """Raise CommandError unless this is one plain address."""
    local, at, domain = address.rpartition("@")
    if not (
        at
        and len(local) <= LONGEST_LOCAL
        and len(domain) <= LONGEST_DOMAIN
        and _LOCAL.fullmatch(local)
        and _DOMAIN.fullmatch(domain)
    ):
        raise bad_args(f"{address!r} is no mail address")


def split_recipients(text: str) -> list[str]:
    """Return the addresses of a comma list. Raises CommandError unless each is a plain address."""
    recipients = [one.strip(" ") for one in text.split(",")]
    if len(recipients) > MAX_RECIPIENTS:
        raise bad_args(f"{len(recipients)} recipients are more than {MAX_RECIPIENTS}")
    for recipient in recipients:
        check_address(recipient)
    return list(dict.fromkeys(recipients))


def check_line(text: str) -> None:
    """Raise CommandError when a text could be more than one line of a header."""
    if len(text) > LONGEST_SUBJECT or _CONTROL.search(text):
        raise bad_args(f"{text!r} is no line of 0-{LONGEST_SUBJECT} characters")


class Mailbox(Text):
    """``local@domain`` or ``Name <local@domain>`` (RFC 5322's mailbox)."""

    def __init__(self) -> None:
        super().__init__(3, 255)
        self.hint = "local@domain or Name <local@domain>"

    def check(self, text: str) -> None:
        super().check(text)
        check_line(text)
        check_address(self.split(text).address)

    @staticmethod
    def split(text: str) -> Sender:
        """Return name and address."""
        match = _NAMED.fullmatch(text.strip())
        if match is None:
            return Sender("", text.strip())
        return Sender(match["name"].strip().strip('"'), match["address"].strip())
