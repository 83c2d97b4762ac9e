"""Commands: what a device can be told to do, declared beside the service that does it.

A handler takes a ``Call`` and returns text, bytes, or None for `Success`. It raises CommandError,
and knows nothing of headers, prompts, echo or JSON: the front ends decorate. A handler that waits
for nothing is a plain function and is answered in the same turn of the loop.

Sources: docs/protocol/commands.md, section 1; ARCHITECTURE.md, "Control and data flow".
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tokay.kernel.argument_grammar import Usage
from tokay.kernel.log import Level
from tokay.kernel.results import CommandError, Result, bad_args, failed
from tokay.kernel.value_types import integer

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

DATA_TIMEOUT = 10.0
"""Seconds that the bytes behind a command line may stay away, from one to the next."""
BURST_TIMEOUT = 0.1
"""Seconds to wait for bytes that a host may have sent behind a line that failed."""
ANSWER_TIMEOUT = 60.0
"""Seconds that a person may think, from one key to the next."""
LONGEST_ANSWER = 255
DEFAULT_LIMIT = 300.0
"""Seconds that a command may take."""
PIECE = 1 << 14
"""Bytes of data that are taken at once."""
REBOOTING = "Rebooting"
MAX_DATA = 1 << 16
"""Bytes that one call holds in memory."""

Answer = str | bytes | None
Handler = Callable[["Call"], Answer | Coroutine[Any, Any, Answer]]
"""Answers at once, or returns the coroutine that will."""


class DataSource(Protocol):
    """Where a command came from, as far as its handler may care."""

    name: str

    async def read(self, size: int, timeout: float, *, echo: bool = True) -> bytes:
        """Return ``size`` bytes, or fewer when ``timeout`` seconds pass without one."""

    def say(self, text: str) -> None:
        """Ask a person something, if there is one."""

    def finish(self) -> None:
        """Called when the data of a command is complete."""

    def leave(self) -> None:
        """Carry out `exit`."""


class DataBuffer:
    """A source whose data came along with the command: REST, WebSocket, Python."""

    __slots__ = ("_data", "name")

    def __init__(self, data: bytes = b"", name: str = "python") -> None:
        self._data, self.name = data, name

    def say(self, text: str) -> None:
        """Nobody is there to be asked."""

    async def read(self, size: int, timeout: float, *, echo: bool = True) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data

    def finish(self) -> None:
        """Nothing to end."""

    def leave(self) -> None:
        """Nothing to leave."""


def _may_wait(handler: Handler) -> bool:
    # One that waits at times only says so by its result.
    declared = getattr(handler, "__annotations__", {}).get("return", "")
    return inspect.iscoroutinefunction(handler) or "Coroutine" in str(declared)


class Command:
    """A declared command."""

    __slots__ = (
        "data",
        "doc",
        "handler",
        "limit",
        "name",
        "safe_mode",
        "shortcut",
        "usage",
        "waits",
    )

    def __init__(
        self,
        name: str,
        shortcut: str,
        usage: str,
        handler: Handler,
        *,
        data: str = "",
        limit: float = DEFAULT_LIMIT,
        safe_mode: bool = False,
    ) -> None:
        self.name = name
        self.shortcut = shortcut or name
        self.usage = Usage(usage)
        self.handler = handler
        self.data = data
        self.limit = limit
        self.safe_mode = safe_mode
        self.doc = inspect.getdoc(handler) or ""
        self.waits = _may_wait(handler)
        """Whether it may answer later than in the turn in which it is called."""

    def with_usage(self, usage: str) -> "Command":
        """Return the same command with another grammar."""
        return Command(
            self.name, self.shortcut, usage, self.handler,
            data=self.data, limit=self.limit, safe_mode=self.safe_mode,
        )  # fmt: skip


def command(
    name: str,
    shortcut: str = "",
    usage: str = "",
    *,
    data: str = "",
    limit: float = DEFAULT_LIMIT,
    safe_mode: bool = False,
) -> Callable[[Handler], Command]:
    """Declare the handler below as a command; its docstring is the help.

    ``data`` names the argument that counts the bytes which follow the line. ``limit``: seconds
    after which the command is given up.
    """
    return lambda handler: Command(
        name, shortcut, usage, handler, data=data, limit=limit, safe_mode=safe_mode
    )


class Call:
    """One execution of a command."""

    __slots__ = (
        "_source",
        "_taken",
        "after",
        "command",
        "kernel",
        "prompt",
        "rest",
        "silent",
        "values",
    )

    def __init__(
        self, kernel: "Kernel", command: Command, words: Sequence[str], source: DataSource
    ) -> None:
        self.kernel = kernel
        self.command = command
        self.values, self.rest = command.usage.bind(words)
        self._source = source
        self._taken = False
        self.after: list[Callable[[], None]] = []
        """What is done once the response is out."""
        self.silent = False
        """Whether a console gets no reply."""
        self.prompt = True
        """Whether a prompt follows the reply: not in front of a restart."""

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        """Return an argument that may be missing."""
        return self.values.get(name, default)

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a numeric argument within ``low``-``high``; code 7 outside."""
        word = self.values.get(name)
        if word is None:
            if default is None:
                raise CommandError(Result.TOO_FEW_ARGS, f"{name} is missing")
            return default
        return integer(word, low, high)

    def check_mac(self, name: str) -> None:
        """Raise CommandError unless an argument is the device's own MAC: a guard."""
        if self.values[name].replace(":", "").upper() != self.kernel.mac.replace(":", ""):
            raise bad_args("that is not the MAC of this device")

    async def data(self, size: int) -> bytes:
        """Return the ``size`` bytes that follow the line. Fails when they do not come."""
        return b"".join([piece async for piece in self.pieces(size)])

    async def pieces(self, size: int) -> AsyncIterator[bytes]:
        """Yield the ``size`` bytes that follow the line as they come. Raises CommandError."""
        self._taken = True
        left = size
        while left:
            piece = await self._source.read(min(left, PIECE), DATA_TIMEOUT)
            left -= len(piece)
            yield piece
            if len(piece) < PIECE and left:
                raise failed(f"{size - left} of {size} bytes came")
        self._source.finish()

    def without_data(self) -> None:
        """Say that no bytes follow this line, though the command has an argument that counts."""
        self._taken = True

    async def line(self, question: str, *, secret: bool = False) -> str:
        """Ask a person, and return the line that comes back. Fails when none does."""
        self._source.say(question)
        typed = bytearray()
        while True:
            byte = await self._source.read(1, ANSWER_TIMEOUT, echo=not secret)
            if not byte:
                raise failed("no answer")
            if byte in b"\r\n":
                if typed or byte == b"\r":
                    break
            elif byte in b"\x08\x7f":
                del typed[-1:]
            elif len(typed) < LONGEST_ANSWER:
                typed += byte
        self._source.finish()
        return typed.decode("latin-1")

    async def skip_data(self) -> None:
        """Drop what a host has sent in one burst with a line that then failed.

        Without this the payload would be taken for commands. A host that waits for the reply
        sends nothing here and loses a tenth of a second.
        """
        if self._taken or not self.command.data:
            return
        try:
            size = self.number(self.command.data, 0, MAX_DATA, 0)
        except CommandError:
            return
        await self._source.read(size, BURST_TIMEOUT)

    def log(self, text: str, level: Level = Level.INFO) -> None:
        """Write a log line."""
        self.kernel.log.line(text, level)

    def reboot(self) -> str:
        """Restart the device once the response is out; return what the response says."""
        self.prompt = False
        self.after.append(self.kernel.control.reboot)
        return REBOOTING

    def leave(self) -> None:
        """Carry out `exit` at the front end that the command came from."""
        self._source.leave()


class CommandTable:
    """Every command of one profile, by name, shortcut and alias."""

    def __init__(self, commands: Iterable[Command], aliases: Mapping[str, str]) -> None:
        self.sorted = sorted(commands, key=lambda one: one.name)
        self.by_name = {one.name: one for one in self.sorted}
        self._by_word = {one.shortcut: one for one in self.sorted} | self.by_name
        for alias, name in aliases.items():
            if name in self.by_name:
                self._by_word.setdefault(alias, self.by_name[name])

    def find(self, word: str) -> Command | None:
        """Return the command of that name, shortcut or alias."""
        return self._by_word.get(word)
