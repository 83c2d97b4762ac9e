"""Start a device and run it until Ctrl-C.

Try at its prompt: set wlan.ssid tokay, set wlan.passkey tokay-lab, network_up, help commands.
"""

import argparse
from typing import get_args, get_type_hints

from msgspec import NODEFAULT, Meta
from msgspec.structs import fields

from tokay.cli.output import say
from tokay.options import OptionError, RunOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of ``RunOptions``."""
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
    try:
        if "settings" in given:
            given["settings"] = _settings(given["settings"])
        options = RunOptions(**given)
    except OptionError as error:
        say(str(error))
        return 2
    from tokay.cli.run_device import start  # noqa: PLC0415 - `--help` needs none of it

    return start(options)


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
