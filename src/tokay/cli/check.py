"""Check a configuration file for `tokay run --config FILE`, without starting anything.

Exits with 0, or with 2 and a line `FILE:LINE: what is wrong` for each mistake.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tokay.cli import config_file
from tokay.cli.config_file import ConfigError, line_of
from tokay.cli.output import say, write_line
from tokay.options import OptionError, RunOptions

CORRECT, WRONG = 0, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument("file", metavar="FILE", type=Path, help="The configuration.")


def main(arguments: argparse.Namespace) -> int:
    """Check the file; return the exit status."""
    path: Path = arguments.file
    try:
        text = config_file.read(path)
        options = RunOptions(**config_file.load(path))
        mistakes = list(_mistakes(path, text, options))
    except (ConfigError, OptionError) as error:
        text = str(error)
        write_line(text if isinstance(error, ConfigError) else f"{path}:1: {text}")
        return WRONG
    for mistake in mistakes:
        write_line(mistake)
    if mistakes:
        return WRONG
    say(f"{path}: correct")
    return CORRECT


def _mistakes(path: Path, text: str, options: RunOptions) -> Iterator[str]:
    """Yield what a device would not take."""
    import asyncio  # noqa: PLC0415 - `--help` needs none of it

    from tokay.board.air.airspace import Airspace  # noqa: PLC0415
    from tokay.board.air.errors import AirspaceError  # noqa: PLC0415
    from tokay.board.open_radio import radio_names  # noqa: PLC0415
    from tokay.kernel.profile import ProfileError, load  # noqa: PLC0415

    name = options.radio.partition(":")[0]
    if name not in radio_names():
        known = ", ".join(radio_names())
        yield f"{path}:{line_of(text, 'radio')}: radio: no such radio: {name} (there is {known})"
    if options.airspace is not None:
        try:
            Airspace.load(options.airspace)
        except AirspaceError as error:
            yield f"{path}:{line_of(text, 'airspace')}: {error}"
    try:
        load(options.profile)
    except ProfileError as error:
        yield f"{path}:{line_of(text, 'profile')}: profile: {error}"
    else:
        for variable, why in asyncio.run(_wrong_settings(options)):
            yield f"{path}:{line_of(text, variable)}: {why}"


async def _wrong_settings(options: RunOptions) -> list[tuple[str, str]]:
    """Try the settings on a device that stands on nothing; return those that it refuses."""
    from tokay.device import Device  # noqa: PLC0415
    from tokay.kernel.results import CommandError  # noqa: PLC0415
    from tokay.kernel.settings import set_values  # noqa: PLC0415

    wrong = []
    async with Device.simulated(profile=options.profile) as device:
        for name, value in options.settings.items():
            try:
                set_values(device.kernel, {name: value})
            except CommandError as error:
                wrong.append((name, error.reason or error.text))
    return wrong
