"""List the modules on serial ports and on the network."""

import argparse
import asyncio
import json

from tokay.cli.module_command import DONE, NOT_ASKED
from tokay.cli.output import STDOUT, say, write
from tokay.host.discovery import LISTEN_TIME, Found, scan_network, scan_serial, serial_ports


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay scan`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=LISTEN_TIME, help="time on the network")
    parser.add_argument("--no-serial", action="store_true", help="send nothing to serial ports")
    parser.add_argument("--no-network", action="store_true", help="ask nobody on the network")


def main(arguments: argparse.Namespace) -> int:
    """Print a line for each module: its URL, how it was found, its version."""
    try:
        found = asyncio.run(_scan(arguments))
    except OSError as error:
        say(str(error))
        return NOT_ASKED
    except KeyboardInterrupt:
        say("interrupted")
        return NOT_ASKED
    if arguments.json:
        modules = [one._asdict() for one in found]
        text = json.dumps({"code": 0, "text": f"{len(found)} found", "modules": modules})
    else:
        text = "\n".join(f"{one.url}  {one.how}  {one.version or one.name}" for one in found)
    if text:
        write(STDOUT, f"{text}\n".encode())
    return DONE


async def _scan(arguments: argparse.Namespace) -> list[Found]:
    work = []
    if not arguments.no_serial:
        work.append(scan_serial(serial_ports()))
    if not arguments.no_network:
        work.append(scan_network(arguments.seconds))
    return [one for found in await asyncio.gather(*work) for one in found]
