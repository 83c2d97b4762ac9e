"""Write settings and files of a module to a file."""

import argparse
import json
import os
from pathlib import Path

from tokay.cli.module_command import Result, add_module_arguments, run
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay backup`."""
    add_module_arguments(parser)
    parser.add_argument("file", type=Path)
    parser.add_argument("--secrets", action="store_true", help="passwords and keys, too")
    parser.add_argument("--no-files", action="store_true", help="settings only")


def main(arguments: argparse.Namespace) -> int:
    """Write the backup; a file of that name is replaced once all is there."""
    return run(arguments, _backup)


async def _backup(module: Module, arguments: argparse.Namespace) -> Result:
    made = await module.settings.backup(files=not arguments.no_files, secrets=arguments.secrets)
    new = arguments.file.with_name(arguments.file.name + ".new")
    # Secrets are nobody else's.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(made, file, indent=1)
        file.write("\n")
    new.replace(arguments.file)
    settings, files = len(made["settings"]), len(made["files"])
    text = f"{arguments.file}: {settings} settings, {files} files"
    return {"text": text, "settings": settings, "files": files}
