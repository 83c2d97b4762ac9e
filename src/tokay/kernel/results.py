"""What a command can end in: the result codes, their texts, and the error that carries one.

Source: docs/protocol/command-protocol.md, section 4.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class Result(IntEnum):
    """The digit in a response header."""

    SUCCESS = 0
    FAILED = 1
    PARSE_ERROR = 2
    UNKNOWN_COMMAND = 3
    TOO_FEW_ARGS = 4
    TOO_MANY_ARGS = 5
    UNKNOWN_OPTION = 6
    BAD_ARGS = 7
    BUFFER_OVERFLOW = 8
    BOUNDS_ERROR = 9


# Hosts compare `Success`, `Set OK`, `Command failed` and `Unknown command` to the letter.
TEXTS: dict[Result, str] = {
    Result.SUCCESS: "Success",
    Result.FAILED: "Command failed",
    Result.PARSE_ERROR: "Parse error",
    Result.UNKNOWN_COMMAND: "Unknown command",
    Result.TOO_FEW_ARGS: "Too few arguments",
    Result.TOO_MANY_ARGS: "Too many arguments",
    Result.UNKNOWN_OPTION: "Unknown option",
    Result.BAD_ARGS: "Invalid argument",
    Result.BUFFER_OVERFLOW: "Buffer overflow",
    Result.BOUNDS_ERROR: "Bounds error",
}

SUCCESS = TEXTS[Result.SUCCESS]
SET_OK = "Set OK"
UNKNOWN_VARIABLE = "Unknown variable"
READY = "Ready"
IN_PROGRESS = "In progress"


class CommandError(Exception):
    """A command that ends in another result than success.

    ``reason`` is for the log, never for the host: hosts get the text that belongs to the code.
    """

    def __init__(self, result: Result, reason: str = "", *, text: str = "") -> None:
        super().__init__(reason or TEXTS[result])
        self.result = result
        self.reason = reason
        self.text = text or TEXTS[result]


def bad_args(reason: str = "") -> CommandError:
    """Return the error for a value that its argument or variable does not take."""
    return CommandError(Result.BAD_ARGS, reason)


def failed(reason: str = "") -> CommandError:
    """Return the error for a command that was understood and could not be done."""
    return CommandError(Result.FAILED, reason)


class Response(NamedTuple):
    """What a command gave: result code, body without a final line end, and the log lines.

    ``silent``: a console prints nothing at all, as after `sleep`. ``prompt``: it prints one.
    """

    code: Result
    data: bytes
    log: Sequence[str] = ()
    silent: bool = False
    prompt: bool = True

    @property
    def text(self) -> str:
        """The body as text."""
        return self.data.decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code is Result.SUCCESS


class Listing(str):
    """A body that goes into a CMD stream when `system.cmd.buffered` is on."""

    __slots__ = ()


def lines(rows: list[str]) -> Listing:
    """Join rows into one body."""
    return Listing("\r\n".join(rows))
