"""The variables that the kernel itself goes by; the plugins that document them list them.

Sources: docs/protocol/command-protocol.md, sections 3, 5, 6 and 11; docs/protocol/variables.md,
sections 1 to 5.
"""

from typing import TYPE_CHECKING

from tokay.kernel.results import bad_args
from tokay.kernel.value_types import Boolean, Choice, Integer, Text
from tokay.kernel.variables import Applies, Index, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokay.kernel.kernel import Kernel

# The notices and their templates. @t stands for the time stamp, @h for a stream's handle, @s for
# a text such as a network or a target.
NOTICES = {
    "initialized": "[Ready]",
    "sleep": "[@tSleep]",
    "stream_closed": "[@tClosed: @h]",
    "stream_failed": "[@tOpen failed]",
    "stream_opened": "[@tOpened: @h]",
    "stream_opening": "[@tOpening: @s]",
    "wlan_joined": "[Associated]",
    "wlan_joining": "[Associating to @s]",
    "wlan_leave": "[Disassociated]",
}


class NoticeIndex(Index):
    """The name of a notice."""

    hint = "event"

    def key(self, word: str, kernel: "Kernel") -> str:
        if word not in NOTICES:
            raise bad_args(f"{word} is not one of {', '.join(NOTICES)}")
        return word

    def keys(self, kernel: "Kernel") -> "Iterable[str]":
        return NOTICES


ECHO = Variable(
    "system.cmd.echo", "sy c e", Boolean(), True, safe_mode=True, backup=True,
    doc="Echo what arrives on the console.",
)  # fmt: skip
HEADERS = Variable(
    "system.cmd.header_enabled", "sy c h", Boolean(), False, safe_mode=True, backup=True,
    doc="Put a header before each response and log line.",
)  # fmt: skip
PROMPT = Variable(
    "system.cmd.prompt_enabled", "sy c p", Boolean(), True, safe_mode=True, backup=True,
    doc="Print the prompt.",
)  # fmt: skip
PRINT_LEVEL = Variable(
    "system.print_level", "sy p", Choice("0", "1", "2", "3", "4", "all", also={"5": "all"}), "all",
    safe_mode=True, backup=True,
    doc="How much of the log is shown: 0 nothing, 1 alerts, 2 notices, 3 steps, 4 and all.",
)  # fmt: skip
TIMESTAMP = Variable(
    "system.cmd.timestamp", "sy c t", Boolean(also_off="none"), True,
    doc="Put the time into notices.",
)  # fmt: skip
BUFFERED = Variable(
    "system.cmd.buffered", "sy c b", Boolean(), False, safe_mode=True, backup=True,
    doc="Give long listings as a CMD stream: the response is its handle and size.",
)  # fmt: skip
MESSAGE = Variable(
    "system.msg", "sy o", Text(0, 63), "", index=NoticeIndex(), defaults=NOTICES,
    doc="The text of a notice: @t is the time stamp, @h a stream's handle, @s a name.",
)  # fmt: skip
AUTO_CLOSE = Variable(
    "stream.auto_close", "st a", Boolean(), True,
    doc="Free the handle of a stream that its peer closed once all is read.",
)  # fmt: skip
RX_BUFFER = Variable(
    "bus.command.rx_bufsize", "bu c r", Integer(256, 10000, unit="bytes"), 4096,
    applies=Applies.REBOOT, doc="Receive buffer of the console; a longer line overflows.",
)  # fmt: skip
READ_TIMEOUT = Variable(
    "bus.command.read_timeout", "bu c t", Integer(0, 65535, unit="ms"), 100,
    doc="How long stream_read waits for the bytes it asked for.",
)  # fmt: skip
WRITE_CHECK = Variable(
    "bus.command.write_check_enabled", "bu c c", Boolean(), False,
    doc="Let stream_write look for room before it takes data: code 9 when there is none.",
)  # fmt: skip
WRITE_TIMEOUT = Variable(
    "bus.command.write_timeout", "bu c w", Integer(0, 65535, unit="ms"), 5000,
    doc="How long stream_write waits for room in the stream.",
)  # fmt: skip
