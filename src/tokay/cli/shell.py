"""A terminal on a module: history, completion, files as data.

> get wlan.mac
> file_create index.html @page.html      the size and the bytes are those of the file
> !quit                                  or Ctrl-D
"""

import argparse
import contextlib
import sys
from pathlib import Path

from tokay.cli.module_command import NOT_ASKED, add_module_arguments
from tokay.cli.output import say
from tokay.host.errors import Disconnected, ModuleError
from tokay.host.response import Event
from tokay.host.sync import Module

HISTORY = Path.home() / ".local" / "state" / "tokay" / "shell_history"
RED, GREY, PLAIN = "\x1b[31m", "\x1b[90m", "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay shell`."""
    add_module_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Read lines until the end, and print what the module answers."""
    try:
        with Module.open(arguments.url, timeout=arguments.timeout) as module:
            return Shell(module, as_json=arguments.json).run()
    except ModuleError as error:
        say(str(error))
        return NOT_ASKED


class Shell:
    """The dialogue. Colours only where there is a terminal."""

    def __init__(self, module: Module, *, as_json: bool = False) -> None:
        self._module = module
        self._json = as_json
        self._colours = sys.stdout.isatty()
        self._words: list[str] = []
        module.on("", self._heard)

    def run(self) -> int:
        """Read lines until `!quit` or the end of the input."""
        interactive = sys.stdin.isatty()
        if interactive:
            self._prepare()
        status = 0
        while True:
            try:
                line = input("> " if interactive else "").strip()
            except EOFError:
                return 0 if interactive else status
            except KeyboardInterrupt:
                print()
                continue
            if line == "!quit":
                return 0
            if line:
                try:
                    status = max(status, self._do(line))
                except KeyboardInterrupt:
                    print("interrupted")
                except Disconnected as error:
                    say(str(error))
                    return NOT_ASKED

    def _do(self, line: str) -> int:
        """Carry out a line; return its exit status."""
        try:
            text, data = self._with_file(line)
            response = self._module.ask(text, data)
        except Disconnected:
            raise
        except (ModuleError, OSError, ValueError) as error:
            say(str(error))
            return NOT_ASKED
        if self._json:
            import json  # noqa: PLC0415 - for this alone

            print(json.dumps({"code": response.code, "text": response.text}))
        elif response.ok:
            print(response.text)
        else:
            print(self._coloured(f"{response.text} [{response.code}]", RED))
        return 0 if response.ok else 1

    def _with_file(self, line: str) -> tuple[str, bytes]:
        """Return a line and its data: ` @file` at its end is a size and that file."""
        head, at, path = line.rpartition(" @")
        if not at or not path:
            return line, b""
        data = Path(path).expanduser().read_bytes()
        return f"{head} {len(data)}", data

    def _heard(self, event: Event) -> None:
        if not self._json:
            print(self._coloured(event.text, GREY))

    def _coloured(self, text: str, colour: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colours else text

    def _prepare(self) -> None:
        """Set up history and completion from the module's own help."""
        import atexit  # noqa: PLC0415 - for a terminal alone
        import readline  # noqa: PLC0415 - for a terminal alone

        with contextlib.suppress(ModuleError):
            self._words = command_names(self._module.listing("help commands"))
            self._words += variable_names(self._module.listing("help variables"))
        with contextlib.suppress(OSError):
            HISTORY.parent.mkdir(parents=True, exist_ok=True)
            readline.read_history_file(HISTORY)
        atexit.register(_write_history)
        readline.set_completer_delims(" ")
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")

    def _complete(self, text: str, number: int) -> str | None:
        found = [word for word in self._words if word.startswith(text)]
        return found[number] if number < len(found) else None


def command_names(rows: list[str]) -> list[str]:
    """Return the commands of `help commands`: `name : shortcut`."""
    return [row.partition(":")[0].strip() for row in rows if ":" in row]


def variable_names(rows: list[str]) -> list[str]:
    """Return the variables of `help variables`: the word of each row that has a dot."""
    return [word for row in rows for word in row.split()[:2] if "." in word]


def _write_history() -> None:
    import readline  # noqa: PLC0415 - for a terminal alone

    with contextlib.suppress(OSError):
        readline.write_history_file(HISTORY)
