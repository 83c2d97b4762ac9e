"""Stand between a host and a real module, and write down what they say."""

import argparse
import json
import signal
from pathlib import Path

from tokay.cli.module_command import DONE, NOT_ASKED
from tokay.cli.output import say
from tokay.host.errors import ModuleError
from tokay.host.tap import Tap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay tap`."""
    parser.add_argument("port", help="/dev/ttyUSB0, serial:/dev/ttyUSB0?baud=9600")
    parser.add_argument("--pty", type=Path, metavar="LINK", help="a link to what the host opens")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the transcript")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(arguments: argparse.Namespace) -> int:
    """Pass bytes on until Ctrl-C, or until the module is gone."""
    try:
        with arguments.out.open("w", encoding="utf-8") as file:
            tap = Tap(arguments.port, arguments.pty, file)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: tap.stop())
            if arguments.json:
                print(json.dumps({"code": 0, "text": tap.path, "transcript": str(arguments.out)}))
            else:
                say(f"the host's port: {arguments.pty or tap.path}; Ctrl-C ends")
            try:
                tap.run()
            finally:
                tap.close()
    except (ModuleError, OSError) as error:
        say(str(error))
        return NOT_ASKED
    return DONE
