"""Carry out commands on a module."""

import argparse
from pathlib import Path

from tokay.cli.module_command import Result, add_module_arguments, run
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay exec`."""
    add_module_arguments(parser)
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="'stream_list', each quoted")
    parser.add_argument("--data", type=Path, metavar="FILE", help="what follows the last line")


def main(arguments: argparse.Namespace) -> int:
    """Print each answer; the first failure ends it with status 1."""
    return run(arguments, _exec)


async def _exec(module: Module, arguments: argparse.Namespace) -> Result:
    data = arguments.data.read_bytes() if arguments.data is not None else b""
    answers = []
    for number, line in enumerate(arguments.commands, 1):
        last = number == len(arguments.commands)
        response = await module.command(line, data if last else b"")
        answers.append(response)
    return {
        "text": "\n".join(answer.text for answer in answers),
        "answers": [
            {"command": a.command, "code": a.code, "text": a.text, "log": list(a.log)}
            for a in answers
        ],
    }
