"""Writes docs/reference.md: every command and variable, from their own declarations.

python docs/generate.py
"""

from pathlib import Path

from tokay.device import built_in
from tokay.kernel import profile
from tokay.kernel.commands import Command
from tokay.kernel.kernel import tables
from tokay.kernel.variables import Variable
from tokay.plugins.tls import errors
from tokay.plugins.tls.ciphers import CIPHERS, SUITES_OF_13, VERSIONS
from tokay.plugins.wlan.join import TRANSITIONS, JoinStep
from tokay.protocols.tls import HandshakeMessage

PROFILES = ("gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2")
FOLDER = Path(__file__).parent
HEAD = """\
# Commands and variables

Made by `make reference` from the declarations. The columns 4, 2, z and w tell which profiles have
it: gecko-os-4, gecko-os-2, zentrios-3, wiconnect-2.
"""


JOIN_HEAD = """\
# Joining a network

Made by `make reference` from the table in `src/tokay/plugins/wlan/join.py`. The steps are those of
the manual.

```mermaid
stateDiagram-v2
    [*] --> COUNT
"""
STEPS = {
    JoinStep.COUNT: "1 attempts left?",
    JoinStep.RECALL: "2 joined before?",
    JoinStep.PROBE: "3 probe",
    JoinStep.ASSOCIATE: "4 associate",
    JoinStep.ADDRESS: "5 address",
    JoinStep.FAILED: "6 failed: auto-join goes on?",
    JoinStep.DONE: "7 done",
}


def pages() -> dict[str, str]:
    """Return every page by its name."""
    return {"reference.md": reference(), "join.md": join(), "tls.md": tls()}


def join() -> str:
    """Return the page with the diagram of the join procedure."""
    rows = [f"    {step.name}: {text}" for step, text in STEPS.items()]
    for (step, outcome), after in TRANSITIONS.items():
        target = "[*]" if after is JoinStep.END else after.name
        rows.append(f"    {step.name} --> {target}: {outcome.name.lower()}")
    return JOIN_HEAD + "\n".join(rows) + "\n```\n"


def tls() -> str:
    """Return the page of TLS with its tables made anew: the rest of it is written by hand."""
    page = (FOLDER / "tls.md").read_text("utf-8")
    for name, rows in (("ciphers", _ciphers()), ("states", _states()), ("failures", _failures())):
        head, _, rest = page.partition(f"<!-- made by `make reference`: {name} -->")
        tail = rest.partition("<!-- end -->")[2]
        table = "\n".join(rows)
        page = f"{head}<!-- made by `make reference`: {name} -->\n{table}\n<!-- end -->{tail}"
    return page


def _ciphers() -> list[str]:
    profiles = [profile.load(name) for name in PROFILES]
    rows = ["| suite | key exchange | encryption | hash | since | 4 | 2 | z | w |"]
    rows.append("| --- " * 9 + "|")
    for one in CIPHERS:
        everywhere = one.least == SUITES_OF_13
        here = [everywhere or one.name in each.tls_ciphers for each in profiles]
        marks = " | ".join("x" if mark else " " for mark in here)
        rows.append(
            f"| `{one.name}` | {one.exchange} | {one.encryption} | {one.hash} "
            f"| {VERSIONS[one.least]} | {marks} |"
        )
    floors = " | ".join(VERSIONS[each.tls_floor] for each in profiles)
    return [*rows, f"| floor | | | | | {floors} |"]


def _states() -> list[str]:
    return [", ".join(f"{state:d} {state.name}" for state in HandshakeMessage) + "."]


def _failures() -> list[str]:
    rows = ["| failure | code | internal | state |", "| --- | --- | --- | --- |"]
    for name, one in vars(errors).items():
        if isinstance(one, errors.Failure):
            text = name.lower().replace("_", " ")
            at = "" if one.at is None else f"{one.at:d}, at a server {one.of_server:d}"
            rows.append(f"| {text} | {one.code} | `-0x{one.internal:04X}` | {at} |")
    return rows


def reference() -> str:
    """Return the page of commands and variables."""
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
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
