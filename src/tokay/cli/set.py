"""Set variables of a module."""

import argparse

from tokay.cli.module_command import Result, add_module_arguments, run
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay set`."""
    add_module_arguments(parser)
    parser.add_argument("settings", nargs="+", metavar="NAME=VALUE", help="wlan.ssid=lab")
    parser.add_argument("--save", action="store_true", help="keep them over a restart")


def main(arguments: argparse.Namespace) -> int:
    """Set each in turn; the first that is refused ends it."""
    return run(arguments, _set)


async def _set(module: Module, arguments: argparse.Namespace) -> Result:
    pairs = []
    for setting in arguments.settings:
        name, equals, value = setting.partition("=")
        if not (name and equals):
            message = f"{setting}: use NAME=VALUE"
            raise ValueError(message)
        pairs.append((name, value))
    for name, value in pairs:
        await module.set(name, value)
    if arguments.save:
        await module.save()
    return {"text": "", "set": [name for name, _ in pairs], "saved": arguments.save}
