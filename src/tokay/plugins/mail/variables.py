"""Variables of mail."""

from typing import Any

from tokay.kernel.value_types import PortNumber, Text
from tokay.kernel.variables import Variable
from tokay.plugins.mail.address import Mailbox

NAME_ADDRESS = Variable(
    "email.name_address", "em n", Mailbox(), "",
    doc="Who mails come from: `local@domain` or `Name <local@domain>`.",
)  # fmt: skip
HOST = Variable(
    "email.smtp.host", "em s h", Text(1, 255), "",
    doc="The server that takes mails.",
)  # fmt: skip
PORT = Variable(
    "email.smtp.port", "em s p", PortNumber(), 587,
    doc="Its port: TLS from the first byte on 465, begun by STARTTLS on any other.",
)  # fmt: skip
USERNAME = Variable(
    "email.smtp.username", "em s u", Text(1, 255), "",
    doc="Who logs in to it; empty for nobody.",
)  # fmt: skip
PASSWORD = Variable(
    "email.smtp.password", "em s w", Text(1, 255, secret=True), "",
    doc="The password for that.",
)  # fmt: skip
VARIABLES: tuple[Variable[Any], ...] = (NAME_ADDRESS, HOST, PORT, USERNAME, PASSWORD)
