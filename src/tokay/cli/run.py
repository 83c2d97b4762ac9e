"""Start a device and run it until Ctrl-C.

Try at its prompt: set wlan.ssid tokay, set wlan.passkey tokay-lab, network_up, help commands.
"""

import argparse
from pathlib import Path
from typing import Any, get_args, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import fields

from tokay.cli.config_file import ConfigError, load
from tokay.cli.output import say
from tokay.options import OptionError, RunOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of ``RunOptions``, and the file that has them all."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="Take options from a TOML file, in which each is a key of its name; those of the "
        "command line go before. SIGHUP reads its [set] anew.",
    )
    hints = get_type_hints(RunOptions, include_extras=True)
    for field in fields(RunOptions):
        kind, meta = get_args(hints[field.name])
        assert isinstance(meta, Meta)  # noqa: S101 - the table says so
        option = f"--{field.encode_name}"
        if kind is bool:
            parser.add_argument(option, dest=field.name, action="store_true", help=meta.description)
            continue
        help_text = meta.description or ""
        if field.default is not NODEFAULT and field.default is not None:
            help_text += f" [default: {field.default}]"
        repeated = field.default_factory is not NODEFAULT
        parser.add_argument(
            option,
            dest=field.name,
            action="append" if repeated else "store",
            metavar=meta.title,
            default=argparse.SUPPRESS,
            help=help_text,
        )


def main(arguments: argparse.Namespace) -> int:
    """Run a device as asked; return the exit status."""
    given = dict(vars(arguments))
    path: Path | None = given.pop("config")
    try:
        if "settings" in given:
            given["settings"] = _settings(given["settings"])
        options = RunOptions(**_merged(path, given))
    except (OptionError, ConfigError) as error:
        say(str(error))
        return 2
    from tokay.cli.run_device import start  # noqa: PLC0415 - `--help` needs none of it

    return start(options, path)


def _merged(path: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a file and of the command line, which goes before.

    Raises ConfigError and OptionError.
    """
    # An option without a value that was not given is False, and leaves the file its own.
    said = {name: value for name, value in given.items() if value is not False}
    options = (load(path) if path is not None else {}) | said
    if path is not None and "settings" in said:
        options["settings"] = load(path).get("settings", {}) | said["settings"]
    return options


def _settings(words: list[str]) -> dict[str, str]:
    """Return the settings that `--set` was given. Raises OptionError."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            message = f"--set {word}: use VARIABLE=VALUE"
            raise OptionError(message)
        settings[name] = value
    return settings
