"""Writes docs/reference.md: every command and variable, from their own declarations.

python docs/generate.py
"""

from pathlib import Path

from tokay.device import built_in
from tokay.kernel import profile
from tokay.kernel.commands import Command
from tokay.kernel.kernel import tables
from tokay.kernel.variables import Variable

PROFILES = ("gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2")
PAGE = Path(__file__).parent / "reference.md"
HEAD = """\
# Commands and variables

Made by `make reference` from the declarations. The columns 4, 2, z and w tell which profiles have
it: gecko-os-4, gecko-os-2, zentrios-3, wiconnect-2.
"""


def page() -> str:
    """Return the whole page."""
    declared = [tables(profile.load(name), tuple(built_in())) for name in PROFILES]
    commands = {one.name: one for _, table in reversed(declared) for one in table.sorted}
    variables = {one.name: one for table, _ in reversed(declared) for one in table.sorted}
    rows = [HEAD, "## Commands", "", "| command | shortcut | 4 | 2 | z | w | |"]
    rows.append("| --- " * 7 + "|")
    for name, command in sorted(commands.items()):
        here = [name in table.by_name for _, table in declared]
        rows.append(_row(_usage(command), command.shortcut, here, command.doc.split("\n")[0]))
    rows += [
        "",
        "## Variables",
        "",
        "| variable | shortcut | 4 | 2 | z | w | |",
        "| --- " * 7 + "|",
    ]
    for name, variable in sorted(variables.items()):
        here = [name in table.by_name for table, _ in declared]
        rows.append(_row(f"`{name}`", " ".join(variable.shortcut), here, _describe(variable)))
    return "\n".join(rows) + "\n"


def _usage(command: Command) -> str:
    return f"`{f'{command.name} {command.usage.text}'.rstrip()}`"


def _describe(variable: Variable[object]) -> str:
    text = variable.doc
    if variable.kind is not None and variable.kind.hint:
        text += f" {variable.kind.hint}.".replace("|", "\\|")
    return text


def _row(name: str, shortcut: str, here: list[bool], text: str) -> str:
    marks = " | ".join("x" if one else " " for one in here)
    return f"| {name} | `{shortcut}` | {marks} | {text} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
