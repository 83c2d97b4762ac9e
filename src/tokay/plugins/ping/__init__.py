"""`ping`. Source: docs/protocol/network.md, section 5."""

import asyncio
from typing import ClassVar

from tokay.kernel.commands import Call, command
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result
from tokay.plugins.network import Interface, Network

TIMEOUT = 5.0
"""Seconds to wait for the answer."""
FAILED = "Ping failed"


@command("ping", "ping", "[-g] [-i interface] [host]")
async def ping(call: Call) -> str:
    """Ask a host for an echo; -g asks the gateway."""
    if "-g" not in call and "host" not in call:
        raise CommandError(Result.TOO_FEW_ARGS)
    interface = await call.kernel.plugin(Network).need(call.get("interface"))
    host = interface.address.gateway if "-g" in call else call["host"]
    try:
        async with asyncio.timeout(TIMEOUT):
            seconds = await _ping(interface, host)
    except OSError as error:  # TimeoutError is one
        # Hosts compare this text, and nothing else.
        raise CommandError(Result.FAILED, str(error), text=FAILED) from error
    return f"Ping reply in {round(seconds * 1000)}ms"


async def _ping(interface: Interface, host: str) -> float:
    return await interface.link.ping(await interface.resolve(host))


class Ping(Plugin):
    """The ping command."""

    name = "ping"
    commands: ClassVar = (ping,)
    after = ("network",)


PLUGIN = Ping
