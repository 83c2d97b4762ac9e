"""Print variables of a module."""

import argparse

from tokay.cli.module_command import Result, add_module_arguments, run
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay get`."""
    add_module_arguments(parser)
    parser.add_argument("names", nargs="+", metavar="NAME", help="wlan.mac, or 'uart.baud 0'")


def main(arguments: argparse.Namespace) -> int:
    """Print one value, or a line `name: value` for each of several."""
    return run(arguments, _get)


async def _get(module: Module, arguments: argparse.Namespace) -> Result:
    values = {name: await module.get(name) for name in arguments.names}
    text = "\n".join(
        value if len(values) == 1 else f"{name}: {value}" for name, value in values.items()
    )
    return {"text": text, "values": values}
