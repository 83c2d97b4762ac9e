"""Bring settings and files of a backup back to a module."""

import argparse
import json
from pathlib import Path

from tokay.cli.module_command import REFUSED, Result, add_module_arguments, run
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay restore`."""
    add_module_arguments(parser)
    parser.add_argument("file", type=Path)


def main(arguments: argparse.Namespace) -> int:
    """Set and write what differs, and save; status 1 when the module refused some of it."""
    return run(arguments, _restore)


async def _restore(module: Module, arguments: argparse.Namespace) -> Result:
    backup = json.loads(arguments.file.read_bytes())
    if not isinstance(backup, dict):
        message = f"{arguments.file} is no backup of a module"
        raise ValueError(message)
    changed: list[str] = []
    refused = await module.settings.restore(backup, note=changed.append)
    text = f"{len(changed) - len(refused)} restored"
    if refused:
        text += f"; refused: {', '.join(refused)}"
    return {"text": text, "status": REFUSED if refused else 0, "refused": refused}
