"""List, fetch, store, remove and sync files of a module."""

import argparse
from pathlib import Path
from typing import Any

from tokay.cli.module_command import Result, add_module_arguments, run, show_progress
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay files`."""
    add_module_arguments(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "ls", "list the files")
    get = _add(actions, "get", "fetch a file")
    get.add_argument("name")
    get.add_argument("local", nargs="?", help="where to; - is standard output")
    put = _add(actions, "put", "store a file; one of that name is replaced")
    put.add_argument("local", type=Path)
    put.add_argument("name", nargs="?")
    put.add_argument("--unprotected", action="store_true", help="served without a login")
    remove = _add(actions, "rm", "delete files")
    remove.add_argument("names", nargs="+", metavar="NAME")
    sync = _add(actions, "sync", "make the module's files those of a folder")
    sync.add_argument("folder", type=Path)
    sync.add_argument("--prefix", default="", help="what the names begin with")
    sync.add_argument("--delete", action="store_true", help="remove what the folder has not")
    sync.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _add(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Do one of the actions."""
    actions = {"ls": _ls, "get": _get, "put": _put, "rm": _rm, "sync": _sync}
    return run(arguments, actions[arguments.action])


async def _ls(module: Module, _arguments: argparse.Namespace) -> Result:
    files = await module.files.list()
    text = "\n".join(f"{one.size:>9}  {one.version:<10} {one.name}" for one in files)
    return {"text": text, "files": [one._asdict() for one in files]}


async def _get(module: Module, arguments: argparse.Namespace) -> Result:
    data = await module.files.read(arguments.name, progress=show_progress)
    if arguments.local == "-":
        return {"data": data, "size": len(data)}
    # The name is the module's: only its last part may say where the file goes.
    local = Path(arguments.local or Path(arguments.name).name)
    if not local.name:
        message = f"{arguments.name}: say where it goes"
        raise ValueError(message)
    _store(local, data)
    return {"text": str(local), "size": len(data)}


def _store(local: Path, data: bytes) -> None:
    local.write_bytes(data)


async def _put(module: Module, arguments: argparse.Namespace) -> Result:
    data = arguments.local.read_bytes()
    name = arguments.name or arguments.local.name
    await module.files.write(name, data, unprotected=arguments.unprotected, progress=show_progress)
    return {"text": name, "size": len(data)}


async def _rm(module: Module, arguments: argparse.Namespace) -> Result:
    for name in arguments.names:
        await module.files.delete(name)
    return {"text": "", "deleted": arguments.names}


async def _sync(module: Module, arguments: argparse.Namespace) -> Result:
    if not arguments.folder.is_dir():
        message = f"{arguments.folder} is no folder"
        raise ValueError(message)
    done = await module.files.sync(
        arguments.folder, prefix=arguments.prefix, delete=arguments.delete,
        dry_run=arguments.dry_run,
    )  # fmt: skip
    return {
        "text": "\n".join(f"{action:<8} {name}" for action, name in done),
        "actions": [{"action": action, "name": name} for action, name in done],
    }
