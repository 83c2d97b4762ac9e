"""The `tokay` command.

Each sub-command is a module of its own, imported when it is called, with two functions:
``add_arguments(parser)`` and ``main(arguments) -> int``, which returns the exit status.
"""

import sys
from typing import NamedTuple

USAGE_ERROR = 2
"""Exit status for a command line that cannot be understood."""


class SubCommand(NamedTuple):
    """One line of the table of sub-commands."""

    name: str
    module: str
    help: str
    group: str


SUB_COMMANDS = (
    SubCommand("run", "tokay.cli.run", "Start a device and run it until Ctrl-C.", "Devices"),
    SubCommand("check", "tokay.cli.check", "Check a file for `run --config`.", "Devices"),
    SubCommand("doctor", "tokay.cli.doctor", "List what this machine has for a device.", "Devices"),
    SubCommand("fleet", "tokay.cli.fleet", "Run many devices from a scenario.", "Devices"),
    SubCommand("scan", "tokay.cli.scan", "List modules on ports and the network.", "Modules"),
    SubCommand("shell", "tokay.cli.shell", "Type commands to a module.", "Modules"),
    SubCommand("get", "tokay.cli.get", "Print variables of a module.", "Modules"),
    SubCommand("set", "tokay.cli.set", "Set variables of a module.", "Modules"),
    SubCommand("exec", "tokay.cli.exec", "Carry out commands on a module.", "Modules"),
    SubCommand("files", "tokay.cli.files", "List, fetch and store files of a module.", "Modules"),
    SubCommand("backup", "tokay.cli.backup", "Save settings and files of a module.", "Modules"),
    SubCommand("restore", "tokay.cli.restore", "Bring a backup back to a module.", "Modules"),
    SubCommand("flash", "tokay.cli.flash", "Update a module from a bundle.", "Modules"),
    SubCommand("tap", "tokay.cli.tap", "Record what a host and a module say.", "Modules"),
    SubCommand("shadow", "tokay.cli.shadow", "Play a recording to a device.", "Modules"),
)

START = """\
A Gecko OS device in software. Five things to begin with:

  tokay run                                    a device at a prompt: type `help commands`
  tokay run --serial pty:/tmp/module           a serial port for firmware, with no hardware
  tokay run --exec "get wlan.mac"              run a command, print its response and end
  tokay run --set wlan.ssid=tokay --set wlan.passkey=tokay-lab --exec network_up
                                               join a simulated Wi-Fi network
  tokay run --set wlan.ssid=tokay --set wlan.passkey=tokay-lab \\
      --set wlan.auto_join.enabled=1 --set http.server.enabled=1
                                               a device with web pages: open the address it logs

`tokay --help` lists the sub-commands, `tokay run --help` the options of one.
"""


def main() -> None:
    """Run the command line; exit with its status. Raises SystemExit."""
    arguments = sys.argv[1:]
    if not arguments:
        sys.stdout.write(START)
    elif arguments[0] in ("-h", "--help"):
        sys.stdout.write(_overview())
    elif arguments[0] == "--version":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and for this alone

        sys.stdout.write(f"tokay {version('tokay')}\n")
    else:
        sys.exit(_call(arguments[0], arguments[1:]))
    sys.exit(0)


def _call(name: str, arguments: list[str]) -> int:
    """Import a sub-command and run it; return the exit status."""
    entry = next((entry for entry in SUB_COMMANDS if entry.name == name), None)
    if entry is None:
        sys.stderr.write(f"tokay: {_unknown(name)}\n")
        return USAGE_ERROR
    from importlib import import_module  # noqa: PLC0415 - so that `import tokay.cli` costs nothing

    from tokay.cli.parser import Parser  # noqa: PLC0415 - as above

    module = import_module(entry.module)
    parser = Parser(prog=f"tokay {name}", description=module.__doc__)
    module.add_arguments(parser)
    status: int = module.main(parser.parse(arguments))
    return status


def _unknown(name: str) -> str:
    """Say that there is no such sub-command, and which one may have been meant."""
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

    known = [entry.name for entry in SUB_COMMANDS]
    if name.startswith("-"):
        return f"No such option: {name}; `tokay --help` lists the sub-commands"
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `tokay {near[0]}`?" if near else f"there is {', '.join(known)}"
    return f"no sub-command {name}: {hint}"


def _overview() -> str:
    """Return the sub-commands by group."""
    lines = ["usage: tokay [--help] [--version] COMMAND ...", ""]
    for group in dict.fromkeys(entry.group for entry in SUB_COMMANDS):
        lines.append(f"{group}:")
        lines += [f"  {e.name:<12} {e.help}" for e in SUB_COMMANDS if e.group == group]
        lines.append("")
    lines.append("`tokay COMMAND --help` lists the options of a sub-command.")
    return "\n".join(lines) + "\n"
