"""What the sub-commands that talk to a module share: the URL, the exit status, the JSON object.

Exit status: 0 done, 1 the module said no, 2 it could not be asked.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tokay.cli.output import STDOUT, say, write
from tokay.host.errors import CommandFailed, ModuleError
from tokay.host.module import Module

DONE, REFUSED, NOT_ASKED = 0, 1, 2

Result = dict[str, Any]
Work = Callable[[Module, argparse.Namespace], Awaitable[Result]]


def add_module_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the URL and what every sub-command of a module takes."""
    parser.add_argument("url", help="serial:/dev/ttyUSB0, tcp://host, http://host, ...")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="time limit")


def run(arguments: argparse.Namespace, work: Work) -> int:
    """Open the module, do the work and print its result; return the exit status.

    ``work`` returns a dict: `text` is printed as it is, `data` as bytes; with ``--json`` all of it.
    """
    try:
        result = asyncio.run(_open(arguments, work))
    except CommandFailed as error:
        return _failed(arguments, error, error.code, REFUSED)
    except (ModuleError, OSError, ValueError) as error:
        return _failed(arguments, error, -1, NOT_ASKED)
    except KeyboardInterrupt:
        say("interrupted")
        return NOT_ASKED
    status: int = result.pop("status", DONE)
    data = result.pop("data", None)
    if arguments.json:
        _print(json.dumps({"code": status, "text": "", **result}))
    elif data is not None:
        write(STDOUT, data)
    elif result.get("text"):
        _print(str(result["text"]))
    return status


async def _open(arguments: argparse.Namespace, work: Work) -> Result:
    limit = arguments.timeout
    async with Module.open(arguments.url, timeout=limit, open_timeout=limit) as module:
        return await work(module, arguments)


def _failed(arguments: argparse.Namespace, error: Exception, code: int, status: int) -> int:
    text = error.text if isinstance(error, CommandFailed) else str(error)
    if arguments.json:
        _print(json.dumps({"code": code, "text": text, "error": type(error).__name__}))
    else:
        say(str(error))
    return status


def _print(text: str) -> None:
    write(STDOUT, f"{text}\n".encode(errors="surrogateescape"))


def show_progress(done: int, size: int) -> None:
    """Draw a bar on standard error, if that is a terminal."""
    if sys.stderr.isatty() and size:
        filled = 30 * done // size
        end = "\n" if done >= size else ""
        sys.stderr.write(f"\r[{'#' * filled}{' ' * (30 - filled)}] {done}/{size}{end}")
        sys.stderr.flush()
