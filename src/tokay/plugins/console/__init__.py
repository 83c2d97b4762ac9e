"""How the console speaks, and what it says of itself: format, prompt, notices, help.

Source: docs/protocol/command-protocol.md, sections 3, 11 and 16.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from tokay.kernel import system_variables
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Listing, Result, bad_args, lines
from tokay.kernel.variables import Variable, computed

# What `system.cmd.format` sets, all at once.
FORMATS: dict[str, tuple[tuple[Variable[Any], Any], ...]] = {
    "human": (
        (system_variables.ECHO, True),
        (system_variables.HEADERS, False),
        (system_variables.PROMPT, True),
        (system_variables.PRINT_LEVEL, "all"),
    ),
    "machine": (
        (system_variables.ECHO, False),
        (system_variables.HEADERS, True),
        (system_variables.PROMPT, False),
        (system_variables.PRINT_LEVEL, "0"),
    ),
}


def _set_format(kernel: Kernel, words: Sequence[str]) -> None:
    if words[0] not in FORMATS:
        raise bad_args(f"{words[0]} is not one of {', '.join(FORMATS)}")
    for variable, value in FORMATS[words[0]]:
        kernel.variables[variable] = value


FORMAT = computed(
    "system.cmd.format", "sy c f", setter=_set_format, safe_mode=True,
    doc="Set echo, headers, prompt and print level at once: human or machine.",
)  # fmt: skip
MODE = computed(
    "system.cmd.mode", "sy c m", setter=_set_format, safe_mode=True,
    doc="The older name of system.cmd.format.",
)  # fmt: skip

OVERVIEW = (
    "help commands   every command and its shortcut",
    "help variables  every variable",
    "help all        both",
    "help <name>     one command or variable",
)


@command("help", "help", "[topic...]")
def help_(call: Call) -> Listing:
    """Print an overview, `commands`, `variables`, `all`, or the help of one name."""
    return _help(call)


@command("?", "?", "[topic...]", safe_mode=True)
def question_mark(call: Call) -> Listing:
    """Print help; in safe mode what works there."""
    return _help(call)


def _help(call: Call) -> Listing:
    match call.rest or [call.get("topic")]:
        case [""]:
            return lines(list(OVERVIEW))
        case ["commands"]:
            return lines(_commands(call.kernel))
        case ["variables"]:
            return lines(_variables(call.kernel))
        case ["all"]:
            return lines(_commands(call.kernel) + _variables(call.kernel))
        case words:
            return lines(_one(call.kernel, words))


def _commands(kernel: Kernel) -> list[str]:
    # Clients split each line at its one colon and compare both halves.
    return [f"{one.name} : {one.shortcut}" for one in kernel.commands.sorted
            if one.safe_mode or not kernel.safe_mode]  # fmt: skip


def _variables(kernel: Kernel) -> list[str]:
    # Clients take the second word of a line; the shortcut is therefore the last.
    return [
        f"  {number:3} {variable.name} {' '.join(variable.shortcut)}".rstrip()
        for number, variable in enumerate(kernel.variables.table.sorted)
    ]


def _one(kernel: Kernel, words: Sequence[str]) -> list[str]:
    found = kernel.commands.find(words[0])
    if found is not None and len(words) == 1:
        usage = f"{found.name} {found.usage.text}".rstrip()
        return [usage, f"shortcut {found.shortcut}", *found.doc.splitlines()]
    named = kernel.variables.table.find(words)
    if named is not None and not named.rest:
        return _describe(named.variable)
    group = kernel.variables.table.group(words)
    if not group:
        raise CommandError(Result.UNKNOWN_OPTION, f"nothing is called {' '.join(words)}")
    return [f"{variable.name}  {' '.join(variable.shortcut)}".rstrip() for variable in group]


def _describe(variable: Variable[Any]) -> list[str]:
    index = f" <{variable.index.hint}>" if variable.index is not None else ""
    rows = [f"{variable.name}{index}", f"shortcut {' '.join(variable.shortcut)}".rstrip()]
    if variable.kind is not None and variable.kind.hint:
        rows.append(f"values {variable.kind.hint}")
        if not variable.kind.secret and variable.index is None:
            rows.append(f"default {variable.kind.show(variable.default)}".rstrip())
    return [*rows, f"takes effect {variable.applies.value}", variable.doc]


@command("exit", "exit", safe_mode=True)
def exit_(call: Call) -> None:
    """Leave command mode for stream mode, or a remote terminal."""
    call.after.append(call.leave)


class ConsolePlugin(Plugin):
    """What is said on every console."""

    name = "console"
    variables = (
        system_variables.ECHO,
        system_variables.HEADERS,
        system_variables.PROMPT,
        system_variables.PRINT_LEVEL,
        system_variables.TIMESTAMP,
        system_variables.BUFFERED,
        system_variables.MESSAGE,
        FORMAT,
        MODE,
    )
    commands: ClassVar = (help_, question_mark, exit_)
    safe_mode = True


PLUGIN = ConsolePlugin
