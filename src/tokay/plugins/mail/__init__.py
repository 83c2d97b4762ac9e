"""Mail by command. Source: docs/protocol/network.md, section 11."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import MAX_DATA, Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, bad_args, failed
from tokay.kernel.tokenizer import unescape
from tokay.plugins.mail.address import Mailbox, check_line, split_recipients
from tokay.plugins.mail.variables import HOST, NAME_ADDRESS, PASSWORD, PORT, USERNAME, VARIABLES
from tokay.plugins.network import Interface, Network
from tokay.plugins.tls import TlsError

if TYPE_CHECKING:
    from aiosmtplib import SMTP

SEND_TIMEOUT = 240.0
"""Seconds that a whole mail may take, from the connection to the server's last word."""


@command("smtp_send", "smtp", "to subject size", data="size")
async def smtp_send(call: Call) -> None:
    """Send a mail to one address or a comma list of them; the text follows the line."""
    # The library and the mail package are imported when they are first needed.
    from tokay.plugins.mail import message, session  # noqa: PLC0415

    kernel, values = call.kernel, call.kernel.variables
    to, subject = split_recipients(call["to"]), _subject(call)
    size = call.number("size", 0, MAX_DATA)
    for variable in (HOST, NAME_ADDRESS):
        if not values[variable]:
            raise _told(kernel, f"{variable.name} is not set")
    text = await call.data(size)
    sender = Mailbox.split(values[NAME_ADDRESS])
    interface = await kernel.plugin(Network).need()

    def compose(eight_bit: bool) -> bytes:
        return message.compose(kernel.clock, sender, to, subject, text, eight_bit=eight_bit)

    login = session.Login(values[USERNAME], values[PASSWORD])
    try:
        async with asyncio.timeout(SEND_TIMEOUT), interface.while_up():
            client = await session.send(
                kernel, interface, values[HOST], values[PORT], login,
                session.Envelope(sender.address, to, compose),
            )  # fmt: skip
    except session.MailError as error:
        raise _told(kernel, str(error)) from error
    except TimeoutError as error:
        raise _told(kernel, "Mail timed out") from error
    except TlsError as error:  # the log has it already
        raise failed(str(error)) from error
    except OSError as error:
        raise _told(kernel, error.strerror or str(error)) from error
    kernel.plugin(Mail).leave(client)


def _subject(call: Call) -> str:
    try:
        subject = unescape(call["subject"])
    except ValueError as error:
        raise bad_args(str(error)) from None
    check_line(subject)
    return subject


def _told(kernel: Kernel, reason: str) -> CommandError:
    """Log why, and return the error that fails the command."""
    kernel.log.line(reason)
    return failed(reason)


class Mail(Plugin):
    """Mail by command."""

    name = "mail"
    variables = VARIABLES
    commands: ClassVar = (smtp_send,)
    after = ("network", "tls")

    __slots__ = ("_leaving",)

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin with no connection."""
        self._leaving: set[asyncio.Task[None]] = set()

    def leave(self, client: "SMTP") -> None:
        """Take leave of a server that has the mail: nobody waits for that."""
        from tokay.plugins.mail import session  # noqa: PLC0415 - imported by now

        def left(task: asyncio.Task[None]) -> None:
            self._leaving.discard(task)
            session.abort(client)

        task = asyncio.get_running_loop().create_task(session.leave(client))
        self._leaving.add(task)
        task.add_done_callback(left)

    async def stop(self) -> None:
        """Close what is open."""
        leaving = tuple(self._leaving)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    def network_down(self, interface: Interface) -> None:
        """Close what is open."""
        for task in tuple(self._leaving):
            task.cancel()


PLUGIN = Mail
