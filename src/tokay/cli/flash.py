"""Update a module from a bundle on its update server (`ota.host`)."""

import argparse

from tokay.cli.module_command import Result, add_module_arguments, run
from tokay.cli.output import say
from tokay.host.module import Module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tokay flash`."""
    add_module_arguments(parser)
    parser.add_argument("bundle", help="the bundle's name on the server")
    parser.add_argument("--force", action="store_true", help="also one that is not newer")


def main(arguments: argparse.Namespace) -> int:
    """Update, show the module's log on the way, and wait until it answers again."""
    return run(arguments, _flash)


async def _flash(module: Module, arguments: argparse.Namespace) -> Result:
    before = (await module.version()).text
    await module.system.update(
        arguments.bundle, force=arguments.force, on_event=lambda event: say(event.text)
    )
    after = (await module.version()).text
    bundle = await module.get("dms.bundle_id")
    return {"text": bundle, "before": before, "after": after, "bundle": bundle}
